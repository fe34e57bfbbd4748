import logging
import threading
import time
from concurrent.futures import Future

import pytest

from osloader import ClosedError, StalledError
from osloader.counters import Counters
from osloader.workers import ByteBudget, Workers, wait


def test_jobs_run_and_their_errors_come_out() -> None:
    workers = Workers("test", 3)
    futures = [workers.submit(lambda number=number: number**2) for number in range(50)]
    failing = workers.submit(lambda: 1 // 0)
    assert [wait(future, 10, "a square") for future in futures] == [number**2 for number in range(50)]
    with pytest.raises(ZeroDivisionError):
        wait(failing, 10, "a quotient")
    workers.close()
    with pytest.raises(ClosedError):
        workers.submit(lambda: 0)


def test_closing_frees_whoever_waits_for_work_that_hangs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("osloader.workers.PATIENCE", 0.05)
    release, started = threading.Event(), threading.Event()
    workers = Workers("test", 1)
    hanging = workers.submit(lambda: (started.set(), release.wait(30)))
    queued = workers.submit(lambda: 0)
    assert started.wait(10)
    with caplog.at_level(logging.WARNING, "osloader"):
        workers.close()
    assert "osloader-test-0: still busy" in caplog.text
    for future in (hanging, queued):
        with pytest.raises(ClosedError):
            wait(future, 10, "nothing")
    release.set()
    for thread in threading.enumerate():
        if thread.name.startswith("osloader-test"):
            thread.join(10)


def test_a_wait_says_what_it_waited_for() -> None:
    never: Future[int] = Future()
    with pytest.raises(StalledError, match=r"shards/a\.tar samples 0–64: nothing came within 0.01 s"):
        wait(never, 0.01, "shards/a.tar samples 0–64")
    own: Future[int] = Future()
    own.set_exception(TimeoutError("the job's own"))
    with pytest.raises(TimeoutError, match="the job's own"):
        wait(own, 10, "anything")


def test_bytes_in_flight_stay_below_the_limit() -> None:
    budget, lock = ByteBudget(100), threading.Lock()
    now = most = 0

    def read(amount: int) -> None:
        nonlocal now, most
        with budget.hold(amount, 30, "a read"):
            with lock:
                now += amount
                most = max(most, now if amount <= 100 else 0)
            time.sleep(0.001)
            with lock:
                now -= amount

    workers = Workers("test", 8)
    futures = [workers.submit(lambda amount=amount: read(amount)) for amount in [30, 60, 45, 250, 100, 5] * 8]
    for future in futures:
        wait(future, 60, "a read")
    workers.close()
    assert 0 < most <= 100


def test_waiting_for_room_ends_at_the_deadline_or_when_closed() -> None:
    budget = ByteBudget(10)
    with budget.hold(10, 1, "first"):
        with pytest.raises(StalledError, match=r"second: waited 0.01 s for room"), budget.hold(1, 0.01, "second"):
            pass
        budget.close()
        with pytest.raises(ClosedError), budget.hold(1, 30, "third"):
            pass


def test_counters_add_up_and_fit_one_line() -> None:
    counters, workers = Counters(), Workers("test", 4)
    for future in [workers.submit(lambda: counters.add(samples=1, io=0.5, decode=1.5)) for _ in range(200)]:
        wait(future, 10, "adding")
    workers.close()
    assert (counters.samples, counters.io, counters.decode) == (200, 100.0, 300.0)
    assert "200 pairs" in counters.summary()
    assert "I/O 25%" in counters.summary()
    assert "\n" not in counters.summary()
    assert counters.as_dict()["samples"] == 200
