"""What finished work stands under a root: tars and sidecars."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from manifests import Entry, Kind, ObjectMissing, Sidecar, Store, parse_sidecar
from osprep.errors import FingerprintMismatch
from osprep.fingerprint import ANOTHER_ROOT, check_settings, decide, read_settings
from osprep.recipe import SourceRecipe
from osprep.task import Task

SHARDS = "shards"
_FETCHES = 8  # objects asked for at once


@dataclass(frozen=True, slots=True)
class Ledger:
    """Sidecars, without their rows, of the sources to build, by the path of their tar; bytes of all tars."""

    root: Store
    sidecars: Mapping[str, Sidecar]
    tars: Mapping[str, int]

    def check_settings(self, recipe: SourceRecipe, settings: str) -> None:
        """Raise FingerprintMismatch, naming what differs, when work of a source was made with other settings."""
        for path, sidecar in self.sidecars.items():
            if sidecar.source == recipe.source:
                check_settings(settings, recipe.as_dict(), sidecar, self.root.join(path))

    def remembered(self, source: str) -> dict[tuple[str, Kind], dict[str, int]]:
        """Return what scenes that failed counted for, by split and kind."""
        found: dict[tuple[str, Kind], dict[str, int]] = {}
        for sidecar in self.sidecars.values():
            if sidecar.source == source and sidecar.estimates:
                found.setdefault((sidecar.split, sidecar.kind), {}).update(sidecar.estimates)
        return found

    def todo(self, tasks: Collection[Task]) -> list[Task]:
        """Return the tasks of one source that have to run, each knowing what stands under its path.

        Raises FingerprintMismatch when finished work was made from other raw files.
        """
        self._check_paths(tasks)
        return [replace(task, standing=self._standing(task.path)) for task in tasks if self._has_to_run(task)]

    def _has_to_run(self, task: Task) -> bool:
        sidecar, tar = self.sidecars.get(task.path), self.tars.get(task.path)
        return decide(task.inputs, sidecar, tar, self.root.join(task.path)) == "build"

    def _standing(self, path: str) -> str | None:
        if path not in self.tars:
            return None
        sidecar = self.sidecars.get(path)
        return sidecar.sha256 if sidecar and sidecar.bytes == self.tars[path] else ""

    def _check_paths(self, tasks: Collection[Task]) -> None:
        """Raise FingerprintMismatch when there is finished work that no task would write."""
        known = {task.path for task in tasks}
        sources = {task.job.source for task in tasks}
        for path, sidecar in sorted(self.sidecars.items()):
            if sidecar.source in sources and path not in known:
                fault = "the raw files give fewer shards now"
                raise FingerprintMismatch(f"{self.root.join(path)}: {fault}; {ANOTHER_ROOT}")


def read_ledger(store: Store, sources: Iterable[str], seed: int) -> Ledger:
    """List the root and read the sidecars of these sources.

    Raises FingerprintMismatch when another source under this root was built with another seed.
    """
    entries = list_shards(store)
    folders = {source: [path for path in sidecar_paths(entries) if _source(path) == source] for source in sources}
    others = {_source(path): path for path in reversed(sidecar_paths(entries)) if _source(path) not in folders}
    for _, path in sorted(others.items()):
        built = read_settings(read_sidecar(store, path).settings).get("seed")
        if built != str(seed):
            raise FingerprintMismatch(f"{store.join(path)}: built with seed {built}, not {seed}; {ANOTHER_ROOT}")
    sidecars = read_sidecars(store, [path for paths in folders.values() for path in paths])
    tars = {entry.path: entry.bytes for entry in entries if entry.path.endswith(".tar")}
    return Ledger(store, {sidecar.path: sidecar for sidecar in sidecars}, tars)


def list_shards(store: Store) -> list[Entry]:
    """Return tars and sidecars, sorted by path; a folder that is not there yet holds none."""
    try:
        return list(store.list(SHARDS))
    except ObjectMissing:  # a bucket that does not exist was found by the probe
        return []


def sidecar_paths(entries: Iterable[Entry]) -> list[str]:
    """Return the paths of the sidecars in a listing."""
    return [entry.path for entry in entries if entry.path.endswith(".json")]


def read_sidecar(store: Store, path: str) -> Sidecar:
    """Read one sidecar with its rows."""
    return parse_sidecar(store.get(path), store.join(path))


def read_sidecars(store: Store, paths: Iterable[str]) -> Iterator[Sidecar]:
    """Yield sidecars without their rows, in order; several are fetched at once."""
    with ThreadPoolExecutor(_FETCHES) as pool:
        yield from pool.map(lambda path: replace(read_sidecar(store, path), rows=()), paths)


def _source(path: str) -> str:
    return path.split("/")[1]
