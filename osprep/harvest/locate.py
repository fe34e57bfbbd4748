"""What the user downloaded by hand: recognised, verified, linked into RAW/<id>, not copied."""

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from osprep.errors import HarvestError, HarvestMismatch, ReaderError
from osprep.harvest.archive import is_archive, is_later_volume
from osprep.harvest.extract import JUNK
from osprep.harvest.lock import LOCK, WORK
from osprep.readers import Reader
from osprep.scene import Survey

_DEEPEST = 2  # levels below the folder that the user names, for wrappers that archivers add
_WIDEST = 64  # folders to look into


def find_archives(path: Path) -> list[Path]:
    """Return the archive that a path is, or those in the folder that it is, first volumes only."""
    if path.is_file():
        return [path] if is_archive(path.name) else []
    return sorted(entry for entry in path.iterdir() if entry.is_file() and is_archive(entry.name))


def link_folder(reader: Reader, path: Path, root: Path) -> bool:
    """Link an unpacked tree into RAW/<id> when the source's reader knows it, alone or with what is there.

    Raises HarvestError when something else has the place of a link; returns False when no layout is recognised.
    """
    if path.resolve() == root.resolve():
        return survey(reader, root) is not None
    before = survey(reader, root)
    for entries in _candidates(path):
        found = try_with(reader, root, entries)
        if found and (before is None or (found.scenes, found.left_out) != (before.scenes, before.left_out)):
            _link_all(entries, root)
            return True
        if entries and all(_same(root / name, target) for name, target in entries.items()):
            return before is not None
    return False


def try_with(reader: Reader, root: Path, entries: Mapping[str, Path]) -> Survey | None:
    """Return what the reader finds in RAW/<id> with these entries added, without touching it; None for nothing."""
    trial = root / WORK / "trial"
    shutil.rmtree(trial, ignore_errors=True)
    trial.mkdir(parents=True)
    try:
        _overlay(trial, {name: [path] for name, path in _children(root).items()}, entries)
        return survey(reader, trial)
    finally:
        shutil.rmtree(trial)


def survey(reader: Reader, root: Path) -> Survey | None:
    """Return what the reader finds, None when it finds no layout that it knows."""
    try:
        return reader.survey(root)
    except ReaderError:
        return None


def link_file(source: Path, target: Path) -> None:
    """Give a file a second name: a hard link, or a symbolic one where file systems differ or forbid it.

    Raises HarvestMismatch when the name is taken by another file.
    """
    if target.exists() and target.samefile(source):
        return
    if target.exists():
        raise HarvestMismatch(f"{target}: another file than {source} has this name; move it away and try again")
    target.unlink(missing_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source.resolve(), target)
    except OSError:
        target.symlink_to(source.resolve())


def _candidates(path: Path) -> Iterator[dict[str, Path]]:
    """Yield entries to link: the folder's own, the folder under its name, then those of the folders below it."""
    yield _children(path)
    yield {path.resolve().name: path.resolve()}
    level = [path]
    for _ in range(_DEEPEST):
        level = [entry for folder in level for entry in _children(folder).values() if entry.is_dir()][:_WIDEST]
        yield from (_children(folder) for folder in level)


def _children(folder: Path) -> dict[str, Path]:
    """Return what lies in a folder, without hidden files, junk, archives and our own notes."""
    if not folder.is_dir():
        return {}
    return {
        entry.name: entry.resolve()
        for entry in sorted(folder.iterdir())
        if not (entry.name.startswith(".") or JUNK.fullmatch(entry.name) or entry.name == LOCK)
        and not (entry.is_file() and (is_archive(entry.name) or is_later_volume(entry.name)))
    }


def _overlay(trial: Path, held: Mapping[str, list[Path]], entries: Mapping[str, Path]) -> None:
    """Fill a folder with links to what is held and what is added; folders in both become folders of links."""
    for name in held.keys() | entries.keys():
        sources = [*held.get(name, []), *([entries[name]] if name in entries else [])]
        target = trial / name
        if len(sources) > 1 and all(source.is_dir() for source in sources):
            target.mkdir()
            inner = {child: [path] for child, path in _children(sources[0]).items()}
            _overlay(target, inner, _children(sources[1]))
        else:
            target.symlink_to(sources[-1])


def _link_all(entries: Mapping[str, Path], root: Path) -> None:
    new = {name: target for name, target in entries.items() if not _same(root / name, target)}
    for name, target in new.items():
        if (root / name).exists():
            raise HarvestError(f"{root / name}: is in the way of a link to {target}; move it away and try again")
    for name, target in new.items():
        (root / name).unlink(missing_ok=True)
        (root / name).symlink_to(target, target_is_directory=target.is_dir())


def _same(link: Path, target: Path) -> bool:
    return link.exists() and link.samefile(target)
