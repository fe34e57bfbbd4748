"""From all sidecars under a root to manifests, catalogue and the files that follow from it; the catalogue last."""

import dataclasses
import hashlib
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence

from manifests import (
    CATALOGUE,
    MANIFESTS,
    Catalogue,
    Histogram,
    Modality,
    Progress,
    Sample,
    Shard,
    Sidecar,
    SourceCard,
    SourceEntry,
    Statistics,
    Store,
    add_counts,
    mean_std,
    merge,
    modalities,
    to_json,
    write_manifest,
)
from osprep.documents import documents
from osprep.errors import BuildError
from osprep.fingerprint import read_settings
from osprep.ledger import list_shards, read_sidecar, read_sidecars, sidecar_paths
from osprep.plan import ProgressMaker
from osprep.readers import get_reader
from osprep.shard import sha256_of
from osprep.task import sidecar_path


def publish(store: Store, progress: ProgressMaker = Progress) -> Catalogue:
    """Describe everything that stands under a root. Equal sidecars give equal bytes.

    While the files disagree with an older catalogue there is none: a reader finds the old state, nothing, or the new.
    Raises ConfigError when a source in there has no reader here.
    """
    paths = sidecar_paths(list_shards(store))
    sidecars = []
    with progress("publish", len(paths), "shard") as bar:
        for sidecar in read_sidecars(store, paths):
            sidecars.append(sidecar)
            bar.update()
    sidecars.sort(key=lambda sidecar: (sidecar.source, sidecar.split, sidecar.path))
    cards = {source: get_reader(source).card for source in sorted({sidecar.source for sidecar in sidecars})}
    return _write(store, sidecars, cards)


def _write(store: Store, sidecars: Sequence[Sidecar], cards: Mapping[str, SourceCard]) -> Catalogue:
    scratches = {name: store.scratch(f"{name}.{uuid.uuid4().hex}") for name in sorted(set(MANIFESTS.values()))}
    try:
        for name, scratch in scratches.items():
            write_manifest(scratch, _rows(store, sidecars, name))
        hashes = {name: sha256_of(scratch) for name, scratch in scratches.items()}
        catalogue = assemble(sidecars, cards, hashes)
        encoded = to_json(catalogue)
        if store.exists(CATALOGUE) and store.get(CATALOGUE) != encoded:
            store.delete(CATALOGUE)
        for name, scratch in scratches.items():
            store.publish(scratch, name)
    finally:
        for scratch in scratches.values():
            scratch.unlink(missing_ok=True)
    for path, data in documents(catalogue, cards).items():
        store.put(path, data)
    store.put(CATALOGUE, encoded)
    return catalogue


def assemble(sidecars: Sequence[Sidecar], cards: Mapping[str, SourceCard], manifests: Mapping[str, str]) -> Catalogue:
    """Return the catalogue of sidecars that are in order; pure. An empty task has no shard but is counted."""
    by_source = {source: [sidecar for sidecar in sidecars if sidecar.source == source] for source in cards}
    seeds = {read_settings(sidecar.settings)["seed"] for sidecar in sidecars}
    catalogue = Catalogue(
        seed=int(min(seeds, default="0")),
        fingerprint="",
        sources=tuple(_entry(cards[source], parts) for source, parts in by_source.items()),
        shards=tuple(_shards(sidecars)),
        statistics=tuple(record for source, parts in by_source.items() for record in _statistics(cards[source], parts)),
        manifests=dict(manifests),
    )
    return dataclasses.replace(catalogue, fingerprint=seal(catalogue))


def seal(catalogue: Catalogue) -> str:
    """Return the catalogue's fingerprint: 32 hex of SHA-256 over the rest of it, titles and citations excepted.

    To mend those makes no other dataset.
    """
    sources = tuple(dataclasses.replace(entry, title="", citation="") for entry in catalogue.sources)
    plain = dataclasses.replace(catalogue, fingerprint="", sources=sources)
    return hashlib.sha256(to_json(plain)).hexdigest()[:32]


def source_fingerprint(sidecars: Iterable[Sidecar]) -> str:
    """Return 32 hex of SHA-256 over what the sidecars of a source say of inputs, settings and outcome, in order."""
    lines = (to_json(dataclasses.replace(sidecar, rows=(), histograms={})) for sidecar in sidecars)
    return hashlib.sha256(b"".join(lines)).hexdigest()[:32]


def _rows(store: Store, sidecars: Iterable[Sidecar], manifest: str) -> Iterator[Sequence[Sample]]:
    for sidecar in sidecars:
        if sidecar.samples and MANIFESTS[sidecar.kind] == manifest:
            yield read_sidecar(store, sidecar_path(sidecar.path)).rows


def _shards(sidecars: Iterable[Sidecar]) -> Iterator[Shard]:
    groups = dict.fromkeys(MANIFESTS.values(), 0)
    for sidecar in sidecars:
        if sidecar.samples:
            manifest = MANIFESTS[sidecar.kind]
            yield Shard(
                path=sidecar.path,
                source=sidecar.source,
                split=sidecar.split,
                kind=sidecar.kind,
                role=sidecar.role,
                samples=sidecar.samples,
                bytes=sidecar.bytes,
                sha256=sidecar.sha256,
                row_group=groups[manifest],
            )
            groups[manifest] += 1


def _entry(card: SourceCard, sidecars: Sequence[Sidecar]) -> SourceEntry:
    settings = read_settings(sidecars[0].settings)
    return SourceEntry(
        source=card.id,
        title=card.title,
        licence=card.licence.name,
        redistribution=card.licence.redistribution,
        citation=card.citation,
        recipe=settings["radiometry"],
        codec=settings["codec"],
        fingerprint=source_fingerprint(sidecars),
        classes=card.classes,
        planned=sum(sidecar.planned for sidecar in sidecars),
        written=sum(sidecar.samples for sidecar in sidecars),
        skipped=add_counts(sidecar.skipped for sidecar in sidecars),
        failed=add_counts(sidecar.failed for sidecar in sidecars),
    )


def _statistics(card: SourceCard, sidecars: Sequence[Sidecar]) -> Iterator[Statistics]:
    parts: dict[tuple[str, Modality], list[Sidecar]] = {}
    for sidecar in sidecars:
        for modality in modalities(sidecar.kind) if sidecar.samples else ():
            parts.setdefault((sidecar.split, modality), []).append(sidecar)
    for (split, modality), members in sorted(parts.items()):
        role = members[0].role
        default = card.stats_group or card.id if role == "pretrain" else f"{card.id}-{split}"
        yield statistics(card, split, modality, members, default)


def statistics(card: SourceCard, split: str, modality: Modality, sidecars: Sequence[Sidecar], group: str) -> Statistics:
    """Return the statistics of one split and modality from the histograms of its shards."""
    counts = merge([sidecar.histograms[modality] for sidecar in sidecars])
    if not counts.valid.sum(axis=1).all():
        raise BuildError(
            f"{card.id}: split {split} has no valid {modality} pixel; check nodata and min_valid in its recipe"
        )
    rule = card.optical if modality == "optical" else card.sar
    reserved = _has_invalid(counts) or (rule is not None and rule.nodata is not None)
    mean, std = mean_std(counts.valid)
    mean_all, std_all = mean_std(counts.all)
    return Statistics(
        source=card.id,
        split=split,
        modality=modality,
        role=sidecars[0].role,
        stats_group=group,
        samples=sum(sidecar.samples for sidecar in sidecars),
        bands=counts.all.shape[0],
        dtype="uint8",
        nodata=0 if reserved else None,
        histogram=tuple(map(tuple, counts.valid.tolist())),
        histogram_all=tuple(map(tuple, counts.all.tolist())),
        mean=tuple(mean),
        std=tuple(std),
        mean_all=tuple(mean_all),
        std_all=tuple(std_all),
    )


def _has_invalid(counts: Histogram) -> bool:
    return bool((counts.all != counts.valid).any())
