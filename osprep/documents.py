"""What people and other tools read of a dataset, made from its catalogue alone: card, citations, licences, indexes."""

import json
from collections.abc import Mapping

import yaml

from manifests import Catalogue, Shard, SourceCard, SourceEntry

README = "README.md"
CITATION = "CITATION.bib"
LICENSES = "LICENSES"
WIDS = "index.json"
TIMM = "_info.json"
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def documents(catalogue: Catalogue, cards: Mapping[str, SourceCard]) -> dict[str, bytes]:
    """Return every file beside catalogue, manifests and shards, by path. Equal arguments give equal bytes."""
    licences = {licence_path(entry.source): _licence(entry, cards[entry.source]) for entry in catalogue.sources}
    return {README: readme(catalogue)} | derived(catalogue) | licences


def derived(catalogue: Catalogue) -> dict[str, bytes]:
    """Return those that follow from the catalogue alone and that nobody edits by hand."""
    citations = [entry.citation.strip() + "\n" for entry in catalogue.sources if entry.citation.strip()]
    return {CITATION: "\n".join(citations).encode(), WIDS: _json(_wids(catalogue)), TIMM: _json(_timm(catalogue))}


def licence_path(source: str) -> str:
    """Return where the terms of a source stand."""
    return f"{LICENSES}/{source}.txt"


def licence_title(entry: SourceEntry) -> str:
    """Return the first line of a source's terms."""
    return f"{entry.title} ({entry.source})"


def readme(catalogue: Catalogue) -> bytes:
    """Return the dataset card: YAML that hubs read, then what it holds, how to read it, whose terms apply."""
    samples = sum(shard.samples for shard in catalogue.shards)
    matter = yaml.safe_dump(_front_matter(catalogue, samples), sort_keys=False, allow_unicode=True, width=1000)
    sources = "\n".join(_source_line(entry, catalogue) for entry in catalogue.sources)
    pairs = sum(shard.samples for shard in catalogue.shards if shard.kind == "pair")
    text = f"""---
{matter}---

# Optical and SAR tiles for pretraining

{pairs:,} registered optical–SAR pairs and {samples - pairs:,} single images as WebDataset shards: plain tars under
`shards/`, one row per sample in `paired.parquet` and `unpaired.parquet`, everything else in `catalog.json`.

| source | samples | shards | GB | recipe | licence | tiles may be passed on |
|---|---|---|---|---|---|---|
{sources}

## Read it

Members of a sample: `<key>.meta.json`, `<key>.opt.<ext>` (optical, R, G, B), `<key>.sar.<ext>` (SAR); uint8.

    from osloader import Loader, LoaderConfig              # shuffled, resumable, over S3, HTTP or disk

    import imagecodecs, webdataset                         # or plain webdataset, for .tif shards
    tif = webdataset.handle_extension("opt.tif sar.tif", imagecodecs.tiff_decode)
    samples = webdataset.WebDataset("{_example(catalogue)}", shardshuffle=False).decode(tif)

Mean and standard deviation per source stand in `catalog.json` under `statistics`, on the 0–1 scale, over valid pixels.

## Terms

Each source keeps its own terms: see `LICENSES/` before you pass anything on, and cite what you use: `CITATION.bib`.
"""
    return text.encode()


def _front_matter(catalogue: Catalogue, samples: int) -> dict[str, object]:
    licences = sorted({entry.licence for entry in catalogue.sources})
    size = next((name for limit, name in _SIZES if samples < limit), "1M<n<10M")
    groups: dict[str, list[str]] = {}
    for shard in catalogue.shards:
        groups.setdefault(f"{shard.source}-{shard.split}-{shard.kind}", []).append(shard.path)
    return {
        "license": "other",
        "license_name": ", ".join(licences) or "none",
        "license_link": LICENSES,
        "pretty_name": "Optical and SAR tiles for pretraining",
        "size_categories": [size],
        "task_categories": ["image-feature-extraction"],
        "tags": ["remote-sensing", "sar", "optical", "webdataset"],
        "configs": [
            {"config_name": name, "data_files": [{"split": "train", "path": paths}]} for name, paths in groups.items()
        ],
    }


def _source_line(entry: SourceEntry, catalogue: Catalogue) -> str:
    shards = [shard for shard in catalogue.shards if shard.source == entry.source]
    size = sum(shard.bytes for shard in shards) / 1e9
    cells = (
        f"{entry.title} (`{entry.source}`)",
        f"{entry.written:,}",
        f"{len(shards)}",
        f"{size:.2f}",
        entry.recipe,
        entry.licence,
        entry.redistribution,
    )
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _example(catalogue: Catalogue) -> str:
    return catalogue.shards[0].path if catalogue.shards else "shards/…"


def _licence(entry: SourceEntry, card: SourceCard) -> bytes:
    lines = (
        licence_title(entry),
        f"Licence: {entry.licence}{f' ({card.licence.url})' if card.licence.url else ''}",
        f"Tiles may be passed on: {entry.redistribution}",
        *((f"Note: {card.licence.note}",) if card.licence.note else ()),
        *((f"Homepage: {card.access.homepage}",) if card.access.homepage else ()),
        f"Paper: {card.paper}",
        "",
        "The tiles are cut and rescaled from the original images; the terms of the original apply to them.",
    )
    return "\n".join((*lines, "")).encode()


def _wids(catalogue: Catalogue) -> Mapping[str, object]:
    """Return a shard index of the wids library, version 1, with what it does not ask for beside."""
    return {
        "__kind__": "wids-shard-index-v1",
        "wids_version": 1,
        "shardlist": [
            {
                "url": shard.path,
                "nsamples": shard.samples,
                "filesize": shard.bytes,
                "sha256": shard.sha256,
                "source": shard.source,
                "split": shard.split,
                "kind": shard.kind,
            }
            for shard in catalogue.shards
        ],
    }


def _timm(catalogue: Catalogue) -> Mapping[str, object]:
    """Return the index that timm's WebDataset reader looks for: one split per source, split and kind."""
    groups: dict[str, list[Shard]] = {}
    for shard in catalogue.shards:
        groups.setdefault(f"{shard.source}-{shard.split}-{shard.kind}", []).append(shard)
    return {
        "splits": {
            name: {
                "name": name,
                "filenames": [shard.path for shard in shards],
                "shard_lengths": [shard.samples for shard in shards],
                "num_samples": sum(shard.samples for shard in shards),
            }
            for name, shards in groups.items()
        }
    }


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=1) + "\n").encode()
