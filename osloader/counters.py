"""What the loader did and what it waited for."""

import time
from dataclasses import dataclass, field, fields
from threading import Lock


@dataclass(slots=True)
class Counters:
    """Totals since the start, per rank. Seconds of `io`, `decode` and `augment` are summed over the worker threads.

    samples: pairs or zipped singles handed out; batches: micro-batches; bytes_read, requests: of the shards; io:
    workers waiting for bytes; stalled: the consumer waiting for a batch; consumer: its own time between batches.
    """

    samples: int = 0
    batches: int = 0
    bytes_read: int = 0
    requests: int = 0
    io: float = 0.0
    decode: float = 0.0
    augment: float = 0.0
    stalled: float = 0.0
    consumer: float = 0.0
    _lock: Lock = field(default_factory=Lock, repr=False, compare=False)
    _started: float = field(default_factory=time.perf_counter, repr=False, compare=False)

    def add(self, **amounts: float) -> None:
        """Add to totals by name; threads may call it."""
        with self._lock:
            for name, amount in amounts.items():
                setattr(self, name, getattr(self, name) + amount)

    def as_dict(self) -> dict[str, float]:
        """Return the totals by name."""
        return {item.name: getattr(self, item.name) for item in fields(self) if not item.name.startswith("_")}

    def summary(self) -> str:
        """Return one line: rates over the time since the start, and shares of waiting and working."""
        elapsed = max(time.perf_counter() - self._started, 1e-9)
        turn = max(self.stalled + self.consumer, 1e-9)
        work = max(self.io + self.decode + self.augment, 1e-9)
        return (
            f"{self.samples:,} pairs, {self.samples / elapsed:.0f}/s, {self.bytes_read / elapsed / 1e6:.1f} MB/s; "
            f"training {self.consumer / turn:.0%}, waiting for batches {self.stalled / turn:.0%}; "
            f"workers: I/O {self.io / work:.0%}, decode {self.decode / work:.0%}, augment {self.augment / work:.0%}"
        )
