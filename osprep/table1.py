"""Planned and written counts against Table I of the CoDe-MAE paper, source by source and in total."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from manifests import Catalogue, Kind, SourceCard, open_store, read_catalogue
from osprep.plan import SourcePlan
from osprep.readers import get_reader, reader_ids

MISMATCH = 4
TABLE_1 = (  # the rows, in the paper's order
    *("spacenet6", "qxs-saropt", "ddhr", "whu-opt-sar", "dfc23", "ogsod-2", "gfge-so", "oem-sar", "earthmiss"),
    *("osdataset-2", "rsd46", "fair1m", "fair-csar", "sardet-180k", "atrnet-star"),
)
RELEASED = "ospretrain-1m"  # the authors' own tree: all rows at once
TOTALS: Mapping[Kind, int] = {"pair": 269_083, "optical": 259_038, "sar": 259_038}
Verdict = Literal["absent", "as expected", "within tolerance", "differs", "reported"]
Confidence = Literal["certain", "high", "medium", "low", "unknown"]


@dataclass(frozen=True, slots=True)
class Found:
    """The pretraining samples of one source by kind: planned, written. None where that is not known."""

    planned: Mapping[Kind, int] | None
    written: Mapping[Kind, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table1Line:
    """One row of Table I. difference: what was written, or else planned, less what is expected; None when absent.

    A difference is `reported` where the card gives no tolerance, since its count cannot be derived from the source.
    """

    source: str
    kind: Kind
    expected: int
    planned: int | None
    written: int | None
    difference: int | None
    tolerance: int | None
    confidence: Confidence
    rule: str
    verdict: Verdict

    @property
    def mismatch(self) -> bool:
        """Tell whether a count that is known for certain is not met by a source that is there."""
        return self.confidence == "certain" and self.verdict == "differs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table1Total:
    """A sum over the sources that are there: `pairs`, `images in pairs`, `unpaired optical` and so on."""

    name: str
    expected: int
    planned: int | None
    written: int | None
    difference: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table1:
    """The comparison. `released` are the totals of the authors' own tree where it is there; it has no rows.

    `others` are sources outside Table I. `exit_code` is 4 when a count known for certain is not met.
    """

    lines: tuple[Table1Line, ...]
    totals: tuple[Table1Total, ...]
    released: tuple[Table1Total, ...] = ()
    others: tuple[str, ...] = ()
    exit_code: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "exit_code", MISMATCH if any(line.mismatch for line in self.lines) else 0)


def table1_of_plan(plans: Iterable[SourcePlan]) -> Table1:
    """Compare what would be written with Table I; splits that are held out do not count."""
    return compare({plan.source: Found(_planned(plan)) for plan in plans}, known_cards())


def table1_of_dataset(url: str) -> Table1:
    """Compare a finished dataset with Table I, from its catalogue alone.

    Raises StorageError when there is none, SchemaError when it is damaged.
    """
    return compare(found_in(read_catalogue(open_store(url))), known_cards())


def known_cards() -> dict[str, SourceCard]:
    """Return the cards of the sources of Table I, in its order."""
    known = set(reader_ids())
    return {source: get_reader(source).card for source in TABLE_1 if source in known}


def found_in(catalogue: Catalogue) -> dict[str, Found]:
    """Return the counts of role pretrain that a catalogue holds.

    What was planned is recorded for whole sources, so it is known where these are of one kind, nothing held out.
    """
    found: dict[str, Found] = {}
    for entry in catalogue.sources:
        written: dict[Kind, int] = {}
        for shard in catalogue.shards:
            if shard.source == entry.source and shard.role == "pretrain":
                written[shard.kind] = written.get(shard.kind, 0) + shard.samples
        whole = len(written) == 1 and sum(written.values()) == entry.written
        found[entry.source] = Found(dict.fromkeys(written, entry.planned) if whole else None, written)
    return found


def compare(found: Mapping[str, Found], cards: Mapping[str, SourceCard]) -> Table1:
    """Compare counts by source with the cards of Table I's sources."""
    rows = [found[source] for source in cards if source in found]
    return Table1(
        lines=tuple(line for card in cards.values() for line in _lines(card, found.get(card.id))),
        totals=_totals(rows),
        released=_totals([found[RELEASED]]) if RELEASED in found else (),
        others=tuple(sorted(found.keys() - cards.keys() - {RELEASED})),
    )


def _planned(plan: SourcePlan) -> dict[Kind, int]:
    counts: dict[Kind, int] = {}
    for task in plan.tasks:
        if task.role == "pretrain":
            counts[task.kind] = counts.get(task.kind, 0) + task.samples
    return counts


def _lines(card: SourceCard, found: Found | None) -> Iterable[Table1Line]:
    if card.kind == "any" or card.expected.count is None:
        return
    certain = card.expected.confidence == "certain"
    tolerance = 0 if certain and card.expected.tolerance is None else card.expected.tolerance
    planned, written = (
        _of(counts, card.kind) for counts in ((found.planned, found.written) if found else (None, None))
    )
    reached = planned if written is None else written
    difference = None if reached is None else reached - card.expected.count
    yield Table1Line(
        source=card.id,
        kind=card.kind,
        expected=card.expected.count,
        planned=planned,
        written=written,
        difference=difference,
        tolerance=tolerance,
        confidence=card.expected.confidence,
        rule=card.expected.rule,
        verdict=_verdict(difference, tolerance),
    )


def _of(counts: Mapping[Kind, int] | None, kind: Kind) -> int | None:
    return None if counts is None else counts.get(kind, 0)


def _verdict(difference: int | None, tolerance: int | None) -> Verdict:
    if difference is None:
        return "absent"
    if difference == 0:
        return "as expected"
    if tolerance is None:
        return "reported"
    return "within tolerance" if abs(difference) <= tolerance else "differs"


def _totals(rows: Iterable[Found]) -> tuple[Table1Total, ...]:
    rows = list(rows)
    sums = [
        {kind: _sum(_of(counts, kind) for counts in column) for kind in get_args(Kind)}
        for column in ([row.planned for row in rows], [row.written for row in rows])
    ]
    parts: tuple[tuple[str, int, tuple[Kind, ...]], ...] = (
        ("pairs", 1, ("pair",)),
        ("images in pairs", 2, ("pair",)),
        ("unpaired optical", 1, ("optical",)),
        ("unpaired SAR", 1, ("sar",)),
        ("unpaired", 1, ("optical", "sar")),
    )
    totals = []
    for name, images, kinds in parts:
        expected = images * sum(TOTALS[kind] for kind in kinds)
        planned, written = (_scaled(_sum(column[kind] for kind in kinds), images) for column in sums)
        reached = planned if written is None else written
        difference = None if reached is None else reached - expected
        totals.append(
            Table1Total(name=name, expected=expected, planned=planned, written=written, difference=difference)
        )
    return tuple(totals)


def _sum(counts: Iterable[int | None]) -> int | None:
    """Return the sum; None when a part is not known, or there is none."""
    parts = list(counts)
    known = [count for count in parts if count is not None]
    return sum(known) if parts and len(known) == len(parts) else None


def _scaled(count: int | None, factor: int) -> int | None:
    return None if count is None else count * factor
