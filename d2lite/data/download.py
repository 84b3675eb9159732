"""Downloads into the cache: from the first mirror that delivers the published bytes, going on where one broke off."""

import contextlib
import errno
import os
import re
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pooch
import requests
import urllib3
from tqdm import tqdm

from ..files import named_folder
from ..machine.printing import in_notebook
from . import network
from .catalog import File, Layout
from .errors import DataError, DataFileError, DownloadError
from .readers import checked

CONNECT_SECONDS, READ_SECONDS = 4.0, 20.0
PROBE_SECONDS = 5.0  # after this long without an answer from any mirror there is no network
REMEMBER_SECONDS = 60.0  # so long a host that kept us waiting in vain is not asked again
SLOW_SECONDS = 1.0
ATTEMPTS = 4  # at one mirror, each continuing where the last broke off

_silent: dict[str, tuple[float, str]] = {}  # host → when it kept us waiting in vain, and why


class _TransferError(requests.ConnectionError):
    """What a mirror did instead of delivering the published bytes."""


def cache_folder() -> Path:
    """Where downloads are kept: ``D2LITE_CACHE``, else the platform's (``~/.cache/d2lite``).

    A user without a home, as in a container, gets one among the temporary files.

    Raises:
        ValueError: ``D2LITE_CACHE`` begins with ``~``, and there is no such home folder.
    """
    if chosen := named_folder("D2LITE_CACHE"):
        return chosen
    try:
        return Path(pooch.os_cache("d2lite")).expanduser()
    except RuntimeError:
        return Path(os.environ.get("TMPDIR") or "/tmp") / f"d2lite-{os.getuid()}"


def mirrors_of(layout: Layout) -> tuple[str, ...]:
    """The addresses before the names of the files of ``layout``, in the order in which they are asked.

    The environment variable ``D2LITE_MIRROR`` comes first: an address that serves a data folder, or someone's cache.
    """
    own = os.environ.get("D2LITE_MIRROR", "").rstrip("/")
    if own and not re.match(r"https?://[^/]", own):
        raise DataError(f"D2LITE_MIRROR is {own!r}: give the address of a data folder, as https://example.org/data/.")
    return (f"{own}/{layout.folder}".rstrip("/") + "/", *layout.mirrors) if own else layout.mirrors


def fetch(layouts: Sequence[Layout]) -> tuple[Layout, dict[File, Path]]:
    """Download what is not in the cache yet of the first of ``layouts`` that can be had; return where its files are.

    Raises:
        DownloadError: of each, some file could be had from no mirror. Its other files are not tried.
        DataError: the cache cannot be written, the disk is full, or ``D2LITE_MIRROR`` is no address.
    """
    answers, problems = _ask([mirror for layout in layouts for mirror in mirrors_of(layout)]), {}
    for layout in layouts:
        try:
            return layout, _fetch(layout, answers)
        except DownloadError as error:
            problems[str(error)] = error
    raise DownloadError("; ".join(problems) or "nobody serves it")


def _fetch(layout: Layout, answers: dict[str, str]) -> dict[File, Path]:
    folder = cache_folder() / layout.folder
    paths = {file: folder / file.name for file in layout.files}
    missing = [file for file, path in paths.items() if not path.is_file()]
    whys = dict.fromkeys(answers[_host(mirror)] for mirror in mirrors_of(layout))
    if missing and all(whys):
        raise DownloadError(f"no mirror answers ({'; '.join(whys)})")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / ".lock", "w") as lock:  # one process at a time; the lock vanishes with its process
            # Windows and some network file systems know none. Two at once are harmless: check sums are compared.
            with contextlib.suppress(ImportError, OSError):
                import fcntl

                fcntl.flock(lock, fcntl.LOCK_EX)
            for file in missing:
                if not paths[file].is_file():
                    _fetch_one(file, folder, mirrors_of(layout), answers)
    except OSError as error:
        what = f"Cannot write to the cache folder {folder} ({error.strerror or error})."
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            for part in (part for file in missing for part in folder.glob(f"{file.name}*.part")):
                part.unlink(missing_ok=True)
            need = sum(file.size for file in missing) / 1e6
            what = f"The disk is full: {folder} has no room for {need:,.0f} MB. The unfinished download was removed."
        raise DataError(f"{what} Set D2LITE_CACHE to a folder with room that you may write to.") from error
    return paths


def _host(mirror: str) -> str:
    return urlsplit(mirror).netloc.rpartition("@")[2]  # without a password


def _ask(mirrors: Sequence[str]) -> dict[str, str]:
    """For each host of ``mirrors`` why it does not answer, "" where it does.

    All are asked at once, so that no network costs one waiting time.
    """
    began = time.monotonic()
    known = {host: why for host, (when, why) in _silent.items() if began - when < REMEMBER_SECONDS}
    asked = {_host(mirror): mirror for mirror in mirrors if _host(mirror) not in known}
    answers = dict.fromkeys(asked, network.SILENCE)

    def ask(host: str, mirror: str) -> None:
        try:
            with requests.head(mirror, timeout=CONNECT_SECONDS, allow_redirects=False) as response:
                if response.status_code in (407, 511):
                    response.raise_for_status()
            answers[host] = ""
        except Exception as error:  # a wrong address of a proxy provokes more than requests promises
            answers[host] = network.trouble(error, mirror)

    # Daemons, since a name server that hangs must not keep the program from ending.
    threads = [threading.Thread(target=ask, args=pair, daemon=True) for pair in asked.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, began + PROBE_SECONDS - time.monotonic()))
    told, now = dict(answers), time.monotonic()
    if now - began > SLOW_SECONDS:  # what fails at once may be asked again: someone may have mended it
        _silent.update({host: (now, why) for host, why in told.items() if why})
    return known | told


def _fetch_one(file: File, folder: Path, mirrors: tuple[str, ...], answers: dict[str, str]) -> None:
    problems = []
    for mirror in mirrors:
        host = _host(mirror)
        # Only copies that are the same byte for byte may be continued from another mirror.
        part = folder / f"{file.name}{'' if file.hash else '.' + host.replace(':', '_')}.part"
        try:
            if why := answers[host]:
                raise _TransferError(why)
            _download(file, mirror + file.name, part)
            os.replace(part, folder / file.name)
            return
        except _TransferError as error:
            problems.append(f"{host}: {error}")
        except OSError as error:
            if error.errno and not isinstance(error, requests.RequestException):
                raise  # the disk's
            problems.append(f"{host}: {network.trouble(error, mirror)}")
    raise DownloadError(f"{file.name} could not be downloaded ({'; '.join(problems)})")


def _download(file: File, url: str, part: Path) -> None:
    """Collect the published bytes in ``part``, going on after those that are there, and after a transfer broke off."""
    continued = part.exists()
    for attempt in range(1, ATTEMPTS + 1):
        before = _size(part)
        try:
            _receive(file, url, part)
            break
        except requests.ConnectionError:
            if not _size(part):
                part.unlink(missing_ok=True)
            if attempt == ATTEMPTS or _size(part) == before:  # less than before means that it was started over
                raise
        except KeyboardInterrupt:
            print(f"Interrupted: the next download continues from what is kept in {part}.", file=sys.stderr)
            raise
    try:
        checked(file, part)
    except DataFileError:
        with open(part, "rb") as content:
            page = f" (a web page: {network.LOGIN})" if content.read(512).lstrip()[:1] == b"<" else ""
        part.unlink()
        if not continued:
            raise _TransferError(f"delivered other bytes than published{page}") from None
        _download(file, url, part)  # it continued other bytes: start over


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _receive(file: File, url: str, part: Path) -> None:
    have = _size(part)
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})}
    with requests.get(url, headers=headers, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS)) as response:
        if response.status_code == 416 and have:  # nothing comes after what we have: its check sum tells what it is
            return
        response.raise_for_status()
        if response.status_code != 206 or not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            have = 0  # the server ignores Range and sends all of it
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        with open(part, "ab" if have else "wb") as content, _progress(file, have, total) as bar:
            try:
                for block in response.raw.stream(1 << 16, decode_content=False):
                    content.write(block)
                    bar.update(len(block))
            except urllib3.exceptions.HTTPError as error:
                raise _TransferError(f"broke off after {content.tell():,} bytes") from error
    if total is not None and _size(part) < total:  # urllib3 2 notices a short body itself, 1.26 does not
        raise _TransferError(f"broke off after {_size(part):,} of {total:,} bytes")


def _progress(file: File, have: int, total: int | None) -> tqdm:
    """A bar on stderr where someone can watch it; elsewhere a single line, once."""
    watched = sys.stderr.isatty() or in_notebook()
    if not watched and not have:
        print(f"Downloading {file.name} ({file.size / 1e6:,.1f} MB)", file=sys.stderr)
    return tqdm(total=total, initial=have, unit="B", unit_scale=True, desc=file.name, leave=False, disable=not watched)
