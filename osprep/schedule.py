"""The fixed list of tasks of a source: which scenes go to which shard."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from manifests import Input, Kind, Role
from osprep.cut import planned_windows
from osprep.deal import deal, scene_bytes
from osprep.errors import RasterError
from osprep.recipe import SourceRecipe
from osprep.scene import Scene, Window
from osprep.task import Job, PlannedScene, Task

KINDS: tuple[Kind, ...] = ("pair", "optical", "sar")  # the order in which shard numbers run on
Windows = Callable[[Scene, Path, SourceRecipe], tuple[Window, ...]]  # of a scene of files under a folder
Remembered = Mapping[tuple[str, Kind], Mapping[str, int]]
# Encoded bytes per 1000 bytes of pixels, and of headers and meta.json per sample. Fixed: to change one moves scenes to
# other shards.
_PER_MILLE = {"tif": 750, "png": 700, "jpeg": 150}
_PER_SAMPLE = 3072


def plan_scene(scene: Scene, job: Job, windows_of: Windows = planned_windows) -> PlannedScene:
    """Read a scene's headers and file sizes, no pixels; `windows_of` raises RasterError for a broken header."""
    inputs = tuple(Input(path=path, bytes=_size(job.root / path)) for path in scene.files)
    try:
        windows = windows_of(scene, job.root, job.recipe)
    except RasterError:  # the task runs into it as well, and counts it
        return PlannedScene(scene=scene, samples=1, bytes=None, inputs=inputs)
    size = _estimate(windows, scene.kind, job)
    return PlannedScene(scene=scene, samples=len(windows), bytes=size, inputs=inputs)


def schedule(
    scenes: Iterable[PlannedScene], job: Job, roles: Mapping[str, Role], remembered: Remembered, shard_bytes: int
) -> tuple[Task, ...]:
    """Return the tasks of a source, split by split, kind by kind. Equal arguments give equal tasks."""
    parts: dict[tuple[str, Kind], dict[str, PlannedScene]] = {}
    for planned in scenes:
        parts.setdefault((planned.scene.split, planned.scene.kind), {})[planned.scene.name] = planned
    tasks = []
    for split in sorted({split for split, _ in (*parts, *remembered)}):
        number = 0
        for kind in KINDS:
            part, before = parts.get((split, kind), {}), remembered.get((split, kind), {})
            for group, assumed in _deal(part, before, shard_bytes, job, split):
                path = f"shards/{job.source}/{job.source}-{split}-{number:06d}.tar"
                tasks.append(
                    Task(job=job, split=split, role=roles[split], kind=kind, path=path, scenes=group, assumed=assumed)
                )
                number += 1
    return tuple(tasks)


def estimated_bytes(tasks: Iterable[Task]) -> int:
    """Return the estimated size of all shards."""
    return sum(scene.bytes or task.assumed.get(scene.scene.name, 0) for task in tasks for scene in task.scenes)


def _deal(
    part: Mapping[str, PlannedScene], remembered: Mapping[str, int], shard_bytes: int, job: Job, split: str
) -> Iterator[tuple[tuple[PlannedScene, ...], dict[str, int]]]:
    """Yield the scenes of each shard with the bytes that those not measured counted for."""
    if not part and not remembered:
        return
    sizes = scene_bytes({name: planned.bytes for name, planned in part.items()}, remembered)
    given = {name for name, planned in part.items() if planned.bytes is None} | remembered.keys()
    for names in deal(sizes, shard_bytes, job.seed, job.source, split):
        assumed = {name: sizes[name] for name in sorted(given.intersection(names))}
        yield tuple(part[name] for name in names if name in part), assumed


def _estimate(windows: Sequence[Window], kind: Kind, job: Job) -> int:
    rules = (job.recipe.optical if kind != "sar" else None, job.recipe.sar if kind != "optical" else None)
    bands = sum(len(rule.bands) for rule in rules if rule is not None)
    pixels = sum(window.height * window.width for window in windows)
    return pixels * bands * _PER_MILLE[job.codec] // 1000 + len(windows) * _PER_SAMPLE


def _size(file: Path) -> int:
    """Return a raw file's bytes, 0 for one that cannot be looked at; reading it will say why."""
    try:
        return file.stat().st_size
    except OSError:
        return 0
