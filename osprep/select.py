"""Selections: subsets of a dataset as a parquet of keys, which a loader applies. Shards never change for one."""

import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from manifests import COLUMNS, MANIFESTS, Kind, Manifest, Progress, Role, SchemaError, open_store, read_catalogue
from osprep.deal import rank
from osprep.errors import ConfigError
from osprep.plan import ProgressMaker

SELECTED = ("key", "source", "kind", "role")  # columns of a selection
_CONDITION = re.compile(r"\s*([a-z_0-9]+)\s*(!=|>=|<=|=)\s*(.*?)\s*", re.DOTALL)
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "!=": pc.not_equal,
    ">=": pc.greater_equal,
    "<=": pc.less_equal,
    "=": pc.equal,
}


@dataclass(frozen=True, slots=True)
class Subset:
    """Selected samples: a table of the columns key, source, kind and role, sorted by key."""

    table: pa.Table

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @property
    def counts(self) -> dict[Kind, int]:
        """Return the number of samples by kind."""
        tally = self.table.group_by("kind").aggregate([("key", "count")]).to_pylist()
        return {row["kind"]: row["key_count"] for row in sorted(tally, key=lambda row: str(row["kind"]))}


@dataclass(frozen=True, slots=True)
class Condition:
    """What a column has to be: `operator` is one of = != >= <=, `value` text as typed. An absent value never fits."""

    column: str
    operator: str
    value: str

    @classmethod
    def parse(cls, text: str) -> "Condition":
        """Read `column=value`, `column!=value`, `column>=number` or `column<=number`; raise ConfigError."""
        match = _CONDITION.fullmatch(text)
        if match is None:
            raise ConfigError(
                f"condition {text!r}: write column=value, column!=value, column>=number or column<=number"
            )
        if match[1] not in COLUMNS:
            raise ConfigError(f"condition {text!r}: no column {match[1]!r}; known are {', '.join(COLUMNS)}")
        return cls(*match.groups())

    def of(self, table: pa.Table) -> pa.Array:
        """Return which rows fit, null where the column is null; raise ConfigError for a value of another type."""
        column = table.column(self.column)
        if pa.types.is_list(column.type):
            raise ConfigError(f"condition on {self.column}: it holds lists; choose a column of single values")
        if pa.types.is_string(column.type):
            if self.operator in (">=", "<="):
                raise ConfigError(f"condition on {self.column}: {self.operator} is for numbers; use = or !=")
            return _COMPARE[self.operator](column, self.value)
        try:
            number = float(self.value)
        except ValueError as error:
            raise ConfigError(f"condition on {self.column}: {self.value!r} is no number") from error
        return _COMPARE[self.operator](column.cast(pa.float64()), number)


def select_balanced(url: str, seed: int = 0, progress: ProgressMaker = Progress) -> Subset:
    """Select all pairs, and as many unpaired images of one modality as there are of the other.

    Of the more numerous, in Table I the optical ones, those are kept whose keys come first in an order that the seed
    gives; which they are depends on nothing but the set of keys, so not on shards. Held-out samples take no part.
    Raises ConfigError when a modality has no unpaired image, StorageError or SchemaError when the dataset is unusable.
    """
    table = _rows(url, "pretrain", SELECTED, progress)
    keys = {kind: table.filter(pc.field("kind") == kind).column("key").to_pylist() for kind in ("optical", "sar")}
    for kind, found in keys.items():
        if not found:
            raise ConfigError(f"{url}: no unpaired {kind} image to balance against; build a source that has some")
    fewest = min(map(len, keys.values()))
    surplus = {
        key for found in keys.values() for key in sorted(found, key=lambda key: rank(seed, "balance", key))[fewest:]
    }
    return _subset(table.filter(pc.invert(pc.is_in(table.column("key"), pa.array(sorted(surplus), pa.string())))))


def select_where(
    url: str, conditions: Sequence[str], role: Role = "pretrain", progress: ProgressMaker = Progress
) -> Subset:
    """Select the samples of a role that fit all conditions; those with `=` on one column are alternatives.

    A condition is `column=value`, `column!=value`, `column>=number` or `column<=number`, on a column of the manifests.
    Raises ConfigError for a condition that makes no sense or when nothing fits, and as select_balanced does.
    """
    parsed = [Condition.parse(text) for text in conditions]
    columns = tuple(dict.fromkeys((*SELECTED, *(condition.column for condition in parsed))))
    table = _rows(url, role, columns, progress)
    for group in _groups(parsed):
        fits = group[0].of(table)
        for condition in group[1:]:
            fits = pc.or_(fits, condition.of(table))
        table = table.filter(fits)
    if not table.num_rows:
        raise ConfigError(f"{url}: no sample of role {role} fits {' and '.join(conditions)}; loosen a condition")
    return _subset(table)


def write_selection(subset: Subset, out: str) -> None:
    """Write a selection to a .parquet file, local or in a store; equal subsets give equal bytes under one pyarrow.

    Raises ConfigError for another extension, StorageError when it cannot be written.
    """
    folder, _, name = out.rpartition("/")
    if not name.endswith(".parquet"):
        raise ConfigError(f"{out}: a selection is a .parquet file; give it that extension")
    buffer = io.BytesIO()
    pq.write_table(subset.table, buffer, compression="zstd")
    open_store(folder or ("/" if out.startswith("/") else ".")).put(name, buffer.getvalue())


def _subset(table: pa.Table) -> Subset:
    return Subset(table.select(list(SELECTED)).sort_by("key").combine_chunks())


def _groups(conditions: Iterable[Condition]) -> Iterator[list[Condition]]:
    """Yield conditions of which one has to hold: all `=` on one column together, any other alone."""
    alternatives: dict[str, list[Condition]] = {}
    for condition in conditions:
        if condition.operator == "=":
            alternatives.setdefault(condition.column, []).append(condition)
        else:
            yield [condition]
    yield from alternatives.values()


def _rows(url: str, role: Role, columns: Sequence[str], progress: ProgressMaker) -> pa.Table:
    """Return columns of all samples of a role."""
    store = open_store(url)
    shards = [shard for shard in read_catalogue(store).shards if shard.role == role and shard.samples]
    if not shards:
        raise ConfigError(f"{url}: no sample of role {role}; build one first")
    tables = []
    with progress("select", len(shards), "shard") as bar:
        for name in sorted({MANIFESTS[shard.kind] for shard in shards}):
            with Manifest(store, name) as manifest:
                for shard in (shard for shard in shards if MANIFESTS[shard.kind] == name):
                    if shard.row_group >= manifest.row_groups:
                        raise SchemaError(f"{manifest.where}: no rows of {shard.path}; run `osprep verify {url}`")
                    tables.append(manifest.table(shard.row_group, columns))
                    bar.update()
    return pa.concat_tables(tables)
