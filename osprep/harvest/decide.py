"""What is to be done about a file, from what is there: pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from osprep.errors import HarvestMismatch
from osprep.harvest.lock import Locked

Action = Literal["skip", "resume", "fetch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """A file to fetch: its path below RAW/<id>, addresses in the order to try, what is known of it.

    `headers` go to the host of the address alone, never to one that it redirects to.
    """

    name: str
    urls: tuple[str, ...]
    bytes: int | None = None
    checksum: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What a server said of the file that an unfinished download is part of."""

    url: str
    etag: str | None = None
    modified: str | None = None
    bytes: int | None = None

    @property
    def condition(self) -> str | None:
        """Return what goes into If-Range: a strong ETag, else the date, else None."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.modified


def decide(
    want: RemoteFile,
    locked: Locked | None,
    *,
    extracted: bool = False,
    whole: int | None = None,
    part: int = 0,
    guard: Guard | None = None,
) -> Action:
    """Return `skip` for what is there, `resume` for a part that can safely be gone on with, else `fetch`.

    `whole` and `part` are the bytes of the finished and the unfinished file on disk; an archive that was extracted may
    be gone. Raises HarvestMismatch when a finished file has another size than the lock or the card says.
    """
    size = locked.bytes if locked else want.bytes
    if whole is not None:
        if size is not None and whole != size:
            fault = f"{whole} bytes on disk instead of {size}"
            raise HarvestMismatch(f"{want.name}: {fault}; delete it and run the command again")
        return "skip"
    if locked and extracted:
        return "skip"
    known = size if size is not None else guard.bytes if guard else None
    if not part or (known is not None and part > known):
        return "fetch"
    return "resume" if want.checksum or locked or (guard and guard.condition) else "fetch"


def keep(want: RemoteFile, url: str, part: int, guard: Guard | None, locked: Locked | None) -> tuple[int, str | None]:
    """Return how many bytes of a part this address may go on from, and its If-Range.

    Another address than the part came from counts only where a checksum settles in the end that all is well.
    """
    same = guard is not None and guard.url == url
    if decide(want, locked, part=part, guard=guard if same else None) != "resume":
        return 0, None
    return part, guard.condition if same and guard else None
