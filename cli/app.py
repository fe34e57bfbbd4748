"""What the three command lines share: how they look, how errors end, what goes where.

Data goes to stdout, progress and logs to stderr. Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 finished but
incomplete, 4 verification mismatch, 130 interrupted.
"""

import json
import logging
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

from manifests import ManifestsError

INCOMPLETE = 3
INTERRUPTED = 130
VERSION = "Say the version."
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON value on stdout.")]


def make_app(help: str, *errors: type[Exception]) -> typer.Typer:
    """Return an app whose commands end in one line when one of these errors, or one of the contract's, escapes."""
    known: tuple[type[Exception], ...] = (ManifestsError, *errors)

    class Group(TyperGroup):
        def invoke(self, ctx: Any) -> Any:
            try:
                return super().invoke(ctx)
            except known as error:
                fail(str(error), getattr(error, "exit_code", 1))
            except KeyboardInterrupt:
                fail("interrupted; the same command goes on where this one stopped", INTERRUPTED)
            except BrokenPipeError:
                raise typer.Exit(0) from None

    app = typer.Typer(help=help, cls=Group, no_args_is_help=True, pretty_exceptions_show_locals=False)
    app.callback()(_options)
    return app


def fail(message: str, code: int) -> NoReturn:
    """Say one line on stderr and end."""
    Console(stderr=True, soft_wrap=True, highlight=False).print(f"[bold red]error:[/] {_escaped(message)}")
    raise typer.Exit(code)


def note(message: str) -> None:
    """Say one line on stderr."""
    Console(stderr=True, soft_wrap=True, highlight=False).print(_escaped(message))


def show_json(value: Any) -> None:
    """Print JSON on stdout."""
    sys.stdout.write(json.dumps(value, indent=1) + "\n")


def show_table(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str | None = None) -> None:
    """Print a table on stdout; columns whose name ends in `#` hold numbers."""
    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column.removesuffix("#"), justify="right" if column.endswith("#") else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_escaped(f"{cell:,}" if isinstance(cell, int) else str(cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def reasons(counts: Mapping[str, int]) -> str:
    """Return counts by reason in one phrase."""
    return ", ".join(f"{count:,} {reason}" for reason, count in counts.items()) or "none"


def _say_version(wanted: bool) -> None:
    if wanted:
        print(f"ospretrain {version('ospretrain')}")
        raise typer.Exit(0)


def _options(
    verbose: Annotated[int, typer.Option("--verbose", "-v", count=True, help="Say more; twice for debugging.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only what went wrong.")] = False,
    show_version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_say_version, help=VERSION)
    ] = False,
) -> None:
    level = logging.ERROR if quiet else {0: logging.WARNING, 1: logging.INFO}.get(verbose, logging.DEBUG)
    logging.basicConfig(level=level, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s", force=True)


def _escaped(text: str) -> str:
    return text.replace("[", r"\[")
