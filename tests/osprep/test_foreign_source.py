"""A source of the user's own package, as docs/adding-a-source.md writes it, from the list to the report."""

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.osprep.rasters import noise, write
from tests.osprep.raws import make_qxs

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-source.md"
Osprep = Callable[..., subprocess.CompletedProcess[str]]


def install(site: Path) -> None:
    """Write the page's files and what an installer makes of its pyproject.toml."""
    files = dict(re.findall(r"\*\*`([\w./]+)`\*\*.*?```\w+\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL))
    assert set(files) == {"pyproject.toml", "harbour_source/card.yaml", "harbour_source/__init__.py"}
    project = tomllib.loads(files.pop("pyproject.toml"))["project"]
    for name, text in files.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text, encoding="utf-8")
    described = site / "harbour_source-1.0.dist-info"
    described.mkdir()
    head = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (described / "METADATA").write_text(head, encoding="utf-8")
    groups = project["entry-points"].items()
    lines = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items()) for group, points in groups
    ]
    (described / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")


@pytest.fixture
def osprep(tmp_path: Path) -> Osprep:
    """The command line where the package of the page is installed."""
    site = tmp_path / "site"
    install(site)

    def call(*words: object) -> subprocess.CompletedProcess[str]:
        paths = [str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
        command = [str(Path(sys.executable).with_name("osprep")), *map(str, words)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)

    return call


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """RAW/harbour: two scenes of 2 x 2 tiles, a third without SAR, a stray file; RAW/qxs-saropt beside it."""
    folder = tmp_path / "raw" / "harbour"
    for number in (1, 2, 3):
        write(folder / "optical" / f"{number}.tif", noise(520, 512, 3, seed=number))
    for number in (1, 2):
        decibels = noise(520, 512, 1, "float32", seed=10 + number)
        decibels[:, :20] = np.nan
        write(folder / "radar" / f"{number}.tif", decibels)
    (folder / "radar" / "readme.txt").write_text("hello")
    return make_qxs(tmp_path / "raw")


def test_it_is_listed_and_explained(osprep: Osprep) -> None:
    listed = {card["id"]: card for card in json.loads(osprep("sources", "--json").stdout)}
    assert {"harbour", "qxs-saropt"} <= set(listed)
    assert listed["harbour"]["expected"]["count"] == 8
    assert "harbour" in osprep("sources").stdout
    assert "Ask the harbour office" in osprep("sources", "harbour").stdout


def test_it_is_planned_and_built_like_the_others(osprep: Osprep, raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (planned, _) = json.loads(osprep("plan", "--raw", raw, "--json").stdout)
    assert (planned["id"], planned["planned"]["pair"]) == ("harbour", 8)
    assert planned["left_out"] == {"no-tif": 1, "optical-without-sar": 1}
    table = osprep("plan", "--raw", raw, "--table1")
    assert (table.returncode, "not in Table I: harbour" in table.stderr) == (0, True)
    built = osprep("build", "--raw", raw, "--out", out, "--workers", 2, "--json")
    assert built.returncode == 0, built.stderr
    written = {source["source"]: source["written"] for source in json.loads(built.stdout)["sources"]}
    assert written == {"harbour": 8, "qxs-saropt": 3}
    assert osprep("verify", out).returncode == 0
    assert osprep("report", out).returncode == 0
    page = (out / "report" / "index.html").read_text(encoding="utf-8")
    assert "Harbour scenes" in page
    assert "expected in full: 8" in page, "the report knows its card"
    chosen = osprep("select", "where", out, "source=harbour", "--out", tmp_path / "keys.parquet", "--json")
    assert json.loads(chosen.stdout)["counts"] == {"pair": 8}


def test_a_recipe_changes_it(osprep: Osprep, raw: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("sources: {harbour: {tile: {size: 128, stride: 128}}}")
    (planned,) = json.loads(osprep("plan", "--raw", raw, "--source", "harbour", "--recipe", recipe, "--json").stdout)
    assert planned["planned"]["pair"] == 2 * 4 * 4


def test_another_layout_is_an_error_that_says_what_was_looked_for(osprep: Osprep, tmp_path: Path) -> None:
    (tmp_path / "raw" / "harbour" / "optical").mkdir(parents=True)
    ended = osprep("build", "--raw", tmp_path / "raw", "--out", tmp_path / "out")
    assert (ended.returncode, "{optical,radar}/<n>.tif" in ended.stderr) == (2, True)
