"""Counts against Table I: what is missed, by how much, and whether that ends a verification."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from manifests import Kind, SourceCard, read_card
from osprep import BuildConfig, Table1Line, plan, table1_of_dataset, table1_of_plan
from osprep.table1 import TABLE_1, Found, compare, known_cards
from tests.osprep.raws import make_qxs, make_raw, run

CERTAIN = read_card("qxs-saropt")


def card(source: str, kind: Kind, count: int, confidence: str, tolerance: int | None = None) -> SourceCard:
    expected = replace(CERTAIN.expected, count=count, confidence=confidence, tolerance=tolerance)  # type: ignore[arg-type]
    return replace(CERTAIN, id=source, kind=kind, expected=expected)


def line_of(known: SourceCard, planned: int, written: int | None = None) -> Table1Line:
    found = Found({known.kind: planned}, None if written is None else {known.kind: written})  # type: ignore[dict-item]
    (line,) = compare({known.id: found}, {known.id: known}).lines
    return line


@pytest.mark.parametrize(
    ("confidence", "tolerance", "planned", "written", "verdict", "mismatch"),
    [
        ("certain", 0, 20_000, None, "as expected", False),
        ("certain", 0, 19_999, None, "differs", True),
        ("certain", None, 19_999, None, "differs", True),
        ("certain", 0, 20_000, 19_999, "differs", True),
        ("high", 39, 20_039, 20_039, "within tolerance", False),
        ("high", 39, 20_040, 20_040, "differs", False),
        ("low", None, 1, 1, "reported", False),
        ("low", None, 20_000, 20_000, "as expected", False),
    ],
)
def test_a_count_is_held_against_its_card(
    confidence: str, tolerance: int | None, planned: int, written: int | None, verdict: str, mismatch: bool
) -> None:
    line = line_of(card("x", "pair", 20_000, confidence, tolerance), planned, written)
    assert (line.verdict, line.mismatch) == (verdict, mismatch)
    assert line.difference == (planned if written is None else written) - 20_000


def test_only_a_source_that_is_there_can_miss_its_count() -> None:
    cards = {"x": card("x", "sar", 5, "certain"), "y": card("y", "sar", 7, "certain")}
    table = compare({"y": Found({"sar": 7}), "mine": Found({"sar": 3})}, cards)
    assert [(line.source, line.verdict) for line in table.lines] == [("x", "absent"), ("y", "as expected")]
    assert (table.exit_code, table.others) == (0, ("mine",))
    assert compare({"y": Found({"sar": 8})}, cards).exit_code == 4
    assert compare({"y": Found({"optical": 7})}, cards).exit_code == 4, "another kind is no substitute"


def test_totals_are_those_of_the_paper() -> None:
    outside = compare({"mine": Found({"pair": 5})}, {})
    assert {total.planned for total in outside.totals} == {None}, "sources outside Table I count for nothing"
    cards = {"x": card("x", "pair", 269_083, "certain")}
    counts: dict[Kind, int] = {"pair": 269_083, "optical": 259_037, "sar": 259_038}
    totals = {total.name: total for total in compare({"x": Found(counts)}, cards).totals}
    assert {name: (total.expected, total.difference) for name, total in totals.items()} == {
        "pairs": (269_083, 0),
        "images in pairs": (538_166, 0),
        "unpaired optical": (109_157 + 149_881, -1),
        "unpaired SAR": (33_214 + 157_733 + 68_091, 0),
        "unpaired": (518_076, -1),
    }


def test_a_dataset_is_compared_by_what_was_written(tmp_path: Path) -> None:
    raw, out = make_qxs(make_raw(tmp_path / "raw", pairs=2)), tmp_path / "out"
    plans = plan(BuildConfig(raw=raw, shard_mb=1))
    run(raw, out)
    planned, built = table1_of_plan(plans), table1_of_dataset(str(out))
    for table, written in ((planned, None), (built, 3)):
        (line,) = [line for line in table.lines if line.verdict != "absent"]
        assert (line.source, line.planned, line.written, line.difference) == ("qxs-saropt", 3, written, 3 - 20_000)
        assert (table.others, table.exit_code) == (("folder",), 4)


def test_what_is_held_out_does_not_count(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("sources: {qxs-saropt: {splits: {all: heldout}}}")
    raw, out = make_qxs(tmp_path / "raw"), tmp_path / "out"
    run(raw, out, recipe=recipe)
    (line,) = [line for line in table1_of_dataset(str(out)).lines if line.source == "qxs-saropt"]
    assert line.written == 0


def test_the_command_line_exits_4_and_says_that_miniatures_differ(tmp_path: Path) -> None:
    raw, out = make_qxs(tmp_path / "raw"), tmp_path / "out"
    run(raw, out)
    shown, machine, planned = (
        subprocess.run([Path(sys.executable).with_name("osprep"), *words], capture_output=True, text=True, timeout=60)
        for words in (
            ("verify", out, "--table1"),
            ("verify", out, "--table1", "--json"),
            ("plan", "--raw", raw, "--table1", "--json"),
        )
    )
    assert (shown.returncode, machine.returncode, planned.returncode) == (4, 4, 0), shown.stderr
    assert "-19,997" in shown.stdout
    assert "rehearsal" in shown.stderr
    record = json.loads(machine.stdout)
    assert (record["findings"], record["table1"]["exit_code"]) == ([], 4)
    lines = {line["source"]: line for line in json.loads(planned.stdout)["lines"]}
    assert (lines["qxs-saropt"]["planned"], lines["qxs-saropt"]["mismatch"]) == (3, True)


def test_the_authors_own_tree_stands_apart_from_the_rows() -> None:
    counts: dict[Kind, int] = {"pair": 269_083, "optical": 259_038, "sar": 259_038}
    table = compare({"ospretrain-1m": Found(counts)}, known_cards())
    assert [line.source for line in table.lines] == list(TABLE_1)
    assert {line.verdict for line in table.lines} == {"absent"}
    assert [total.difference for total in table.released] == [0, 0, 0, 0, 0]
    assert {total.planned for total in table.totals} == {None}
    assert table.others == ()
