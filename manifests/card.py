"""Source cards: what is known of a dataset, as YAML in `manifests/sources/<id>.yaml`, with the origin of each fact."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import yaml

from manifests.config import build
from manifests.errors import CardError
from manifests.sample import Role

SOURCE_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,15}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """Terms. `redistribution` says whether tiles may be passed on."""

    name: str
    redistribution: Literal["yes", "no", "unknown"]
    url: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RawFile:
    """A file to fetch. `checksum` is `algorithm:hex` when upstream publishes one; `mirrors` are tried after `url`."""

    name: str
    url: str | None = None
    bytes: int | None = None
    checksum: str | None = None
    mirrors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFiles:
    """Files of a Hugging Face repository whose path matches one of the shell patterns, `*` crossing folders."""

    repository: str
    patterns: tuple[str, ...]
    type: Literal["dataset", "model"] = "dataset"
    revision: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How one gets the data; `instructions` is for a human.

    `zenodo` is a record's number: it gives addresses, sizes and checksums of `files`, or of all it holds when `files`
    is empty. `hub` is fetched with the user's token where `kind` is login.
    """

    kind: Literal["open", "login", "request", "manual"]
    instructions: str
    homepage: str | None = None
    files: tuple[RawFile, ...] = ()
    zenodo: int | None = None
    hub: HubFiles | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TileRule:
    """How scenes are cut. `native` writes each scene whole; a side below `size` is written whole too.

    min_side drops smaller scenes; min_valid is the least share of valid pixels in each modality; keep_constant keeps
    tiles that are blank in a modality, which are dropped otherwise.
    """

    size: int = 256
    stride: int = 256
    native: bool = False
    min_side: int = 16
    min_valid: float = 0.25
    keep_constant: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BandRule:
    """One modality: 1-based bands to take, the named radiometry recipe with its parameters, and nodata.

    `nodata` is the value of invalid pixels in the raw files (`nan` for NaN), used where the file itself declares none;
    null when the source has no such value. `fill` are further such values, in force whatever the file declares; a pixel
    is invalid where all bands hold one of them. `average` writes the mean of all colours of a file, as one band, in
    place of the band in `bands`. `alpha` false says that what the file calls alpha is data, not validity. `names` are
    what the written bands are called.
    """

    bands: tuple[int, ...]
    names: tuple[str, ...]
    radiometry: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    nodata: float | None = None
    fill: tuple[float, ...] = ()
    average: bool = False
    alpha: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Counts of Table I (arXiv paper of CoDe-MAE) or of the source, with confidence and the rule behind them."""

    count: int | None
    confidence: Literal["certain", "high", "medium", "low", "unknown"]
    rule: str
    tolerance: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCard:
    """One source. `kind`: what it contributes; `splits`: split to role; `origin`: where the facts are from."""

    id: str
    title: str
    kind: Literal["pair", "optical", "sar", "any"]
    paper: str
    citation: str
    licence: Licence
    access: Access
    layouts: tuple[str, ...]
    splits: Mapping[str, Role]
    expected: Expected
    tile: TileRule = field(default_factory=TileRule)
    optical: BandRule | None = None
    sar: BandRule | None = None
    classes: tuple[str, ...] = ()
    stats_group: str | None = None
    gsd: float | None = None
    published: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    origin: tuple[str, ...] = ()


def card_ids() -> list[str]:
    """Return the ids of the cards that come with this package, sorted."""
    folder = resources.files("manifests") / "sources"
    return sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml"))


def read_card(source: str) -> SourceCard:
    """Return a card that comes with this package; raise CardError with the known ids otherwise."""
    if source not in card_ids():
        raise CardError(f"unknown source {source!r}; known are {', '.join(card_ids())}")
    item = resources.files("manifests") / "sources" / f"{source}.yaml"
    return parse_card(item.read_text(encoding="utf-8"), f"{source}.yaml")


def load_card(path: Path) -> SourceCard:
    """Read a card from a file of the user's."""
    return parse_card(path.read_text(encoding="utf-8"), str(path))


def parse_card(text: str, where: str) -> SourceCard:
    """Read a card; raise CardError that names the field when one is missing, unknown or of the wrong type."""
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise CardError(f"{where}: not YAML ({str(error).splitlines()[0]})") from error
    card = build(SourceCard, raw, where, CardError)
    if not SOURCE_ID.fullmatch(card.id):
        raise CardError(f"{where}: id {card.id!r}: use 1-16 characters of a-z, 0-9 and -")
    return card
