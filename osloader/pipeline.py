"""From a place in an epoch to its end: windows are read ahead, micro-batches made ahead and handed out in order."""

from collections import deque
from collections.abc import Iterator
from threading import RLock

from osloader.assemble import Assembly, Task
from osloader.batch import Batch
from osloader.errors import ClosedError
from osloader.plan import rank_slots
from osloader.read import BlockReader
from osloader.run import Run
from osloader.windows import Windows
from osloader.workers import ByteBudget, Workers


class Pipeline:
    """One pass to the end of an epoch, from micro-batch `micro` of its step `step`. Call `close` in any case."""

    def __init__(self, run: Run, epoch: int, step: int, micro: int) -> None:
        self._run, config = run, run.config
        self._epoch = run.plan.epoch(epoch)
        self._readers = Workers("read", config.readers)
        self._decoders = Workers("decode", run.threads)
        self._budget = ByteBudget(config.in_flight_bytes)
        reader = BlockReader(
            run.dataset.store, run.dataset.rows, self._readers, self._budget, config.deadline, run.counters
        )
        self._windows = Windows(run.plan, self._epoch, run.selections, run.sources, reader)
        self._tasks = self._plan_tasks(step, micro)
        self._ahead: deque[tuple[Task, int]] = deque()
        self._making: deque[Assembly] = deque()
        self._samples_ahead = 0
        self._closing, self._closed = RLock(), False

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        if self._closed:
            raise ClosedError("the loader was closed; iterate again to go on")
        self._pump(max(self._run.config.prefetch, 1))
        if not self._making:
            raise StopIteration
        batch = self._making.popleft().finish()
        self._pump(self._run.config.prefetch)
        return batch

    def close(self) -> None:
        """End all threads; whoever still waits gets ClosedError."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
        self._budget.close()
        self._decoders.close()
        self._readers.close()
        self._windows.close()
        self._ahead.clear()
        self._making.clear()

    def _pump(self, making: int) -> None:
        """Start micro-batches until `making` are under way, and reads for those that follow. Does not wait."""
        while len(self._making) < making and (self._ahead or self._look_ahead()):
            task, opened = self._ahead.popleft()
            self._samples_ahead -= opened
            self._making.append(Assembly(task, self._run.recipe, self._decoders, self._run.counters))
        config = self._run.config
        enough = max(config.batch // self._run.world, self._run.plan.config.window)
        while self._samples_ahead < enough and self._look_ahead():
            pass

    def _look_ahead(self) -> bool:
        """Plan one more micro-batch and ask for the windows that it opens; tell whether there was one."""
        before = self._windows.requested
        task = next(self._tasks, None)
        if task is None:
            return False
        opened = self._windows.requested - before
        self._ahead.append((task, opened))
        self._samples_ahead += opened
        return True

    def _plan_tasks(self, step: int, micro: int) -> Iterator[Task]:
        run, plan = self._run, self._run.plan
        for number in range(step * run.micro_batches + micro, plan.steps * run.micro_batches):
            at, part = divmod(number, run.micro_batches)
            first, last = rank_slots(
                plan.config.batch, run.rank, run.world, run.micro_batches, part, groups=plan.config.groups
            )
            places = [
                self._windows.places(stream, reads) for stream, reads in self._epoch.slots(at, first, last).items()
            ]
            yield Task(
                step=self._epoch.epoch * plan.steps + at,
                epoch=self._epoch.epoch,
                kind=self._epoch.kind(at, first),
                first=first,
                places={modality: each for found in places for modality, each in found.items()},
            )
