"""From a card to RAW/<id>: what is there, what is missing, what waits for a human."""

import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from manifests import RawFile
from osprep.errors import ConfigError, HarvestError, ReaderError, WaitsForHuman
from osprep.harvest.archive import is_archive, is_later_volume, volumes
from osprep.harvest.config import HarvestConfig, Limits
from osprep.harvest.content import examine
from osprep.harvest.decide import RemoteFile, decide
from osprep.harvest.disk import EXTRACTION, require
from osprep.harvest.download import accept, download, part_of
from osprep.harvest.extract import place, unpack
from osprep.harvest.locate import find_archives, link_file, link_folder, survey, try_with
from osprep.harvest.lock import WORK, Extracted, Locked, alone, read_lock, read_marker, remember
from osprep.harvest.remote import remote_files
from osprep.harvest.transfer import read_guard, size
from osprep.readers import Reader, get_reader

_log = logging.getLogger("osprep")
Packed = Mapping[str, Path]  # archives by name


@dataclass(frozen=True, slots=True, kw_only=True)
class HarvestedSource:
    """What became of a source: its scenes as its reader counts them, what the user has to do, or what went wrong."""

    source: str
    state: Literal["complete", "waiting", "failed"]
    scenes: int = 0
    message: str = ""
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class HarvestResult:
    """What became of each source, in the order asked for."""

    sources: tuple[HarvestedSource, ...]

    @property
    def exit_code(self) -> int:
        """Return 0 when all is there, that of the first failure, or 3 when something waits for a human."""
        codes = [source.exit_code for source in self.sources]
        waiting = WaitsForHuman.exit_code
        return next((code for code in codes if code not in (0, waiting)), waiting if waiting in codes else 0)


def harvest(config: HarvestConfig) -> HarvestResult:
    """Bring sources to RAW/<id>: fetch, verify and unpack what is open, link what the user located.

    A source that fails does not stop the others. Raises ConfigError for an unknown source or a wrong option.
    """
    readers = [get_reader(source) for source in config.sources]
    return HarvestResult(tuple(_harvested(reader, config) for reader in readers))


def _harvested(reader: Reader, config: HarvestConfig) -> HarvestedSource:
    source, root = reader.card.id, config.raw / reader.card.id
    try:
        with alone(root):
            if config.locate is not None:
                _locate(reader, config.locate, root, config.limits)
            elif not _stands(reader, root):
                _fetch(reader, root, config)
            scenes = len(reader.survey(root).scenes)
    except WaitsForHuman as error:
        return HarvestedSource(source=source, state="waiting", message=str(error), exit_code=error.exit_code)
    except (HarvestError, ReaderError) as error:
        return HarvestedSource(source=source, state="failed", message=str(error), exit_code=error.exit_code)
    except OSError as error:
        message = f"{root}: {error}; mend that and run the command again"
        return HarvestedSource(source=source, state="failed", message=message, exit_code=HarvestError.exit_code)
    return HarvestedSource(source=source, state="complete", scenes=scenes)


def _stands(reader: Reader, root: Path) -> bool:
    """Tell whether the user has put the source there by hand: its reader knows it, and no harvest was begun."""
    begun = read_lock(root) or any((root / WORK).glob("**/*.part"))
    return not begun and survey(reader, root) is not None


def _fetch(reader: Reader, root: Path, config: HarvestConfig) -> None:
    wanted = _wanted(reader, root, config)
    missing = _missing(root, wanted)
    download(root, missing, config.parallel, config.patience)
    held = {file.name: root / WORK / file.name for file in wanted}
    _unpack_all(root, {name: path for name, path in held.items() if is_archive(name)}, config.limits)
    for name, path in held.items():
        if path.exists() and not is_archive(name) and not is_later_volume(name):
            link_file(path, root / name)


def _wanted(reader: Reader, root: Path, config: HarvestConfig) -> list[RemoteFile]:
    """Return what is to be there; raise WaitsForHuman when none of it can be fetched without one, and none is there."""
    card = reader.card
    try:
        if wanted := remote_files(card, config):
            return wanted
        raise WaitsForHuman(f"{card.id}: {card.access.kind}")
    except WaitsForHuman as error:
        if read_lock(root) and survey(reader, root) is not None:
            _log.warning("%s: there already; not compared with its origin (%s)", root, error)
            return []
        page = f" See {card.access.homepage} ." if card.access.homepage else ""
        step = f"Or leave it packed, then: osprep harvest {card.id} --raw {config.raw} --locate PATH"
        raise WaitsForHuman(f"{error}. {card.access.instructions}{page} {step}") from error


def _missing(root: Path, wanted: Sequence[RemoteFile]) -> list[RemoteFile]:
    """Return the files to fetch; those on disk that the lock does not know yet are checked and entered."""
    locked, missing, needed = read_lock(root), list[RemoteFile](), 0.0
    done = _extracted(root, [file.name for file in wanted])
    for file in wanted:
        held, part = root / WORK / file.name, part_of(root, file.name)
        whole = held.stat().st_size if held.exists() else None
        lock = locked.get(file.name)
        extracted = file.name in done
        action = decide(file, lock, extracted=extracted, whole=whole, part=size(part), guard=read_guard(part))
        packed = is_archive(file.name) or is_later_volume(file.name)
        known = (lock.bytes if lock else file.bytes) or 0
        if action != "skip":
            missing.append(file)
            needed += known - (size(part) if action == "resume" else 0)
        elif lock is None:
            accept(root, held, file, None, None, None)
        if packed and not extracted:
            needed += EXTRACTION * known
    require(root, int(needed), f"harvesting {root.name}")
    return missing


def _extracted(root: Path, names: Sequence[str]) -> set[str]:
    """Return the files whose content was unpacked, volumes after the first with their first."""
    marker, locked = read_marker(root), read_lock(root)
    done = {name for name in names if name in marker and name in locked and marker[name].sha256 == locked[name].sha256}
    return done | {name for name in names if is_later_volume(name) and f"{name[:-3]}001" in done}


def _unpack_all(root: Path, archives: Packed, limits: Limits) -> None:
    """Unpack archives that were not, each marked when all of it is in place."""
    done = _extracted(root, list(archives))
    locked = read_lock(root)
    for name, path in sorted(archives.items()):
        if name not in done:
            new = root / WORK / "unpacking"
            record = unpack(path, new, locked[name].sha256, limits)
            place(new, root)
            remember(root, name, record)


def _locate(reader: Reader, path: Path, root: Path, limits: Limits) -> None:
    if not path.exists():
        raise ConfigError(f"--locate {path}: no such file or folder")
    if path.is_dir() and link_folder(reader, path, root):
        return
    archives = find_archives(path)
    if not archives:
        raise HarvestError(f"{path}: {_unrecognised(reader)}")
    _adopt(reader, archives, root, limits)


def _adopt(reader: Reader, archives: Sequence[Path], root: Path, limits: Limits) -> None:
    """Verify archives and unpack them; once the reader knows what came out, link them and move it in."""
    published, staged = {file.name: file for file in reader.card.access.files}, root / WORK / "staged"
    files = [volume for archive in archives for volume in volumes(archive)]
    records = {file: _verified(file, published.get(file.name), read_lock(root).get(file.name)) for file in files}
    done = _extracted(root, [file.name for file in files])
    unpacked: dict[str, Extracted] = {}
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir()
    try:
        for archive in (archive for archive in archives if archive.name not in done):
            new = root / WORK / "unpacking"
            unpacked[archive.name] = unpack(archive, new, records[archive].sha256, limits)
            place(new, staged)
        if unpacked and try_with(reader, root, {entry.name: entry for entry in staged.iterdir()}) is None:
            raise HarvestError(f"{archives[0].parent}: {', '.join(unpacked)}: {_unrecognised(reader)}")
        for file, record in records.items():
            link_file(file, root / WORK / file.name)
            remember(root, file.name, record)
        place(staged, root)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    for name, extracted in unpacked.items():
        remember(root, name, extracted)


def _verified(file: Path, raw: RawFile | None, locked: Locked | None) -> Locked:
    """Return the record of a located file. Raises HarvestMismatch when card or lock know another."""
    digest = examine(file, file.name, raw.bytes if raw else None, raw.checksum if raw else None, locked)
    return locked or Locked(sha256=digest, bytes=size(file))


def _unrecognised(reader: Reader) -> str:
    looked = "; or ".join(reader.card.layouts)
    return f"not recognised as {reader.card.id}; looked for {looked}; point at a folder that holds all of it"
