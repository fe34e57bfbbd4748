"""The figures of a report, from a catalogue alone."""

from collections.abc import Mapping
from dataclasses import dataclass

from manifests import Catalogue, Kind, Role, SourceCard, Statistics
from osprep.readers import get_reader, reader_ids

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
BandNumbers = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """The shards of one source, split and kind, summed up."""

    source: str
    split: str
    kind: Kind
    role: Role
    samples: int
    shards: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Published:
    """Mean and deviation that others published for a source and modality, on the 0–1 scale, per band."""

    mean: BandNumbers
    std: BandNumbers


def groups(catalogue: Catalogue) -> tuple[Group, ...]:
    """Return the groups in the order of the catalogue's sources, then by split and kind."""
    totals: dict[tuple[str, str, Kind, Role], tuple[int, int, int]] = {}
    for shard in catalogue.shards:
        key = (shard.source, shard.split, shard.kind, shard.role)
        samples, shards, size = totals.get(key, (0, 0, 0))
        totals[key] = (samples + shard.samples, shards + 1, size + shard.bytes)
    order = {entry.source: index for index, entry in enumerate(catalogue.sources)}
    keys = sorted(totals, key=lambda key: (order.get(key[0], len(order)), key))
    return tuple(Group(*key, *totals[key]) for key in keys)


def published(record: Statistics) -> Published | None:
    """Return the published figures for a record's source and modality; None when there are none for its bands."""
    card = known_card(record.source)
    if card is None:
        return None
    mean, std = (card.published.get(f"{record.modality}_{name}", ()) for name in ("mean", "std"))
    return Published(mean, std) if len(mean) == len(std) == record.bands else None


def known_card(source: str) -> SourceCard | None:
    """Return the card of a source; None when its reader is not installed here."""
    return get_reader(source).card if source in reader_ids() else None


def reasons(counts: Mapping[str, int]) -> str:
    """Return counts by reason, the largest first, as one line."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count:,} {reason}" for reason, count in ordered) or "none"


def readable(size: int) -> str:
    """Return bytes with a unit."""
    value, unit = float(size), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.0f} {_UNITS[unit]}" if unit == 0 or value >= 99.5 else f"{value:.1f} {_UNITS[unit]}"
