"""Verification: an altered or missing byte is found and named, wherever the dataset lies."""

import random
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from cli.serve import serve
from manifests import (
    Manifest,
    ObjectMissing,
    SchemaVersionError,
    open_store,
    parse_sidecar,
    read_catalogue,
    sidecar_json,
    to_json,
    write_manifest,
)
from osprep import VerifyReport, verify
from osprep.publish import publish, seal
from osprep.shard import sha256_of
from tests.osprep.raws import contents, make_raw, run

TAR = "shards/folder/folder-all-000000.tar"
SIDECAR = TAR.replace(".tar", ".json")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verify")
    run(make_raw(folder / "raw", pairs=2), folder / "root")
    return folder / "root"


@pytest.fixture
def root(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "root"))


def found(root: Path | str, **options: bool) -> str:
    report = verify(str(root), **options)
    assert report.exit_code == (4 if report.findings else 0)
    return "\n".join(map(str, report.findings))


def test_a_sound_dataset_passes_wherever_it_lies(built: Path, s3: str) -> None:
    store = open_store(s3)
    for path in contents(built):
        store.put(path, (built / path).read_bytes())
    with serve(built) as url:
        for place in (str(built), s3, url):
            assert verify(place) == VerifyReport(root=place, findings=(), shards=3, samples=8)
    store.put(TAR, (built / TAR).read_bytes()[:-1])
    assert TAR in found(s3)


FILES = (
    *(f"shards/folder/folder-all-00000{number}.{ending}" for number in range(3) for ending in ("tar", "json")),
    *("catalog.json", "paired.parquet", "unpaired.parquet", "index.json", "_info.json"),
)


@pytest.mark.parametrize("path", FILES)
@pytest.mark.parametrize("full", [True, False])
def test_any_altered_byte_is_found_and_its_file_named(root: Path, path: str, full: bool) -> None:
    whole = (root / path).read_bytes()
    places = random.Random(path)
    for _ in range(12):
        data = bytearray(whole)
        data[places.randrange(len(data))] ^= 1 << places.randrange(8)
        (root / path).write_bytes(data)
        try:
            assert path in found(root, full=full)
        except SchemaVersionError as error:
            assert path in str(error)  # noqa: PT017
    (root / path).write_bytes(whole[: len(whole) // 2])
    assert path in found(root, full=full)
    (root / path).write_bytes(whole)
    assert found(root, full=full) == ""


@pytest.mark.parametrize("path", [*FILES, "CITATION.bib", "LICENSES/folder.txt"])
def test_a_missing_file_is_named(root: Path, path: str) -> None:
    (root / path).unlink()
    if path == "catalog.json":
        with pytest.raises(ObjectMissing, match="osprep build"):
            verify(str(root))
    else:
        assert f"{path}: missing" in found(root)


def test_an_altered_image_is_named_by_its_member(root: Path) -> None:
    with Manifest(open_store(root), "paired.parquet") as manifest:
        row = manifest.samples(0)[1]
    assert row.sar_offset
    data = bytearray((root / TAR).read_bytes())
    data[row.sar_offset + 1000] ^= 1
    (root / TAR).write_bytes(data)
    with serve(root) as url:
        assert f"{TAR}: {row.key}.sar.tif was altered" in found(url)


def test_strays_are_named(root: Path) -> None:
    shutil.copyfile(root / TAR, root / TAR.replace("000000", "000009"))
    other = root / "shards" / "qxs-saropt" / "qxs-saropt-all-000000.json"
    other.parent.mkdir()
    shutil.copyfile(root / SIDECAR, other)
    words = found(root)
    assert "folder-all-000009.tar: stray" in words
    assert "shards/qxs-saropt: stray" in words


def reseal(root: Path, **changes: object) -> None:
    """Write a catalogue that is consistent in itself but says something else."""
    catalogue = replace(read_catalogue(open_store(root)), **changes)  # type: ignore[arg-type]
    (root / "catalog.json").write_bytes(to_json(replace(catalogue, fingerprint=seal(catalogue))))


def test_statistics_that_the_pixels_do_not_give_are_found(root: Path) -> None:
    first, *others = read_catalogue(open_store(root)).statistics
    row = (first.histogram_all[0][0] + 1, first.histogram_all[0][1] - 1, *first.histogram_all[0][2:])
    reseal(root, statistics=(replace(first, histogram_all=(row, *first.histogram_all[1:])), *others))
    words = found(root)
    assert "statistics of folder all optical: the pixels give another histogram" in words
    assert "the histograms of the sidecars add up to others" in words
    reseal(root, statistics=(replace(first, mean=(0.5, 0.5, 0.5)), *others))
    assert "mean and std do not follow" in found(root)


def test_a_lost_sample_is_found(root: Path) -> None:
    (entry,) = read_catalogue(open_store(root)).sources
    reseal(root, sources=(replace(entry, planned=entry.planned + 1),))
    assert "source folder: 10 planned, 8 written, 1 skipped or failed" in found(root)


def test_rows_that_lead_astray_are_found(root: Path) -> None:
    store = open_store(root)
    with Manifest(store, "paired.parquet") as manifest:
        rows = manifest.samples(0)
    rows[0] = replace(rows[0], opt_offset=(rows[0].opt_offset or 0) + 512)
    rows[1] = replace(rows[1], key=rows[0].key, sar_pixel_hash="0" * 32)
    write_manifest(root / "paired.parquet", [rows])
    hashes = {name: sha256_of(root / name) for name in ("paired.parquet", "unpaired.parquet")}
    reseal(root, manifests=hashes)
    words = found(root)
    assert f"{SIDECAR}: its rows differ from paired.parquet" in words
    assert "opt.tif is not where its row says" in words
    assert "is there twice" in words


def test_an_edited_sidecar_is_found(root: Path) -> None:
    sidecar = parse_sidecar((root / SIDECAR).read_bytes(), "")
    (root / SIDECAR).write_bytes(sidecar_json(replace(sidecar, failures=("nothing of note",))))
    assert "a sidecar of source folder was altered" in found(root)
    publish(open_store(root))
    assert found(root) == ""


def test_a_readme_may_be_edited(root: Path) -> None:
    (root / "README.md").write_text("mine")
    assert found(root) == ""
