import base64
import dataclasses
import io
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Picture

from manifests import MANIFESTS, Catalogue, Manifest, open_store, read_card, read_catalogue, to_json
from osprep.build import build
from osprep.codec import decode
from osprep.config import BuildConfig
from osprep.errors import BuildError, ConfigError
from osprep.report import Chart, Image, Section, write_report
from osprep.report.figures import readable
from osprep.report.markup import Html, join, tag

HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)'
QXS = "qxs-saropt/QXSLAB_SAROPT"


class Page(HTMLParser):
    """Elements and text of a page; complains about tags that do not match."""

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.source = Path(path).read_text(encoding="utf-8")
        self.feed(self.source)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def picture(self, alt: str) -> np.ndarray:
        (found,) = (image["src"] for image in self.all("img") if image["alt"] == alt)
        with Picture.open(io.BytesIO(base64.b64decode(found.partition(",")[2]))) as image:
            return np.asarray(image)


def blobs(seed: int, bands: int, side: int = 256) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(20, 235, (8, 8, bands), np.uint8)
    return np.repeat(np.repeat(coarse, side // 8, axis=0), side // 8, axis=1).squeeze()


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Picture.fromarray(pixels).save(path)


def write_raw(raw: Path) -> None:
    for number in range(1, 15):
        save(raw / f"{QXS}/opt_256_oc_0.2/{number}.png", blobs(number, 3))
        save(raw / f"{QXS}/sar_256_oc_0.2/{number}.png", blobs(100 + number, 1))
    broken = raw / f"{QXS}/sar_256_oc_0.2/3.png"
    broken.write_bytes(broken.read_bytes()[:-40])
    save(raw / f"{QXS}/sar_256_oc_0.2/4.png", np.full((256, 256), 7, np.uint8))
    save(raw / f"folder/optical/{HOSTILE}.png", blobs(1, 3))
    save(raw / "folder/sar/large.png", blobs(2, 1, 512))
    save(raw / "folder/sar/small.png", blobs(3, 1, 40))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write_raw(folder / "raw")
    recipe = folder / "recipe.yaml"
    recipe.write_text("sources: {qxs-saropt: {tile: {keep_constant: false}}}")
    build(BuildConfig(raw=folder / "raw", out=str(folder / "dataset"), recipe=recipe, shard_mb=1))
    return folder / "dataset"


@pytest.fixture
def copy(dataset, tmp_path) -> Path:
    return Path(shutil.copytree(dataset, tmp_path / "dataset"))


def rewrite(root: Path, **changes: object) -> Catalogue:
    """Change fields of the first source in a catalogue."""
    catalogue = read_catalogue(open_store(root))
    first, *others = catalogue.sources
    changed = dataclasses.replace(catalogue, sources=(dataclasses.replace(first, **changes), *others))
    (root / "catalog.json").write_bytes(to_json(changed))
    return changed


def test_the_page_stands_alone_and_is_well_formed(dataset):
    where = write_report(str(dataset))
    assert Path(where) == dataset / "report/index.html"
    page = Page(where)
    assert page.source.startswith("<!doctype html>")
    assert all(image["src"].startswith("data:image/webp;base64,") and image["alt"] for image in page.all("img"))
    targets = [value for _, found in page.elements for name, value in found.items() if name in ("src", "href")]
    assert all(target.startswith(("data:", "#")) for target in targets)
    assert "url(" not in page.source
    assert not page.all("script") + page.all("link")
    anchors = {attributes["href"] for attributes in page.all("a")}
    assert anchors == {f"#{attributes['id']}" for attributes in page.all("section")} - {"#overview"}
    assert "prefers-color-scheme: dark" in page.source
    assert [svg["role"] for svg in page.all("svg")] == ["img"] * len(read_catalogue(open_store(dataset)).statistics)


def test_equal_datasets_give_equal_pages(dataset, tmp_path):
    first = Path(write_report(str(dataset), out=tmp_path / "a")).read_bytes()
    assert Path(write_report(str(dataset), out=tmp_path / "b")).read_bytes() == first
    assert str(dataset) not in first.decode()
    assert not (tmp_path / "a/report").exists()


def test_every_number_is_accounted_for(dataset):
    page = Page(write_report(str(dataset)))
    for entry in read_catalogue(open_store(dataset)).sources:
        skipped, failed = sum(entry.skipped.values()), sum(entry.failed.values())
        assert f"{entry.planned} planned = {entry.written} + {skipped} + {failed}: nothing went missing." in page.text
    assert "1 skipped by a rule (1 constant)" in page.text
    assert "1 failed (1 truncated)" in page.text
    size = sum(shard.bytes for shard in read_catalogue(open_store(dataset)).shards)
    assert readable(size) in page.text


def test_lost_samples_raise_an_alarm(copy):
    entry = read_catalogue(open_store(copy)).sources[0]
    rewrite(copy, planned=entry.planned + 5)
    assert "5 unaccounted for" in Page(write_report(str(copy))).text


def test_what_is_shown_is_what_is_stored(dataset):
    store = open_store(dataset)
    page = Page(write_report(str(dataset)))
    shown = {"optical": 0, "sar": 0}
    for name in sorted(set(MANIFESTS.values())):
        with Manifest(store, name) as manifest:
            rows = [row for group in range(manifest.row_groups) for row in manifest.samples(group)]
        for row in rows:
            spans = {"optical": (row.opt_offset, row.opt_length), "sar": (row.sar_offset, row.sar_length)}
            for modality, (offset, length) in spans.items():
                alt = f"{'SAR' if modality == 'sar' else 'Optical'} tile of {row.key}"
                if alt not in {image["alt"] for image in page.all("img")}:
                    continue
                shown[modality] += 1
                stored = np.broadcast_to(
                    decode(store.get_range(row.shard, offset, length), "tif"), (row.height, row.width, 3)
                )
                assert np.abs(page.picture(alt).astype(int) - stored).mean() < 6
    assert shown == {"optical": 9 + 1, "sar": 9 + 4 + 1}


def test_published_figures_stand_beside_ours(dataset):
    page = Page(write_report(str(dataset)))
    card = read_card("qxs-saropt")
    ours = read_catalogue(open_store(dataset)).normalisation("sar")["qxs-saropt"][0][0]
    theirs = card.published["sar_mean"][0]
    for figure in (f"{ours:.4f}", f"{theirs:.4f}", f"{ours - theirs:+.4f}".replace("-", "−")):
        assert figure in page.text
    assert page.text.count("published mean") == 2  # optical and SAR of the one source whose figures are known


def test_a_source_of_the_users_own_needs_no_card(copy):
    text = (copy / "catalog.json").read_text().replace('"qxs-saropt"', '"my-own"')
    (copy / "catalog.json").write_text(text)
    page = Page(write_report(str(copy)))
    assert "my-own" in page.text
    assert "published mean" not in page.text


def test_hostile_names_stay_text(copy):
    rewrite(copy, title=HOSTILE, licence=HOSTILE, failed={HOSTILE: 1}, recipe=HOSTILE)
    section = Section(HOSTILE, HOSTILE, charts=(Chart(HOSTILE, {HOSTILE: [(0, 1), (1, 2)]}, HOSTILE, HOSTILE),))
    page = Page(write_report(str(copy), [section]))
    assert not page.all("script")
    assert not [image for image in page.all("img") if "onerror" in image]
    assert page.text.count(HOSTILE) >= 8
    captions = [text for text in page.text.split(" · ") if HOSTILE in text]
    assert captions


@given(st.text(), st.text())
def test_markup_escapes_whatever_it_did_not_make(text, other):
    element = tag("p", text, [other, None], title=text)
    found = re.fullmatch(r'<p title="([^"<>]*)">([^<>]*)</p>', element, re.DOTALL)
    assert found
    assert join(element) == element
    assert isinstance(element, Html)


def test_sections_show_pictures_and_curves(dataset, tmp_path):
    save(tmp_path / "reconstruction.png", blobs(1, 3, 64))
    data = (tmp_path / "reconstruction.png").read_bytes()
    nan = float("nan")
    chart = Chart("Loss", {"total": [(0, 2.0), (1, nan), (50, 0.5)], "empty": []}, "step", "loss")
    images = (Image("From a file", tmp_path / "reconstruction.png"), Image("From bytes", data))
    section = Section("Pretraining", "First paragraph.\n\nSecond one.", images, (chart, Chart("Nothing", {})))
    page = Page(write_report(str(dataset), [section], tmp_path / "out"))
    assert np.array_equal(page.picture("From a file"), blobs(1, 3, 64))
    assert np.array_equal(page.picture("From bytes"), blobs(1, 3, 64))
    assert "Nothing: nothing to draw." in page.text
    (line,) = (path["d"] for path in page.all("path") if path["class"].startswith("line"))
    assert len(line.split(" L")) == 2
    assert "nan" not in line
    assert [tag for tag, _ in page.elements].count("figcaption") > 2


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (Image("Loss", b"<svg onload=alert(1)>"), "Loss: no PNG"),
        (Image("Loss", Path("no/such/loss.png")), "loss.png: No such file.*'Training' shows it"),
    ],
)
def test_unusable_pictures_are_named_and_nothing_is_written(dataset, tmp_path, image, message):
    with pytest.raises(ConfigError, match=message):
        write_report(str(dataset), [Section("Training", "", (image,))], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_damaged_tile_is_named(copy):
    for shard in copy.glob("shards/qxs-saropt/*.tar"):
        shard.write_bytes(bytes(shard.stat().st_size))
    with pytest.raises(BuildError, match=r"sample qxs-saropt-all-.*cannot be decoded.*osprep verify"):
        write_report(str(copy))


def test_a_web_server_takes_no_report():
    with pytest.raises(ConfigError, match="name a folder"):
        write_report("http://127.0.0.1:9/dataset")


@pytest.mark.s3
def test_a_bucket_gets_its_report(s3, tmp_path):
    write_raw(tmp_path / "raw")
    build(BuildConfig(raw=tmp_path / "raw", out=f"{s3}/dataset", sources=("folder",)))
    where = write_report(f"{s3}/dataset")
    assert where == f"{s3}/dataset/report/index.html"
    data = open_store(f"{s3}/dataset").get("report/index.html")
    (tmp_path / "page.html").write_bytes(data)
    assert len(Page(tmp_path / "page.html").all("img")) == 6


@given(st.integers(0, 10**16))
def test_sizes_are_read_back_to_three_figures(size):
    number, unit = readable(size).split()
    factor = 1000 ** ["B", "kB", "MB", "GB", "TB", "PB"].index(unit)
    assert float(number) * factor == pytest.approx(size, rel=0.06)
    assert len(number) <= 4
