"""The report of a dataset as one static page that needs no network: figures, samples, histograms."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from manifests import Catalogue, Kind, SourceEntry, Statistics
from osprep.errors import ConfigError
from osprep.report.charts import Chart, curves, histogram
from osprep.report.contact_sheet import Thumbnail
from osprep.report.figures import Group, groups, known_card, published, readable, reasons
from osprep.report.markup import Html, picture, tag

_KINDS: dict[Kind, str] = {"pair": "pairs", "optical": "optical images", "sar": "SAR images"}
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_FATES = (("written", "written"), ("skipped", "skipped by a rule"), ("failed", "failed"))


@dataclass(frozen=True, slots=True)
class Image:
    """A picture for a section: `title` is its caption and its text for those who cannot see it."""

    title: str
    content: bytes | Path


@dataclass(frozen=True, slots=True)
class Section:
    """Something of the caller's to show at the end of the page. Blank lines in `text` divide paragraphs."""

    title: str
    text: str
    images: tuple[Image, ...] = ()
    charts: tuple[Chart, ...] = field(default=())


def render_page(catalogue: Catalogue, sheets: dict[Group, Sequence[Thumbnail]], extra: Sequence[Section] = ()) -> bytes:
    """Return the page as UTF-8. Equal arguments give equal bytes. Raises ConfigError on an unusable picture."""
    style = Html(resources.files("osprep.report").joinpath("style.css").read_text(encoding="utf-8"))
    anchors = [(f"source-{entry.source}", entry.source) for entry in catalogue.sources]
    anchors += [(f"section-{index}", section.title) for index, section in enumerate(extra)]
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("title", "Dataset report"),
        tag("style", style),
    )
    body = tag(
        "body",
        _header(catalogue),
        tag("nav", [tag("a", name, href=f"#{anchor}") for anchor, name in anchors], aria_label="Contents"),
        tag(
            "main",
            _overview(catalogue),
            [_source(catalogue, entry, sheets) for entry in catalogue.sources],
            [_section(section, f"section-{index}") for index, section in enumerate(extra)],
        ),
        tag(
            "footer",
            "Tiles are shown as they are stored, without any stretch. Means and deviations are on the 0–1 "
            "scale, over valid pixels. Everything here can be made again from catalog.json and the shards.",
        ),
    )
    return f'<!doctype html>\n<html lang="en">{head}{body}</html>\n'.encode()


def _header(catalogue: Catalogue) -> Html:
    counts = {kind: sum(s.samples for s in catalogue.shards if s.kind == kind) for kind in _KINDS}
    tiles = [(f"{counts[kind]:,}", name) for kind, name in _KINDS.items() if counts[kind]]
    tiles.append((f"{len(catalogue.sources):,}", "sources" if len(catalogue.sources) != 1 else "source"))
    tiles.append((f"{len(catalogue.shards):,}", "shards" if len(catalogue.shards) != 1 else "shard"))
    tiles.append((readable(sum(shard.bytes for shard in catalogue.shards)), "in shards"))
    return tag(
        "header",
        tag("h1", "Dataset report"),
        tag(
            "p",
            f"Optical and SAR tiles · schema {catalogue.schema} · seed {catalogue.seed} · fingerprint ",
            tag("code", catalogue.fingerprint),
            class_="quiet",
        ),
        tag("dl", [tag("div", tag("dt", name), tag("dd", figure)) for figure, name in tiles], class_="figures"),
    )


def _overview(catalogue: Catalogue) -> Html:
    entries = {entry.source: entry for entry in catalogue.sources}
    rows = []
    for group in groups(catalogue):
        entry = entries.get(group.source)
        rows.append(
            tag(
                "tr",
                tag("th", tag("a", group.source, href=f"#source-{group.source}"), scope="row"),
                [tag("td", text) for text in (group.split, group.kind, group.role)],
                [
                    tag("td", text, class_="number")
                    for text in (f"{group.samples:,}", group.shards, readable(group.bytes))
                ],
                tag("td", entry.licence if entry else ""),
            )
        )
    names = ("source", "split", "kind", "role", "samples", "shards", "size", "licence")
    return tag("section", tag("h2", "Overview"), _table("What the dataset holds", names, rows), id="overview")


def _source(catalogue: Catalogue, entry: SourceEntry, sheets: dict[Group, Sequence[Thumbnail]]) -> Html:
    card = known_card(entry.source)
    facts = [
        f"licence {entry.licence}",
        f"may be passed on: {entry.redistribution}",
        f"recipe {entry.recipe}",
        entry.codec,
    ]
    if card is not None:
        facts.append(
            f"expected in full: {card.expected.count:,}" if card.expected.count else "expected in full: unknown"
        )
    records = [record for record in catalogue.statistics if record.source == entry.source]
    return tag(
        "section",
        tag("h2", entry.title, tag("small", entry.source)),
        tag("p", " · ".join(facts), class_="quiet"),
        _fate(entry),
        [_sheet(group, thumbnails) for group, thumbnails in sheets.items() if group.source == entry.source],
        tag("div", [_statistics(record) for record in records], class_="columns") if records else None,
        id=f"source-{entry.source}",
    )


def _fate(entry: SourceEntry) -> Html:
    """Show that planned = written + skipped + failed."""
    counts = {"written": entry.written, "skipped": sum(entry.skipped.values()), "failed": sum(entry.failed.values())}
    details = {"skipped": reasons(entry.skipped), "failed": reasons(entry.failed)}
    total = max(sum(counts.values()), 1)
    bars = [tag("span", class_=name, style=f"width:{100 * counts[name] / total:.2f}%") for name, _ in _FATES]
    legend = [
        tag(
            "li",
            tag("i", class_=name),
            tag("b", f"{counts[name]:,}"),
            f" {label}",
            f" ({details[name]})" if counts[name] and name in details else "",
        )
        for name, label in _FATES
    ]
    lost = entry.planned - sum(counts.values())
    balance = f"{entry.planned:,} planned = {' + '.join(f'{count:,}' for count in counts.values())}"
    verdict = (
        tag("p", f"{balance}: nothing went missing.")
        if not lost
        else tag("p", f"{entry.planned:,} planned, but {lost:,} unaccounted for; run osprep verify.", class_="alarm")
    )
    return tag("div", tag("div", bars, class_="bar", aria_hidden="true"), tag("ul", legend), verdict, class_="fate")


def _sheet(group: Group, thumbnails: Sequence[Thumbnail]) -> Html:
    figures = []
    for thumbnail in thumbnails:
        images = [
            picture(content, f"{'SAR' if modality == 'sar' else 'Optical'} tile of {thumbnail.key}", thumbnail.key)
            for modality, content in thumbnail.pictures.items()
        ]
        caption = tag("figcaption", thumbnail.caption, title=thumbnail.key)
        figures.append(tag("figure", tag("div", images, class_="tiles"), caption))
    shown = f"{len(thumbnails)} of {group.samples:,} {_KINDS[group.kind]}, split {group.split} ({group.role})"
    note = "; optical left, SAR right" if group.kind == "pair" else ""
    return tag("div", tag("h3", shown + note), tag("div", figures, class_=f"sheet {group.kind}"))


def _statistics(record: Statistics) -> Html:
    """Show a record's histogram, and mean and deviation beside those that were published."""
    labels, classes = _bands(record)
    name = "SAR" if record.modality == "sar" else "Optical"
    title = f"{name}, split {record.split}: {record.samples:,} images"
    known = published(record)
    rows = []
    for index, (label, colour) in enumerate(zip(labels, classes, strict=True)):
        mine = (record.mean[index], record.std[index])
        theirs = (known.mean[index], known.std[index], mine[0] - known.mean[index]) if known else ()
        rows.append(
            tag(
                "tr",
                tag("th", tag("i", class_=colour), label, scope="row"),
                [
                    tag("td", _figure(value, signed=index == 4), class_="number")
                    for index, value in enumerate((*mine, *theirs))
                ],
            )
        )
    names = ("band", "mean", "std", *(("published mean", "published std", "mean minus published") if known else ()))
    nodata = "" if record.nodata is None else f" Value {record.nodata} is reserved for nodata."
    drawing = histogram(record.counts().valid, classes, f"Histogram of valid pixels. {title}.{nodata}")
    return tag("div", tag("h3", title), drawing, _table(f"Mean and deviation. {title}", names, rows), class_="card")


def _bands(record: Statistics) -> tuple[list[str], list[str]]:
    """Return names and colours of the bands."""
    if record.modality == "optical" and record.bands == 3:
        return ["R", "G", "B"], ["red", "green", "blue"]
    if record.bands == 1:
        return ["SAR" if record.modality == "sar" else "grey"], ["grey"]
    return [f"band {n + 1}" for n in range(record.bands)], [f"series-{n % 6}" for n in range(record.bands)]


def _section(section: Section, anchor: str) -> Html:
    figures = []
    for image in section.images:
        try:
            content = image.content.read_bytes() if isinstance(image.content, Path) else image.content
        except OSError as error:
            raise ConfigError(f"{image.content!s}: {error.strerror}; the section {section.title!r} shows it") from error
        figures.append(tag("figure", picture(content, image.title, image.title), tag("figcaption", image.title)))
    return tag(
        "section",
        tag("h2", section.title),
        [tag("p", text.strip()) for text in section.text.split("\n\n") if text.strip()],
        tag("div", [curves(chart) for chart in section.charts], class_="columns") if section.charts else None,
        tag("div", figures, class_="gallery") if figures else None,
        id=anchor,
    )


def _table(caption: str, names: Sequence[str], rows: Sequence[Html]) -> Html:
    heads = tag("tr", [tag("th", name, scope="col") for name in names])
    table = tag("table", tag("caption", caption), tag("thead", heads), tag("tbody", rows))
    return tag("div", table, class_="scroll", tabindex=0, role="region", aria_label=caption)


def _figure(value: float, signed: bool = False) -> str:
    if not math.isfinite(value):
        return "–"
    return f"{value:+.4f}".replace("-", "−") if signed else f"{value:.4f}"
