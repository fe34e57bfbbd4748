"""A dataset of five small sources, written once."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.osloader.tiny import Tiny, write_tiny


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """Pairs of two sources, optical and SAR singles, a held-out set; read-only."""
    return write_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def own_tiny(tmp_path: Path) -> Tiny:
    """The same dataset, to be damaged."""
    return write_tiny(tmp_path / "tiny")


@pytest.fixture(autouse=True)
def _no_torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("osloader-")]
    assert not left, f"threads still running: {left}"
