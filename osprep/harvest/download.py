"""All files of a source, several at once, each from the first of its addresses that gives it."""

import logging
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from pathlib import Path

import httpx

from manifests import Progress
from osprep.errors import DownloadError, HarvestError, HarvestMismatch, WaitsForHuman
from osprep.harvest.config import Patience
from osprep.harvest.content import examine
from osprep.harvest.decide import RemoteFile
from osprep.harvest.lock import WORK, Locked, read_lock, remember, settle
from osprep.harvest.retry import persist, shown
from osprep.harvest.transfer import bring, forget, make_client, read_guard, size

_log = logging.getLogger("osprep")
_MIB = 1 << 20


def part_of(root: Path, name: str) -> Path:
    """Return where the unfinished download of a file stands."""
    return root / WORK / f"{name}.part"


def download(root: Path, files: Sequence[RemoteFile], parallel: int, patience: Patience) -> None:
    """Bring files to RAW/<id>/.harvest and enter them in the lock; what came before is gone on with.

    All are tried; then the first fault is raised: DownloadError, HarvestMismatch, WaitsForHuman or HarvestError.
    """
    stop = threading.Event()
    locked = read_lock(root)
    known = [file.bytes for file in files]
    total = sum(filter(None, known)) >> 20 if None not in known else None
    with Progress(f"harvest {root.name}", total, "MiB") as progress, make_client(patience) as client:
        meter = _Meter(progress)
        pool = ThreadPoolExecutor(parallel, thread_name_prefix="harvest")
        try:
            fetch = partial(_fetch, client, root, patience, stop)
            runs = [pool.submit(fetch, want, locked.get(want.name), partial(meter, want.name)) for want in files]
            faults = [error for run in as_completed(runs) if (error := run.exception())]
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)
    for fault in faults[1:]:
        _log.error("%s", fault)
    if faults:
        raise faults[0]


def accept(root: Path, held: Path, want: RemoteFile, locked: Locked | None, url: str | None, etag: str | None) -> None:
    """Check a whole file and enter it in the lock. Raises HarvestMismatch."""
    digest = examine(held, want.name, want.bytes, want.checksum, locked)
    if locked is None:
        remember(root, want.name, Locked(sha256=digest, bytes=size(held), url=url, etag=etag))


class _Meter:
    """Turns the bytes of several files into MiB of one progress bar."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._there, self._lock = progress, dict[str, int](), threading.Lock()

    def __call__(self, name: str, there: int) -> None:
        with self._lock:
            self._there[name] = there
            if step := (sum(self._there.values()) >> 20) - self._progress.done:
                self._progress.update(step)


def _fetch(
    client: httpx.Client,
    root: Path,
    patience: Patience,
    stop: threading.Event,
    want: RemoteFile,
    locked: Locked | None,
    meter: Callable[[int], None],
) -> None:
    faults: list[HarvestError] = []
    for url in want.urls:
        try:
            _from(client, root, patience, stop, want, locked, meter, url)
            return
        except (DownloadError, HarvestMismatch, WaitsForHuman) as fault:
            faults.append(fault)
            _log.warning("%s", fault)
    if not faults:
        raise DownloadError(f"{want.name}: its card has no address; fetch it by hand, then use --locate")
    raise next((fault for fault in faults if isinstance(fault, HarvestMismatch)), faults[0])


def _from(
    client: httpx.Client,
    root: Path,
    patience: Patience,
    stop: threading.Event,
    want: RemoteFile,
    locked: Locked | None,
    meter: Callable[[int], None],
    url: str,
) -> None:
    part = part_of(root, want.name)
    part.parent.mkdir(parents=True, exist_ok=True)
    attempt = partial(bring, client, want, url, part, locked, meter, stop)
    persist(attempt, want.name, patience, stop, partial(size, part))
    guard = read_guard(part)
    try:
        accept(root, part, want, locked, shown(url), guard.etag if guard else None)
    except HarvestMismatch as error:
        forget(part)
        raise HarvestMismatch(f"{error}; what came is deleted") from error
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    settle(part, part.with_name(part.name.removesuffix(".part")))
    forget(part)
