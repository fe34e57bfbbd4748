"""`osloader`: shards to batches."""

from pathlib import Path
from typing import Annotated

import typer

from cli.app import make_app, note
from osloader import Loader, LoaderConfig, OsloaderError

app = make_app("Stream OSPretrain-1M shards from S3, HTTP or disk into PyTorch.", OsloaderError)
main = app


@app.command()
def show(
    url: Annotated[str, typer.Argument(help="Root of a dataset or shard pattern.")],
    step: Annotated[int, typer.Option("--step", min=0, help="Which optimiser step of the run to draw.")] = 0,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Pairs per step.")] = 16,
    seed: Annotated[int, typer.Option("--seed")] = 0,
    out: Annotated[Path, typer.Option("--out", help="PNG to write.")] = Path("batch.png"),
) -> None:
    """Draw a batch as training sees it: crops of each slot, optical above SAR."""
    from cli.contact import draw_batch

    with Loader(url, LoaderConfig(batch=batch, seed=seed), rank=0, world=1) as loader:
        loader.seek(step)
        out.write_bytes(draw_batch(next(iter(loader))))
    note(f"step {step}: {out}")
