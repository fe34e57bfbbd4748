"""`osprep`: raw archives to shards and manifests."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import typer

from cli.app import INCOMPLETE, JsonOption, make_app, note, reasons, show_json, show_table
from cli.table1 import show_table1, table1_record
from manifests import SourceCard
from osprep import (
    BuildConfig,
    BuildResult,
    HarvestConfig,
    OsprepError,
    SourcePlan,
    SourceResult,
    StatsRow,
    Subset,
    available_cores,
    build,
    compare_stats,
    get_reader,
    harvest,
    plan,
    reader_ids,
    rehearse,
    select_balanced,
    select_where,
    table1_of_dataset,
    table1_of_plan,
    verify,
    write_report,
    write_selection,
)

app = make_app(
    "Build OSPretrain-1M: raw archives to WebDataset shards with paired and unpaired manifests.", OsprepError
)
select = typer.Typer(
    help="Choose samples: a parquet of keys for the loader. Shards stay as they are.", no_args_is_help=True
)
app.add_typer(select, name="select")
main = app

Raw = Annotated[Path, typer.Option("--raw", help="Folder that holds one folder per source, RAW/<id>/…")]
Sources = Annotated[
    list[str] | None, typer.Option("--source", help="Only this source; may be repeated. Default: all under RAW.")
]
Seed = Annotated[int, typer.Option("--seed", help="Decides orders, nothing else.")]
Recipe = Annotated[Path | None, typer.Option("--recipe", help="YAML that changes tiles or radiometry of sources.")]
Compare = Annotated[bool, typer.Option("--table1", help="Compare the counts with Table I of the paper.")]
Root = Annotated[str, typer.Argument(help="Folder, s3:// or http(s):// root of a dataset.")]
Selection = Annotated[str, typer.Option("--out", help="A .parquet file, local or s3://.")]
ShardMb = Annotated[int, typer.Option("--shard-mb", min=1, help="Estimated size of a shard in MiB.")]


@app.command()
def sources(source: Annotated[str | None, typer.Argument()] = None, as_json: JsonOption = False) -> None:
    """List the sources, or explain one: how to get it, its terms, what is expected of it."""
    cards = [get_reader(name).card for name in ([source] if source else reader_ids())]
    if as_json:
        show_json([dataclasses.asdict(card) for card in cards])
    elif source:
        _explain(cards[0])
    else:
        columns = ("id", "kind", "expected#", "confidence", "access", "redistribution", "title")
        show_table(columns, [_row(card) for card in cards])


@app.command(name="harvest")
def harvest_command(
    sources: Annotated[list[str], typer.Argument(metavar="ID…", help="Which sources to bring to RAW/<id>.")],
    raw: Raw,
    locate: Annotated[
        Path | None, typer.Option("--locate", help="What you downloaded yourself: an archive, or a folder.")
    ] = None,
    parallel: Annotated[int, typer.Option("--parallel", min=1, help="Files at a time.")] = 4,
) -> None:
    """Download what is open, say how to get what is not, and take in what you fetched by hand."""
    result = harvest(HarvestConfig(raw=raw, sources=tuple(sources), locate=locate, parallel=parallel))
    for item in result.sources:
        note(f"{item.source}: {item.state}" + (f", {item.scenes:,} scenes" if item.state == "complete" else ""))
        if item.message:
            note(f"  {item.message}")
    raise typer.Exit(result.exit_code)


@app.command(name="plan")
def plan_command(
    raw: Raw,
    source: Sources = None,
    recipe: Recipe = None,
    shard_mb: ShardMb = 256,
    seed: Seed = 0,
    table1: Compare = False,
    as_json: JsonOption = False,
) -> None:
    """Count what a build would write, from file names and headers alone."""
    plans = plan(BuildConfig(raw=raw, out="", sources=_names(source), recipe=recipe, shard_mb=shard_mb, seed=seed))
    if as_json:
        show_json(table1_record(table1_of_plan(plans)) if table1 else [_plan_record(item) for item in plans])
        return
    if table1:
        show_table1(table1_of_plan(plans))
    else:
        columns = ("source", "scenes#", "pairs#", "optical#", "sar#", "expected#", "shards#", "MiB#", "left out")
        show_table(columns, [_plan_row(item) for item in plans])
    for item in plans:
        for warning in item.warnings:
            note(f"{item.source}: {warning}")


@app.command(name="build")
def build_command(
    raw: Raw,
    out: Annotated[str, typer.Option("--out", help="Root of the dataset: a folder or s3://bucket/prefix.")],
    source: Sources = None,
    recipe: Recipe = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes.")] = available_cores(),
    engine: Annotated[Literal["local"], typer.Option("--engine", help="What runs the tasks.")] = "local",
    codec: Annotated[Literal["tif", "png", "jpeg"], typer.Option("--codec", help="jpeg is lossy.")] = "tif",
    shard_mb: ShardMb = 256,
    seed: Seed = 0,
    task_index: Annotated[int | None, typer.Option("--task-index", help="This array task, from 0.")] = None,
    task_count: Annotated[int | None, typer.Option("--task-count", help="How many array tasks there are.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Write shards, manifests and catalogue. Run it again to go on after a stop and to retry what failed.

    Example: osprep build --raw RAW --out s3://bucket/ospretrain --workers 8
    """
    config = BuildConfig(
        raw=raw,
        out=out,
        sources=_names(source),
        recipe=recipe,
        workers=workers,
        engine=engine,
        codec=codec,
        shard_mb=shard_mb,
        seed=seed,
        task_index=task_index,
        task_count=task_count,
    )
    result = build(config)
    if as_json:
        show_json(dataclasses.asdict(result))
    else:
        _show_build(result)
    raise typer.Exit(result.exit_code)


@app.command(name="verify")
def verify_command(
    root: Root,
    table1: Compare = False,
    as_json: JsonOption = False,
) -> None:
    """Read everything once and compare it with the catalogue, manifests and sidecars.

    Exit 4: something differs, or with --table1 a count that is certain is not met by a source that is there.
    """
    report = verify(root)
    table = table1_of_dataset(root) if table1 and report.shards else None
    if as_json:
        extra = {"table1": table1_record(table)} if table else {}
        show_json({**dataclasses.asdict(report), **extra})
    else:
        for finding in report.findings:
            print(finding)
        if table:
            show_table1(table)
        note(f"{root}: {report.samples:,} samples in {report.shards:,} shards, {len(report.findings)} mismatches")
    raise typer.Exit(max(report.exit_code, table.exit_code if table else 0))


@select.command()
def balance(root: Root, out: Selection, seed: Seed = 0, as_json: JsonOption = False) -> None:
    """Trim the unpaired optical images to the number of SAR ones, or the other way round; pairs stay."""
    _write(select_balanced(root, seed), out, as_json)


@select.command()
def where(
    root: Root,
    conditions: Annotated[
        list[str],
        typer.Argument(help="column=value, column!=value, column>=number or column<=number; several must all hold."),
    ],
    out: Selection,
    role: Annotated[Literal["pretrain", "heldout"], typer.Option("--role", help="Samples of this role.")] = "pretrain",
    as_json: JsonOption = False,
) -> None:
    """Keep the samples that fit all conditions; those with = on one column are alternatives.

    Example: osprep select where OUT 'source=qxs-saropt' 'source=dfc23' 'opt_valid>=0.5' --out keys.parquet
    """
    _write(select_where(root, conditions, role), out, as_json)


@app.command(name="stats")
def stats_command(
    root: Annotated[str, typer.Argument(help="Folder, s3:// or http(s):// root of a dataset.")],
    as_json: JsonOption = False,
) -> None:
    """Print mean and deviation per band beside the published ones; a difference above 0.05 is marked."""
    rows = compare_stats(root)
    if as_json:
        show_json([row.as_dict() for row in rows])
        return
    columns = ("source", "modality", "band#", "mean#", "std#", "all#", "std all#", "published#", "std#", "differ#", "")
    show_table(columns, [_stats_row(row) for row in rows])
    if flagged := sum(row.flagged for row in rows):
        note(f"{root}: {flagged} bands differ from what was published; `osprep sources ID` may say why")


@app.command(name="report")
def report_command(root: Annotated[str, typer.Argument(help="Root of a dataset; gains report/index.html.")]) -> None:
    """Draw the dataset: contact sheets, histograms, counts, as one page that needs no network."""
    print(write_report(root))


@app.command(name="rehearse")
def rehearse_command(raw: Raw, source: Sources = None, seed: Seed = 0) -> None:
    """Write simulated miniatures of the sources in their true layouts, planted defects included."""
    result = rehearse(raw, _names(source), seed)
    for rehearsed in result.sources:
        note(f"{rehearsed.source}: {rehearsed.files} files, {len(rehearsed.defects)} planted defects")
    note(f"next: osprep build --raw {raw} --out OUT")


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder for everything the demo makes.")] = Path("demo"),
    steps: Annotated[int, typer.Option("--steps", min=1, help="Training steps.")] = 60,
) -> None:
    """Rehearse, build, serve over HTTP, train `tiny` from the shard URLs, and show it all on one page."""
    from cli.demo import run_demo  # brings torch

    run_demo(out, steps)


def _write(subset: Subset, out: str, as_json: bool) -> None:
    write_selection(subset, out)
    if as_json:
        show_json({"out": out, "samples": len(subset), "counts": subset.counts})
    else:
        show_table(("kind", "samples#"), list(subset.counts.items()))
        note(f"{out}: {len(subset):,} keys; give it to the loader as its selection")


def _names(source: list[str] | None) -> tuple[str, ...] | None:
    return tuple(source) if source else None


def _row(card: SourceCard) -> tuple[object, ...]:
    count = card.expected.count if card.expected.count is not None else "unknown"
    terms = card.licence.redistribution
    return card.id, card.kind, count, card.expected.confidence, card.access.kind, terms, card.title


def _explain(card: SourceCard) -> None:
    licence = f"{card.licence.name}; redistribution of tiles: {card.licence.redistribution}"
    count = card.expected.count if card.expected.count is not None else "unknown"
    pairs = [
        ("title", card.title),
        ("paper", card.paper),
        ("kind", card.kind),
        ("expected", f"{count:,}" if isinstance(count, int) else count),
        ("confidence", card.expected.confidence),
        ("rule", card.expected.rule),
        ("licence", licence),
        ("", card.licence.note or ""),
        ("access", card.access.kind),
        ("homepage", card.access.homepage or "unknown"),
        ("how", card.access.instructions),
        *(
            ("file", f"{file.name}  {file.url or ''}  {file.checksum or 'no checksum published'}")
            for file in card.access.files
        ),
        *(("layout", layout) for layout in card.layouts),
        *(("note", text) for text in card.notes),
        *(("origin", text) for text in card.origin),
    ]
    show_table((card.id, ""), [pair for pair in pairs if pair[1]])


def _plan_row(item: SourcePlan) -> tuple[object, ...]:
    kinds = (item.planned("pair"), item.planned("optical"), item.planned("sar"))
    expected = item.card.expected.count if item.card.expected.count is not None else "unknown"
    return item.source, len(item.scenes), *kinds, expected, len(item.tasks), item.bytes >> 20, reasons(item.left_out)


def _plan_record(item: SourcePlan) -> dict[str, object]:
    return {
        "id": item.source,
        "scenes": len(item.scenes),
        "planned": {kind: item.planned(kind) for kind in ("pair", "optical", "sar")},
        "expected": dataclasses.asdict(item.card.expected),
        "shards": len(item.tasks),
        "estimated_bytes": item.bytes,
        "left_out": dict(item.left_out),
        "warnings": list(item.warnings),
    }


def _stats_row(row: StatsRow) -> tuple[object, ...]:
    ours = (row.mean, row.std, row.mean_all, row.std_all, row.published_mean, row.published_std, row.mean_difference)
    figures = ("" if figure is None else f"{figure:.4f}" for figure in ours)
    return row.source, row.modality, row.band, *figures, "differs" if row.flagged else ""


def _result_row(item: SourceResult) -> tuple[object, ...]:
    fates = (reasons(item.skipped), reasons(item.failed))
    return item.source, item.planned, item.written, *fates, item.shards, item.reused


def _show_build(result: BuildResult) -> None:
    columns = ("source", "planned#", "written#", "skipped", "failed", "shards#", "reused#")
    show_table(columns, [_result_row(source) for source in result.sources])
    for source in result.sources:
        for failure in source.failures:
            note(f"{source.source}: {failure}")
    for error in result.errors:
        note(error)
    if result.waiting:
        note(f"{result.root}: {result.waiting} tasks of other array members are to come, then the catalogue")
    elif result.exit_code == INCOMPLETE:
        note(f"{result.root}: finished but incomplete; run the same command again to retry what failed")
    else:
        note(f"{result.root}: complete; next: osprep verify {result.root}")
