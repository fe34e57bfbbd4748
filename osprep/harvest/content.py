"""Is this the file that was asked for: checksums, first bytes, web pages in its place."""

import hashlib
import re
from pathlib import Path

from osprep.errors import ConfigError, HarvestMismatch
from osprep.harvest.lock import Locked

MAGIC = {
    ".zip": (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"),
    ".gz": (b"\x1f\x8b",),
    ".tgz": (b"\x1f\x8b",),
    ".bz2": (b"BZh",),
    ".xz": (b"\xfd7zXZ\x00",),
    ".7z": (b"7z\xbc\xaf\x27\x1c",),
    ".7z.001": (b"7z\xbc\xaf\x27\x1c",),
}
_PAGE = re.compile(rb"\s*(<!doctype html|<html|<head|<\?xml[^>]*>\s*<!doctype html)", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_CHUNK = 1 << 20


def wrong_content(name: str, content_type: str, head: bytes) -> str | None:
    """Return what the first bytes are when they are not those of a file of this name, else None."""
    lower = name.lower()
    text = lower.endswith((".html", ".htm"))
    if not text and (content_type.split(";")[0].strip().lower() == "text/html" or _PAGE.match(head)):
        return f"a web page{_words(head)}"
    magic = next((magic for suffix, magic in MAGIC.items() if lower.endswith(suffix)), None)
    if magic and not head.startswith(magic):
        return f"something else that begins with {head[:16]!r}"
    return None


def parse_checksum(text: str, name: str) -> tuple[str, str]:
    """Return algorithm and lower-case hex digits of `algorithm:hex`. Raises ConfigError."""
    algorithm, _, digits = text.partition(":")
    if algorithm not in hashlib.algorithms_guaranteed or not re.fullmatch(r"[0-9a-fA-F]{32,}", digits):
        raise ConfigError(f"{name}: checksum {text!r} of its card is not algorithm:hex; mend the card")
    return algorithm, digits.lower()


def examine(path: Path, name: str, size: int | None, checksum: str | None, locked: Locked | None) -> str:
    """Return the SHA-256 of a file. Raises HarvestMismatch when it is not what the card or the lock says."""
    algorithm, wanted = parse_checksum(checksum, name) if checksum else ("sha256", None)
    published, own = hashlib.new(algorithm), hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            own.update(chunk)
            if algorithm != "sha256":
                published.update(chunk)
    found = own.hexdigest() if algorithm == "sha256" else published.hexdigest()
    if wanted and found != wanted:
        raise HarvestMismatch(f"{name}: {algorithm} {found} instead of the published {wanted}")
    if size is not None and path.stat().st_size != size:
        raise HarvestMismatch(f"{name}: {path.stat().st_size} bytes instead of the published {size}")
    if locked and own.hexdigest() != locked.sha256:
        raise HarvestMismatch(
            f"{name}: sha256 {own.hexdigest()} instead of {locked.sha256}, which came first; upstream changed: "
            "delete its entry in harvest.lock.json to take the new file"
        )
    return own.hexdigest()


def _words(head: bytes) -> str:
    title = _TITLE.search(head.decode("utf-8", "replace"))
    words = " ".join((title[1] if title else "").split())
    return f" titled {words[:80]!r}" if words else ""
