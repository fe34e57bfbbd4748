"""Finished work is reused, tried again, or refused with a word why."""

from dataclasses import replace

import pytest

from manifests import Input, Sidecar
from osprep import FingerprintMismatch
from osprep.fingerprint import check_settings, decide, digest, read_settings, settings_text, task_fingerprint

FILES = (Input(path="a.png", bytes=10), Input(path="b.png", bytes=20))
DONE = Sidecar(
    source="folder",
    split="all",
    role="pretrain",
    kind="pair",
    path="shards/folder/folder-all-000000.tar",
    samples=1,
    bytes=10240,
    sha256="ab",
    settings="codec=tif seed=0",
    fingerprint="",
    planned=1,
    skipped={},
    failed={},
    failures=(),
    inputs=FILES,
    histograms={},
    rows=(),
)
FAILED = replace(DONE, failed={"truncated": 1})
CHANGED = (FILES[0], Input(path="b.png", bytes=21))


def test_what_is_left_to_do() -> None:
    assert decide(FILES, None, None, "s") == "build"
    assert decide(FILES, DONE, 10240, "s") == "reuse"
    assert decide(FILES, DONE, 10239, "s") == "build"
    assert decide(FILES, DONE, None, "s") == "build"
    assert decide(FILES, FAILED, 10240, "s") == "build"
    assert decide(CHANGED, FAILED, 10240, "s") == "build"
    empty = replace(DONE, samples=0, bytes=0, sha256="", skipped={"constant": 1})
    assert decide(FILES, empty, None, "s") == "reuse"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (CHANGED, "b.png changed from 20 to 21 bytes"),
        (FILES[:1], "b.png was removed"),
        ((*FILES, Input(path="c.png", bytes=1)), "c.png was added"),
    ],
)
def test_changed_raw_files_are_named(files: tuple[Input, ...], words: str) -> None:
    with pytest.raises(FingerprintMismatch, match=words):
        decide(files, DONE, 10240, "root/s.tar")


def test_other_settings_are_named() -> None:
    check_settings("codec=tif seed=0", {}, DONE, "s")
    with pytest.raises(FingerprintMismatch, match=r"seed \(was 0, is 1\).*another --out"):
        check_settings("codec=tif seed=1", {}, DONE, "s")


def test_a_recipe_is_compared_key_by_key() -> None:
    old = {"tile": {"size": 256, "min_valid": 0.25}, "sar": {"bands": [1]}}
    new = {"tile": {"size": 256, "min_valid": 0.5}, "sar": {"bands": (1,)}}
    done = replace(DONE, settings="recipe=aa", recipe=old)
    with pytest.raises(FingerprintMismatch, match=r"another recipe\.tile\.min_valid \(was 0\.25, is 0\.5\);"):
        check_settings("recipe=bb", new, done, "s")


def test_settings_text_reads_back() -> None:
    parts = {"b": 2, "a": "x,y:1=2"}
    assert settings_text(parts) == "a=x,y:1=2 b=2"
    assert read_settings(settings_text(parts)) == {"a": "x,y:1=2", "b": "2"}


def test_fingerprints_see_paths_sizes_and_settings_only() -> None:
    prints = {
        task_fingerprint("s", "x", FILES),
        task_fingerprint("t", "x", FILES),
        task_fingerprint("s", "y", FILES),
        task_fingerprint("s", "x", CHANGED),
    }
    assert len(prints) == 4
    assert digest({"b": (1, 2), "a": None}) == digest({"a": None, "b": [1, 2]})
