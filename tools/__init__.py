"""Small author scripts: each is run as `python -m tools.NAME`, from the root of the repository."""

import sys
from typing import Any

# jsonschema, which nbformat imports, would import a library for addresses in all alphabets that builds sixty parsers at
# once, more than all else of nbformat takes. No notebook needs them, and jsonschema does without a library that is not
# there.
_modules: dict[str, Any] = sys.modules
_modules.setdefault("rfc3987_syntax", None)
