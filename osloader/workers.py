"""Threads that end when they are told to, and waits that have a deadline."""

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, InvalidStateError
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Condition, RLock, Thread, current_thread
from typing import Any, TypeVar

from osloader.errors import ClosedError, StalledError

PATIENCE = 5.0  # seconds that closing waits for work in progress
_CLOSED = "the loader was closed; iterate again to go on"
_log = logging.getLogger("osloader")
T = TypeVar("T")
Job = tuple["Future[Any]", Callable[[], Any]]


class Workers:
    """A pool that works through its queue in order.

    Unlike `concurrent.futures` pools it can be closed while a job hangs in a read: everything still to come fails with
    ClosedError at once, and the thread in question, a daemon, ends when its read does.
    """

    def __init__(self, name: str, count: int) -> None:
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._open: set[Future[Any]] = set()
        self._lock = RLock()  # closing may come from the garbage collector, at any allocation of any thread
        self._closed = False
        self._threads = [
            Thread(target=_work, args=(self._queue,), name=f"osloader-{name}-{number}", daemon=True)
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Callable[[], T]) -> "Future[T]":
        """Queue a job; raise ClosedError after `close`."""
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise ClosedError(_CLOSED)
            self._open.add(future)
        future.add_done_callback(self._forget)
        self._queue.put((future, job))
        return future

    def close(self) -> None:
        """Fail what is not done, end the threads, and warn of one that is still busy after a few seconds."""
        with self._lock:
            self._closed = True
            unfinished = list(self._open)
        for future in unfinished:
            _settle(future, ClosedError(_CLOSED))
        for _ in self._threads:
            self._queue.put(None)
        until = time.monotonic() + PATIENCE
        others = [thread for thread in self._threads if thread is not current_thread()]
        for thread in others:
            thread.join(max(until - time.monotonic(), 0))
        if busy := [thread.name for thread in others if thread.is_alive()]:
            _log.warning("%s: still busy; ends with the read it is in", ", ".join(busy))

    def _forget(self, future: "Future[Any]") -> None:
        with self._lock:
            self._open.discard(future)


class ByteBudget:
    """Bytes that may be on their way at a time. One amount above the limit is let through when nothing else is."""

    def __init__(self, limit: int) -> None:
        self._limit, self._used, self._closed = limit, 0, False
        self._changed = Condition()

    @contextmanager
    def hold(self, amount: int, deadline: float, what: str) -> Iterator[None]:
        """Count the amount while the context lasts; wait for room up to `deadline` seconds, else raise StalledError."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._closed or self._fits(amount), deadline):
                raise StalledError(f"{what}: waited {deadline:g} s for room among {self._limit:,} bytes in flight")
            if self._closed:
                raise ClosedError(_CLOSED)
            self._used += amount
        try:
            yield
        finally:
            with self._changed:
                self._used -= amount
                self._changed.notify_all()

    def close(self) -> None:
        """Wake all who wait, with ClosedError."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _fits(self, amount: int) -> bool:
        return self._used == 0 or self._used + amount <= self._limit


def wait(future: "Future[T]", deadline: float, what: str) -> T:
    """Return a future's result, or raise StalledError that says what did not come within `deadline` seconds."""
    try:
        return future.result(deadline)
    except TimeoutError:
        if future.done():  # the job's own
            raise
        raise StalledError(
            f"{what}: nothing came within {deadline:g} s; check the store and the network, or raise `deadline`"
        ) from None


def _work(queue: "SimpleQueue[Job | None]") -> None:
    while (item := queue.get()) is not None:
        future, job = item
        if not future.done():
            _run(future, job)
        del item, future, job  # or an idle thread would keep a batch in memory


def _run(future: "Future[Any]", job: Callable[[], Any]) -> None:
    try:
        outcome = job()
    except BaseException as error:  # it belongs to whoever waits for the future
        _settle(future, error)
        return
    try:
        future.set_result(outcome)
    except InvalidStateError:  # closed in the meantime
        return


def _settle(future: "Future[Any]", error: BaseException) -> None:
    try:
        future.set_exception(error)
    except InvalidStateError:
        return
