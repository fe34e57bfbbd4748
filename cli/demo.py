"""The main job end to end, on simulated imagery: raw archives → shards → stream over HTTP → pretraining → one page."""

import time
from pathlib import Path

import typer

from cli.app import INCOMPLETE, note
from cli.serve import serve
from codemae import TrainResult, read_log, resolve, train
from osprep import (
    BuildConfig,
    BuildResult,
    Chart,
    Image,
    RehearsalResult,
    Section,
    available_cores,
    build,
    rehearse,
    verify,
    write_report,
)

BATCH = 16


def run_demo(out: Path, steps: int) -> None:
    """Run every stage into `out`; exit 0 when nothing but planted defects failed. A second run goes on or redraws."""
    started = time.monotonic()
    note("1/5 rehearse: simulated miniatures of the sources, in their true layouts, with planted defects")
    rehearsal = rehearse(out / "raw", None, 0)
    note("2/5 build: tiles, shards, manifests, catalogue")
    result = build(BuildConfig(raw=out / "raw", out=str(out / "dataset"), workers=available_cores(), shard_mb=8))
    for source in result.sources:
        note(f"    {source.source}: {source.written} of {source.planned} samples in {source.shards} shards")
    note("3/5 verify: every byte against the catalogue")
    if verify(str(out / "dataset")).exit_code:
        note(f"the dataset does not verify; look with: osprep verify {out / 'dataset'}")
        raise typer.Exit(4)
    with serve(out / "dataset") as url:
        note(f"4/5 train: codemae preset=tiny, {steps} steps of {BATCH} pairs, streamed from {url}")
        settings = ["preset=tiny", f"steps={steps}", f"batch={BATCH}", f"checkpoint_every={steps}"]
        trained = train(resolve([f"data={url}", f"out={out / 'run'}", *settings], None))
    note("5/5 report")
    page = write_report(str(out / "dataset"), extra=(_training_section(trained, out / "run"),), out=out / "report")
    _say_where(out, page, time.monotonic() - started)
    raise typer.Exit(_exit_code(result, rehearsal))


def _training_section(trained: TrainResult, run: Path) -> Section:
    pictures = sorted((run / "pictures").glob("step-*.png"))
    chosen = [pictures[0], pictures[-1]] if len(pictures) > 1 else pictures
    images = tuple(Image(f"Reconstructions after {int(p.stem.removeprefix('step-'))} steps", p) for p in chosen)
    text = (
        f"{trained.steps} steps of preset tiny, streamed from the shard URLs, on this machine's CPU. The loss is the "
        "sum of masked reconstruction, cross-modal reconstruction and contrastive alignment. "
        "A few dozen steps show that the machinery works, not what the method learns."
    )
    return Section("Pretraining from the shards", text, images, _curves(run))


def _curves(run: Path) -> tuple[Chart, ...]:
    """Return the terms of the loss over the steps: reconstructions, and contrast, whose scale is another."""
    log = read_log(run / "log.jsonl")

    def points(term: str) -> list[tuple[float, float]]:
        return [(float(line["step"]), float(line[term])) for line in log if term in line and line["kind"] != "unpaired"]

    pixels = {"masked reconstruction": points("mae"), "cross-modal reconstruction": points("cross")}
    return (
        Chart("Reconstruction losses, paired steps", pixels, "step", "loss"),
        Chart("Contrastive loss, paired steps", {"contrastive": points("contrastive")}, "step", "loss"),
    )


def _say_where(out: Path, page: str, seconds: float) -> None:
    note(f"\ndone in {seconds:.0f} s. Look at: {page}")
    note(f"  the dataset   {out / 'dataset'}  (catalog.json, paired.parquet, unpaired.parquet, shards/)")
    note(f"  the training  {out / 'run'}  (log.jsonl, tensorboard/, pictures/, model.safetensors)")
    note("next:")
    note("  osprep sources                          which datasets there are and how to get them")
    note("  osprep build --raw RAW --out s3://…     build from real imagery (README: Build from real data)")
    note("  codemae train --data s3://… --out RUN   train from where the shards are")


def _exit_code(result: BuildResult, rehearsal: RehearsalResult) -> int:
    """Return 0 when the failures are those that were planted, by source and reason."""
    planted = {source.source: source.failures for source in rehearsal.sources}
    unexpected = [s.source for s in result.sources if dict(s.failed) != dict(planted.get(s.source, {}))]
    if unexpected or result.errors:
        note(f"more failed than was planted: {', '.join(unexpected) or result.errors[0]}")
        return INCOMPLETE
    return 0
