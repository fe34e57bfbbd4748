"""Trying again: pauses that double, with jitter, until nothing moves any more."""

import logging
import random
import threading
import time
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TypeVar
from urllib.parse import urlsplit

from osprep.errors import DownloadError
from osprep.harvest.config import Patience

T = TypeVar("T")
_log = logging.getLogger("osprep")
_LONGEST_ASKED = 3600.0  # a server may ask for a longer pause than ours, within reason


class Again(Exception):
    """Raised by an attempt that may succeed when made again; `after` is the pause the server asked for."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class Stopped(Exception):
    """Raised in a thread when the whole harvest ends early."""


def persist(
    attempt: Callable[[], T],
    name: str,
    patience: Patience,
    stop: threading.Event,
    reached: Callable[[], int] = lambda: 0,
) -> T:
    """Make attempts until one succeeds. Raises DownloadError after `retries` failures that brought no byte more.

    `reached` tells how far the file is; only going beyond the farthest point counts as progress.
    """
    failures, farthest = 0, reached()
    while True:
        try:
            return attempt()
        except Again as trouble:
            if (now := reached()) > farthest:
                failures, farthest = 0, now
            failures += 1
            if failures > patience.retries:
                fault = f"{trouble} ({failures} times in a row without a byte more)"
                raise DownloadError(f"{name}: {fault}; run the command again later, it goes on from here") from trouble
            pause = delay(failures, trouble.after, patience, random.random())
            _log.warning("%s: %s; again in %.1f s", name, trouble, pause)
            if stop.wait(pause):
                raise Stopped from trouble


def delay(failures: int, after: float | None, patience: Patience, jitter: float) -> float:
    """Return seconds to wait: what the server asked for, else half to all of a pause that doubles. jitter is 0-1."""
    if after is not None:
        return min(after, _LONGEST_ASKED)
    return min(patience.pause * 2.0 ** (failures - 1), patience.longest) * (0.5 + jitter / 2)


def retry_after(value: str | None) -> float | None:
    """Return the seconds of a Retry-After header, given as a number or as a date."""
    if not value:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - time.time())


def shown(url: str) -> str:
    """Return an address less user, password and query, which may hold secrets."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"
