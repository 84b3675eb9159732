"""What the book costs in time and memory: one script a question, each prints one table and stores it."""
