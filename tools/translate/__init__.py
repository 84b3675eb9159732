"""The Chinese edition: `python -m tools.translate` keeps its texts, and `make book` builds it beside the English site.

The texts are gettext files in `book/locale/zh_CN`; whoever translates edits nothing else, by hand or with any program
that knows them. Code, outputs and numbers are the English edition's. From the bottom up:

* `markdown`, `literals`, `numbers`: what of a page, a script, a sentence with numbers is text;
* `sources`: the files and the entries that each must have; `catalogs`: reading, writing, merging them;
* `compare`: what must be the same in both languages;
* `edition`, `site`: Chinese notebooks and pages; `branch`: where Colab finds the notebooks.
"""
