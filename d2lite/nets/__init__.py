"""The networks of the book: the table of recipes, what was measured, and how sure it is."""
