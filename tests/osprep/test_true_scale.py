"""Plans at the true size and shape of every source, without a pixel: scene lists in, counts and shards out."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from manifests import Kind, Progress, read_card
from osprep import SourcePlan
from osprep.plan import MIB, plan_survey
from osprep.recipe import SourceRecipe, resolve
from osprep.scene import Scene, Survey, Window
from osprep.table1 import TABLE_1, TOTALS, Found, Verdict, compare
from osprep.task import Job
from osprep.windows import plan_windows

Parts = dict[str, list[tuple[int, int, int]]]  # by split: number of scenes, their height and width
# Scenes as published, or as many as Table I counts where nothing better is known (ddhr, gfge-so, unpaired sets).
SCENES: dict[str, Parts] = {
    "spacenet6": {"train": [(3_401, 900, 900)]},
    "qxs-saropt": {"all": [(20_000, 256, 256)]},
    "ddhr": {"xian": [(7_831, 256, 256)]},
    "whu-opt-sar": {"train": [(68, 3704, 5556), (12, 3704, 5555)]},
    "dfc23": {
        "t1train": [(3_720, 512, 512)],
        "t1val": [(1_549, 512, 512)],
        "t2train": [(1_773, 512, 512)],
        "t2val": [(579, 512, 512)],
        "t2test": [(605, 512, 512)],
    },
    "ogsod-2": {"train": [(14_250, 256, 256)], "val": [(2_035, 256, 256)]},
    "gfge-so": {"train": [(30_000, 256, 256)]},
    "oem-sar": {"train": [(4_333, 1024, 1024)]},
    "earthmiss": {"all": [(3_355, 1024, 1024)]},
    "osdataset-2": {"all": [(3_803, 512, 512)]},
    "rsd46": {"train": [(99_000, 256, 256)], "val": [(10_157, 256, 256)]},
    "fair1m": {"train": [(16_488, 1000, 1000)]},
    "fair-csar": {"sl": [(20_000, 1024, 1024)], "fsi": [(13_214, 1024, 1024)]},
    "sardet-180k": {"all": [(40_000, 64, 48), (117_733, 512, 640)]},
    "atrnet-star": {"train": [(68_091, 128, 128)]},
}
COUNTS: dict[str, tuple[int, int, Verdict]] = {  # planned samples, shards of 256 MiB, verdict
    "spacenet6": (30_609, 23, "reported"),
    "qxs-saropt": (20_000, 15, "as expected"),
    "ddhr": (7_831, 6, "as expected"),
    "whu-opt-sar": (80 * 21 * 14, 18, "as expected"),
    "dfc23": ((5_269 + 2_957) * 4, 27, "within tolerance"),
    "ogsod-2": (16_285, 13, "as expected"),
    "gfge-so": (30_000, 23, "as expected"),
    "oem-sar": (4_333 * 16, 52, "within tolerance"),
    "earthmiss": (53_680, 40, "reported"),
    "osdataset-2": (15_212, 12, "as expected"),
    "rsd46": (109_157, 62, "as expected"),
    "fair1m": (148_392, 84, "reported"),
    "fair-csar": (33_214, 98, "as expected"),
    "sardet-180k": (157_733, 110, "as expected"),
    "atrnet-star": (68_091, 4, "as expected"),
}
Sizes = dict[str, tuple[int, int]]


def scenes_of(source: str, sizes: Sizes) -> Iterator[Scene]:
    """Yield a source's scenes; remember their heights and widths by name."""
    kind = read_card(source).kind
    for split, parts in SCENES[source].items():
        shapes = [(height, width) for count, height, width in parts for _ in range(count)]
        for number, shape in enumerate(shapes, 1):
            name = f"{split}/Scene {number}"
            sizes[name] = shape
            optical = f"{split}/optical/{number}.tif" if kind != "sar" else None
            sar = f"{split}/sar/{number}.tif" if kind != "optical" else None
            yield Scene(source=source, split=split, name=name, optical=optical, sar=sar)


def plan_of(source: str, seed: int = 0) -> SourcePlan:
    """Plan a source from nothing but sizes."""
    card, sizes = read_card(source), Sizes()
    recipe = resolve(card)
    root, out = Path("nowhere") / source, "out"
    job = Job(
        source=source, settings="", recipe=recipe, licence="", codec="tif", seed=seed, memory=MIB, root=root, out=out
    )

    def windows_of(scene: Scene, root: Path, recipe: SourceRecipe) -> tuple[Window, ...]:
        return plan_windows(*sizes[scene.name], recipe.tile)

    survey = Survey(tuple(scenes_of(source, sizes)))
    return plan_survey(survey, card, job, 256 * MIB, {}, Progress, windows_of)


def test_the_cards_add_up_to_the_totals_of_the_paper() -> None:
    totals: dict[str, int] = {}
    for source in TABLE_1:
        card = read_card(source)
        totals[card.kind] = totals.get(card.kind, 0) + (card.expected.count or 0)
    assert totals == TOTALS


@pytest.mark.parametrize("source", TABLE_1)
def test_samples_and_shards_of_a_source_at_true_size(source: str) -> None:
    planned, (samples, shards, verdict) = plan_of(source), COUNTS[source]
    card = planned.card
    kind: Kind = card.kind  # type: ignore[assignment]
    assert (planned.planned(kind), planned.planned(), len(planned.tasks)) == (samples, samples, shards)
    (line,) = compare({source: Found({kind: samples})}, {source: card}).lines
    assert (line.verdict, line.mismatch) == (verdict, False)
    assert len({scene.name for scene in planned.scenes}) == sum(
        count for parts in SCENES[source].values() for count, _, _ in parts
    ), "every scene is dealt once"
    for task in planned.tasks:
        size = sum(scene.bytes or 0 for scene in task.scenes)
        largest = max(scene.bytes or 0 for scene in task.scenes)
        assert 0 < size <= 256 * MIB + largest


def test_a_seed_deals_otherwise_and_the_same_seed_alike() -> None:
    one, same, other = (plan_of("spacenet6", seed) for seed in (0, 0, 1))
    assert one.tasks == same.tasks
    assert [task.path for task in one.tasks] == [task.path for task in other.tasks]
    assert one.scenes != other.scenes


def test_memory_goes_with_scenes_and_stays_small() -> None:
    tracemalloc.start()
    planned = plan_of("qxs-saropt")
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(planned.scenes) == 20_000
    assert held < 20_000 * 1_500, "bytes per scene: 500,000 scenes of all sources take well under 1 GB"
    assert peak < 20_000 * 2_500
