"""What editions say beside the text of the book; book/locale has it in other languages."""

CONTENTS = "Contents"
COVER = "Cover: {title}"
EDITION = "Edition {version}"
EXERCISE = "Exercise {number}"
SOLUTION = "Solution"
SOLUTIONS = "Solutions"
SOLUTIONS_OF = "Solutions: {title}"
BACK = "To the exercise"
INTERACTIVE = "Interactive at {link}"
AUTHORS = "The d2lite book authors"
RIGHTS = "Code: MIT. Text and figures: CC BY 4.0."
MADE_FROM = """Edition {version}, made from the site at {site}. There, interactives run in the page; here, each is a \
picture with a link. All outputs were made by runs of the notebooks, which are at {notebooks}."""
SOLVED = "Each exercise leads to its solution, at the end of the book."
LICENSES = "Code: MIT license. Text and figures: {license}."
ACCESSIBLE = """Figures and interactives have a description in words, mathematics is MathML, code and tables are text, \
and headings, contents and reading order are marked up."""
