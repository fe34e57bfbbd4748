"""Write miniature raw trees that look like the real ones, so that everything can be tried without any data."""

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from manifests import Progress
from osprep.errors import ConfigError
from osprep.rehearse.sources import WRITERS
from osprep.rehearse.tree import Defect, Fate, RawTree

MARKER = "REHEARSAL.txt"
_FILES = "Files (bytes, path):"
_LEAVINGS = (".DS_Store", "Thumbs.db", "desktop.ini")  # of file managers


@dataclass(frozen=True, slots=True)
class RehearsedSource:
    """One raw tree: the folder RAW/<source>, how many files it has, and what was planted in it."""

    source: str
    path: Path
    files: int
    defects: tuple[Defect, ...]

    @property
    def failures(self) -> Mapping[str, int]:
        """Samples that a build is to count as failed, by reason."""
        return self._counts("failed")

    @property
    def skipped(self) -> Mapping[str, int]:
        """Samples that a build is to skip, by reason."""
        return self._counts("skipped")

    @property
    def left_out(self) -> Mapping[str, int]:
        """Files that a reader is to leave out, by reason."""
        return self._counts("left-out")

    def _counts(self, fate: Fate) -> Mapping[str, int]:
        counts: Counter[str] = Counter()
        for defect in self.defects:
            if defect.fate == fate:
                counts[defect.reason] += defect.count
        return dict(sorted(counts.items()))


@dataclass(frozen=True, slots=True)
class RehearsalResult:
    """What rehearse wrote."""

    sources: tuple[RehearsedSource, ...]


def rehearse(raw: Path, sources: Sequence[str] | None = None, seed: int = 0) -> RehearsalResult:
    """Write a miniature of each source (None: of all that can be rehearsed) to RAW/<source>.

    The same seed gives the same bytes. A tree that an earlier rehearsal wrote is replaced as a whole. Raises
    ConfigError on an unknown source, and where RAW/<source> holds anything that rehearse did not write.
    """
    chosen = sorted(set(WRITERS if sources is None else sources))
    if unknown := [source for source in chosen if source not in WRITERS]:
        raise ConfigError(f"source {unknown[0]!r} cannot be rehearsed; those that can are {', '.join(sorted(WRITERS))}")
    for source in chosen:
        _check_ours(raw / source)
    with Progress("rehearse", total=len(chosen), unit="source") as progress:
        done = []
        for source in chosen:
            try:
                done.append(_write(raw, source, seed))
            except OSError as error:
                fault = error.strerror or error
                raise ConfigError(f"{raw}: {fault}; choose another --raw, or mend rights and space there") from error
            progress.update(1, source=source)
    return RehearsalResult(tuple(done))


def _write(raw: Path, source: str, seed: int) -> RehearsedSource:
    """Write a tree beside its place and move it there when it is whole."""
    fresh, old, target = raw / f".{source}.new", raw / f".{source}.old", raw / source
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    fresh.mkdir(parents=True)
    tree = RawTree(fresh)
    WRITERS[source](tree, seed)
    (fresh / MARKER).write_text(_marker(tree, source, seed), encoding="utf-8", newline="\n")
    if target.exists():
        target.rename(old)
    fresh.rename(target)
    shutil.rmtree(old, ignore_errors=True)
    return RehearsedSource(source, target, len(tree.files), tuple(tree.defects))


def _marker(tree: RawTree, source: str, seed: int) -> str:
    lines = [
        "Everything in this folder is simulated: it was written by `osprep rehearse` and shows no real place.",
        f"It has the layout, the names and the data types of {source}, on a small scale.",
        "",
        f"seed: {seed}",
        "",
        "Planted defects, and what a build is to make of them:",
        *(f"  {d.path}: {d.what} ({d.fate}: {d.count} {d.reason})" for d in tree.defects),
        "",
        _FILES,
        *(f"  {(tree.folder / path).stat().st_size:>9} {path}" for path in sorted(tree.files)),
    ]
    return "\n".join(lines) + "\n"


def _check_ours(folder: Path) -> None:
    """Raise ConfigError when a folder holds anything but what its marker lists."""
    if not folder.exists():
        return
    advice = "rehearse never replaces data; choose another --raw, or move them away"
    if not folder.is_dir():
        raise ConfigError(f"{folder}: is a file where a folder should be; {advice}")
    files = (path for path in folder.rglob("*") if not path.is_dir() and path.name not in _LEAVINGS)
    found = {path.relative_to(folder).as_posix() for path in files}
    if found and MARKER not in found:
        raise ConfigError(f"{folder}: holds files that `osprep rehearse` did not write; {advice}")
    if not found:
        return
    _, _, listing = (folder / MARKER).read_text(encoding="utf-8", errors="replace").partition(_FILES)
    listed = {MARKER, *(line.split(maxsplit=1)[-1] for line in listing.splitlines() if line.strip())}
    if foreign := sorted(found - listed):
        raise ConfigError(f"{folder / foreign[0]}: `osprep rehearse` did not write this file; {advice}")
