"""The whole build: plan, decide what is left to do, do it, check that nothing went missing, publish."""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from manifests import Progress, Sidecar, Store, add_counts, open_store
from osprep.config import BuildConfig
from osprep.documents import LICENSES
from osprep.engines import ENGINES
from osprep.errors import BuildError, ConfigError
from osprep.ledger import SHARDS, read_ledger
from osprep.plan import ProgressMaker, SourcePlan, chosen_recipes, plan_sources, source_settings
from osprep.publish import publish
from osprep.task import Task
from osprep.work import run_task

INCOMPLETE = 3
SHOWN = 20  # failures of a source that the result repeats; the sidecars hold them all
log = logging.getLogger("osprep")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceResult:
    """What became of one source: planned = written + skipped + failed, over the shards that are finished.

    `shards` counts its tars, `reused` the tasks whose work was there before, `waiting` those that other array members
    have yet to do. `error` says why the source could not be built at all.
    """

    source: str
    planned: int = 0
    written: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)
    failures: tuple[str, ...] = ()
    shards: int = 0
    reused: int = 0
    waiting: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildResult:
    """What a build did. The catalogue was written unless tasks of other array members are `waiting`.

    `errors` says which sources could not be built at all. `exit_code`: 3 when samples or sources failed, else 0.
    """

    root: str
    sources: tuple[SourceResult, ...]
    errors: tuple[str, ...]
    waiting: int
    exit_code: int


def build(config: BuildConfig, progress: ProgressMaker = Progress) -> BuildResult:
    """Build the sources under `raw` into the root `out`; go on where an earlier run stopped and retry what failed.

    Equal raw files and options give equal bytes, whatever the workers and the interruptions.
    Raises ConfigError, FingerprintMismatch, StorageError or BuildError; shards finished by then stay.
    """
    if not config.out:
        raise ConfigError("out is empty: name a folder or s3://bucket/prefix to write to")
    recipes = chosen_recipes(config)
    store = open_store(config.out)
    store.probe()
    ledger = read_ledger(store, recipes, config.seed)
    for recipe in recipes.values():
        ledger.check_settings(recipe, source_settings(recipe, config))
    plans = plan_sources(config, recipes, {source: ledger.remembered(source) for source in recipes}, progress)
    _warn(plans)
    own = _own_paths(plans, config)
    todo = [task for plan in plans for task in ledger.todo(plan.tasks) if task.path in own]
    _sweep(plans, todo, config, store)
    try:
        done = _run(todo, config, progress)
    finally:
        _sweep(plans, todo, config, store)
    finished = read_ledger(store, recipes, config.seed).sidecars if config.task_count else {**ledger.sidecars, **done}
    result = _result(config.out, [_source_result(plan, finished, done) for plan in plans])
    if not result.waiting:
        if not config.task_count:
            _sweep_root(store)
        publish(store, progress)
    return result


def _own_paths(plans: Iterable[SourcePlan], config: BuildConfig) -> set[str]:
    """Return the shards that this run builds: all, or every task_count-th."""
    paths = [task.path for plan in plans for task in plan.tasks]
    return set(paths[config.task_index or 0 :: config.task_count or 1])


def _warn(plans: Iterable[SourcePlan]) -> None:
    for plan in plans:
        for warning in (*plan.warnings, *([plan.error] if plan.error else [])):
            log.warning("%s: %s", plan.source, warning)


def _run(tasks: Sequence[Task], config: BuildConfig, progress: ProgressMaker) -> dict[str, Sidecar]:
    """Run tasks; return their sidecars by path."""
    done: dict[str, Sidecar] = {}
    samples = failed = 0
    results = ENGINES[config.engine](tasks, run_task, config.workers)
    with closing(results), progress("build", len(tasks), "shard") as bar:
        for sidecar in results:
            done[sidecar.path] = sidecar
            samples += sidecar.samples
            failed += sum(sidecar.failed.values())
            bar.update(1, samples=samples, failed=failed)
    return done


def _sweep(plans: Iterable[SourcePlan], todo: Iterable[Task], config: BuildConfig, store: Store) -> None:
    """Delete temporaries of the sources being built; as a member of an array, of its own tasks only."""
    if config.task_count:
        for task in todo:
            store.scratch(task.path).unlink(missing_ok=True)
    else:
        for plan in plans:
            store.sweep(f"{SHARDS}/{plan.source}")


def _sweep_root(store: Store) -> None:
    """Delete temporaries of a catalogue that was being written when its process died."""
    store.sweep(deep=False)
    store.sweep(LICENSES)


def _source_result(plan: SourcePlan, finished: Mapping[str, Sidecar], done: Collection[str]) -> SourceResult:
    """Sum up a source; raise BuildError when a planned sample is unaccounted for."""
    sidecars = []
    for task in plan.tasks:
        sidecar = finished.get(task.path)
        if sidecar is None or sidecar.fingerprint != task.fingerprint:
            continue
        found = sidecar.samples + sum(sidecar.skipped.values()) + sum(sidecar.failed.values())
        if not task.samples == sidecar.planned == found:
            fault = f"{task.samples} samples were planned, {sidecar.planned} taken up, {found} accounted for"
            raise BuildError(f"{task.path}: {fault}; delete its .json and run the same command again")
        sidecars.append(sidecar)
    return SourceResult(
        source=plan.source,
        planned=sum(sidecar.planned for sidecar in sidecars),
        written=sum(sidecar.samples for sidecar in sidecars),
        skipped=add_counts(sidecar.skipped for sidecar in sidecars),
        failed=add_counts(sidecar.failed for sidecar in sidecars),
        failures=tuple(line for sidecar in sidecars for line in sidecar.failures)[:SHOWN],
        shards=sum(sidecar.samples > 0 for sidecar in sidecars),
        reused=sum(sidecar.path not in done for sidecar in sidecars),
        waiting=len(plan.tasks) - len(sidecars),
        error=plan.error,
    )


def _result(root: str, sources: Sequence[SourceResult]) -> BuildResult:
    errors = tuple(f"{source.source}: {source.error}" for source in sources if source.error)
    return BuildResult(
        root=root,
        sources=tuple(sources),
        errors=errors,
        waiting=sum(source.waiting for source in sources),
        exit_code=INCOMPLETE if errors or any(source.failed for source in sources) else 0,
    )
