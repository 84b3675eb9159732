"""Train the networks of the book on all their images, and store what they reached and what they cost.

plan.py      which runs there are, in order of value
training.py  one run, from its checkpoint on, to its row
costs.py     time and memory of a network, on a quiet machine
tables.py    the CSV files that rows go into
frozen.py    a worktree of its own for long runs, so that the code can be changed meanwhile
"""
