"""What an archive says it holds, and whether all of it may be unpacked: decided before a byte is written."""

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from osprep.errors import ArchiveError
from osprep.harvest.config import Limits

_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True, slots=True)
class Member:
    """An entry. `target` is what a link points to, as written; for a hard link, a path from the archive's root."""

    name: str
    kind: Literal["file", "folder", "symlink", "hardlink", "device"]
    bytes: int = 0
    target: str | None = None


def vet(members: Iterable[Member], packed: int, limits: Limits, where: str) -> list[Member]:
    """Return the members of an archive of `packed` bytes when all are harmless; raise ArchiveError at the first fault.

    Refused as a whole are paths and links that leave the root, entries below a link, devices, and more entries, bytes
    or bytes per packed byte than the limits allow.
    """
    seen: list[Member] = []
    total = 0
    for member in members:
        seen.append(member)
        total += member.bytes
        if fault := _fault(member) or _excess(len(seen), total, packed, limits):
            raise ArchiveError(f"{where}: refused, nothing was unpacked: {fault}; get it from another place")
    links = {_clean(member.name) for member in seen if member.kind == "symlink"}
    if links:
        for member in seen:
            if through := _passes(member, links):
                fault = f"{member.name!r} goes through the link {through!r}"
                raise ArchiveError(f"{where}: refused, nothing was unpacked: {fault}; get it from another place")
    return seen


def too_many(entries: int, limits: Limits) -> str | None:
    """Return the fault of an archive with so many entries, else None."""
    return f"{entries:,} entries, {limits.entries:,} are too many" if entries >= limits.entries else None


def _fault(member: Member) -> str | None:
    if member.kind == "device":
        return f"{member.name!r} is a device or a pipe"
    if leaves(member.name):
        return f"{member.name!r} leaves the folder"
    if member.kind == "symlink":
        target = member.target or ""
        inside = not target or target.startswith(("/", "\\")) or _DRIVE.match(target)
        if inside or leaves(posixpath.normpath(posixpath.join(posixpath.dirname(member.name), target))):
            return f"the link {member.name!r} points outside, to {target!r}"
    if member.kind == "hardlink" and leaves(member.target or "/"):
        return f"the hard link {member.name!r} points outside, to {member.target!r}"
    return None


def leaves(name: str) -> bool:
    """Tell whether a path, taken from some folder, is absolute, climbs, or is no path."""
    plain = name.replace("\\", "/")
    return not plain or "\0" in plain or plain.startswith("/") or bool(_DRIVE.match(plain)) or ".." in plain.split("/")


def _excess(entries: int, total: int, packed: int, limits: Limits) -> str | None:
    if fault := too_many(entries, limits):
        return fault
    if total > limits.bytes:
        return f"{total:,} bytes would come out, {limits.bytes:,} is the limit"
    if total > limits.small and total > limits.ratio * packed:
        return f"{total:,} bytes would come out of {packed:,}, more than {limits.ratio:g} times as many"
    return None


def _passes(member: Member, links: set[str]) -> str | None:
    """Return the link that an entry, or what a link points to, lies below or is."""
    name = _clean(member.name)
    parts = name.split("/")
    above = {"/".join(parts[:count]) for count in range(1, len(parts))}
    if member.kind == "hardlink":
        above |= _prefixes(_clean(member.target or ""))
    if member.kind == "symlink":
        above |= _prefixes(_clean(posixpath.join(posixpath.dirname(name), member.target or "")))
    return next(iter(sorted(above & links)), None)


def _prefixes(path: str) -> set[str]:
    parts = path.split("/")
    return {"/".join(parts[:count]) for count in range(1, len(parts) + 1)}


def _clean(name: str) -> str:
    return posixpath.normpath(name.replace("\\", "/"))
