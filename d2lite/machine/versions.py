"""What a result depended on besides the code, printed so that a run can be repeated."""

from __future__ import annotations

import datetime
import platform
import sys
from dataclasses import dataclass
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

    profile: str
    device: str
    torch: str
    python: str
    numpy: str
    d2lite: str
    date: str

    def __str__(self) -> str:
        return "\n".join(f"{name:8} {value}" for name, value in vars(self).items())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>'
            for name, value in vars(self).items()
        )
        return f"<table>{rows}</table>"


def provenance() -> Provenance:
    """Profile, device, versions and date (UTC) of this run."""
    return Provenance(
        profile=profile(),
        device=device_name(),
        torch=torch.__version__,
        python=f"{platform.python_version()} on {sys.platform}",
        numpy=np.__version__,
        d2lite=version(),
        date=datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
    )
