"""The records of a dataset against each other: what is wrong between catalogue, manifests, sidecars and documents."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast, get_args

import numpy as np
import numpy.typing as npt

from manifests import (
    CATALOGUE,
    MANIFESTS,
    SCHEMA_VERSION,
    Catalogue,
    Manifest,
    ObjectMissing,
    SchemaError,
    SchemaVersionError,
    Shard,
    Sidecar,
    SourceEntry,
    Statistics,
    Store,
    add_counts,
    mean_std,
    merge,
    parse_sidecar,
    read_catalogue,
    sidecar_json,
    to_json,
)
from osprep.config import Codec
from osprep.documents import derived, licence_path, licence_title
from osprep.fingerprint import task_fingerprint
from osprep.publish import seal, source_fingerprint
from osprep.task import sidecar_path

TOLERANCE = 1e-9  # between the moments of one histogram as computed on two machines
_SHARED = ("path", "source", "split", "kind", "role", "samples", "bytes", "sha256")  # by sidecar and catalogue


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as recorded: where, and what."""

    path: str
    fault: str

    def __str__(self) -> str:
        return f"{self.path}: {self.fault}"


def open_catalogue(store: Store) -> Catalogue | Finding:
    """Return the catalogue, or what is wrong about it in itself.

    Raises ObjectMissing when there is none and SchemaVersionError when it is newer than this version verifies.
    """
    try:
        catalogue = read_catalogue(store)
    except SchemaVersionError:
        raise
    except SchemaError as error:
        return Finding(CATALOGUE, str(error))
    if catalogue.schema != SCHEMA_VERSION:
        where = f"{store.join(CATALOGUE)}: schema {catalogue.schema}, this version verifies {SCHEMA_VERSION}"
        raise SchemaVersionError(f"{where}; upgrade ospretrain")
    if seal(catalogue) != catalogue.fingerprint or to_json(catalogue) != store.get(CATALOGUE):
        return Finding(CATALOGUE, "altered: its fingerprint does not fit its contents; build again")
    if unknown := {shard.source for shard in catalogue.shards} - {entry.source for entry in catalogue.sources}:
        return Finding(CATALOGUE, f"says nothing of source {min(unknown)}, of which it has shards")
    return catalogue


def known_codec(entry: SourceEntry) -> Codec:
    """Return the codec of a source's images; raise SchemaVersionError when this version has none of that name."""
    for codec in get_args(Codec):
        if codec == entry.codec:
            return cast(Codec, codec)
    raise SchemaVersionError(
        f"{CATALOGUE}: codec {entry.codec!r} of source {entry.source} is unknown; upgrade ospretrain"
    )


def check_documents(store: Store, catalogue: Catalogue) -> Iterator[Finding]:
    """Compare the files that follow from the catalogue."""
    for path, data in derived(catalogue).items():
        found = read_if_there(store, path)
        if found != data:
            yield Finding(path, "missing" if found is None else "differs from what the catalogue gives")
    for entry in catalogue.sources:
        path = licence_path(entry.source)
        terms = read_if_there(store, path)
        if terms is None or not terms.startswith(licence_title(entry).encode() + b"\n"):
            yield Finding(path, "missing" if terms is None else "has another title than the catalogue")


def check_sources(catalogue: Catalogue) -> Iterator[Finding]:
    """Check that every planned sample of every source is accounted for."""
    for entry in catalogue.sources:
        gone = sum(entry.skipped.values()) + sum(entry.failed.values())
        held = sum(shard.samples for shard in catalogue.shards if shard.source == entry.source)
        if entry.planned != entry.written + gone or entry.written != held:
            counts = f"{entry.planned} planned, {entry.written} written, {gone} skipped or failed, {held} in shards"
            yield Finding(CATALOGUE, f"source {entry.source}: {counts}")


def manifest_fault(store: Store, catalogue: Catalogue, name: str) -> str | None:
    """Return what is wrong about a manifest as a whole."""
    data = read_if_there(store, name)
    if data is None:
        return "missing"
    if hashlib.sha256(data).hexdigest() != catalogue.manifests.get(name):
        return "sha256 differs from the catalogue"
    with Manifest(store, name) as manifest:
        expected = sum(MANIFESTS[shard.kind] == name for shard in catalogue.shards)
        return None if manifest.row_groups == expected else f"{manifest.row_groups} row groups for {expected} shards"


def read_sidecar_of(store: Store, shard: Shard) -> tuple[Sidecar | None, str | None]:
    """Return a shard's sidecar unless it is damaged, and what is wrong about it."""
    path = sidecar_path(shard.path)
    data = read_if_there(store, path)
    if data is None:
        return None, "missing"
    try:
        sidecar = parse_sidecar(data, store.join(path))
    except SchemaError as error:
        return None, str(error)
    if sidecar_json(sidecar) != data:
        return None, "altered: it is not as it was written"
    if differing := [name for name in _SHARED if getattr(sidecar, name) != getattr(shard, name)]:
        return None, f"{differing[0]} differs from the catalogue"
    if task_fingerprint(sidecar.path, sidecar.settings, sidecar.inputs) != sidecar.fingerprint:
        return sidecar, "altered: its fingerprint does not fit settings and inputs"
    return sidecar, None


def source_faults(entry: SourceEntry, sidecars: Sequence[Sidecar]) -> Iterator[str]:
    """Compare a source with all of its sidecars, those of empty tasks included, in order."""
    told = (sum(sidecar.planned for sidecar in sidecars), sum(sidecar.samples for sidecar in sidecars))
    skipped, failed = (add_counts(getattr(s, name) for s in sidecars) for name in ("skipped", "failed"))
    if (*told, skipped, failed) != (entry.planned, entry.written, dict(entry.skipped), dict(entry.failed)):
        yield f"the sidecars of source {entry.source} add up to other counts than the catalogue's"
    elif source_fingerprint(sidecars) != entry.fingerprint:
        yield f"a sidecar of source {entry.source} was altered, or one is missing"


def statistics_faults(
    record: Statistics, sidecars: Iterable[Sidecar], counts: npt.NDArray[np.int64] | None
) -> Iterator[str]:
    """Compare statistics with the histograms of sidecars and with counts [bands, 256] of decoded pixels, if known."""
    where = f"statistics of {record.source} {record.split} {record.modality}"
    given = record.counts()
    if parts := [sidecar.histograms[record.modality] for sidecar in sidecars if record.modality in sidecar.histograms]:
        summed = merge(parts)
        if not (np.array_equal(summed.valid, given.valid) and np.array_equal(summed.all, given.all)):
            yield f"{where}: the histograms of the sidecars add up to others"
    if counts is not None and not np.array_equal(counts, given.all):
        yield f"{where}: the pixels give another histogram"
    moments = (*mean_std(given.valid), *mean_std(given.all))
    recorded = (record.mean, record.std, record.mean_all, record.std_all)
    if not all(np.allclose(new, old, rtol=0, atol=TOLERANCE) for new, old in zip(moments, recorded, strict=True)):
        yield f"{where}: mean and std do not follow from the histogram"
    if (given.valid > given.all).any():
        yield f"{where}: more valid pixels than there are"


def read_if_there(store: Store, path: str) -> bytes | None:
    """Return an object, or None when it is missing."""
    try:
        return store.get(path)
    except ObjectMissing:
        return None
