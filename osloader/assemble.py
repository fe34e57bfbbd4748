"""Micro-batches made of images: decode, crop and place each one into tensors that exist beforehand."""

import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import torch

from manifests import MODALITIES, Modality
from osloader.augment import CropConfig, Drawn, crop_box, resize_into
from osloader.batch import Batch
from osloader.counters import Counters
from osloader.decode import decode
from osloader.kinds import Kind
from osloader.windows import Place
from osloader.workers import Workers, wait

GRACE = 5.0  # seconds more than a worker waits, whose error names the bytes that did not come


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What turns bytes into a batch: seed, crops, views of each image, bands by modality; deadline in seconds."""

    seed: int
    crop: CropConfig
    views: int
    bands: Mapping[Modality, int]
    deadline: float


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """A micro-batch to make: slots first … of a run's step, with the place of each one's images."""

    step: int
    epoch: int
    kind: Kind
    first: int
    places: Mapping[Modality, list[Place]]

    def __len__(self) -> int:
        return len(self.places["optical"])


class Assembly:
    """A micro-batch in the making, one job per slot."""

    def __init__(self, task: Task, recipe: Recipe, workers: Workers, counters: Counters) -> None:
        self._task, self._recipe, self._counters = task, recipe, counters
        side = recipe.crop.size
        self._tensors = {
            modality: torch.empty((len(task), recipe.views, recipe.bands[modality], side, side), dtype=torch.uint8)
            for modality in MODALITIES
        }
        arrays = {modality: tensor.numpy() for modality, tensor in self._tensors.items()}
        self._jobs: list[Future[tuple[str, ...]]] = [
            workers.submit(partial(_fill, task, number, recipe, arrays, counters)) for number in range(len(task))
        ]

    def finish(self) -> Batch:
        """Wait for every slot and return the batch; the first slot that failed raises its error here."""
        task, deadline = self._task, self._recipe.deadline + GRACE
        keys = [
            wait(job, deadline, f"step {task.step}: slot {task.first + number}")
            for number, job in enumerate(self._jobs)
        ]
        optical_key, sar_key = zip(*keys, strict=True)
        sources = {modality: torch.tensor([place.source for place in task.places[modality]]) for modality in MODALITIES}
        return Batch(
            step=task.step,
            epoch=task.epoch,
            kind=task.kind,
            slot=torch.arange(task.first, task.first + len(task)),
            optical=self._tensors["optical"],
            sar=self._tensors["sar"],
            optical_source=sources["optical"],
            sar_source=sources["sar"],
            optical_key=optical_key,
            sar_key=sar_key,
        )


def _fill(
    task: Task, number: int, recipe: Recipe, out: Mapping[Modality, npt.NDArray[np.uint8]], counters: Counters
) -> tuple[str, ...]:
    """Write all views of a slot's two images; return their keys."""
    keys = []
    for modality in MODALITIES:
        begun = time.perf_counter()
        place = task.places[modality][number]
        block = wait(place.block, recipe.deadline, f"step {task.step}: {place.where}")
        arrived = time.perf_counter()
        image = block.image(place.number, modality)
        pixels = decode(image.data, recipe.bands[modality], image.height, image.width, image.where)
        decoded = time.perf_counter()
        drawn: Drawn = "pair" if task.kind == "paired" else modality
        for view in range(recipe.views):
            box = crop_box(
                recipe.seed, task.step, task.first + number, drawn, view, image.height, image.width, recipe.crop
            )
            resize_into(pixels, box, out[modality][number, view])
        keys.append(image.key)
        counters.add(io=arrived - begun, decode=decoded - arrived, augment=time.perf_counter() - decoded)
    return tuple(keys)
