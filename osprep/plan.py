"""What a build would write, from file names, sizes and headers alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from manifests import KeyFormatError, Kind, Progress, SourceCard, add_counts, sample_key, slug
from osprep.codec import ENCODER_VERSION, encoder_versions
from osprep.config import BuildConfig
from osprep.cut import planned_windows
from osprep.errors import ConfigError, ReaderError
from osprep.fingerprint import digest, settings_text
from osprep.readers import get_reader, reader_ids
from osprep.recipe import SourceRecipe, load_recipes, resolve
from osprep.scene import Scene, Survey
from osprep.schedule import Remembered, Windows, estimated_bytes, plan_scene, schedule
from osprep.shard import LAYOUT
from osprep.task import Job, Task

MIB = 1 << 20
ProgressMaker = Callable[[str, int | None, str], Progress]  # called with label, total and unit


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePlan:
    """One source: its scenes, the tasks that write it, and what its reader left out, by reason.

    `error` says why the source cannot be built at all.
    """

    source: str
    card: SourceCard
    settings: str = ""
    tasks: tuple[Task, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    error: str | None = None

    @property
    def scenes(self) -> tuple[Scene, ...]:
        """Return the scenes, shard by shard."""
        return tuple(planned.scene for task in self.tasks for planned in task.scenes)

    @property
    def unreadable(self) -> int:
        """Return the number of scenes whose header cannot be read; each counts as one planned sample."""
        return sum(planned.bytes is None for task in self.tasks for planned in task.scenes)

    @property
    def bytes(self) -> int:
        """Return the estimated size of the shards."""
        return estimated_bytes(self.tasks)

    def planned(self, kind: Kind | None = None, split: str | None = None) -> int:
        """Return the number of planned samples, of one kind or split only when it is given."""
        wanted = (task for task in self.tasks if kind in (None, task.kind) and split in (None, task.split))
        return sum(task.samples for task in wanted)


def plan(config: BuildConfig, progress: ProgressMaker = Progress) -> tuple[SourcePlan, ...]:
    """Plan every source that the configuration names, or that has a folder under `raw`.

    Raises ConfigError when `raw`, a named source or its folder is missing, or a recipe is wrong; ReaderError when no
    source has a layout its reader knows. With others beside it, such a source has `error` set instead.
    """
    return plan_sources(config, chosen_recipes(config), {}, progress)


def plan_sources(
    config: BuildConfig,
    recipes: Mapping[str, SourceRecipe],
    remembered: Mapping[str, Remembered],
    progress: ProgressMaker,
) -> tuple[SourcePlan, ...]:
    """Plan the sources of these recipes, given what earlier runs assumed of scenes that failed; raises as plan does."""
    plans: list[SourcePlan] = []
    errors: list[ReaderError] = []
    for source, recipe in recipes.items():
        try:
            plans.append(_plan_source(source, config, recipe, remembered.get(source, {}), progress))
        except ReaderError as error:
            errors.append(error)
            plans.append(SourcePlan(source=source, card=get_reader(source).card, error=str(error)))
    if errors and len(errors) == len(plans):
        raise errors[0]
    return tuple(plans)


def plan_survey(
    survey: Survey,
    card: SourceCard,
    job: Job,
    shard_bytes: int,
    remembered: Remembered,
    progress: ProgressMaker,
    windows_of: Windows = planned_windows,
) -> SourcePlan:
    """Plan the scenes that a reader found. Raises ReaderError for scenes of an unknown split or without own keys.

    `windows_of` gives a scene's windows, from the headers of its files unless told otherwise.
    """
    _check_names(survey.scenes, job.recipe)
    scenes = []
    with progress(f"plan {job.source}", len(survey.scenes), "scene") as bar:
        for scene in survey.scenes:
            scenes.append(plan_scene(scene, job, windows_of))
            bar.update()
    small = sum(scene.samples == 0 for scene in scenes)
    return SourcePlan(
        source=job.source,
        card=card,
        settings=job.settings,
        tasks=schedule(scenes, job, job.recipe.splits, remembered, shard_bytes),
        left_out=add_counts([survey.left_out, {"too-small": small} if small else {}]),
        warnings=survey.warnings,
    )


def chosen_recipes(config: BuildConfig) -> dict[str, SourceRecipe]:
    """Return the recipe of each source to build: its card, changed by the recipe file. Raises ConfigError."""
    sources = chosen_sources(config)
    overrides = load_recipes(config.recipe)
    return {source: resolve(get_reader(source).card, overrides.get(source)) for source in sources}


def source_settings(recipe: SourceRecipe, config: BuildConfig) -> str:
    """Return everything but the raw files that decides the bytes of a source's shards, in one line."""
    reader = get_reader(recipe.source)
    libraries = ",".join(f"{name}:{number}" for name, number in sorted(encoder_versions(config.codec).items()))
    return settings_text(
        {
            "card": digest((reader.card.id, reader.card.licence.name, reader.card.classes)),
            "codec": config.codec,
            "encoder": f"{ENCODER_VERSION},{libraries}",
            "layout": LAYOUT,
            "radiometry": recipe.name,
            "reader": reader.version,
            "recipe": digest(recipe.as_dict()),
            "recipe_code": recipe.version,
            "seed": config.seed,
            "shard_mb": config.shard_mb,
        }
    )


def chosen_sources(config: BuildConfig) -> tuple[str, ...]:
    """Return the ids of the sources to build, sorted; raise ConfigError when there is nothing to build from."""
    if not config.raw.is_dir():
        raise ConfigError(f"{config.raw}: no such folder; --raw names the one that holds a folder per source")
    known = sorted(reader_ids())
    if config.sources == ():
        raise ConfigError(
            f"sources is empty: name one of {', '.join(known)}, or none at all for what {config.raw} holds"
        )
    if config.sources is None:
        found = tuple(source for source in known if (config.raw / source).is_dir())
        if not found:
            raise ConfigError(f"{config.raw}: no folder of a source in it; known are {', '.join(known)}")
        return found
    for source in config.sources:
        if source not in known:
            raise ConfigError(f"source {source!r} is unknown; known are {', '.join(known)}")
        if not (config.raw / source).is_dir():
            raise ConfigError(f"{config.raw / source}: no such folder; `osprep sources {source}` says how to get it")
    return tuple(sorted(set(config.sources)))


def _plan_source(
    source: str, config: BuildConfig, recipe: SourceRecipe, remembered: Remembered, progress: ProgressMaker
) -> SourcePlan:
    reader = get_reader(source)
    survey = reader.survey(config.raw / source, recipe.splits)
    job = Job(
        source=source,
        settings=source_settings(recipe, config),
        recipe=recipe,
        licence=reader.card.licence.name,
        codec=config.codec,
        seed=config.seed,
        memory=2 * config.shard_mb * MIB,
        root=config.raw / source,
        out=config.out,
    )
    return plan_survey(survey, reader.card, job, config.shard_mb * MIB, remembered, progress)


def _check_names(scenes: Sequence[Scene], recipe: SourceRecipe) -> None:
    """Raise ReaderError unless every scene has a split of the recipe and a key of its own."""
    seen: dict[tuple[str, str], Scene] = {}
    for scene in scenes:
        if scene.split not in recipe.splits:
            raise ReaderError(f"{recipe.source}: {scene.files[0]} is of an unknown split {scene.split!r}")
        twin = seen.setdefault((scene.split, slug(scene.name)), scene)
        if twin is not scene:
            raise ReaderError(
                f"{recipe.source}: {scene.files[0]} and {twin.files[0]} would share keys; rename one of them"
            )
        try:
            sample_key(recipe.source, scene.split, scene.name, 0, 0)
        except KeyFormatError as error:
            raise ReaderError(f"{recipe.source}: {error}") from error
