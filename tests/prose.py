"""What a chapter's text may not hold: syntax that only MyST knows, and results that a run produced.

Each rule is a function from text to what offends, so that tests can show it failing.
"""

import re

CALLOUT = re.compile(r"^> \*\*(Predict first|Exercise \d+|Deviation|Note|Warning|Evidence)\.\*\*", re.M)
ANY_LABEL = re.compile(r"^> \*\*[^*\n]+\*\*", re.M)
CITATION = re.compile(r"\[([^\]]+?, (?:1[89]|20)\d\d[a-z]?)\]\((https?://[^)\s]+)\)")
MYST = {
    "a role": re.compile(r"\{[A-Za-z][\w:-]*\}`"),
    "a fenced directive": re.compile(r"^\s*(?:`{3,}|~{3,})\s*\{", re.M),
    "a colon fence": re.compile(r"^\s*:{3,}", re.M),
    "a target": re.compile(r"^\([\w-]+\)=\s*$", re.M),
    "a substitution": re.compile(r"\{\{.*?\}\}"),
    "a comment line": re.compile(r"^%", re.M),
    "a link without a text": re.compile(r"(?<!!)\[\]\("),
}

NUMBER_WORD = r"(?:two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|twenty|thirty|sixty|hundred)"
OUTCOME = re.compile(
    r"\b(?:accura\w+|loss(?:es)?|error rate|misclassif\w+|correct|faster|slower|speed-?up|throughput)\b", re.I
)
MEASURE = re.compile(r"(?<![\w.])\d*\.\d+\b|\b\d+(?:\.\d+)?\s?(?:%|percent\b|per cent\b)")
TIMING = re.compile(
    rf"\b(?:\d[\d.,]*|{NUMBER_WORD})[\s-](?:ms|s|seconds?|minutes?|hours?|images/s|images (?:a|per) second"
    r"|times (?:faster|slower|as (?:fast|slow)))\b",
    re.I,
)


def without_code(text: str) -> str:
    """Text without fenced code, inline code, HTML comments and mathematics."""
    for pattern in (r"^(`{3,}).*?^\1", r"<!--.*?-->", r"\$\$.*?\$\$", r"`[^`\n]*`", r"\$[^$\n]+\$"):
        text = re.sub(pattern, " ", text, flags=re.S | re.M)
    return text


def sentences(text: str) -> list[str]:
    """Sentences of prose; a heading, a list item and a row of a table count as one each."""
    found = []
    for block in re.split(r"\n\s*\n|\n(?=[|#>*-])", without_code(text)):
        found += re.split(r"(?<=[.!?:;])\s+", " ".join(block.split()))
    return found


def typed_results(text: str) -> list[str]:
    """Sentences that state what a run produced: a decimal number or a percentage beside a word such as accuracy, loss
    or faster; or a duration or speed. A sentence with a citation states somebody else's figure, and a question states
    nothing: both are free, and so is mathematics."""
    return [
        sentence
        for sentence in sentences(text)
        if ((OUTCOME.search(sentence) and MEASURE.search(sentence)) or TIMING.search(sentence))
        and "](http" not in sentence
        and not sentence.endswith("?")
    ]


def myst_only(text: str) -> list[str]:
    """What in a text cell only the site would understand."""
    text = re.sub(r"^(`{3,})(?!\s*\{).*?^\1", " ", text, flags=re.S | re.M)
    bare = re.sub(r"(?<![`}])`[^`\n]+`(?!`)", " ", text)
    return [
        f"{what}: {match[0]!r}"
        for what, rule in MYST.items()
        if (match := rule.search(text if what == "a role" else bare))
    ]


def unknown_labels(text: str) -> list[str]:
    """Bold labels that open a block quote and are none of the known ones."""
    return [match[0] for match in ANY_LABEL.finditer(text) if not CALLOUT.match(match[0])]
