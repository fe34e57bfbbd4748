"""`codemae` and `osloader` as people type them: mistakes end in one line, nothing is left behind."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from osprep import BuildConfig, build, rehearse


def run(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name(program)), *map(str, arguments)]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.run(command, capture_output=True, text=True, timeout=240, env=clean)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small rehearsed dataset: 8 pairs, 4 optical and 4 SAR singles."""
    root = tmp_path_factory.mktemp("dataset")
    rehearse(root / "raw", ["folder"])
    build(BuildConfig(raw=root / "raw", out=str(root / "out")))
    return root / "out"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--data", "{tmp}/nowhere"), 2, "osprep build"),
        (("--data", "{dataset}", "batch=1000"), 2, "fewer than batch=1000"),
        (("--data", "{dataset}", "batch=6"), 2, "unpaired steps: optical 4, sar 4 samples, fewer than batch=6"),
        (("--data", "{dataset}", "bacth=4"), 2, "unknown key bacth; the nearest known one is batch"),
        (("--data", "{dataset}", "steps=many"), 2, "steps"),
        (("--data", "http://127.0.0.1:9/x"), 1, "http://127.0.0.1:9/x"),
        (("--data", "{dataset}/shards/folder/folder-all-000099.tar"), 2, "folder-all-000099"),
        (("--data", "{dataset}", "--config", "{tmp}/none.yaml"), 2, "none.yaml"),
    ],
)
def test_mistakes_end_in_one_line(
    dataset: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    out = tmp_path / "run"
    ended = run("codemae", "train", "--out", out, *(a.format(tmp=tmp_path, dataset=dataset) for a in arguments))
    assert ended.returncode == code, ended.stderr
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not out.exists()


def test_show_draws_a_batch(dataset: Path, tmp_path: Path) -> None:
    picture = tmp_path / "batch.png"
    assert run("osloader", "show", dataset, "--batch", 4, "--step", 1, "--out", picture).returncode == 0
    image = Image.open(io.BytesIO(picture.read_bytes()))
    assert image.width > 4 * 224
    assert image.height > 2 * 224
