"""`osprep` as people type it: outputs on stdout, one line per error, the documented exit codes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from osprep import rehearse


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("osprep")), *map(str, arguments)]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.run(command, capture_output=True, text=True, timeout=240, env={**clean, **environment})


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rehearsed miniatures of two sources, one with planted defects."""
    root = tmp_path_factory.mktemp("raw")
    rehearse(root, ["folder", "qxs-saropt"])
    return root


def test_rehearse_build_verify_report(tmp_path: Path) -> None:
    raw, out = tmp_path / "raw", tmp_path / "out"
    assert run("rehearse", "--raw", raw, "--source", "qxs-saropt").returncode == 0
    first = run("build", "--raw", raw, "--out", out, "--workers", 2, "--json")
    assert first.returncode == 3, first.stderr
    (source,) = json.loads(first.stdout)["sources"]
    assert source["planned"] == source["written"] + sum(source["skipped"].values()) + sum(source["failed"].values())
    assert source["failed"] == {"truncated": 1}
    again = run("build", "--raw", raw, "--out", out)
    assert again.returncode == 3
    assert "7.png" in again.stderr, "the failed file is named"
    assert run("verify", out).returncode == 0
    assert run("report", out).stdout.strip() == str(out / "report" / "index.html")
    (tar,) = (out / "shards" / "qxs-saropt").glob("*.tar")
    data = bytearray(tar.read_bytes())
    data[len(data) // 2] ^= 1
    tar.write_bytes(data)
    broken = run("verify", out)
    assert broken.returncode == 4
    assert tar.name in broken.stdout


def test_a_complete_build_exits_0_and_is_reused(raw: Path, tmp_path: Path) -> None:
    arguments = ("build", "--raw", raw, "--out", tmp_path / "out", "--source", "folder", "--codec", "png")
    assert run(*arguments).returncode == 0
    again = run(*arguments, "--json")
    assert again.returncode == 0
    (source,) = json.loads(again.stdout)["sources"]
    assert source["reused"] == source["shards"] > 0


def test_sources_and_plan_speak_json(raw: Path) -> None:
    records = json.loads(run("sources", "--json").stdout)
    assert {"id", "kind", "expected", "access", "licence"} <= set(records[0])
    assert {record["id"] for record in records} >= {"folder", "spacenet6", "qxs-saropt", "fair1m"}
    (record,) = json.loads(run("plan", "--raw", raw, "--source", "folder", "--json").stdout)
    assert record["id"] == "folder"
    assert sum(record["planned"].values()) > 0
    assert "request" in run("sources", "qxs-saropt").stdout


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "message"),
    [
        (("build", "--raw", "{tmp}/nowhere", "--out", "{tmp}/out"), {}, 2, "nowhere: no such folder"),
        (("build", "--raw", "{tmp}/empty", "--out", "{tmp}/out"), {}, 2, "empty: no folder of a source"),
        (("build", "--raw", "{tmp}/hollow", "--out", "{tmp}/out"), {}, 2, "hollow/folder"),
        (("build", "--raw", "{raw}", "--out", "{tmp}/out", "--source", "nonsense"), {}, 2, "nonsense"),
        (("build", "--raw", "{raw}", "--out", "{tmp}/out", "--recipe", "{tmp}/recipe.yaml"), {}, 2, "radiometri"),
        (("build", "--raw", "{raw}", "--out", "ftp://host/x"), {}, 2, "ftp"),
        (
            ("build", "--raw", "{raw}", "--out", "s3://bucket/x"),
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
            2,
            "AWS_ACCESS_KEY_ID",
        ),
        (("verify", "{tmp}/nowhere"), {}, 2, "osprep build"),
        (("sources", "nonsense"), {}, 2, "nonsense"),
        (("report", "{tmp}/nowhere"), {}, 2, "osprep build"),
    ],
)
def test_mistakes_end_in_one_line(
    raw: Path, tmp_path: Path, arguments: tuple[str, ...], environment: dict[str, str], code: int, message: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "hollow" / "folder").mkdir(parents=True)
    (tmp_path / "recipe.yaml").write_text("sources: {folder: {optical: {radiometri: pass}}}")
    ended = run(*(text.format(tmp=tmp_path, raw=raw) for text in arguments), **environment)
    assert ended.returncode == code, ended.stderr
    assert message in ended.stderr
    assert len([line for line in ended.stderr.splitlines() if line.startswith("error:")]) == 1
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "out").exists()


def test_wrong_bucket(s3: str, s3_environment: dict[str, str], raw: Path) -> None:
    ended = run("build", "--raw", raw, "--out", "s3://no-such-bucket-here/x", **s3_environment)
    assert ended.returncode == 2
    assert "no such bucket" in ended.stderr
    wrong = run("build", "--raw", raw, "--out", s3, **{**s3_environment, "AWS_SECRET_ACCESS_KEY": "wrong"})
    assert wrong.returncode == 2
    assert "access refused" in wrong.stderr


def test_a_source_whose_only_file_is_broken_finishes_incomplete(tmp_path: Path) -> None:
    optical = tmp_path / "raw" / "folder" / "optical"
    optical.mkdir(parents=True)
    rehearse(tmp_path / "whole", ["folder"])
    whole = next((tmp_path / "whole" / "folder" / "optical").rglob("*.tif"))
    shutil.copy(whole, optical / "good.tif")
    (optical / "cut.tif").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    (optical / "text.tif").write_text("this is no image")
    ended = run("build", "--raw", tmp_path / "raw", "--out", tmp_path / "out", "--json")
    assert ended.returncode == 3, ended.stderr
    failed = json.loads(ended.stdout)["sources"][0]["failed"]
    assert set(failed) == {"truncated", "unreadable"}
    assert failed["unreadable"] == 1
    assert run("verify", tmp_path / "out").returncode == 0
