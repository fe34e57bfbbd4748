"""`codemae`: batches to weights."""

from pathlib import Path
from typing import Annotated

import typer

from cli.app import make_app
from codemae import CodemaeError, resolve
from codemae import train as run_training
from osloader import OsloaderError

app = make_app("Pretrain CoDe-MAE from shard URLs.", CodemaeError, OsloaderError)
main = app

KEYS = "Over --config, for example preset=tiny steps=100 batch=16 micro_batch=8 checkpoint_every=50 seed=1"


@app.command()
def train(
    data: Annotated[str, typer.Option("--data", help="Dataset root (folder, http(s)://, s3://) or shard pattern.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for checkpoints, log and pictures.")],
    config: Annotated[Path | None, typer.Option("--config", help="YAML with the same keys.")] = None,
    settings: Annotated[list[str] | None, typer.Argument(metavar="[key=value]…", help=KEYS)] = None,
) -> None:
    """Pretrain, or go on from the newest whole checkpoint in OUT.

    Example: codemae train --data s3://bucket/ospretrain --out run preset=base batch=1024 epochs=800
    Under torchrun, once per process: torchrun --nproc_per_node 8 --no-python codemae train …
    """
    result = run_training(resolve([f"data={data}", f"out={out}", *(settings or [])], config))
    raise typer.Exit(result.exit_code)
