"""How a comparison with Table I is shown."""

import dataclasses

from cli.app import note, show_table
from osprep import Table1, Table1Line, Table1Total

MINIATURE = "differs from Table I; a rehearsal or a part of the data always does: leave --table1 out for those"


def show_table1(table: Table1) -> None:
    """Print rows and totals on stdout, and on stderr what to think of certain counts that are not met."""
    columns = ("source", "kind", "expected#", "planned#", "written#", "difference#", "verdict", "confidence", "rule")
    lines = [
        (line.source, line.kind, line.expected, *_counts(line), line.verdict, line.confidence, line.rule)
        for line in table.lines
    ]
    show_table(columns, lines, "Table I")
    there = sum(line.difference is not None for line in table.lines)
    _show_totals(table.totals, f"Totals, {there} of {len(table.lines)} sources there")
    if table.released:
        _show_totals(table.released, "The authors' own tree")
    if table.others:
        note(f"not in Table I: {', '.join(table.others)}")
    if missed := [line.source for line in table.lines if line.mismatch]:
        note(f"{', '.join(missed)}: {MINIATURE}")


def table1_record(table: Table1) -> dict[str, object]:
    """Return the comparison with JSON types."""
    lines = [{**dataclasses.asdict(line), "mismatch": line.mismatch} for line in table.lines]
    return {**dataclasses.asdict(table), "lines": lines}


def _show_totals(totals: tuple[Table1Total, ...], title: str) -> None:
    rows = [(item.name, item.expected, *_counts(item)) for item in totals]
    show_table(("total", "expected#", "planned#", "written#", "difference#"), rows, title)


def _counts(item: Table1Line | Table1Total) -> tuple[object, ...]:
    return tuple("-" if count is None else count for count in (item.planned, item.written, item.difference))
