"""A sample: one pair or one single image, as a row of the manifests and as the members of a shard."""

from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from manifests.errors import SchemaError

Kind = Literal["pair", "optical", "sar"]
Role = Literal["pretrain", "heldout"]
Modality = Literal["optical", "sar"]
MODALITIES: tuple[Modality, ...] = ("optical", "sar")
MEMBER: dict[Modality, str] = {"optical": "opt", "sar": "sar"}


def modalities(kind: Kind) -> tuple[Modality, ...]:
    """Return the images that a sample of this kind holds, in member order."""
    return MODALITIES if kind == "pair" else (kind,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One row of `paired.parquet` or `unpaired.parquet`. None means unknown or absent.

    Offsets and lengths are bytes of the image inside its shard; `xxh3` is XXH3-64 of those bytes in hex, `pixel_hash`
    is `pixel_hash()` of the decoded array. row, col: top-left pixel in the scene. gsd in metres. transform: the six
    affine numbers a..f of the tile. lon, lat: the tile's centre in degrees. valid: share 0..1 of valid pixels. shift:
    estimated optical-to-SAR offset in pixels. member: the files under the source's raw folder, optical first.
    labels: multi-hot over the source's classes.
    """

    key: str
    source: str
    split: str
    role: Role
    kind: Kind
    shard: str
    opt_offset: int | None = None
    opt_length: int | None = None
    opt_xxh3: str | None = None
    sar_offset: int | None = None
    sar_length: int | None = None
    sar_xxh3: str | None = None
    opt_pixel_hash: str | None = None
    sar_pixel_hash: str | None = None
    scene: str
    row: int
    col: int
    height: int
    width: int
    gsd: float | None = None
    crs: str | None = None
    transform: tuple[float, ...] | None = None
    lon: float | None = None
    lat: float | None = None
    opt_valid: float | None = None
    sar_valid: float | None = None
    shift_row: float | None = None
    shift_col: float | None = None
    dup_group: str | None = None
    near_dup_group: str | None = None
    flags: tuple[str, ...] = ()
    labels: tuple[int, ...] | None = None
    recipe: str
    archive: str | None = None
    member: tuple[str, ...] = ()
    licence: str

    def as_dict(self) -> dict[str, Any]:
        """Return the row with JSON types."""
        row = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in row.items()}


COLUMNS: tuple[str, ...] = tuple(field.name for field in fields(Sample))

_ARROW_TYPES: dict[str, pa.DataType] = {
    **dict.fromkeys(("opt_offset", "opt_length", "sar_offset", "sar_length"), pa.int64()),
    **dict.fromkeys(("row", "col", "height", "width"), pa.int32()),
    **dict.fromkeys(("gsd", "lon", "lat"), pa.float64()),
    **dict.fromkeys(("opt_valid", "sar_valid", "shift_row", "shift_col"), pa.float32()),
    "transform": pa.list_(pa.float64()),
    "flags": pa.list_(pa.string()),
    "member": pa.list_(pa.string()),
    "labels": pa.list_(pa.uint8()),
}
ARROW_SCHEMA: pa.Schema = pa.schema([(name, _ARROW_TYPES.get(name, pa.string())) for name in COLUMNS])


def sample_from_dict(row: dict[str, Any], where: str) -> Sample:
    """Build a Sample from a JSON or parquet row; `where` names the file in the error.

    Raises SchemaError on missing or unknown columns, on an unknown kind, and on a shard path that leaves the root.
    """
    if missing := [f.name for f in fields(Sample) if f.name not in row]:
        raise SchemaError(f"{where}: row without column {missing[0]}; rebuild it or run `osprep verify`")
    if unknown := sorted(set(row) - set(COLUMNS)):
        raise SchemaError(f"{where}: unknown column {unknown[0]}; a newer osprep may have written it")
    if row["kind"] not in get_args(Kind):
        raise SchemaError(f"{where}: unknown kind {row['kind']!r}; known are {', '.join(get_args(Kind))}")
    check_relative(str(row["shard"]), where)
    plain: dict[str, Any] = {
        name: tuple(value) if isinstance(value, (list, np.ndarray)) else value for name, value in row.items()
    }
    return Sample(**plain)


def check_relative(path: str, where: str) -> str:
    """Return a path that stays under its root: relative, no scheme, no `..`; else raise SchemaError."""
    parts = path.split("/")
    if not path or path.startswith("/") or "://" in path or "\\" in path or any(p in ("", ".", "..") for p in parts):
        raise SchemaError(f"{where}: path {path!r} leaves the dataset's root; the file is damaged or hostile")
    return path


def pixel_hash(pixels: npt.NDArray[Any]) -> str:
    """Return XXH3-128 in hex over dtype, shape and the C-ordered bytes: equal for equal pixels, whatever the codec."""
    digest = xxhash.xxh3_128(f"{pixels.dtype.str}:{'x'.join(map(str, pixels.shape))}:".encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()
