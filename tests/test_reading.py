"""Reading times: what counts as reading, and that a chapter can be read in one sitting."""

import pytest
from bs4 import BeautifulSoup

from tools import pages, project, reading

WORDS, CELLS, MINUTES = 2500, 40, 40  # at most, of the part that everybody reads
TEXT = """\
---
kernelspec:
  name: python3
---

# A title

Two words <!-- predict name: 1 -->and [three more](https://address.example/of/a/link), $x + y$.

```{code-cell} ipython3
:tags: [setup]

import d2lite
```

```{code-cell} ipython3
# a comment, which is no heading
print("two lines")

print("three")
```

```{code-cell} ipython3
---
tags: [hide-input]
---
folded = True
```

## Optional: more

Four words are here.

### Below it

```{code-cell} ipython3
optional = True
```

## Not optional

> **Predict first.** How many are these words?
>
> <!-- predict words: 5 -->

Two more.

```python
not_run = True
```

## Exercises

Do all this and more.
"""


def test_what_counts():
    parts = reading.measured(TEXT)
    assert parts["required"] == reading.Reading(words=2 + 6 + 2 + 2, cells=1, lines=3, questions=1)
    assert parts["optional"] == reading.Reading(words=2 + 4 + 2, cells=1, lines=1)


def test_minutes():
    assert reading.Reading(words=2000, lines=200, questions=6).minutes == 23
    assert reading.Reading().minutes == 0


@pytest.mark.parametrize("name", project.chapters())
def test_a_chapter_fits_one_sitting(name):
    part = reading.of(name)["required"]
    found = f"book/{name}.md: {part}; fold what not everybody needs under a heading that begins with 'Optional:'"
    assert part.words <= WORDS and part.cells <= CELLS and part.minutes <= MINUTES, found


def test_a_page_and_its_card_say_how_long(site):
    for name in project.chapters():
        minutes = reading.of(name)["required"].minutes
        assert minutes > 5
        page = BeautifulSoup((site / f"{name}.html").read_text("utf-8"), "html.parser")
        told = page.select(".d2l-reading")
        assert told == page.select("article h1 + p + p"), "below the promise, and nowhere else"
        assert [line.text for line in told] == [f"About {reading.sentence(name)}, exercises aside."]
        assert f"<span>{minutes} min to read, " in pages.card(name)
