import os
from collections.abc import Collection
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from manifests import SourceCard, parse_card
from osprep.errors import ConfigError, ReaderError
from osprep.readers import Reader, get_reader, reader_ids
from osprep.scene import Scene, Survey

T0, T1 = "20190804111224", "20190804111453"


def touch(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def survey(source: str, root: Path, *splits: str) -> Survey:
    return get_reader(source).survey(root, splits or None)


def names(found: Survey) -> list[tuple[str, str, str]]:
    return [(scene.kind, scene.split, scene.name) for scene in found.scenes]


def test_every_builtin_source_has_card_and_reader() -> None:
    assert {"fair1m", "folder", "qxs-saropt", "spacenet6"} <= set(reader_ids())
    for source in reader_ids():
        reader = get_reader(source)
        assert isinstance(reader, Reader)
        assert reader.card.id == source
        assert reader.version >= 1


@pytest.mark.parametrize("source", ["fair1m", "folder", "qxs-saropt", "spacenet6"])
def test_missing_strange_and_empty_folders(tmp_path: Path, source: str) -> None:
    with pytest.raises(ReaderError, match="no such folder"):
        survey(source, tmp_path / "absent")
    with pytest.raises(ReaderError, match="looked for"):
        survey(source, touch(tmp_path / "strange", "elsewhere/1.tif"))


def test_folder_pairs_by_path_and_stem(tmp_path: Path) -> None:
    touch(tmp_path, "optical/a.tif", "sar/a.PNG", "optical/sub/b.jpg", "sar/sub/b.tif", "sar/b.tif", "optical/c.x.JP2")
    touch(
        tmp_path, "optical/notes.txt", "sar/a.PNG.aux.xml", "optical/._a.tif", "sar/.hidden.tif", "sar/__MACOSX/z.tif"
    )
    found = survey("folder", tmp_path)
    assert names(found) == [
        ("pair", "all", "a"),
        ("sar", "all", "b"),
        ("optical", "all", "c.x"),
        ("pair", "all", "sub/b"),
    ]
    assert found.scenes[0].files == ("optical/a.tif", "sar/a.PNG")
    assert found.left_out == {"no-raster-extension": 2}


def test_folder_leaves_out_the_second_file_of_a_name(tmp_path: Path) -> None:
    found = survey("folder", touch(tmp_path, "optical/a.png", "optical/a.tif"))
    assert names(found) == [("optical", "all", "a")]
    assert found.left_out == {"same-name": 1}
    assert "optical/a.tif is left out" in found.warnings[0]


def test_folder_takes_one_modality_any_case_and_follows_links_once(tmp_path: Path) -> None:
    touch(tmp_path / "disk", "x/1.tif")
    (tmp_path / "raw" / "SAR").mkdir(parents=True)
    os.symlink(tmp_path / "disk", tmp_path / "raw" / "SAR" / "linked")
    os.symlink(tmp_path / "raw" / "SAR", tmp_path / "disk" / "loop")
    found = survey("folder", tmp_path / "raw")
    assert [scene.sar for scene in found.scenes] == ["SAR/linked/x/1.tif"]


def test_an_empty_source_says_what_it_left_out(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match="left out: 1 no-raster-extension"):
        survey("folder", touch(tmp_path, "optical/readme.md"))


def sn6(product: str, tile: int, part: str = "Train") -> str:
    return f"{product}/SN6_{part}_AOI_11_Rotterdam_{product}_{T0}_{T1}_tile_{tile}.tif"


@pytest.mark.parametrize("base", ["train/AOI_11_Rotterdam/", "AOI_11_Rotterdam/", ""])
def test_spacenet6_layouts(tmp_path: Path, base: str) -> None:
    pairs = [f"{base}{sn6(product, tile)}" for product in ("PS-RGB", "SAR-Intensity") for tile in (7, 8679)]
    touch(tmp_path, *pairs, f"{base}{sn6('PS-RGB', 9)}", f"{base}{sn6('PAN', 7)}", f"{base}PS-RGB/preview.tif")
    touch(tmp_path, f"test_public/AOI_11_Rotterdam/{sn6('SAR-Intensity', 1, 'Test_Public')}")
    found = survey("spacenet6", tmp_path)
    assert names(found) == [("pair", "train", f"{T0}_{T1}_tile_{tile}") for tile in (7, 8679)]
    assert found.scenes[0].optical == f"{base}{sn6('PS-RGB', 7)}"
    assert found.scenes[0].sar == f"{base}{sn6('SAR-Intensity', 7)}"
    assert found.left_out == {"optical-without-sar": 1, "split-test_public": 1, "unknown-name": 1}


def test_spacenet6_without_its_optical_folder_is_another_layout(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match="PS-RGB"):
        survey("spacenet6", touch(tmp_path, f"train/AOI_11_Rotterdam/{sn6('SAR-Intensity', 7)}"))


@pytest.mark.parametrize("base", ["QXSLAB_SAROPT/", ""])
def test_qxs_saropt_layouts(tmp_path: Path, base: str) -> None:
    touch(tmp_path, *(f"{base}{folder}/{n}.png" for folder in ("opt_256_oc_0.2", "sar_256_oc_0.2") for n in (1, 2, 10)))
    touch(tmp_path, f"{base}sar_256_oc_0.2/11.png", f"{base}opt_256_oc_0.2/list.txt", f"{base}opt_256_oc_0.2/.DS_Store")
    found = survey("qxs-saropt", tmp_path)
    assert names(found) == [("pair", "all", name) for name in ("1", "10", "2")]
    assert found.scenes[0].files == (f"{base}opt_256_oc_0.2/1.png", f"{base}sar_256_oc_0.2/1.png")
    assert found.left_out == {"sar-without-optical": 1, "unknown-name": 1}


def test_fair1m_keeps_names_that_collide_apart(tmp_path: Path) -> None:
    touch(tmp_path, "train/part1/images/0.tif", "train/part2/images/0.tif", "train/part2/images-001/images/1.tif")
    touch(tmp_path, "validation/images/0.tif", "test/images/0.tif", "train/part1/labelXml/0.xml", "train/stray.tif")
    found = survey("fair1m", tmp_path)
    assert names(found) == [("optical", "train", f"train-{name}") for name in ("part1-0", "part2-0", "part2-1")]
    assert found.left_out == {"outside-images": 1, "split-test": 1, "split-validation": 1}


def test_fair1m_flat_with_validation_asked_for(tmp_path: Path) -> None:
    touch(tmp_path, "train/images/5.tif", "val/images/5.tif", "val/images-2/images/6.TIF")
    found = survey("fair1m", tmp_path, "train", "validation")
    assert [(split, name) for _, split, name in names(found)] == [
        ("train", "train-5"),
        ("validation", "validation-5"),
        ("validation", "validation-6"),
    ]
    assert found.left_out == {}


def test_fair1m_pieces_that_hold_one_file_twice(tmp_path: Path) -> None:
    found = survey("fair1m", touch(tmp_path, "train/images/5.tif", "train/images-001/images/5.tif"))
    assert len(found.scenes) == 1
    assert found.left_out == {"same-name": 1}


def test_a_split_that_is_asked_for_and_absent_is_a_warning(tmp_path: Path) -> None:
    found = survey("fair1m", touch(tmp_path, "train/images/5.tif"), "train", "validation")
    assert "split validation was asked for" in found.warnings[0]


CARD = """
id: my-source
title: Mine
kind: sar
paper: none
citation: ""
licence: {name: mine, redistribution: "yes"}
access: {kind: manual, instructions: Put it there.}
layouts: ["*.tif"]
splits: {all: pretrain}
expected: {count: null, confidence: unknown, rule: all}
sar: {bands: [1], names: [VV], radiometry: auto}
"""


class MyReader:
    """What a package of a user's holds."""

    version = 3

    def __init__(self, card: SourceCard) -> None:
        self.card = card

    def survey(self, root: Path, splits: Collection[str] | None = None) -> Survey:
        return Survey((Scene(source=self.card.id, split="all", name="one", sar="one.tif"),))


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A package with an entry point `my-source = "my_package:READER"`."""
    module = ModuleType("my_package")
    module.READER = MyReader(parse_card(CARD, "my.yaml"))  # type: ignore[attr-defined]
    monkeypatch.setitem(__import__("sys").modules, "my_package", module)
    points = SimpleNamespace(found=[EntryPoint("my-source", "my_package:READER", "ospretrain.readers")])
    monkeypatch.setattr("osprep.readers.base.entry_points", lambda group: [p for p in points.found if p.group == group])
    module.points = points  # type: ignore[attr-defined]
    return module


def test_a_package_adds_a_source(package: ModuleType, tmp_path: Path) -> None:
    assert "my-source" in reader_ids()
    reader = get_reader("my-source")
    assert (reader.card.title, reader.version) == ("Mine", 3)
    assert reader.survey(tmp_path).scenes[0].name == "one"


def test_what_is_wrong_with_a_package_is_said(package: ModuleType) -> None:
    with pytest.raises(ConfigError, match="unknown source 'other'; known are .*folder, .*my-source, "):
        get_reader("other")
    package.points.found = [EntryPoint("my-source", "my_package:WRITER", "ospretrain.readers")]
    with pytest.raises(ConfigError, match="WRITER"):
        get_reader("my-source")
    package.points.found = [EntryPoint("my-source", "my_package:points", "ospretrain.readers")]
    with pytest.raises(ConfigError, match=r"survey\(\)"):
        get_reader("my-source")
    package.points.found = [EntryPoint("folder", "my_package:READER", "ospretrain.readers")]
    with pytest.raises(ConfigError, match="several readers"):
        get_reader("folder")
