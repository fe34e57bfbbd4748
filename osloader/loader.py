"""The loader: a dataset as an iterable of this rank's micro-batches, exact about where it stands."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2

from manifests import Modality
from osloader.batch import Batch
from osloader.config import LoaderConfig
from osloader.counters import Counters
from osloader.dataset import Dataset, open_dataset
from osloader.errors import ConfigError, StateError
from osloader.normalise import Normalisation
from osloader.pipeline import Pipeline
from osloader.run import prepare
from osloader.world import world_from_environment


class Loader:
    """Stream a dataset, given open or by URL, into training.

        with Loader("s3://bucket/ospretrain", LoaderConfig(batch=1024, micro_batch=64)) as loader:
            for epoch in range(epochs):
                for batch in loader:
                    ...

    Iterating hands out this rank's micro-batches from where the loader stands to the end of the epoch; iterating again
    goes on with the next one, or, after a `break`, where it was left. rank and world come from torchrun's variables
    unless given. Decoding uses threads of this process; OpenCV's own are switched off. Raises ConfigError, PlanError
    and the errors of the store when opened; DataError, StalledError and those of the store while iterating.
    """

    def __init__(
        self, dataset: Dataset | str | Path, config: LoaderConfig, rank: int | None = None, world: int | None = None
    ) -> None:
        cv2.setNumThreads(0)  # our threads take one image each
        self.rank, self.world = world_from_environment(rank, world)
        self.dataset = dataset if isinstance(dataset, Dataset) else open_dataset(dataset)
        self.config = config
        self._run = prepare(self.dataset, config, self.rank, self.world)
        self._done = 0  # micro-batches handed out since the run began
        self._pipeline: Pipeline | None = None

    def __len__(self) -> int:
        """Return this rank's micro-batches in a whole epoch."""
        return self.steps_per_epoch * self.micro_batches

    def __iter__(self) -> Iterator[Batch]:
        self.close()
        epoch, number = divmod(self._done, len(self))
        pipeline = self._pipeline = Pipeline(self._run, epoch, *divmod(number, self.micro_batches))
        try:
            asked = time.perf_counter()
            for batch in pipeline:
                handed = time.perf_counter()
                self.counters.add(samples=len(batch), batches=1, stalled=handed - asked)
                self._done += 1
                yield batch
                asked = time.perf_counter()
                self.counters.add(consumer=asked - handed)
        finally:
            pipeline.close()

    def __enter__(self) -> "Loader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def steps_per_epoch(self) -> int:
        """Return the optimiser steps of an epoch, the same in every epoch."""
        return self._run.plan.steps

    @property
    def micro_batches(self) -> int:
        """Return the batches that this rank gets for each optimiser step."""
        return self._run.micro_batches

    @property
    def normalisation(self) -> Mapping[Modality, Normalisation]:
        """Return the statistics that the batches' source numbers point into."""
        return self._run.normalisation

    @property
    def counters(self) -> Counters:
        """Return what was done and waited for since the loader was made."""
        return self._run.counters

    @property
    def step(self) -> int:
        """Return the optimiser steps handed out in full, over the whole run."""
        return self._done // self.micro_batches

    @property
    def epoch(self) -> int:
        """Return the epoch that the next batch belongs to."""
        return self._done // len(self)

    def seek(self, step: int) -> None:
        """Stand at the beginning of an optimiser step, counted over the whole run from 0."""
        if step < 0:
            raise ConfigError(f"step={step}: use 0 or more")
        self.close()
        self._done = step * self.micro_batches

    def set_epoch(self, epoch: int) -> None:
        """Stand at the beginning of an epoch; in the epoch where the loader already stands, stay at the place.

        So the usual `for epoch in …: loader.set_epoch(epoch)` neither repeats nor skips anything after a resume.
        """
        if epoch != self.epoch:
            self.seek(epoch * self.steps_per_epoch)

    def state_dict(self) -> dict[str, Any]:
        """Return where the consumer is, in whole steps: batches made ahead, or of an unfinished step, do not count."""
        return {**self._run.identity, "epoch": self.step // self.steps_per_epoch, "step": self.step}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state, also of another world size or thread count.

        Raises StateError when it was saved with another dataset, seed, batch or plan, naming what differs.
        """
        differing = [name for name, here in self._run.identity.items() if state.get(name) != here]
        if differing:
            told = "; ".join(
                f"{name}: saved {state.get(name)!r}, here {self._run.identity[name]!r}" for name in differing
            )
            raise StateError(f"the saved state belongs to another run ({told}); use its settings or start anew")
        step = state.get("step")
        if not isinstance(step, int) or step < 0 or state.get("epoch") != step // self.steps_per_epoch:
            raise StateError(f"the saved state is damaged (step {step!r}, epoch {state.get('epoch')!r}); use another")
        self.seek(step)

    def close(self) -> None:
        """End the threads of an iteration under way; the loader can be iterated again."""
        if self._pipeline is not None:
            self._pipeline.close()
            self._pipeline = None
