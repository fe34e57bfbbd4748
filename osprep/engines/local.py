"""Processes of this machine. One worker runs in the calling process."""

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from typing import Protocol

from manifests import Sidecar
from osprep.errors import BuildError
from osprep.shard import spare_torch
from osprep.task import Task

Work = Callable[[Task], Sidecar]


class Engine(Protocol):
    """What a driver is called like."""

    def __call__(self, tasks: Sequence[Task], work: Work, workers: int) -> Generator[Sidecar, None, None]:
        """Yield `work(task)` for every task, in any order; once the generator is closed, nothing runs any more."""


def run_local(tasks: Sequence[Task], work: Work, workers: int) -> Generator[Sidecar, None, None]:
    """Run tasks in `workers` processes, or in this one when that is 1.

    Raises what a task raises, and BuildError that names the task when its process dies.
    """
    if workers == 1 or len(tasks) <= 1:
        yield from map(work, tasks)
        return
    slots = [_Slot() for _ in range(min(workers, len(tasks)))]
    waiting = list(reversed(tasks))
    running: dict[Future[Sidecar], tuple[_Slot, Task]] = {}
    try:
        while waiting or running:
            busy = {id(slot) for slot, _ in running.values()}
            for slot in slots:
                if waiting and id(slot) not in busy:
                    task = waiting.pop()
                    running[slot.pool.submit(work, task)] = slot, task
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield _result(future, running.pop(future)[1])
    finally:
        for slot in slots:
            slot.stop()


class _Slot:
    """A pool of one process, so that it is known which task a process died of.

    spawn: neither GDAL nor obstore survives a fork. The pipe's other end tells the process that nobody waits for it any
    more, be it after an interrupt or because this process was killed: an orphan must not write beside its successor.
    """

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        theirs, self._ours = context.Pipe(duplex=False)
        self.pool = ProcessPoolExecutor(
            1, mp_context=context, initializer=_start, initargs=(theirs, logging.getLogger().level)
        )
        # Ctrl-C reaches the whole group, but it is for this process to decide; a new one inherits what is blocked.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        self.pool.submit(os.getpid)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def stop(self) -> None:
        """End the process now; what it was writing stays a temporary."""
        self._ours.close()
        self.pool.shutdown(wait=True, cancel_futures=True)


def _start(lifeline: Connection, level: int) -> None:
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s")
    threading.Thread(target=_end_with_parent, args=(lifeline,), daemon=True).start()
    spare_torch()


def _end_with_parent(lifeline: Connection) -> None:
    lifeline.poll(None)
    os._exit(1)


def _result(future: Future[Sidecar], task: Task) -> Sidecar:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise BuildError(
            f"{task.path}: the process that wrote it was killed, often for want of memory; run the same command again, "
            f"with fewer --workers or a smaller --shard-mb in another root"
        ) from error
