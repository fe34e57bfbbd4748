"""Progress that people can follow: a bar on a terminal, one line a minute in a log."""

import sys
import time
from typing import TextIO

from tqdm import tqdm

INTERVAL = 60.0  # seconds between lines in a log


class Progress:
    """Count work done out of a total, on stderr.

    **Usage**

        with Progress("build", total=40, unit="shard") as progress:
            progress.update(1, failed=0)
    """

    def __init__(self, label: str, total: int | None, unit: str, done: int = 0, stream: TextIO | None = None) -> None:
        self.label, self.total, self.unit, self.done = label, total, unit, done
        self._stream = stream or sys.stderr
        self._started = self._spoken = time.monotonic()
        self._first = done
        self._note = ""
        terminal = self._stream.isatty()
        self._bar = (
            tqdm(desc=label, total=total, unit=unit, initial=done, file=self._stream, dynamic_ncols=True, smoothing=0.1)
            if terminal
            else None
        )

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def update(self, amount: int = 1, **figures: object) -> None:
        """Add to the count; figures are shown beside it, for example `loss="0.71"`."""
        self.done += amount
        self._note = " ".join(f"{name}={value}" for name, value in figures.items())
        if self._bar is not None:
            self._bar.set_postfix_str(self._note, refresh=False)
            self._bar.update(amount)
        elif time.monotonic() - self._spoken >= INTERVAL:
            self._speak()

    def close(self) -> None:
        """End the bar, or say the last line."""
        if self._bar is not None:
            self._bar.close()
        else:
            self._speak()

    def _speak(self) -> None:
        self._spoken = time.monotonic()
        seconds = max(self._spoken - self._started, 1e-9)
        of = f"/{self.total}" if self.total is not None else ""
        rate = (self.done - self._first) / seconds
        line = f"{self.label}: {self.done}{of} {self.unit} in {seconds:.0f} s ({rate:.2f}/s) {self._note}"
        print(line.rstrip(), file=self._stream, flush=True)
