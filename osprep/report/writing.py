"""Make the report of a dataset and put it where people find it."""

from collections.abc import Sequence
from pathlib import Path

from manifests import Progress, open_store, read_catalogue
from osprep.errors import ConfigError
from osprep.report.contact_sheet import Thumbnail, draw
from osprep.report.figures import Group, groups
from osprep.report.page import Section, render_page

PAGE = "report/index.html"
_PAIRS, _SINGLES = 9, 12


def write_report(root_url: str, extra: Sequence[Section] = (), out: Path | None = None) -> str:
    """Write the report of a built dataset as one self-contained page; return where it is.

    It goes to report/index.html of the dataset, or to index.html of the folder `out`. `extra` sections follow the
    sources. Reads the catalogue, and rows and bytes of the few samples shown. Raises ConfigError when the dataset is
    behind a web server and no `out` is given, BuildError on a sample that cannot be decoded, and StorageError.
    """
    if out is None and root_url.startswith(("http://", "https://")):
        raise ConfigError(f"{root_url}: a web server takes no report; name a folder to write it to")
    store = open_store(root_url)
    catalogue = read_catalogue(store)
    sheets: dict[Group, Sequence[Thumbnail]] = {}
    every = groups(catalogue)
    with Progress("report", total=len(every), unit="sheet") as progress:
        for group in every:
            sheets[group] = draw(store, catalogue, group, _PAIRS if group.kind == "pair" else _SINGLES)
            progress.update(1, source=group.source)
    target, path = (store, PAGE) if out is None else (open_store(out), "index.html")
    target.put(path, render_page(catalogue, sheets, extra))
    return target.join(path)
