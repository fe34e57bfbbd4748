"""Pixels of a built dataset beside the published figures of its sources."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from manifests import Modality, SourceCard, Statistics, mean_std, merge, open_store, read_catalogue
from osprep.readers import get_reader, reader_ids

TOLERANCE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class StatsRow:
    """One band of one source and modality, on the 0–1 scale, over all splits that are for pretraining.

    `mean` and `std` are over valid pixels, `mean_all` and `std_all` over all. What was published knows no masks, so the
    differences are ours over all pixels less the published; None where nothing was. `band` counts from 1.
    """

    source: str
    modality: Modality
    band: int
    mean: float
    std: float
    mean_all: float
    std_all: float
    published_mean: float | None = None
    published_std: float | None = None

    @property
    def mean_difference(self) -> float | None:
        """Return how far our mean is above the published one."""
        return None if self.published_mean is None else self.mean_all - self.published_mean

    @property
    def std_difference(self) -> float | None:
        """Return how far our deviation is above the published one."""
        return None if self.published_std is None else self.std_all - self.published_std

    @property
    def flagged(self) -> bool:
        """Tell whether one of the two differs by more than 0.05."""
        return any(abs(difference or 0.0) > TOLERANCE for difference in (self.mean_difference, self.std_difference))

    def as_dict(self) -> dict[str, Any]:
        """Return JSON types, the differences and the flag among them."""
        found = {"mean_difference": self.mean_difference, "std_difference": self.std_difference}
        return {**dataclasses.asdict(self), **found, "flagged": self.flagged}


def compare(root_url: str) -> tuple[StatsRow, ...]:
    """Return a row for every source, modality and band of a dataset, from its catalogue alone.

    Raises StorageError when there is no dataset, SchemaError when its catalogue is damaged.
    """
    catalogue = read_catalogue(open_store(root_url))
    parts: dict[tuple[str, Modality], list[Statistics]] = {}
    for record in catalogue.statistics:
        if record.role == "pretrain":
            parts.setdefault((record.source, record.modality), []).append(record)
    known = set(reader_ids())
    cards = {source: get_reader(source).card for source, _ in parts if source in known}
    return tuple(row for key in sorted(parts) for row in _rows(*key, parts[key], cards.get(key[0])))


def _rows(
    source: str, modality: Modality, records: Sequence[Statistics], card: SourceCard | None
) -> Iterator[StatsRow]:
    counts = merge([record.counts() for record in records])
    bands = len(counts.all)
    published = [_published(card, f"{modality}_{figure}", bands) for figure in ("mean", "std")]
    columns = (*mean_std(counts.valid), *mean_std(counts.all), *published)
    for band, (mean, std, mean_all, std_all, *figures) in enumerate(zip(*columns, strict=True), 1):
        yield StatsRow(
            source=source,
            modality=modality,
            band=band,
            mean=mean,
            std=std,
            mean_all=mean_all,
            std_all=std_all,
            published_mean=figures[0],
            published_std=figures[1],
        )


def _published(card: SourceCard | None, name: str, bands: int) -> Sequence[float | None]:
    """Return a figure of the card for each band; one figure holds for as many bands as there are."""
    figures = card.published.get(name, ()) if card else ()
    if len(figures) == 1:
        return figures * bands
    return figures if len(figures) == bands else (None,) * bands
