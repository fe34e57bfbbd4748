"""From an archive to files in RAW/<id>: vetted whole, unpacked beside, moved in, marked last."""

import os
import re
import shutil
from pathlib import Path

from manifests import Progress
from osprep.errors import ArchiveError, HarvestError
from osprep.harvest.archive import opened, volumes
from osprep.harvest.config import Limits
from osprep.harvest.disk import require
from osprep.harvest.lock import Extracted
from osprep.harvest.members import vet

JUNK = re.compile(r"__MACOSX|\._.*|\.DS_Store|Thumbs\.db|desktop\.ini", re.IGNORECASE)


def unpack(archive: Path, into: Path, sha256: str, limits: Limits) -> Extracted:
    """Unpack into a folder of its own, which is emptied first, and return what came out, junk left out.

    Raises ArchiveError when the archive is broken, hostile, or beyond the limits, HarvestError when the disk is full.
    """
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    try:
        with opened(archive, limits) as source:
            packed = sum(path.stat().st_size for path in volumes(archive))
            members = vet(source.members(), packed, limits, archive.name)
            require(into, sum(member.bytes for member in members), f"unpacking {archive.name}")
            with Progress(f"unpack {archive.name}", len(members), "entry") as progress:
                source.extract(members, into, progress.update)
        files, total = _audit(into, limits, archive.name)
    except OSError as error:
        shutil.rmtree(into, ignore_errors=True)
        raise HarvestError(
            f"{archive.name}: cannot be written to {into.parent}: {error}; mend that and run it again"
        ) from error
    except BaseException:
        shutil.rmtree(into, ignore_errors=True)
        raise
    return Extracted(sha256=sha256, files=files, bytes=total)


def place(new: Path, root: Path) -> None:
    """Move what a folder holds into another, merging folders.

    A file that is there already counts as the same one when it has the same size, as after a move that was cut short.
    Raises HarvestError, before anything is moved, when something else is in the way.
    """
    _check_room(new, root)
    _move(new, root)
    shutil.rmtree(new)


def _audit(folder: Path, limits: Limits, name: str) -> tuple[int, int]:
    """Return count and bytes of what came out, after deleting junk; what a listing hid is refused here."""
    files, total = 0, 0
    home = folder.resolve()
    for where, folders, names in os.walk(folder):
        for junk in [name for name in folders if JUNK.fullmatch(name)]:
            shutil.rmtree(Path(where) / junk)
            folders.remove(junk)
        for entry in [*folders, *names]:
            path = Path(where) / entry
            if path.is_symlink() and not path.resolve().is_relative_to(home):
                raise ArchiveError(f"{name}: refused: the link {entry!r} points outside; get it from another place")
        for entry in names:
            path = Path(where) / entry
            if JUNK.fullmatch(entry):
                path.unlink()
                continue
            files, total = files + 1, total + path.lstat().st_size
    if total > limits.bytes:
        raise ArchiveError(f"{name}: refused: {total:,} bytes came out; get it from another place")
    return files, total


def _check_room(new: Path, root: Path) -> None:
    for path in sorted(new.iterdir()):
        there = root / path.name
        if not there.exists() and not there.is_symlink():
            continue
        both = path.is_dir() and there.is_dir()
        if there.is_symlink() or both != path.is_dir() or both != there.is_dir():
            raise HarvestError(f"{there}: is in the way of what was unpacked; move it away and run the command again")
        if both:
            _check_room(path, there)
        elif there.stat().st_size != path.stat().st_size:
            fault = f"holds {there.stat().st_size} bytes, the archive's file {path.stat().st_size}"
            raise HarvestError(f"{there}: {fault}; move it away and run the command again")


def _move(new: Path, root: Path) -> None:
    for path in sorted(new.iterdir()):
        there = root / path.name
        if path.is_dir() and there.is_dir():
            _move(path, there)
        else:
            os.replace(path, there)
