"""The two parquet manifests: one row per sample, one row group per shard, in shard order."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from manifests.errors import SchemaError
from manifests.sample import ARROW_SCHEMA, COLUMNS, Sample, sample_from_dict
from manifests.storage import Store


def write_manifest(path: Path, shards: Iterable[Sequence[Sample]]) -> int:
    """Write one row group per shard; return the rows written. Equal rows give equal bytes under one pyarrow."""
    rows = 0
    with pq.ParquetWriter(path, ARROW_SCHEMA, compression="zstd", compression_level=3) as writer:
        for samples in shards:
            columns: dict[str, list[Any]] = {name: [getattr(sample, name) for sample in samples] for name in COLUMNS}
            writer.write_table(pa.table(columns, schema=ARROW_SCHEMA), row_group_size=max(len(samples), 1))
            rows += len(samples)
    return rows


class Manifest:
    """A parquet manifest in a store, to be closed. Only the footer and the row groups asked for are fetched.

    One thread at a time. Raises SchemaError when the file is not a manifest of this schema.
    """

    def __init__(self, store: Store, path: str) -> None:
        self.where = store.join(path)
        self._bytes = store.open(path)
        try:
            self._file = pq.ParquetFile(self._bytes)
            if missing := set(COLUMNS) - set(self._file.schema_arrow.names):
                raise SchemaError(f"{self.where}: no column {min(missing)}; it was not written by this schema")
        except pa.ArrowInvalid as error:
            self._bytes.close()
            raise SchemaError(f"{self.where}: not a parquet file ({error}); run `osprep verify`") from error
        except BaseException:
            self._bytes.close()
            raise

    def __enter__(self) -> "Manifest":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
        self._bytes.close()

    @property
    def row_groups(self) -> int:
        """Number of row groups, one per shard."""
        return int(self._file.metadata.num_row_groups)

    def table(self, row_group: int, columns: Sequence[str] = COLUMNS) -> pa.Table:
        """Return columns of one shard's rows, in tar order."""
        return self._file.read_row_group(row_group, columns=list(columns))

    def samples(self, row_group: int) -> list[Sample]:
        """Return one shard's rows as typed records."""
        return [sample_from_dict(row, self.where) for row in self.table(row_group).to_pylist()]
