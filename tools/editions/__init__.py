"""The book in other forms, each made by one command from the built site, so that none has a text of its own."""
