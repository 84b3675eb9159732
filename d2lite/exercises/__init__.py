"""The answers of the exercises, one module a chapter; a name is CHAPTER-NUMBER."""
