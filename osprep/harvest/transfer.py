"""One attempt to bring a file, or what is missing of it, over HTTP."""

import logging
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import chain
from json import dumps, loads
from pathlib import Path

import httpx

from manifests import build
from osprep.errors import DownloadError, HarvestError, HarvestMismatch, WaitsForHuman
from osprep.harvest.config import Patience
from osprep.harvest.content import wrong_content
from osprep.harvest.decide import Guard, RemoteFile, keep
from osprep.harvest.disk import require
from osprep.harvest.lock import Locked
from osprep.harvest.retry import Again, Stopped, retry_after, shown

_log = logging.getLogger("osprep")
_TELLING = 512  # bytes that tell a web page from an archive
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_UNSATISFIED = re.compile(r"bytes \*/(\d+)")
_PASSING = {408, 425, 429}  # beside every 5xx


def make_client(patience: Patience) -> httpx.Client:
    """Return a client that follows redirects; httpx drops Authorization when the host changes."""
    timeout = httpx.Timeout(patience.stall, connect=patience.connect)
    return httpx.Client(follow_redirects=True, timeout=timeout, headers={"Accept-Encoding": "identity"})


def bring(
    client: httpx.Client,
    want: RemoteFile,
    url: str,
    part: Path,
    locked: Locked | None,
    meter: Callable[[int], None],
    stop: threading.Event,
) -> None:
    """Bring a file to `part`, going on where it ends. `meter` is told how many bytes are there.

    Raises Again when another attempt may help, DownloadError when not, WaitsForHuman where a login is asked for.
    """
    have, condition = keep(want, url, size(part), read_guard(part), locked)
    expected = locked.bytes if locked else want.bytes
    if have and have == expected:
        return
    headers = {**want.headers, **({"Range": f"bytes={have}-"} if have else {})}
    if condition:
        headers["If-Range"] = condition
    try:
        with client.stream("GET", url, headers=headers) as response:
            start = _start(response, want, url, have, part, condition)
            if start is not None:
                _receive(response, want, url, part, start, expected, meter, stop)
    except httpx.TimeoutException as error:
        raise Again(f"{shown(url)} stalls ({type(error).__name__})") from error
    except (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.TooManyRedirects) as error:
        raise DownloadError(
            f"{want.name}: {shown(url)}: {type(error).__name__}; mend the address in the card"
        ) from error
    except httpx.TransportError as error:
        raise Again(f"{shown(url)} breaks off ({type(error).__name__})") from error


def check_status(response: httpx.Response, name: str, url: str) -> None:
    """Raise for a response that is no success: Again, WaitsForHuman or DownloadError."""
    status = response.status_code
    if status in _PASSING or status >= 500:
        raise Again(f"{shown(url)} answers {status}", retry_after(response.headers.get("Retry-After")))
    if status in (401, 403):
        raise WaitsForHuman(f"{name}: {shown(url)} answers {status}: a login or accepted terms are missing")
    if not response.is_success:
        raise DownloadError(f"{name}: {shown(url)} answers {status}; look for it at the source's homepage")


def size(path: Path) -> int:
    """Return a file's bytes, 0 when it is not there."""
    return path.stat().st_size if path.exists() else 0


def read_guard(part: Path) -> Guard | None:
    """Return what was noted of an unfinished download; None when nothing usable is."""
    note = _note(part)
    if not note.exists():
        return None
    try:
        return build(Guard, loads(note.read_text(encoding="utf-8")), str(note), HarvestError)
    except (ValueError, HarvestError):
        _log.warning("%s: unreadable; the download starts anew", note)
        return None


def forget(part: Path) -> None:
    """Delete an unfinished download and what was noted of it."""
    part.unlink(missing_ok=True)
    _note(part).unlink(missing_ok=True)


def _start(
    response: httpx.Response, want: RemoteFile, url: str, have: int, part: Path, condition: str | None
) -> int | None:
    """Return the byte that the body begins at; None when nothing is missing."""
    if response.status_code == 416 and have:
        total = _UNSATISFIED.fullmatch(response.headers.get("Content-Range", ""))
        if total and int(total[1]) == have:
            return None
        forget(part)
        raise Again(f"{shown(url)} has no byte {have} any more: the file changed")
    check_status(response, want.name, url)
    if response.status_code != 206:
        if have:
            seen = read_guard(part)
            changed = condition and seen and _guard(response, url, 0).condition != condition
            why = "changed upstream" if changed else "comes from a server that ignores Range"
            _log.warning("%s %s; it is fetched anew from its first byte", want.name, why)
        return 0
    span = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
    guard = _guard(response, url, int(span[2]) if span and span[2] != "*" else None)
    seen = read_guard(part)
    if not span or int(span[1]) != have or (condition and guard.condition and guard.condition != condition):
        forget(part)
        raise Again(f"{shown(url)} sends another part than was asked for: it starts anew")
    if seen and seen.url == url and None not in (seen.bytes, guard.bytes) and seen.bytes != guard.bytes:
        forget(part)
        raise Again(f"{shown(url)} changed its size from {seen.bytes} to {guard.bytes} bytes: it starts anew")
    return have


def _receive(
    response: httpx.Response,
    want: RemoteFile,
    url: str,
    part: Path,
    start: int,
    expected: int | None,
    meter: Callable[[int], None],
    stop: threading.Event,
) -> None:
    length = response.headers.get("Content-Length")
    total = start + int(length) if length and length.isdigit() else expected
    if total is not None and expected is not None and total != expected:
        fault = f"{shown(url)} has {total} bytes, the lock or card says {expected}"
        raise HarvestMismatch(f"{want.name}: {fault}; upstream changed: see harvest.lock.json and the card")
    if total is not None:
        require(part.parent, total - start, want.name)
    chunks = response.iter_raw()
    first = b""
    if start == 0:
        first = _head(chunks)
        if wrong := wrong_content(want.name, response.headers.get("Content-Type", ""), first):
            step = "open the address in a browser, fetch the file by hand, then use --locate"
            raise DownloadError(f"{want.name}: {shown(url)} gives {wrong} in its place; {step}")
        forget(part)
        _note(part).write_text(dumps(asdict(_guard(response, url, total))), encoding="utf-8")
    done = start
    with part.open("ab") as file:
        for chunk in chain((first,), chunks):
            if stop.is_set():
                raise Stopped
            done += file.write(chunk)
            meter(done)
    if total is not None and done < total:
        raise Again(f"{shown(url)} ends after {done} of {total} bytes")


def _head(chunks: Iterator[bytes]) -> bytes:
    """Return the first bytes, enough to tell what they are."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= _TELLING:
            break
    return head


def _guard(response: httpx.Response, url: str, total: int | None) -> Guard:
    headers = response.headers
    return Guard(url=url, etag=headers.get("ETag"), modified=headers.get("Last-Modified"), bytes=total)


def _note(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")
