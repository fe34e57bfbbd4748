"""Signals that ask a run to end: it ends at a step's end, with a checkpoint."""

import logging
import math
import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_ECHO = 2.0  # seconds
_log = logging.getLogger("codemae")


class Interrupt:
    """While it lasts, SIGINT and SIGTERM set `asked`; a SIGINT that comes some seconds later interrupts at once.

    Signals are left alone outside the main thread, where Python cannot catch them.
    """

    def __init__(self) -> None:
        self.asked = False
        self._first = math.inf
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Interrupt":
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._ask) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.asked:
            # torchrun passes on the SIGINT that a terminal has sent to every process already.
            if number == signal.SIGINT and now - self._first > _ECHO:
                raise KeyboardInterrupt
            return
        self.asked, self._first = True, now
        _log.warning("%s: ending after this step, with a checkpoint", signal.Signals(number).name)
