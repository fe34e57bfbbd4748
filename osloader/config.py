"""Options of the loader."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from osloader.augment import CropConfig
from osloader.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class LoaderConfig:
    """How a dataset is streamed. Raises ConfigError for values that make no sense.

    Runs that agree in batch, seed, window, schedule, groups, weights, selection and crops see the same global batches,
    whatever the rest is. batch: pairs per optimiser step over the whole world. micro_batch: pairs per batch handed out,
    None for a rank's whole share. window: samples that are shuffled among themselves; a rank keeps one window of
    encoded samples in memory for each of its lanes (batch 1,024: 256 lanes over the world); window_bytes, when given,
    says it in bytes of the tars. schedule, groups, weights: as in `PlanConfig`. selection: a parquet or CSV file with a
    column `key`. size: side of the crops in pixels; scale, ratio: their share of the area, and width over height; flip:
    probability; views: crops of each image. threads: decoding; None for the cores this rank has, at most 16. readers:
    requests at a time; in_flight_bytes: bytes of these. prefetch: micro-batches made ahead. deadline: seconds that any
    wait may take.
    """

    batch: int
    micro_batch: int | None = None
    seed: int = 0
    window: int = 256
    window_bytes: int | None = None
    schedule: Literal["mixed", "grouped"] = "mixed"
    groups: int = 1
    weights: Mapping[str, float] = field(default_factory=dict)
    selection: str | None = None
    size: int = 224
    scale: tuple[float, float] = (0.2, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    flip: float = 0.5
    views: int = 1
    threads: int | None = None
    readers: int = 8
    in_flight_bytes: int = 1 << 28
    prefetch: int = 2
    deadline: float = 300.0

    def __post_init__(self) -> None:
        least = dict.fromkeys(("batch", "micro_batch", "window", "window_bytes", "groups", "size", "views"), 1)
        least |= {"threads": 1, "readers": 1, "in_flight_bytes": 1, "prefetch": 0}
        for name, minimum in least.items():
            value = getattr(self, name)
            if value is not None and value < minimum:
                raise ConfigError(f"{name}={value}: use {minimum} or more")
        for name, pair, limit in (("scale", self.scale, 1.0), ("ratio", self.ratio, math.inf)):
            if len(pair) != 2 or not 0 < pair[0] <= pair[1] <= limit or math.isinf(pair[1]):
                raise ConfigError(f"{name}={pair}: use two ascending numbers above 0, for scale at most 1")
        if not 0 <= self.flip <= 1:
            raise ConfigError(f"flip={self.flip}: use a probability, 0 to 1")
        if not 0 < self.deadline < math.inf:
            raise ConfigError(f"deadline={self.deadline}: use seconds above 0")

    @property
    def crop(self) -> CropConfig:
        """Return the options of the crops."""
        return CropConfig(size=self.size, scale=self.scale, ratio=self.ratio, flip=self.flip)
