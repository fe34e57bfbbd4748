"""A tiny dataset to train on, and a model that takes milliseconds a step."""

import os
from pathlib import Path

import pytest

from tests.osloader.tiny import write_tiny

MICRO = (
    *("size=64", "batch=4", "steps=8", "checkpoint_every=3", "pictures_every=0", "device=cpu", "threads=2"),
    *("model.embed_dim=32", "model.mlp_depth=1", "model.depth=2", "model.heads=2", "model.fpn_dim=16"),
    *("model.decoder_dim=32", "model.decoder_depth=1", "model.decoder_heads=2", "model.contrast_heads=2"),
)


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pairs of two sources, optical and SAR singles; read-only."""
    return write_tiny(tmp_path_factory.mktemp("codemae")).folder


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CODEMAE_")]:
        monkeypatch.delenv(name)
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
