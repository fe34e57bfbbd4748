"""A task: what a worker needs to know to write one shard."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from manifests import Input, Kind, Role
from osprep.config import Codec
from osprep.fingerprint import task_fingerprint
from osprep.recipe import SourceRecipe
from osprep.scene import Scene


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedScene:
    """A scene with the number of samples planned from its header, their estimated bytes, and its raw files.

    `bytes` is None when the header could not be read; such a scene is one planned sample.
    """

    scene: Scene
    samples: int
    bytes: int | None
    inputs: tuple[Input, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What the tasks of one source share: raw files under `root`, shards under `out`, the names of everything else.

    `memory` is how many encoded bytes may be held before they go to a temporary file.
    """

    source: str
    settings: str
    recipe: SourceRecipe
    licence: str
    codec: Codec
    seed: int
    memory: int
    root: Path
    out: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """All that a worker anywhere needs to write one shard, `path`.

    `assumed`: bytes that scenes counted for without being measured. `standing`: sha256 of the tar under `path` now,
    empty when no sidecar vouches for it, None when there is no tar.
    """

    job: Job
    split: str
    role: Role
    kind: Kind
    path: str
    scenes: tuple[PlannedScene, ...]
    assumed: Mapping[str, int]
    standing: str | None = None

    @property
    def samples(self) -> int:
        """Return how many samples are planned."""
        return sum(planned.samples for planned in self.scenes)

    @property
    def inputs(self) -> tuple[Input, ...]:
        """Return the raw files, by path."""
        files = {file.path: file for planned in self.scenes for file in planned.inputs}
        return tuple(files[path] for path in sorted(files))

    @property
    def fingerprint(self) -> str:
        """Return what the sidecar of this very task carries."""
        return task_fingerprint(self.path, self.job.settings, self.inputs)


def sidecar_path(path: str) -> str:
    """Return the path of a shard's sidecar."""
    return path.removesuffix(".tar") + ".json"
