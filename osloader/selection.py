"""Selections: which samples of a dataset take part, as a list of keys."""

import csv
import hashlib
import io
import logging
from collections.abc import Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from manifests import ObjectMissing, Shard, open_store
from osloader.dataset import Dataset
from osloader.errors import ConfigError

Ints = npt.NDArray[np.int64]
READERS = 8  # shards whose keys are fetched at a time
_log = logging.getLogger("osloader")


@dataclass(frozen=True, slots=True)
class Selection:
    """Shards with something selected, the selected rows of each in tar order (None: all), 16 hex of the keys."""

    shards: tuple[Shard, ...]
    rows: tuple[Ints, ...] | None = None
    fingerprint: str = ""

    @property
    def lengths(self) -> tuple[int, ...]:
        """Return the number of selected samples of each shard."""
        return tuple(shard.samples for shard in self.shards) if self.rows is None else tuple(map(len, self.rows))

    def tar_rows(self, shard: int, start: int, stop: int) -> Ints:
        """Return the places in the tar of selected samples start … stop−1 of a shard."""
        return np.arange(start, stop) if self.rows is None else self.rows[shard][start:stop]


def select(dataset: Dataset, path: str | None) -> Selection:
    """Apply a selection file to the shards in use; without one every sample is selected and the fingerprint is empty.

    Raises ConfigError when no sample is left. Keys that no shard in use has are counted in a warning.
    """
    if path is None:
        return Selection(dataset.shards)
    keys = read_keys(path)
    with ThreadPoolExecutor(READERS) as pool:
        found = list(pool.map(lambda shard: _rows(dataset.rows.keys(shard), keys), dataset.shards))
    matched = sum(len(rows) for rows in found)
    if not matched:
        raise ConfigError(f"{path}: none of its {len(keys):,} keys is in {dataset.url}; it belongs to another dataset")
    if matched < len(keys):
        _log.warning("%s: %d of %d keys are not in the shards in use", path, len(keys) - matched, len(keys))
    kept = [(shard, rows) for shard, rows in zip(dataset.shards, found, strict=True) if len(rows)]
    digest = hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest()[:16]
    return Selection(tuple(shard for shard, _ in kept), tuple(rows for _, rows in kept), digest)


def read_keys(path: str) -> frozenset[str]:
    """Read column `key` of a parquet or CSV file, local or in a store; raise ConfigError when it has none."""
    folder, _, name = path.rpartition("/")
    try:
        data = open_store(folder or ("/" if path.startswith("/") else ".")).get(name)
    except ObjectMissing as error:
        raise ConfigError(f"{path}: no such selection; check the path") from error
    suffix = PurePosixPath(name).suffix.lower()
    if suffix == ".parquet":
        keys = _parquet(data, path)
    elif suffix == ".csv":
        keys = _csv(data, path)
    else:
        raise ConfigError(f"{path}: a selection is a .parquet or .csv file with a column `key`")
    if not keys:
        raise ConfigError(f"{path}: the selection is empty; select something")
    return frozenset(keys)


def _parquet(data: bytes, path: str) -> list[str]:
    try:
        table = pq.read_table(io.BytesIO(data))
    except (pa.ArrowException, OSError) as error:
        raise ConfigError(f"{path}: not a parquet file ({error}); write it again") from error
    if "key" not in table.column_names:
        raise ConfigError(f"{path}: no column `key`; it has {', '.join(table.column_names)}")
    return [str(key) for key in table.column("key").to_pylist() if key is not None]


def _csv(data: bytes, path: str) -> list[str]:
    try:
        rows = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
        if "key" not in (rows.fieldnames or ()):
            raise ConfigError(f"{path}: no column `key`; it has {', '.join(rows.fieldnames or ('nothing',))}")
        return [row["key"] for row in rows if row["key"]]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: not a CSV file ({error}); write it again") from error


def _rows(keys: list[str], wanted: Set[str]) -> Ints:
    return np.flatnonzero(np.fromiter((key in wanted for key in keys), bool, len(keys))).astype(np.int64)
