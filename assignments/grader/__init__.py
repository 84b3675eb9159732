"""Grading of problem sets: nbgrader's formats and gradebook, with each submission run in a sandbox of its own."""

import tools  # noqa: F401 - before nbformat, which it makes quick to import
