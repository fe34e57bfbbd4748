"""What became of a task's planned samples."""

from collections import Counter
from dataclasses import dataclass, field

from manifests import Histogram, Modality
from osprep.scene import Scene
from osprep.shard import Record

MAX_FAILURES = 100  # lines kept in a sidecar


@dataclass(slots=True)
class Tally:
    """What became of a task's planned samples, and what was counted on the way."""

    records: list[Record] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    failed_scenes: set[str] = field(default_factory=set)
    histograms: dict[Modality, Histogram] = field(default_factory=dict)

    def fail(self, scene: Scene, reason: str, samples: int, message: str) -> None:
        """Count samples of a scene as failed and keep one line about it."""
        self.failed[reason] += samples
        self.failed_scenes.add(scene.name)
        self.failures.append(" ".join(f"{scene.name}: {reason}: {message}".split()))

    def lines(self) -> tuple[str, ...]:
        """Return the failures, the first hundred of them with the number of the others."""
        more = len(self.failures) - MAX_FAILURES
        return (*self.failures[:MAX_FAILURES], *([f"and {more} more"] if more > 0 else []))
