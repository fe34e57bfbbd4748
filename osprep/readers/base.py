"""What a reader is, where readers are found, and what they share.

Those that come with osprep are the modules of this package, each with a tuple `READERS`. A package of the user's adds
one by an entry point that has the source's id for its name:

    [project.entry-points."ospretrain.readers"]
    my-source = "my_package:READER"
"""

import os
import pkgutil
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from functools import cache, cached_property
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol, runtime_checkable

from manifests import SourceCard, read_card
from osprep.errors import ConfigError, ReaderError
from osprep.scene import Scene, Survey

GROUP = "ospretrain.readers"
_HELPERS = ("base", "paired")
_JUNK = re.compile(r"\..*|__MACOSX|Thumbs\.db|desktop\.ini", re.IGNORECASE)  # dotfiles: also the `._*` of macOS


@runtime_checkable
class Reader(Protocol):
    """Turns a source's raw folder into a list of scenes.

    `version` is raised by hand when one raw tree gives another list than before.
    """

    @property
    def card(self) -> SourceCard:
        """Return what is known of the source."""

    @property
    def version(self) -> int:
        """Return the version of the reader's code."""

    def survey(self, root: Path, splits: Collection[str] | None = None) -> Survey:
        """List the scenes of the wanted splits (None: the card's) under `root`, which is RAW/<id>.

        Raises ReaderError that says what was looked for when the folder is missing, has a layout the reader does not
        know, or holds no usable scene.
        """


class Findings:
    """What a reader comes across: scenes, counts of what it leaves out by reason, warnings."""

    def __init__(self) -> None:
        self.scenes: list[Scene] = []
        self.left_out: Counter[str] = Counter()
        self.warnings: list[str] = []

    def pair(self, source: str, split: str, optical: Mapping[str, str], sar: Mapping[str, str]) -> None:
        """Add the pairs among files by name, and count the halves that have no other."""
        for name in sorted(optical.keys() & sar.keys()):
            self.scenes.append(Scene(source=source, split=split, name=name, optical=optical[name], sar=sar[name]))
        self.left_out["optical-without-sar"] += len(optical.keys() - sar.keys())
        self.left_out["sar-without-optical"] += len(sar.keys() - optical.keys())

    def keep(self, files: dict[str, str], name: str, path: str) -> None:
        """Enter a file by name, unless the name is taken."""
        if name in files:
            self.left_out["same-name"] += 1
            self.warnings.append(f"{path} is left out: {files[name]} has its name; rename one of them")
        else:
            files[name] = path


class BuiltinReader(ABC):
    """A reader whose card comes with this distribution; a subclass says where its scenes are."""

    id: str
    version = 1
    alternatives: frozenset[str] = frozenset()  # splits of which some are always absent, so that no one is told of it

    @cached_property
    def card(self) -> SourceCard:
        """Return the card of this source."""
        return read_card(self.id)

    @abstractmethod
    def find(self, root: Path, findings: Findings) -> None:
        """Add the scenes of every split; raise ReaderError when the layout is not known."""

    def survey(self, root: Path, splits: Collection[str] | None = None) -> Survey:
        """List the scenes of the wanted splits (None: the card's) under `root`. Raises ReaderError."""
        if not root.is_dir():
            raise ReaderError(f"{root}: no such folder; {self.card.access.instructions}")
        findings = Findings()
        self.find(root, findings)
        wanted = set(self.card.splits if splits is None else splits)
        scenes = [scene for scene in findings.scenes if scene.split in wanted]
        found = Counter(scene.split for scene in findings.scenes)
        left_out = findings.left_out + Counter({f"split-{name}": n for name, n in found.items() if name not in wanted})
        if not scenes:
            reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(left_out.items())) or "nothing"
            raise ReaderError(f"{root}: no scene to use (left out: {reasons}); looked for {self.layouts}")
        absences = sorted(wanted - found.keys() - self.alternatives)
        absent = [f"split {name} was asked for, but has no scene in {root}" for name in absences]
        ordered = sorted(scenes, key=lambda scene: (scene.split, scene.name))
        return Survey(tuple(ordered), dict(sorted(left_out.items())), (*findings.warnings, *absent))

    @property
    def layouts(self) -> str:
        """Return the layouts that are known, in one line."""
        return "; or ".join(self.card.layouts)

    def unknown_layout(self, root: Path) -> ReaderError:
        """Return the error for a folder that is laid out in another way."""
        return ReaderError(f"{root}: not laid out as {self.id} is known; looked for {self.layouts}")


def reader_ids() -> list[str]:
    """Return the ids of all sources that have a reader, sorted."""
    return sorted({*_builtin(), *(point.name for point in entry_points(group=GROUP))})


def get_reader(source_id: str) -> Reader:
    """Return a source's reader; raise ConfigError with the known ids, or with what is wrong with a package's."""
    points = [point for point in entry_points(group=GROUP) if point.name == source_id]
    builtin = _builtin().get(source_id)
    if len(points) + (builtin is not None) > 1:
        others = ", ".join(point.value for point in points)
        raise ConfigError(f"source {source_id} has several readers ({others}); uninstall all packages but one")
    if builtin is not None:
        return builtin
    if not points:
        raise ConfigError(f"unknown source {source_id!r}; known are {', '.join(reader_ids())}")
    where = f"reader {points[0].value} of source {source_id}"
    try:
        reader = points[0].load()
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{where}: {error}; mend or uninstall its package") from error
    if not isinstance(reader, Reader) or reader.card.id != source_id:
        raise ConfigError(f"{where}: it needs a card of that id, a version and survey(); see osprep.readers.Reader")
    return reader


def walk(root: Path, left_out: Counter[str] | None = None) -> Iterator[str]:
    """Yield the files below a folder as sorted relative paths with `/`; dotfiles and leavings of archivers are skipped.

    Links are followed, each folder once. `left_out` counts what macOS left (`._*`, `__MACOSX`) as junk.
    """
    seen: set[str] = set()
    for folder, subfolders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            subfolders.clear()
            continue
        seen.add(real)
        if left_out is not None:
            left_out["junk"] += _leavings(folder, subfolders, files)
        subfolders[:] = sorted(name for name in subfolders if not _JUNK.fullmatch(name))
        relative = Path(folder).relative_to(root)
        yield from ((relative / name).as_posix() for name in sorted(files) if not _JUNK.fullmatch(name))


def _leavings(folder: str, subfolders: Collection[str], files: Collection[str]) -> int:
    archives = [os.path.join(folder, name) for name in subfolders if name.upper() == "__MACOSX"]
    inside = sum(len(names) for archive in archives for _, _, names in os.walk(archive))
    return inside + sum(name.startswith("._") for name in files)


def subfolder(root: Path, *names: str) -> Path | None:
    """Return the first folder directly below `root` with one of the names, in any case."""
    if not root.is_dir():
        return None
    folders = {path.name.lower(): path for path in sorted(root.iterdir(), reverse=True) if path.is_dir()}
    return next((folders[name.lower()] for name in names if name.lower() in folders), None)


@cache
def _builtin() -> Mapping[str, Reader]:
    package = import_module("osprep.readers")
    modules = [name for _, name, _ in pkgutil.iter_modules(package.__path__) if name not in _HELPERS]
    return {reader.card.id: reader for name in modules for reader in import_module(f"osprep.readers.{name}").READERS}
