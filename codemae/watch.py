"""What one can watch while a run goes on: log, TensorBoard, progress, pictures. Only the main process writes."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from codemae.curves import draw_curves
from codemae.log import LOG, RunLog, read_log
from codemae.pictures import Samples, draw
from codemae.report import StepReport, check_finite
from codemae.step import Learner
from manifests import Progress
from osloader import Batch

PICTURES, SAMPLES, CURVES = "pictures", "samples.safetensors", "loss.png"


class Watch:
    """The reports of a run of which `done` steps are done. `line` is the log's newest."""

    def __init__(self, learner: Learner, out: Path, done: int) -> None:
        self._learner, self._out = learner, out
        self._pending: StepReport | None = None
        self._open = ExitStack()
        self.line: dict[str, Any] = {}
        if not learner.world.main:
            return
        (out / PICTURES).mkdir(parents=True, exist_ok=True)
        saved = out / PICTURES / SAMPLES
        self._samples = Samples.load(saved) if done and saved.exists() else None
        self._log = self._open.enter_context(RunLog(out, done, learner.config.log_every))
        self._progress = self._open.enter_context(Progress("train", learner.schedule.total, "step", done))
        self.line = next(reversed(read_log(out / LOG)), {})

    def __enter__(self) -> "Watch":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def take(self, report: StepReport, batches: Sequence[Batch]) -> None:
        """Keep a step's report for `settle`, and the images of the run's first paired batch, or else its first."""
        self._pending = report
        if self._learner.world.main and not (self._samples and self._samples.paired):
            found = next((batch for batch in batches if batch.kind == "paired"), None)
            if found is not None or self._samples is None:
                self._samples = Samples.of(found or batches[0])
                self._samples.save(self._out / PICTURES / SAMPLES)

    def settle(self) -> bool:
        """Write the step that was taken last, waiting for its figures; tell whether any process was asked to end.

        Raises NonFiniteError, on all processes.
        """
        if self._pending is None:
            return False
        report, self._pending = self._pending, None
        line, asked = report.record()
        check_finite(line, report.keys, self._out, self._learner.world.rank)
        self.line = line
        if self._learner.world.main:
            self._log.write(line)
            self._progress.update(1, loss=f"{line['loss']:.4f}", pairs_per_s=f"{line['pairs_per_s']:.1f}")
        return asked

    def sync(self) -> None:
        """Bring the log to the disk."""
        if self._learner.world.main:
            self._log.sync()

    def draw(self, done: int) -> None:
        """Draw the curves, and what the model makes of its samples after so many steps."""
        learner = self._learner
        if not learner.world.main:
            return
        draw_curves(self._out / CURVES, read_log(self._out / LOG), learner.config.objectives)
        if self._samples is not None:
            title = f"{learner.config.preset}, {done} steps, {learner.config.mask_ratio:.0%} of the patches removed"
            file = self._out / PICTURES / f"step-{done:06d}.png"
            draw(file, learner.model, self._samples, learner.normalisation, learner.config.seed, title)
