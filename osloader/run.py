"""What stays the same while a rank streams a dataset, worked out and checked before the first byte is read."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from manifests import MODALITIES, Kind, Modality, Shard, modalities
from osloader.assemble import Recipe
from osloader.config import LoaderConfig
from osloader.counters import Counters
from osloader.dataset import Dataset
from osloader.errors import ConfigError
from osloader.normalise import Normalisation
from osloader.plan import Plan, PlanConfig, Stream, StreamName, rank_slots
from osloader.selection import Selection, select
from osloader.world import share_of_cores

STREAM: dict[Kind, StreamName] = {"pair": "paired", "optical": "optical", "sar": "sar"}
Sources = Mapping[Modality, list[int]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run:
    """The plan, this rank's share of it, and how images become batches.

    `selections` and `sources` (each shard's row of statistics, by modality) are by stream. `micro_batches` per step.
    `identity` is what another run must share to see the same batches, and so what a saved state is held against.
    """

    dataset: Dataset
    config: LoaderConfig
    plan: Plan
    selections: Mapping[StreamName, Selection]
    sources: Mapping[StreamName, Sources]
    normalisation: Mapping[Modality, Normalisation]
    recipe: Recipe
    rank: int
    world: int
    micro_batches: int
    threads: int
    counters: Counters
    identity: Mapping[str, Any]


def prepare(dataset: Dataset, config: LoaderConfig, rank: int, world: int) -> Run:
    """Work out a run; raise ConfigError or PlanError when data, options and world size do not fit each other."""
    selection = select(dataset, config.selection)
    used = replace(dataset, shards=selection.shards)
    selections = _split(selection)
    plan = Plan(_plan_config(config, used.shards), {name: _stream(part) for name, part in selections.items()})
    micro_batches = _micro_batches(config, world)
    rank_slots(config.batch, rank, world, micro_batches, groups=config.groups)
    normalisation = {modality: _normalisation(used, modality) for modality in MODALITIES}
    return Run(
        dataset=dataset,
        config=config,
        plan=plan,
        selections=selections,
        sources={name: _sources(used, part, normalisation) for name, part in selections.items()},
        normalisation=normalisation,
        recipe=Recipe(
            seed=config.seed,
            crop=config.crop,
            views=config.views,
            bands={modality: table.mean.shape[1] for modality, table in normalisation.items()},
            deadline=config.deadline,
        ),
        rank=rank,
        world=world,
        micro_batches=micro_batches,
        threads=config.threads or share_of_cores(),
        counters=Counters(),
        identity=_identity(dataset, config, plan, selection),
    )


def _identity(dataset: Dataset, config: LoaderConfig, plan: Plan, selection: Selection) -> dict[str, Any]:
    return {
        "seed": config.seed,
        "batch": config.batch,
        "lanes": {name: plan.lanes(name).count for name in plan.streams},
        "window": plan.config.window,
        "schedule": config.schedule,
        "groups": config.groups,
        "weights": dict(config.weights),
        "selection": selection.fingerprint,
        "catalogue": dataset.catalogue.fingerprint,
        "shards": dataset.fingerprint,
    }


def _split(selection: Selection) -> dict[StreamName, Selection]:
    parts: dict[StreamName, Selection] = {}
    for kind, name in STREAM.items():
        chosen = [number for number, shard in enumerate(selection.shards) if shard.kind == kind]
        if chosen:
            rows = None if selection.rows is None else tuple(selection.rows[number] for number in chosen)
            parts[name] = Selection(tuple(selection.shards[number] for number in chosen), rows, selection.fingerprint)
    return parts


def _stream(selection: Selection) -> Stream:
    return Stream(np.array(selection.lengths, np.int64), tuple(shard.source for shard in selection.shards))


def _plan_config(config: LoaderConfig, shards: tuple[Shard, ...]) -> PlanConfig:
    window = config.window
    if config.window_bytes is not None:
        samples, size = sum(shard.samples for shard in shards), sum(shard.bytes for shard in shards)
        window = max(config.window_bytes * samples // size, 1)
    return PlanConfig(
        batch=config.batch,
        seed=config.seed,
        window=window,
        schedule=config.schedule,
        groups=config.groups,
        weights=config.weights,
    )


def _micro_batches(config: LoaderConfig, world: int) -> int:
    if config.micro_batch is None:
        return 1
    if config.batch % (world * config.micro_batch):
        raise ConfigError(
            f"batch={config.batch} is not a multiple of {world} ranks × micro_batch={config.micro_batch}; "
            f"use a multiple of {world * config.micro_batch}, or another micro_batch"
        )
    return config.batch // (world * config.micro_batch)


def _normalisation(used: Dataset, modality: Modality) -> Normalisation:
    bands = used.bands(modality)
    shards = [shard for shard in used.shards if modality in modalities(shard.kind)]
    if bands is None:
        raise ConfigError(f"{used.url}: no {modality} images among the samples in use; add pairs or {modality} images")
    groups = {used.catalogue.stats_group(shard.source, shard.split, modality) for shard in shards}
    return Normalisation.of(used.catalogue, modality, sorted(groups), bands)


def _sources(used: Dataset, part: Selection, tables: Mapping[Modality, Normalisation]) -> Sources:
    """Return for each shard the row of its statistics, by modality."""
    found: dict[Modality, list[int]] = {}
    for modality in modalities(part.shards[0].kind):
        row = {group: number for number, group in enumerate(tables[modality].groups)}
        found[modality] = [
            row[used.catalogue.stats_group(shard.source, shard.split, modality)] for shard in part.shards
        ]
    return found
