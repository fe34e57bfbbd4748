"""What flows through a build: a scene of raw files, the windows cut from it, and the tiles that result."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from manifests import Kind, Modality

Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One raw image, or an optical and a SAR image of one place. Paths are relative to the source's raw folder.

    `name` is unique within source and split; it carries every part that files of one name differ by (part, track,
    city, class). `labels` is a label raster's path or a class name, for labelled sets.
    """

    source: str
    split: str
    name: str
    optical: str | None = None
    sar: str | None = None
    labels: str | None = None
    archive: str | None = None

    @property
    def kind(self) -> Kind:
        """Tell what the scene's samples are."""
        if self.optical and self.sar:
            return "pair"
        return "optical" if self.optical else "sar"

    @property
    def files(self) -> tuple[str, ...]:
        """Return the raw files, optical first."""
        return tuple(path for path in (self.optical, self.sar) if path)


@dataclass(frozen=True, slots=True)
class Survey:
    """What a reader found: scenes sorted by split and name, what it left out by reason, warnings for a human."""

    scenes: tuple[Scene, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A rectangle of a scene in pixels; row and col are its top-left corner."""

    row: int
    col: int
    height: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A window after radiometry: uint8 [height, width, bands] and a mask of valid pixels [height, width] per modality.

    `scale` is what the radiometry used for the scene, such as the two ends of a stretch. gsd in metres, transform a..f.
    """

    window: Window
    images: Mapping[Modality, Pixels]
    valid: Mapping[Modality, Mask]
    gsd: float | None = None
    crs: str | None = None
    transform: tuple[float, ...] | None = None
    lon: float | None = None
    lat: float | None = None
    flags: tuple[str, ...] = ()
    labels: tuple[int, ...] | None = None
    scale: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """A planned window that became no sample: skipped by a rule, or failed. `detail` is one line for the log."""

    window: Window
    fate: Literal["skipped", "failed"]
    reason: str
    detail: str = ""
