"""What d2lite needs, whether it is here, and what keeps d2lite from being imported.

It knows the standard library alone, since it is asked where other packages are missing.
"""

from __future__ import annotations

import contextlib
import importlib
import platform
import re
import sys
from importlib import metadata
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "pyproject.toml"  # where d2lite is not installed, or installed as a link
#: packages that are imported under another name
MODULES = {"python": "sys", "scikit-learn": "sklearn", "pillow": "PIL", "ipython": "IPython"}

ASK = "`python -m d2lite doctor` tells all that is missing."
problem = ""  #: why d2lite could not be imported; empty where it was


def needed() -> dict[str, str]:
    """Python and the packages d2lite cannot do without, and the first version of each that will do.

    Raises:
        LookupError: neither a clone's ``pyproject.toml`` nor the metadata of an installation say it.
    """
    text = SOURCE.read_text("utf-8") if SOURCE.is_file() else ""
    pattern = r'^(?:requires-| +")([\w-]+)(?: = ")?>=([\d.]+)"'
    if 'name = "d2lite"' not in text:
        stated = [f"python{metadata.metadata('d2lite')['Requires-Python']}", *(metadata.requires("d2lite") or [])]
        text, pattern = "\n".join(stated), r"^([\w-]+)>=([\d.]+)$"
    if len(found := dict(re.findall(pattern, text, re.M))) < 2:
        raise LookupError("d2lite's own metadata do not say what it needs")
    return found


def looked_at(name: str, least: str = "") -> tuple[str, str]:
    """The version that is here of a package, and what is wrong: ``"missing"``, ``"damaged (…)"`` or ``"too old…"``.

    Nothing is wrong where that is empty. The package is imported, since nothing less tells whether it works.
    """
    version, module = "", MODULES.get(name, name.replace("-", "_"))
    with contextlib.suppress(Exception):  # there is hardly one that damaged metadata do not provoke
        version = platform.python_version() if name == "python" else metadata.version(name) or ""
    if version and _release(version) < _release(least):
        return version, f"too old: d2lite needs {least} or later"
    try:
        found = importlib.import_module(module)
    except Exception as error:
        if not version and isinstance(error, ModuleNotFoundError) and error.name == module:
            return "", "missing"
        return version, f"damaged ({type(error).__name__}: {' '.join(str(error).split())[:200]})"
    return version or str(getattr(found, "__version__", "of an unknown version")), ""


def _release(version: str) -> list[int]:
    """``"2.7.1+cu126"`` → ``[2, 7, 1, 0]``. A preview counts as what it previews."""
    numbers = re.findall(r"\d+", re.findall(r"^[\d.]*", version)[0])
    return [*map(int, numbers), 0, 0, 0, 0][:4]


def cannot_start(error: Exception) -> None:
    """Say why d2lite cannot be imported, and what to do: as an error, or in ``problem`` on the command line.

    There the doctor can still be asked, and each other command says it in a line.

    Raises:
        ImportError: this process is not d2lite's command line.
    """
    global problem
    missing = (getattr(error, "name", None) or "d2lite").split(".")[0]
    if isinstance(error, ModuleNotFoundError) and missing != "d2lite":
        package = next((name for name, module in MODULES.items() if module == missing), missing)
        problem = f"d2lite needs {package}, which is not installed here: `pip install {package}`."
    else:
        problem = f"d2lite cannot be imported ({type(error).__name__}: {error})."
    if Path("".join(sys.argv[:1])).stem not in ("-m", "d2lite"):  # "-m" is there until Python knows the module's file
        raise ImportError(f"{problem} {ASK}", name=getattr(error, "name", None)) from error
