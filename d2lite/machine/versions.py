"""What a result depended on besides the code, printed so that a run can be repeated."""

import datetime
import platform
import sys
from dataclasses import dataclass, field
from html import escape
from importlib import metadata

import numpy as np
import torch

from .devices import device_name, profile


def version() -> str:
    """The version of d2lite, as its installed metadata state it."""
    try:
        return metadata.version("d2lite")
    except metadata.PackageNotFoundError:
        return "not installed (run from a source folder)"


@dataclass(frozen=True)
class Provenance:
    """What a result depended on besides the code."""

    profile: str = field(default_factory=profile)
    device: str = field(default_factory=device_name)
    torch: str = torch.__version__
    python: str = f"{platform.python_version()} on {sys.platform}"
    numpy: str = np.__version__
    d2lite: str = field(default_factory=version)
    date: str = field(default_factory=lambda: datetime.datetime.now(datetime.timezone.utc).date().isoformat())

    def __str__(self) -> str:
        return "\n".join(f"{name:8} {value}" for name, value in vars(self).items())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        row = '<tr><th scope="row">{}</th><td>{}</td></tr>'
        return f"<table>{''.join(row.format(*map(escape, fact)) for fact in vars(self).items())}</table>"


def provenance() -> Provenance:
    """Profile, device, versions and date (UTC) of this run."""
    return Provenance()
