"""Some samples of a dataset, drawn with a seed, as small pictures."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import imagecodecs
import numpy as np
from PIL import Image

from manifests import MANIFESTS, MEMBER, Catalogue, Manifest, Modality, Store, modalities
from osprep.codec import decode
from osprep.config import Codec
from osprep.errors import BuildError
from osprep.report.figures import Group
from osprep.scene import Pixels

NAMES: dict[Modality, str] = {"optical": "optical", "sar": "SAR"}
SIDE = 256  # pixels; larger tiles are shown smaller
_QUALITY = 84
_COLUMNS = ("key", "scene", "row", "col", "height", "width", "gsd", "shard")
_BYTES = ("offset", "length", "valid")


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A sample as shown: its key, where it is from, and one WebP per modality."""

    key: str
    caption: str
    pictures: Mapping[Modality, bytes]


def draw(store: Store, catalogue: Catalogue, group: Group, count: int) -> list[Thumbnail]:
    """Return up to `count` samples of a group, spread over its shards; the catalogue's seed decides which.

    Only their rows and bytes are read. Raises BuildError that names the sample when one cannot be decoded.
    """
    wanted = modalities(group.kind)
    columns = [*_COLUMNS, *(f"{MEMBER[modality]}_{name}" for modality in wanted for name in _BYTES)]
    codec = next(entry.codec for entry in catalogue.sources if entry.source == group.source)
    with Manifest(store, MANIFESTS[group.kind]) as manifest:
        rows: list[dict[str, Any]] = []
        for row_group, places in _chosen(catalogue, group, count):
            rows += manifest.table(row_group, columns).take(places).to_pylist()
    return [_thumbnail(store, row, wanted, codec) for row in rows]


def _chosen(catalogue: Catalogue, group: Group, count: int) -> list[tuple[int, list[int]]]:
    """Return row groups of the manifest and the rows to take from each."""
    rng = np.random.default_rng([catalogue.seed, *f"{group.source}/{group.split}/{group.kind}".encode()])
    chosen = np.sort(rng.choice(group.samples, min(count, group.samples), replace=False, shuffle=False))
    picks = []
    start = 0
    for shard in catalogue.shards:
        if (shard.source, shard.split, shard.kind, shard.role) == (group.source, group.split, group.kind, group.role):
            inside = chosen[(chosen >= start) & (chosen < start + shard.samples)] - start
            start += shard.samples
            if len(inside):
                picks.append((shard.row_group, inside.tolist()))
    return picks


def _thumbnail(store: Store, row: Mapping[str, Any], wanted: Sequence[Modality], codec: str) -> Thumbnail:
    pictures = {}
    for modality in wanted:
        short = MEMBER[modality]
        data = store.get_range(row["shard"], row[f"{short}_offset"], row[f"{short}_length"])
        pictures[modality] = _webp(_pixels(data, codec, row, store))
    return Thumbnail(row["key"], _caption(row, wanted), pictures)


def _caption(row: Mapping[str, Any], wanted: Sequence[Modality]) -> str:
    """Say where a tile is from, and how much of it is valid where that is not all."""
    details = [str(row["scene"]), f"row {row['row']}, column {row['col']}"]
    if row["gsd"]:
        details.append(f"{row['gsd']:g} m")
    shares = {modality: row[f"{MEMBER[modality]}_valid"] for modality in wanted}
    details += [
        f"{NAMES[modality]} {share:.0%} valid" for modality, share in shares.items() if share is not None and share < 1
    ]
    return " · ".join(details)


def _pixels(data: bytes, codec: str, row: Mapping[str, Any], store: Store) -> Pixels:
    """Decode a tile and compare its size with the manifest's."""
    where = f"{store.join(row['shard'])}: sample {row['key']}"
    if codec not in get_args(Codec):
        raise BuildError(f"{where}: unknown codec {codec!r}; upgrade ospretrain")
    known: Codec = codec  # type: ignore[assignment]
    try:
        pixels = decode(data, known)
    except (imagecodecs.TiffError, imagecodecs.PngError, imagecodecs.Jpeg8Error, ValueError, RuntimeError) as error:
        raise BuildError(f"{where}: cannot be decoded ({error}); look with `osprep verify`") from error
    if pixels.shape[:2] != (row["height"], row["width"]):
        raise BuildError(f"{where}: {pixels.shape[:2]} pixels, not as its manifest says; look with `osprep verify`")
    return pixels


def _webp(pixels: Pixels) -> bytes:
    """Return a picture of the first three bands, or of the first one in grey, at most SIDE pixels wide and high."""
    image = Image.fromarray(pixels[..., :3] if pixels.shape[2] >= 3 else pixels[..., 0])
    image.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    out = io.BytesIO()
    image.convert("RGB").save(out, "WEBP", quality=_QUALITY, method=4)
    return out.getvalue()
