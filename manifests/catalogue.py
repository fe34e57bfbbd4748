"""The catalogue of a dataset, `catalog.json`, and the sidecars of its shards: typed records and their JSON."""

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_args

from manifests.errors import ObjectMissing, SchemaError, SchemaVersionError
from manifests.histogram import Histogram, mean_std, merge
from manifests.sample import COLUMNS, Kind, Modality, Role, Sample, check_relative, sample_from_dict
from manifests.storage import Store

SCHEMA_VERSION = "1.0"  # minor: columns or fields added; major: meanings changed
CATALOGUE = "catalog.json"
MANIFESTS: dict[Kind, str] = {"pair": "paired.parquet", "optical": "unpaired.parquet", "sar": "unpaired.parquet"}
Counts = Mapping[str, int]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A raw file that a shard was made from: path under the source's raw folder and size in bytes."""

    path: str
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """What one task wrote: the done marker of a shard. `bytes` is 0 and `sha256` empty when no sample was left.

    `settings` is the fingerprint of everything but the inputs; `fingerprint` covers the inputs as well. planned equals
    samples + skipped + failed. `histograms` is per modality. `rows` are the manifest rows in tar order. `estimates` are
    the bytes assumed for scenes that failed: repairing or removing one must not move others to another shard. `recipe`
    is what was done to the pixels, in full.
    """

    source: str
    split: str
    role: Role
    kind: Kind
    path: str
    samples: int
    bytes: int
    sha256: str
    settings: str
    fingerprint: str
    planned: int
    skipped: Counts
    failed: Counts
    failures: tuple[str, ...]
    inputs: tuple[Input, ...]
    histograms: Mapping[Modality, Histogram]
    rows: tuple[Sample, ...]
    estimates: Counts = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A tar of the dataset. `row_group` counts within the manifest of its kind."""

    path: str
    source: str
    split: str
    kind: Kind
    role: Role
    samples: int
    bytes: int
    sha256: str
    row_group: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEntry:
    """A source as built here: terms, classes, and the fate of everything planned."""

    source: str
    title: str
    licence: str
    redistribution: str
    citation: str
    recipe: str
    codec: str
    fingerprint: str
    classes: tuple[str, ...]
    planned: int
    written: int
    skipped: Counts
    failed: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Pixels of one source × split × modality. Histogram [bands][256] over valid pixels, `histogram_all` over all.

    mean and std (population) are per band on the 0–1 scale over valid pixels. `nodata` is the reserved value or None.
    """

    source: str
    split: str
    modality: Modality
    role: Role
    stats_group: str
    samples: int
    bands: int
    dtype: str
    nodata: int | None
    histogram: tuple[tuple[int, ...], ...]
    histogram_all: tuple[tuple[int, ...], ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    mean_all: tuple[float, ...]
    std_all: tuple[float, ...]

    def counts(self) -> Histogram:
        """Return the histograms as arrays."""
        return Histogram.from_dict({"histogram": self.histogram, "histogram_all": self.histogram_all})


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """What a reader opens first. `manifests` maps file name to sha256."""

    schema: str = SCHEMA_VERSION
    seed: int
    fingerprint: str
    sources: tuple[SourceEntry, ...]
    shards: tuple[Shard, ...]
    statistics: tuple[Statistics, ...]
    manifests: Mapping[str, str] = field(default_factory=dict)

    def normalisation(self, modality: Modality) -> dict[str, tuple[tuple[float, ...], tuple[float, ...]]]:
        """Return {stats_group: (mean, std)} per band on the 0–1 scale, histograms of a group summed."""
        groups: dict[str, list[Histogram]] = {}
        for record in self.statistics:
            if record.modality == modality:
                groups.setdefault(record.stats_group, []).append(record.counts())
        moments = {group: mean_std(merge(parts).valid) for group, parts in groups.items()}
        return {group: (tuple(mean), tuple(std)) for group, (mean, std) in moments.items()}

    def stats_group(self, source: str, split: str, modality: Modality) -> str:
        """Return the group whose statistics normalise this source, split and modality; KeyError when unknown."""
        for record in self.statistics:
            if (record.source, record.split, record.modality) == (source, split, modality):
                return record.stats_group
        raise KeyError((source, split, modality))


def to_json(record: Any) -> bytes:
    """Return canonical JSON: sorted keys, one newline at the end, no NaN. Equal records give equal bytes."""
    return (json.dumps(_plain(record), sort_keys=True, indent=1, allow_nan=False) + "\n").encode()


def sidecar_json(sidecar: Sidecar) -> bytes:
    """Return the sidecar's bytes, with a checksum of their own.

    Rows and inputs are stored as columns, which is several times smaller.
    """
    plain = _plain(dataclasses.replace(sidecar, rows=(), inputs=(), histograms={}))
    rows = [row.as_dict() for row in sidecar.rows]
    plain["rows"] = {name: [row[name] for row in rows] for name in COLUMNS}
    plain["inputs"] = {i.path: i.bytes for i in sidecar.inputs}
    plain["histograms"] = {modality: h.as_dict() for modality, h in sidecar.histograms.items()}
    return _compact(plain | {"checksum": sha256(_compact(plain))})


def parse_sidecar(data: bytes, where: str) -> Sidecar:
    """Read what sidecar_json wrote; raise SchemaError naming `where` otherwise."""
    raw = _object(data, where)
    recorded = raw.pop("checksum", None)
    columns = raw.get("rows", {})
    try:
        checksum = sha256(_compact(raw))
        rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        raw["inputs"] = [Input(path=path, bytes=size) for path, size in raw.get("inputs", {}).items()]
        raw["histograms"] = {m: Histogram.from_dict(h) for m, h in raw.get("histograms", {}).items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise SchemaError(f"{where}: damaged ({error}); delete the file and build again") from error
    raw["rows"] = [sample_from_dict(row, where) for row in rows]
    sidecar = _record(Sidecar, raw, where)
    check_relative(sidecar.path, where)
    if checksum != recorded:
        raise SchemaError(f"{where}: altered, its checksum does not fit; delete the file and build again")
    return sidecar


def parse_catalogue(data: bytes, where: str) -> Catalogue:
    """Read `catalog.json`; raise SchemaVersionError on a newer major version, SchemaError on anything malformed."""
    raw = _object(data, where)
    version = str(raw.get("schema", ""))
    if not version or not version.split(".")[0].isdigit():
        raise SchemaError(f"{where}: no schema version; this is not a catalogue of ours")
    if version.split(".")[0] != SCHEMA_VERSION.split(".")[0]:
        raise SchemaVersionError(f"{where}: schema {version}, this version reads {SCHEMA_VERSION}; upgrade ospretrain")
    raw["sources"] = [_record(SourceEntry, item, where) for item in raw.get("sources", [])]
    raw["shards"] = [_record(Shard, item, where) for item in raw.get("shards", [])]
    raw["statistics"] = [_record(Statistics, item, where) for item in raw.get("statistics", [])]
    for shard in raw["shards"]:
        check_relative(shard.path, where)
        if shard.kind not in get_args(Kind):
            raise SchemaError(f"{where}: shard {shard.path} has unknown kind {shard.kind!r}")
    return _record(Catalogue, raw, where)


def read_catalogue(store: Store) -> Catalogue:
    """Open a dataset; raise ObjectMissing with the next step when there is none."""
    try:
        data = store.get(CATALOGUE)
    except ObjectMissing as error:
        raise ObjectMissing(
            f"{store.url}: no {CATALOGUE} there; build it with `osprep build`, or mend the URL"
        ) from error
    return parse_catalogue(data, store.join(CATALOGUE))


def sha256(data: bytes) -> str:
    """Return the hex digest."""
    return hashlib.sha256(data).hexdigest()


def add_counts(parts: Iterable[Counts]) -> dict[str, int]:
    """Return the sum of counters by reason, sorted by reason."""
    total: dict[str, int] = {}
    for part in parts:
        for reason, count in part.items():
            total[reason] = total.get(reason, 0) + count
    return dict(sorted(total.items()))


def _compact(plain: Mapping[str, Any]) -> bytes:
    return (json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False) + "\n").encode()


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _object(data: bytes, where: str) -> dict[str, Any]:
    try:
        raw = json.loads(data)
    except ValueError as error:
        raise SchemaError(f"{where}: not JSON ({error}); it is damaged, fetch or build it again") from error
    if not isinstance(raw, dict):
        raise SchemaError(f"{where}: expected a JSON object; it is not a file of ours")
    return raw


def _record(cls: type[T], raw: dict[str, Any], where: str) -> T:
    """Build a dataclass: missing fields are errors, fields of a later minor version are left out."""
    known = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    required = [
        n for n, f in known.items() if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    if missing := [name for name in required if name not in raw]:
        raise SchemaError(f"{where}: {cls.__name__} without {missing[0]!r}; it is damaged or not of ours")
    return cls(**{name: _tuples(value) for name, value in raw.items() if name in known})


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
