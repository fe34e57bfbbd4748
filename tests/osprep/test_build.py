"""Builds: counted, repeatable, gone on with, refused when something changed."""

import json
import logging
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from manifests import (
    Manifest,
    Sample,
    SchemaError,
    open_store,
    parse_catalogue,
    parse_sidecar,
    read_catalogue,
    sidecar_json,
)
from osprep import BuildError, ConfigError, FingerprintMismatch, ReaderError, verify, work
from osprep.build import SourceResult
from osprep.codec import decode
from tests.osprep.rasters import noise, write
from tests.osprep.raws import PAIRS, contents, make_qxs, make_raw, read, run, truncate

SHARDS = [f"shards/folder/folder-all-{number:06d}.tar" for number in range(5)]


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_raw(tmp_path_factory.mktemp("raw"))


@pytest.fixture(scope="module")
def built(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("built") / "root"
    assert run(raw, root).exit_code == 0
    return root


@pytest.fixture
def copy(raw: Path, tmp_path: Path) -> Path:
    """Raw files to spoil."""
    return Path(shutil.copytree(raw, tmp_path / "copy"))


def only(result: object) -> SourceResult:
    (source,) = result.sources  # type: ignore[attr-defined]
    return source  # type: ignore[no-any-return]


def test_every_planned_sample_is_accounted_for(raw: Path, tmp_path: Path) -> None:
    result = run(raw, tmp_path / "root")
    source = only(result)
    assert (source.planned, source.written, source.skipped, source.failed) == (
        PAIRS + 7,
        PAIRS + 6,
        {"constant": 1},
        {},
    )
    assert (source.shards, source.reused, result.exit_code, result.errors) == (5, 0, 0, ())
    catalogue = read_catalogue(open_store(tmp_path / "root"))
    assert [shard.path for shard in catalogue.shards] == SHARDS
    assert [shard.row_group for shard in catalogue.shards] == [0, 1, 2, 0, 1]
    (entry,) = catalogue.sources
    assert (entry.planned, entry.written, dict(entry.skipped)) == (PAIRS + 7, PAIRS + 6, {"constant": 1})


def test_rows_lead_to_the_pixels_of_the_raw_files(raw: Path, built: Path) -> None:
    store = open_store(built)
    with Manifest(store, "unpaired.parquet") as manifest:
        rows = manifest.samples(0)
    assert {(row.scene, row.row, row.col) for row in rows} == {
        (f"single{number}", 0, col) for number in range(2) for col in (0, 256)
    }
    for row in rows:
        assert row.opt_offset is not None
        assert row.opt_length is not None
        pixels = decode(store.get_range(row.shard, row.opt_offset, row.opt_length), "tif")
        expected = read(raw / "folder" / row.member[0])[:256, row.col : row.col + 256]
        np.testing.assert_array_equal(pixels, expected)
        assert (row.key, row.opt_valid) == (f"folder-all-{row.scene}-r0c{row.col}", 1.0)


def test_scenes_are_shuffled_within_a_shard_and_by_the_seed(raw: Path, built: Path, tmp_path: Path) -> None:
    run(raw, tmp_path / "root", seed=1)
    orders = []
    for root in (built, tmp_path / "root"):
        with Manifest(open_store(root), "paired.parquet") as manifest:
            orders.append([row.scene for group in range(3) for row in manifest.samples(group)])
    assert sorted(orders[0]) == sorted(orders[1])
    assert orders[0] != orders[1]
    assert orders[0] != sorted(orders[0])


def test_tiles_of_one_scene_are_not_neighbours(tmp_path: Path) -> None:
    write(tmp_path / "raw" / "folder" / "optical" / "large.png", noise(1024, 1024, 3))
    orders = []
    for seed in (0, 1):
        run(tmp_path / "raw", tmp_path / str(seed), seed=seed)
        with Manifest(open_store(tmp_path / str(seed)), "unpaired.parquet") as manifest:
            orders.append(
                [(row.row, row.col) for group in range(manifest.row_groups) for row in manifest.samples(group)]
            )
    assert sorted(orders[0]) == [(row, col) for row in range(0, 1024, 256) for col in range(0, 1024, 256)]
    assert orders[0] != sorted(orders[0])
    assert orders[0] != orders[1]


def test_workers_and_the_place_of_raw_files_do_not_change_a_byte(copy: Path, built: Path, tmp_path: Path) -> None:
    run(copy, tmp_path / "root", workers=2)
    assert contents(tmp_path / "root") == contents(built)


def test_statistics_follow_from_the_pixels(raw: Path, built: Path) -> None:
    catalogue = read_catalogue(open_store(built))
    optical, sar = catalogue.statistics
    folder = raw / "folder" / "optical"
    images = [read(file)[:256, :512] for pattern in ("P*.png", "single*.tif") for file in folder.glob(pattern)]
    pixels = np.concatenate([image.reshape(-1, 3) for image in images]) / 255
    np.testing.assert_allclose(optical.mean, pixels.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(optical.std, pixels.std(axis=0), atol=1e-12)
    assert (optical.samples, optical.stats_group, optical.nodata, optical.dtype) == (PAIRS + 4, "folder", None, "uint8")
    assert (sar.samples, sar.bands, sar.nodata) == (PAIRS + 2, 1, 0)
    missing = np.array(sar.histogram_all) - np.array(sar.histogram)
    assert missing[0, 0] == missing.sum() == 2 * 256 * 40


def test_a_second_run_reuses_everything(raw: Path, built: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(built, tmp_path / "root"))
    times = {path: path.stat().st_mtime_ns for path in root.rglob("*.tar")}
    result = run(raw, root)
    assert (only(result).reused, only(result).written) == (5, PAIRS + 6)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*.tar")} == times
    assert contents(root) == contents(built)


@pytest.mark.parametrize("lost", [SHARDS[1], SHARDS[1].replace(".tar", ".json"), "catalog.json", "paired.parquet"])
def test_what_is_missing_is_made_again(raw: Path, built: Path, tmp_path: Path, lost: str) -> None:
    root = Path(shutil.copytree(built, tmp_path / "root"))
    (root / lost).unlink()
    result = run(raw, root)
    assert only(result).reused == (4 if "shards" in lost else 5)
    assert contents(root) == contents(built)


def test_temporaries_of_a_killed_run_are_swept(raw: Path, built: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(built, tmp_path / "root"))
    (root / SHARDS[0]).unlink()
    for name in (f"{SHARDS[0]}.tmp", f"{SHARDS[4]}.tmp", "paired.parquet.12ab.tmp", "LICENSES/folder.txt.34cd.tmp"):
        (root / name).write_bytes(b"half")
    other = root / "shards" / "fair1m" / "fair1m-train-000000.tar.tmp"
    other.parent.mkdir()
    other.write_bytes(b"another build writes this one now")
    run(raw, root)
    assert other.exists()
    other.unlink()
    assert contents(root) == contents(built)
    (root / f"{SHARDS[1]}.tmp").write_bytes(b"of a run that another one finished")
    run(raw, root)
    assert contents(root) == contents(built)


@pytest.mark.parametrize("share", [0.5, 0.0])
def test_a_truncated_file_fails_alone_and_its_repair_rebuilds_its_shard_only(
    copy: Path, built: Path, tmp_path: Path, share: float
) -> None:
    root = tmp_path / "root"
    whole = truncate(file := copy / "folder" / "sar" / "P05.png", share)
    result = run(copy, root)
    source = only(result)
    assert result.exit_code == 3
    assert (source.written, sum(source.failed.values()), source.skipped) == (PAIRS + 5, 1, {"constant": 1})
    assert len(source.failures) == 1
    assert source.failures[0].startswith("P05: ")
    assert "sar/P05.png" in source.failures[0]
    assert str(tmp_path) not in source.failures[0]
    assert verify(str(root)).exit_code == 0

    times = {path: path.stat().st_mtime_ns for path in root.rglob("*.tar")}
    file.write_bytes(whole)
    result = run(copy, root)
    assert (result.exit_code, only(result).reused, only(result).written) == (0, 4, PAIRS + 6)
    rebuilt = [path for path, time in times.items() if path.stat().st_mtime_ns != time]
    assert len(rebuilt) == 1
    assert {path: contents(root)[path] for path in SHARDS} == {path: contents(built)[path] for path in SHARDS}
    assert verify(str(root)).exit_code == 0


def test_what_failed_is_tried_again_and_leaves_the_same_bytes(copy: Path, tmp_path: Path) -> None:
    truncate(copy / "folder" / "sar" / "P05.png")
    run(copy, tmp_path / "root")
    before = contents(tmp_path / "root")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "root").rglob("*.tar")}
    result = run(copy, tmp_path / "root")
    assert (result.exit_code, only(result).reused) == (3, 4)
    assert contents(tmp_path / "root") == before
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_a_broken_file_may_be_taken_away_instead(copy: Path, tmp_path: Path) -> None:
    for folder in ("optical", "sar"):
        truncate(copy / "folder" / folder / "P05.png", 0)
    run(copy, tmp_path / "root")
    for folder in ("optical", "sar"):
        (copy / "folder" / folder / "P05.png").unlink()
    result = run(copy, tmp_path / "root")
    assert (result.exit_code, only(result).planned, only(result).reused) == (0, PAIRS + 6, 4)
    assert verify(str(tmp_path / "root")).exit_code == 0


def test_a_shard_without_a_sample_left_is_only_a_sidecar(copy: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    run(copy, root)
    for name in ("db0.tif", "db1.tif"):
        truncate(copy / "folder" / "sar" / name)
    sidecar = root / SHARDS[4].replace(".tar", ".json")
    failed = replace(parse_sidecar(sidecar.read_bytes(), ""), failed={"truncated": 1})
    sidecar.write_bytes(sidecar_json(failed))
    result = run(copy, root)
    assert (result.exit_code, only(result).shards, sum(only(result).failed.values())) == (3, 4, 2)
    assert not (root / SHARDS[4]).exists()
    assert verify(str(root)).exit_code == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [({"seed": 1}, r"seed \(was 0, is 1\)"), ({"codec": "png"}, r"codec \(was tif, is png\)")],
)
def test_other_options_are_refused_in_the_same_root(
    raw: Path, built: Path, tmp_path: Path, options: dict[str, object], words: str
) -> None:
    root = Path(shutil.copytree(built, tmp_path / "root"))
    with pytest.raises(FingerprintMismatch, match=words):
        run(raw, root, **options)
    assert contents(root) == contents(built)


def test_another_recipe_is_refused(raw: Path, built: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(built, tmp_path / "root"))
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("sources: {folder: {tile: {min_valid: 0.5}}}")
    with pytest.raises(FingerprintMismatch, match=r"another recipe\.tile\.min_valid \(was 0\.25, is 0\.5\)"):
        run(raw, root, recipe=recipe)
    assert contents(root) == contents(built)


def test_a_damaged_sidecar_is_not_built_upon(raw: Path, built: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(built, tmp_path / "root"))
    sidecar = root / SHARDS[0].replace(".tar", ".json")
    sidecar.write_bytes(sidecar.read_bytes().replace(b'"opt_valid":[1.0', b'"opt_valid":[0.5'))
    with pytest.raises(SchemaError, match=r"000000\.json: altered.*delete the file"):
        run(raw, root)
    sidecar.unlink()
    run(raw, root)
    assert contents(root) == contents(built)


def test_changed_raw_files_are_refused_by_name(copy: Path, built: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(built, tmp_path / "root"))
    file = copy / "folder" / "optical" / "P02.png"
    file.write_bytes(file.read_bytes() + b"\0")
    with pytest.raises(FingerprintMismatch, match=r"raw file optical/P02\.png changed from"):
        run(copy, root)
    assert contents(root) == contents(built)


def test_fewer_raw_files_are_refused(copy: Path, built: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(built, tmp_path / "root"))
    for name in ("db0.tif", "db1.tif"):
        (copy / "folder" / "sar" / name).unlink()
    with pytest.raises(FingerprintMismatch, match="fewer shards"):
        run(copy, root)
    assert contents(root) == contents(built)


def test_adding_a_source_is_as_building_both(copy: Path, built: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(built, tmp_path / "root"))
    make_qxs(copy)
    result = run(copy, root, sources=("qxs-saropt",))
    assert only(result).written == 3
    run(copy, tmp_path / "both")
    assert contents(root) == contents(tmp_path / "both")
    catalogue = read_catalogue(open_store(root))
    assert [entry.source for entry in catalogue.sources] == ["folder", "qxs-saropt"]
    assert verify(str(root)).exit_code == 0
    with pytest.raises(FingerprintMismatch, match="built with seed 0, not 1"):
        run(copy, root, sources=("qxs-saropt",), seed=1)


def test_one_empty_source_does_not_stop_the_others(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make_qxs(tmp_path / "raw")
    (tmp_path / "raw" / "folder").mkdir()
    with caplog.at_level(logging.WARNING, "osprep"):
        result = run(tmp_path / "raw", tmp_path / "root")
    assert (result.exit_code, [source.written for source in result.sources]) == (3, [0, 3])
    assert "folder" in result.errors[0]
    assert verify(str(tmp_path / "root")).exit_code == 0
    with pytest.raises(ReaderError):
        run(tmp_path / "raw", tmp_path / "none", sources=("folder",))
    assert not (tmp_path / "none").exists()


def test_a_heldout_split_has_statistics_of_its_own(copy: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("sources: {folder: {splits: {all: heldout}}}")
    run(copy, tmp_path / "root", recipe=recipe)
    catalogue = read_catalogue(open_store(tmp_path / "root"))
    assert {(record.role, record.stats_group) for record in catalogue.statistics} == {("heldout", "folder-all")}


def test_jpeg_is_described_by_what_it_decodes_to(copy: Path, tmp_path: Path) -> None:
    run(copy, tmp_path / "root", codec="jpeg")
    assert verify(str(tmp_path / "root")).exit_code == 0


def test_members_of_an_array_share_the_work(raw: Path, built: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    first = run(raw, root, task_index=0, task_count=2)
    assert (first.waiting, first.exit_code, (root / "catalog.json").exists()) == (2, 0, False)
    (root / f"{SHARDS[0]}.tmp").write_bytes(b"as if the first member went on")
    second = run(raw, root, task_index=1, task_count=2)
    assert (root / f"{SHARDS[0]}.tmp").exists()
    (root / f"{SHARDS[0]}.tmp").unlink()
    assert (second.waiting, second.exit_code, only(second).written) == (0, 0, PAIRS + 6)
    assert contents(root) == contents(built)


def test_out_has_to_be_named_and_writable(raw: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="out is empty"):
        run(raw, "")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Exception, match="file/root") as caught:
        run(raw, tmp_path / "file" / "root")
    assert caught.value.exit_code == 2  # type: ignore[attr-defined]


def test_a_file_that_changes_while_it_is_cut_ends_the_build(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = work.cut
    monkeypatch.setattr(work, "cut", lambda *given: list(cut(*given))[1:])
    with pytest.raises(BuildError, match=r"gave 0 samples where its header promised 1.*same command again"):
        run(raw, tmp_path / "root")
    assert [path for path in contents(tmp_path / "root") if "catalog" in path or path.endswith(".tmp")] == []


def test_documents_say_what_is_there(copy: Path, tmp_path: Path) -> None:
    make_qxs(copy)
    run(copy, root := tmp_path / "root")
    matter = yaml.safe_load((root / "README.md").read_text().split("---")[1])
    assert matter["size_categories"] == ["n<1K"]
    files = [path for config in matter["configs"] for part in config["data_files"] for path in part["path"]]
    assert files == [shard.path for shard in parse_catalogue((root / "catalog.json").read_bytes(), "").shards]
    index = json.loads((root / "index.json").read_text())
    assert (index["__kind__"], index["wids_version"]) == ("wids-shard-index-v1", 1)
    assert sum(shard["nsamples"] for shard in index["shardlist"]) == PAIRS + 6 + 3
    splits = json.loads((root / "_info.json").read_text())["splits"]
    assert splits["qxs-saropt-all-pair"]["shard_lengths"] == [3]
    assert "@article{huang2021qxs" in (root / "CITATION.bib").read_text()
    assert (root / "LICENSES" / "qxs-saropt.txt").read_text().startswith("QXS-SAROPT (qxs-saropt)\n")


def test_meta_json_tells_what_the_row_does_and_the_scale(built: Path) -> None:
    with Manifest(open_store(built), "unpaired.parquet") as manifest:
        row: Sample = manifest.samples(1)[0]
    with tarfile.open(built / SHARDS[4]) as tar:
        content = tar.extractfile(f"{row.key}.meta.json")
        assert content is not None
        told = json.loads(content.read())
    assert told["sar_valid"] == row.sar_valid == pytest.approx(216 / 256)
    assert len(told["scale"]["sar"]) == 2
    assert "sar_offset" not in told
