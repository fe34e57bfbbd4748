"""The epoch plan: which sample stands in which slot of which step, as a pure function of the numbers of samples.

A plan knows nothing of ranks. Each step of `batch` slots is the same whatever the world size; a rank reads the slice
that `rank_slots` gives it. Nothing is carried from step to step, so any step of any epoch can be asked for first.

An unpaired step zips two streams slot by slot. The longer one sets the number of steps; the shorter runs through as
many passes as it takes, each in its own order, and both are permuted anew every epoch, so partners change. Singles of
one modality alone have no partner: beside pairs they are left out with a warning, by themselves they make no plan.

With schedule=grouped the plan is made for batch/groups slots, and group g of step k is step k·groups + g of that plan:
each group is of one kind, groups of one step may differ. The last steps of the plan that do not fill a step of all
groups are left out; being the last of a mixed order, they are of other samples every epoch.
"""

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from osloader.errors import PlanError
from osloader.kinds import Kind, Kinds
from osloader.lanes import Lanes, lay
from osloader.permute import Ints, derive
from osloader.sequence import Sequence
from osloader.uses import Stream as Stream
from osloader.uses import Uses

StreamName = Literal["paired", "optical", "sar"]
STREAMS: dict[StreamName, Kind] = {"paired": "paired", "optical": "unpaired", "sar": "unpaired"}
_log = logging.getLogger("osloader")
_BLOCKS, _WINDOWS, _KINDS, _ROUNDS = range(4)  # what a key is for


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanConfig:
    """What makes a plan besides the data.

    batch: pairs per optimiser step over the whole world. seed: 0 … 2⁶³−1. window: positions that are permuted among
    themselves. groups: equal parts of a step that choose their kind apart, with schedule=grouped. weights: uses per
    epoch and sample, by source; 1 where none is given. Raises PlanError where they do not fit each other.
    """

    batch: int
    seed: int = 0
    window: int = 256
    schedule: Literal["mixed", "grouped"] = "mixed"
    groups: int = 1
    weights: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in (("batch", self.batch), ("window", self.window), ("groups", self.groups)):
            if value < 1:
                raise PlanError(f"{name}={value}: use 1 or more")
        if not 0 <= self.seed < 1 << 63:
            raise PlanError(f"seed={self.seed}: use 0 to 2**63 - 1")
        if self.schedule not in ("mixed", "grouped"):
            raise PlanError(f"schedule={self.schedule}: use mixed or grouped")
        if self.schedule == "mixed" and self.groups != 1:
            raise PlanError(f"groups={self.groups} has no meaning with schedule=mixed; set schedule=grouped")
        if self.batch % self.groups:
            raise PlanError(f"groups={self.groups} does not divide batch={self.batch}; change one of them")
        for source, weight in self.weights.items():
            if not (math.isfinite(weight) and weight >= 0):
                raise PlanError(f"weights: {source} has weight {weight}; use a number of 0 or more")

    @property
    def group_batch(self) -> int:
        """Slots of a group; all slots of a step where there are no groups."""
        return self.batch // self.groups


class Span(NamedTuple):
    """Samples start … stop−1 of a shard."""

    shard: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True, eq=False)
class SlotReads:
    """What slots read from a stream: int64 arrays, one value per slot.

    shard, index: the sample, counted within the shard after selection. lane, window: the window that holds it.
    position: its place in the stream's sequence of the epoch, by which `EpochPlan.window` lists a window's samples.
    """

    shard: Ints
    index: Ints
    lane: Ints
    window: Ints
    position: Ints


class Plan:
    """Every epoch of a dataset. Raises PlanError when data, batch and weights give no plan.

    steps: optimiser steps per epoch. paired_steps, unpaired_steps: steps of each kind in the mixed order, counted in
    groups with schedule=grouped; a kind without samples has none.
    """

    def __init__(self, config: PlanConfig, streams: Mapping[StreamName, Stream]) -> None:
        self.config = config
        _check_names(config, streams)
        names = [name for name in STREAMS if name in streams]
        keys = {name: derive(config.seed, _ROUNDS, number) for number, name in enumerate(STREAMS)}
        uses = {name: Uses(streams[name], config.weights, keys[name]) for name in names}
        self._uses = _partnered({name: each for name, each in uses.items() if each.samples})
        self.paired_steps, self.unpaired_steps = self._steps("paired"), self._steps("unpaired")
        self.steps = (self.paired_steps + self.unpaired_steps) // config.groups
        if not self.steps:
            raise PlanError(_no_steps(config, self.paired_steps + self.unpaired_steps))
        steps = {"paired": self.paired_steps, "unpaired": self.unpaired_steps}
        self._lanes = {name: lay(steps[STREAMS[name]], config.group_batch, config.window) for name in self._uses}

    def _steps(self, kind: Kind) -> int:
        have = {name: each.samples for name, each in self._uses.items() if STREAMS[name] == kind}
        if not have:
            return 0
        batch, numbers = self.config.group_batch, ", ".join(f"{name} {count}" for name, count in have.items())
        if max(have.values()) < batch:
            least = f"{batch} (batch/groups)" if self.config.groups > 1 else f"batch={batch}"
            raise PlanError(f"{kind} steps: {numbers} samples, fewer than {least}; lower batch or leave them out")
        if kind == "unpaired" and len(have) < 2:
            raise PlanError(
                f"unpaired steps: {numbers} samples, none of the other modality; add some or leave them out"
            )
        return max(have.values()) // batch

    @property
    def streams(self) -> tuple[StreamName, ...]:
        """The streams that have samples."""
        return tuple(self._uses)

    def samples(self, stream: StreamName) -> int:
        """Return how many uses of samples one pass through the stream holds."""
        return self._uses[stream].samples

    def lanes(self, stream: StreamName) -> Lanes:
        """Return how the stream's sequence is cut; the same in every epoch."""
        return self._lanes[stream]

    def epoch(self, epoch: int) -> "EpochPlan":
        """Return the plan of one epoch, 0 or later; the work grows with the number of shards."""
        if epoch < 0:
            raise PlanError(f"epoch={epoch}: use 0 or more")
        return EpochPlan(self, epoch)

    def _sequence(self, stream: StreamName, epoch: int, key: int) -> Sequence:
        lanes = self._lanes[stream]
        return Sequence(self._uses[stream].segments(epoch), lanes.count * lanes.length, key)


class EpochPlan:
    """One epoch of a plan; `steps` as in the plan, `epoch` its number."""

    def __init__(self, plan: Plan, epoch: int) -> None:
        self.epoch, self.steps, self._plan = epoch, plan.steps, plan
        seed = plan.config.seed
        numbers = {name: number for number, name in enumerate(STREAMS)}
        self._kinds = Kinds(plan.paired_steps, plan.unpaired_steps, derive(seed, _KINDS, epoch))
        self._windows = {name: derive(seed, _WINDOWS, epoch, numbers[name]) for name in plan.streams}
        self._sequences = {
            name: plan._sequence(name, epoch, derive(seed, _BLOCKS, epoch, numbers[name])) for name in plan.streams
        }

    def kind(self, step: int, slot: int = 0) -> Kind:
        """Return the kind of a step; with schedule=grouped, of the group that holds the slot."""
        return self._kinds.at(self._group_step(step, slot, slot + 1))[0]

    def slots(self, step: int, lo: int, hi: int) -> dict[StreamName, SlotReads]:
        """Return what slots lo … hi−1 of a step read: `paired`, or `optical` and `sar`, which are zipped slot by slot.

        Raises PlanError when step or slots are outside the plan or the slots belong to more than one group.
        """
        kind, order = self._kinds.at(self._group_step(step, lo, hi))
        slots = np.arange(lo, hi) % self._plan.config.group_batch
        return {name: self._reads(name, order, slots) for name in self._sequences if STREAMS[name] == kind}

    def window(self, stream: StreamName, lane: int, window: int) -> tuple[Span, ...]:
        """Return the samples of a window in the order of their positions, as ranges; neighbouring blocks are merged."""
        shard, index = self._sequences[stream].locate(np.arange(*self._plan.lanes(stream).bounds(lane, window)))
        cuts = np.flatnonzero((np.diff(shard) != 0) | (np.diff(index) != 1)) + 1
        starts, lasts = np.concatenate([[0], cuts]), np.concatenate([cuts, [len(shard)]]) - 1
        columns = shard[starts].tolist(), index[starts].tolist(), (index[lasts] + 1).tolist()
        return tuple(Span(*row) for row in zip(*columns, strict=True))

    def _reads(self, stream: StreamName, order: int, slots: Ints) -> SlotReads:
        places = self._plan.lanes(stream).places(order, slots, self._windows[stream])
        shard, index = self._sequences[stream].locate(places.position)
        return SlotReads(shard, index, places.lane, places.window, places.position)

    def _group_step(self, step: int, lo: int, hi: int) -> int:
        """Return the step of the mixed order that slots lo … hi−1 belong to."""
        config = self._plan.config
        if not 0 <= step < self.steps:
            raise PlanError(f"step {step} is outside an epoch of {self.steps} steps; count from 0")
        if not 0 <= lo < hi <= config.batch:
            raise PlanError(f"slots {lo} to {hi} are outside a batch of {config.batch}; count from 0")
        group = lo // config.group_batch
        if hi > (group + 1) * config.group_batch:
            raise PlanError(f"slots {lo} to {hi} cross groups of {config.group_batch}; ask for each group apart")
        return step * config.groups + group


def rank_slots(
    batch: int, rank: int, world: int, micro_batches: int = 1, micro: int = 0, *, groups: int = 1
) -> tuple[int, int]:
    """Return the first slot of a rank's micro-batch and the one past its last.

    Each rank takes a contiguous slice of the batch, and its micro-batches cut that slice. Raises PlanError unless
    world · micro_batches divides batch and is a multiple of groups.
    """
    parts = world * micro_batches
    if batch % parts:
        raise PlanError(
            f"batch={batch} cannot be shared evenly by {world} ranks of {micro_batches} micro-batches ({parts} parts); "
            f"use a batch that is a multiple of {parts}, or other ranks or accumulation"
        )
    if parts % groups:
        raise PlanError(
            f"groups={groups}: {world} ranks of {micro_batches} micro-batches make {parts} parts, not a multiple of "
            f"{groups}; change the accumulation, so that each micro-batch lies within one group"
        )
    if not (0 <= rank < world and 0 <= micro < micro_batches):
        raise PlanError(f"rank {rank} of {world}, micro-batch {micro} of {micro_batches}: both count from 0")
    size = batch // parts
    first = (rank * micro_batches + micro) * size
    return first, first + size


def _partnered(uses: dict[StreamName, Uses]) -> dict[StreamName, Uses]:
    """Leave out singles of one modality when there are none of the other but pairs to train on."""
    singles = [name for name in uses if STREAMS[name] == "unpaired"]
    if len(singles) != 1 or "paired" not in uses:
        return uses
    _log.warning(
        "%d %s images are left out: none of the other modality to show beside them",
        uses[singles[0]].samples,
        singles[0],
    )
    return {"paired": uses["paired"]}


def _check_names(config: PlanConfig, streams: Mapping[StreamName, Stream]) -> None:
    for name in streams:
        if name not in STREAMS:
            raise PlanError(f"stream {name}: use {', '.join(STREAMS)}")
    known = {source for stream in streams.values() for source in stream.sources or ()}
    if unknown := sorted(set(config.weights) - known):
        raise PlanError(f"weights: no source {unknown[0]} in the data; there are {', '.join(sorted(known)) or 'none'}")


def _no_steps(config: PlanConfig, have: int) -> str:
    if have:
        return f"{have} steps of {config.group_batch} do not fill one of {config.groups} groups; lower batch or groups"
    return "no samples to plan with; check the selection and the weights"
