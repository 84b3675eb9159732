"""."""

from __future__ import annotations

import contextlib
import errno
import gzip
import os
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pooch
import requests
import urllib3
from tqdm import tqdm

from .catalog import Remote
from .errors import DataError, DownloadError
from .readers import digest

CONNECT_SECONDS = 4.0


READ_SECONDS = 20.0


PROBE_SECONDS = 5.0  # after this long without an answer from any mirror there is no network


REMEMBER_SECONDS = 60.0  # so long a host that did not answer is not asked again


ATTEMPTS = 4  # at one mirror, each continuing where the last broke off


_silent: dict[str, float] = {}  # host → when it failed to answer


class _BrokeOffError(requests.ConnectionError):
    """A transfer ended before its end."""


def cache_folder() -> Path:
    """Where downloads and decoded images are kept: ``D2LITE_CACHE``, else the platform's (``~/.cache/d2lite``)."""
    return Path(os.environ.get("D2LITE_CACHE") or pooch.os_cache("d2lite")).expanduser()


def fetch(remotes: tuple[Remote, ...], folder: Path) -> list[Path]:
    """Download those of ``remotes`` that are not in ``folder`` yet; return all their paths.

    Raises:
        DownloadError: some file could be had from no mirror. The others are not tried.
        DataError: the folder cannot be written or the disk is full.
    """
    missing = [remote for remote in remotes if not (folder / remote.name).is_file()]
    if missing:
        answers = _Answers([url for remote in missing for url in remote.urls])
        if not answers.anyone():
            raise DownloadError("no mirror answers")
        with _writing(folder, missing):
            folder.mkdir(parents=True, exist_ok=True)
            with _alone(folder):
                for remote in missing:
                    _fetch_one(remote, folder, answers)
    return [folder / remote.name for remote in remotes]


def _fetch_one(remote: Remote, folder: Path, answers: _Answers) -> None:
    problems = []
    pooch.get_logger().setLevel("WARNING")  # it announces every file; the progress bar does that
    for url in remote.urls:
        host = urlsplit(url).netloc
        if not answers.from_host(host):
            problems.append(f"{host} does not answer")
            continue
        try:
            _retrieve(url, remote, folder)
            return
        except requests.RequestException as error:
            problems.append(f"{host}: {_reason(error)}")
        except ValueError:  # what pooch raises for a wrong check sum, and _Resuming for wrong contents
            problems.append(f"{host} delivered other bytes than published")
    raise DownloadError(f"{remote.name} could not be downloaded ({'; '.join(problems)})")


def _retrieve(url: str, remote: Remote, folder: Path) -> str:
    downloader = _Resuming(remote, folder)
    for again in (False, True):
        try:
            return pooch.retrieve(url, remote.known_hash, fname=remote.name, path=folder, downloader=downloader)
        except ValueError:  # where they continued other bytes, those are gone by now: start over, once
            if again or not downloader.continued:
                raise


def _reason(error: requests.RequestException) -> str:
    if error.response is not None:
        return f"HTTP status {error.response.status_code}"
    return str(error) if isinstance(error, _BrokeOffError) else type(error).__name__


class _Answers:
    """Asks all mirrors at once who is there, so that no network costs one waiting time and not one per address."""

    def __init__(self, urls: list[str]):
        first = {urlsplit(url).netloc: url for url in reversed(urls)}
        now = time.monotonic()
        self._deadline = now + PROBE_SECONDS
        self._there: dict[str, bool] = {}
        self._threads: dict[str, threading.Thread] = {}
        for host, url in first.items():
            if now - _silent.get(host, -1e9) > REMEMBER_SECONDS:
                _silent.pop(host, None)
                self._threads[host] = threading.Thread(target=self._ask, args=(host, url), daemon=True)
                self._threads[host].start()

    def _ask(self, host: str, url: str) -> None:
        try:
            requests.head(url, timeout=(CONNECT_SECONDS, CONNECT_SECONDS), allow_redirects=False).close()
            self._there[host] = True
        except requests.RequestException:
            self._there[host] = False

    def from_host(self, host: str) -> bool:
        if host in self._threads:
            self._threads[host].join(max(0.0, self._deadline - time.monotonic()))
        there = self._there.get(host, False)
        if not there:
            _silent.setdefault(host, time.monotonic())
        return there

    def anyone(self) -> bool:
        return any(self.from_host(host) for host in self._threads)


class _Resuming:
    """A downloader for pooch that collects bytes in NAME.part and continues one that is there."""

    def __init__(self, remote: Remote, folder: Path):
        self.remote, self.folder = remote, folder
        self.continued = False  # whether the last call found a NAME.part

    def __call__(self, url: str, output_file: str, _pooch: object) -> None:
        # Only copies that are the same byte for byte may be continued from another mirror.
        tag = "" if self.remote.known_hash else f".{urlsplit(url).netloc.replace(':', '_')}"
        part = self.folder / f"{self.remote.name}{tag}.part"
        self.continued = part.exists()
        for attempt in range(ATTEMPTS):
            before = part.stat().st_size if part.exists() else 0
            try:
                self._receive(url, part)
                break
            except requests.ConnectionError:
                have = part.stat().st_size if part.exists() else 0
                if have == 0:
                    part.unlink(missing_ok=True)
                if attempt == ATTEMPTS - 1 or have == before:  # less than before means that it was started over
                    raise
            except KeyboardInterrupt:
                print(f"Interrupted: the next download continues from what is kept in {part}.", file=sys.stderr)
                raise
        if self.remote.contents_hash and not self.remote.known_hash:
            self._check_contents(part)
        os.replace(part, output_file)

    def _receive(self, url: str, part: Path) -> None:
        have = part.stat().st_size if part.exists() else 0
        headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})}
        with requests.get(url, headers=headers, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS)) as response:
            content_range = response.headers.get("Content-Range", "")
            if response.status_code == 416 and have:  # nothing after what we have: it is complete, or not of this file
                if content_range.rpartition("/")[2] == str(have):
                    return
                part.unlink()
                raise _BrokeOffError(f"cannot continue {part.name}")
            response.raise_for_status()
            if response.status_code != 206 or not content_range.startswith(f"bytes {have}-"):
                have = 0  # the server ignores Range and sends all of it
            length = response.headers.get("Content-Length")
            total = have + int(length) if length else None
            with open(part, "ab" if have else "wb") as file, _progress(self.remote, have, total) as bar:
                try:
                    while block := response.raw.read(1 << 16, decode_content=False):
                        file.write(block)
                        bar.update(len(block))
                        have += len(block)
                except urllib3.exceptions.HTTPError as error:
                    raise _BrokeOffError(f"broke off after {have:,} bytes") from error
        # urllib3 2 notices a short body itself, 1.26 does not
        if total is not None and have < total:
            raise _BrokeOffError(f"broke off after {have:,} of {total:,} bytes")

    def _check_contents(self, part: Path) -> None:
        sound = False
        with contextlib.suppress(OSError, EOFError, ValueError, zlib.error):
            sound = digest(gzip.decompress(part.read_bytes()), "md5") == self.remote.contents_hash
        if not sound:
            part.unlink()
            raise ValueError("contents differ")


def _progress(remote: Remote, have: int, total: int | None) -> tqdm:
    """A bar on stderr where someone can watch it; elsewhere a single line, once."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    watched = sys.stderr.isatty() or hasattr(shell, "kernel")
    if not watched and not have:
        print(f"Downloading {remote.name} ({remote.size / 1e6:,.1f} MB)", file=sys.stderr)
    return tqdm(
        total=total, initial=have, unit="B", unit_scale=True, desc=remote.name, leave=False, disable=not watched
    )


@contextlib.contextmanager
def _writing(folder: Path, missing: list[Remote]) -> Iterator[None]:
    """Turns the file system's errors into ones that say what to do; a full disk gets its bytes back."""
    try:
        yield
    except requests.RequestException:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            for remote in missing:
                for part in folder.glob(f"{remote.name}*.part"):
                    part.unlink(missing_ok=True)
            need = sum(remote.size for remote in missing) / 1e6
            raise DataError(
                f"The disk is full: {folder} has no room for {need:,.0f} MB. Free some space, or set D2LITE_CACHE to a "
                f"folder on another disk. The unfinished download was removed."
            ) from error
        raise DataError(
            f"Cannot write to the cache folder {folder} ({error.strerror or error}). Set D2LITE_CACHE to a folder that "
            f"you may write to."
        ) from error


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Lets one process at a time download into ``folder``; the lock vanishes with its process."""
    try:
        import fcntl
    except ImportError:  # Windows: two at once would both download, which check sums make harmless
        yield
        return
    with open(folder / ".lock", "w") as file:
        with contextlib.suppress(OSError):  # some network file systems know no locks
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
