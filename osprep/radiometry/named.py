"""The named radiometry recipes: from raw values to 8 bits. All but `pass` rescale."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from manifests import build
from osprep.errors import ConfigError
from osprep.radiometry.distribution import Distribution
from osprep.radiometry.scaler import TOP, Block, Scaler, Values, eight_bits, stretch
from osprep.scene import Mask, Pixels

RAYLEIGH_BINS = 1 << 16
UNIT_LIMIT = 2.0  # resampling carries values a little beyond 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Radiometry(ABC):
    """A named recipe; its fields are its parameters. `bands`: those it takes unless others are asked for by number."""

    name: ClassVar[str]
    between: ClassVar[str] = ","
    bands: ClassVar[tuple[int, ...]] = ()

    @property
    def label(self) -> str:
        """Return name and parameters in a few characters, without blanks."""
        values = [f"{v:g}" if isinstance(v, float) else str(v) for v in dataclasses.astuple(self)]
        return f"{self.name}({self.between.join(values)})" if values else self.name

    def fault(self) -> str | None:
        """Return what makes no sense about the parameters, in words."""
        return None

    def accepts(self, dtype: np.dtype[Any]) -> bool:
        """Tell whether values of this type can be taken."""
        return True

    def reads(self, bands: tuple[int, ...]) -> tuple[int, ...]:
        """Return the bands of the file that are needed for these bands of a tile."""
        return bands

    @abstractmethod
    def fit(self, dtype: np.dtype[Any], bands: int, blocks: Iterable[Block], floor: int) -> Scaler:
        """Fit to a scene of `bands` bands, whose blocks are read only if the recipe depends on its values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass(Radiometry):
    """8-bit values as they are, those of invalid pixels included."""

    name = "pass"

    def accepts(self, dtype: np.dtype[Any]) -> bool:
        """Tell whether values are uint8."""
        return dtype == np.uint8

    def fit(self, dtype: np.dtype[Any], bands: int, blocks: Iterable[Block], floor: int) -> Scaler:
        """Return the identity; raise ConfigError unless the values are uint8."""
        if not self.accepts(dtype):
            raise ConfigError(f"radiometry pass takes uint8, not {dtype}; choose percentile, linear or db in a recipe")
        return Scaler(lambda values, valid: values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear(Radiometry):
    """Values from `low` to `high`, clipped, to 8 bits."""

    name = "linear"
    low: float
    high: float

    def fault(self) -> str | None:
        """Return what makes no sense about the two ends."""
        return _order_fault(self.low, self.high)

    def fit(self, dtype: np.dtype[Any], bands: int, blocks: Iterable[Block], floor: int) -> Scaler:
        """Return a stretch between the two given values."""
        return stretch(np.full(bands, self.low), np.full(bands, self.high), floor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit(Radiometry):
    """Values from 0 to 1, clipped, to 8 bits; from 0 to 255 where a scene's greatest valid value is far above 1.

    Integers are always taken as 0 to 255. The scale tells which it was, and the scaler warns of the second.
    """

    name = "unit"

    def fit(self, dtype: np.dtype[Any], bands: int, blocks: Iterable[Block], floor: int) -> Scaler:
        """Return a stretch from 0 to 1 or 255, by the greatest value of all bands."""
        most = max((float(values[valid].max()) for values, valid in blocks if valid.any()), default=0.0)
        if dtype.kind == "f" and most <= UNIT_LIMIT:
            return stretch(np.zeros(bands), np.ones(bands), floor)
        warning = f"values up to {most:g} are not 0-1, 0-255 is taken; set the radiometry in a recipe if that is wrong"
        return dataclasses.replace(stretch(np.zeros(bands), np.full(bands, 255.0), floor), warning=warning)


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentile(Radiometry):
    """A stretch between two percentiles of each band's valid pixels over the whole scene."""

    name = "percentile"
    between = "-"
    low: float = 1.0
    high: float = 99.0

    def fault(self) -> str | None:
        """Return what makes no sense about the two percentiles."""
        return _order_fault(self.low, self.high, 0, 100)

    def fit(self, dtype: np.dtype[Any], bands: int, blocks: Iterable[Block], floor: int) -> Scaler:
        """Return a stretch between the scene's percentiles."""
        seen = Distribution(bands, dtype)
        for values, valid in blocks:
            seen.add(values[valid])
        return stretch(seen.percentile(self.low), seen.percentile(self.high), floor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Auto(Percentile):
    """`pass` for uint8, else `percentile`."""

    name = "auto"

    def fit(self, dtype: np.dtype[Any], bands: int, blocks: Iterable[Block], floor: int) -> Scaler:
        """Return the identity or a stretch, by type."""
        if dtype == np.uint8:
            return Pass().fit(dtype, bands, blocks, floor)
        return Percentile(low=self.low, high=self.high).fit(dtype, bands, blocks, floor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decibel(Radiometry):
    """Decibels of linear values from `low` dB to `high` dB: 10·log10 of an intensity, 20·log10 of an amplitude.

    Zero and negative values become the least a valid pixel can be.
    """

    name = "db"
    low: float
    high: float
    power: Literal["amplitude", "intensity"]

    def fault(self) -> str | None:
        """Return what makes no sense about the two ends."""
        return _order_fault(self.low, self.high)

    def fit(self, dtype: np.dtype[Any], bands: int, blocks: Iterable[Block], floor: int) -> Scaler:
        """Return a stretch of decibels."""
        factor = 10.0 if self.power == "intensity" else 20.0
        low, high = np.full(bands, self.low), np.full(bands, self.high)
        return stretch(low, high, floor, lambda values: factor * np.log10(np.maximum(values, 0)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Log(Radiometry):
    """Logarithms, stretched between two percentiles of each band's positive valid pixels over the whole scene.

    Zero and negative values become the least a valid pixel can be. The scale is in raw values.
    """

    name = "log"
    between = "-"
    low: float = 1.0
    high: float = 99.0

    def fault(self) -> str | None:
        """Return what makes no sense about the two percentiles."""
        return _order_fault(self.low, self.high, 0, 100)

    def fit(self, dtype: np.dtype[Any], bands: int, blocks: Iterable[Block], floor: int) -> Scaler:
        """Return a stretch of logarithms between the scene's percentiles."""
        seen = [Distribution(1, dtype) for _ in range(bands)]
        for values, valid in blocks:
            for band, distribution in enumerate(seen):
                inside = values[valid][:, band]
                distribution.add(inside[inside > 0, None])
        low, high = (np.array([d.percentile(share)[0] for d in seen]) for share in (self.low, self.high))
        low, high = np.where(low > 0, low, 1.0), np.where(high > 0, high, 1.0)
        scaler = stretch(np.log(low), np.log(high), floor, lambda values: np.log(np.maximum(values, 0)))
        return Scaler(scaler.apply, tuple(np.stack([low, high], 1).ravel().tolist()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rayleigh(Radiometry):
    """Quantiser for SAR amplitudes in digital numbers, about the peak P of their histogram (the Rayleigh mode).

    0..4.5(P+1) becomes 0..127, the rest up to 8.5(P+1) becomes 128..255, both linear. The histogram has bins of 1 from
    0 to 65,535 and is smoothed over five. The scale is P for each band. After MDNet (Zhang et al., FAIR-CSAR).
    """

    name = "rayleigh"

    def fit(self, dtype: np.dtype[Any], bands: int, blocks: Iterable[Block], floor: int) -> Scaler:
        """Return the quantiser for the scene's peaks."""
        counts = np.zeros((bands, RAYLEIGH_BINS), np.int64)
        for values, valid in blocks:
            for band, column in enumerate(values[valid].T):
                inside = column[(column >= 0) & (column < RAYLEIGH_BINS)]
                counts[band] += np.bincount(inside.astype(np.int64), minlength=RAYLEIGH_BINS)
        peaks = np.array([np.argmax(np.convolve(row, np.ones(5, np.int64), "same")) for row in counts], np.float64)
        knee, end = 4.5 * (peaks + 1), 8.5 * (peaks + 1)

        def apply(values: Values, valid: Mask) -> Pixels:
            kept = np.clip(np.where(valid[..., None], values, 0), 0, end).astype(np.float64)
            steps = np.where(kept <= knee, kept / knee * 127, 128 + (kept - knee) / (end - knee) * 127)
            return eight_bits(steps, valid, floor)

        return Scaler(apply, tuple(peaks.tolist()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantised(Rayleigh):
    """`pass` for uint8, else `rayleigh`: for a source that comes both quantised and as amplitudes or complex values."""

    name = "quantised"

    def fit(self, dtype: np.dtype[Any], bands: int, blocks: Iterable[Block], floor: int) -> Scaler:
        """Return the identity or the quantiser, by type."""
        return (Pass() if dtype == np.uint8 else Rayleigh()).fit(dtype, bands, blocks, floor)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceCompat(Pass):
    """8-bit colours times band 4 over 255: an image of four bands taken for RGBA and laid on black.

    The published statistics of WHU-OPT-SAR, whose fourth band is near infrared, fit tiles made so of bands 1, 2, 3.
    """

    name = "reference-compat"
    bands = (1, 2, 3)

    def reads(self, bands: tuple[int, ...]) -> tuple[int, ...]:
        """Return the bands and the fourth."""
        return (*bands, 4)

    def fit(self, dtype: np.dtype[Any], bands: int, blocks: Iterable[Block], floor: int) -> Scaler:
        """Return the product."""
        Pass().fit(dtype, bands, blocks, floor)

        def apply(values: Values, valid: Mask) -> Pixels:
            product = values[..., :-1].astype(np.uint16) * values[..., -1:]
            return ((product + TOP // 2) // TOP).astype(np.uint8)  # half of an odd number: there are no ties

        return Scaler(apply)


_ALL = (Auto, Decibel, Linear, Log, Pass, Percentile, Quantised, Rayleigh, ReferenceCompat, Unit)
_RECIPES: Mapping[str, type[Radiometry]] = {recipe.name: recipe for recipe in _ALL}


def radiometry_names() -> list[str]:
    """Return the names of the recipes, sorted."""
    return sorted(_RECIPES)


def get_radiometry(name: str, parameters: Mapping[str, Any], where: str) -> Radiometry:
    """Return a named recipe with its parameters; raise ConfigError, naming `where` and what is known, otherwise."""
    if name not in _RECIPES:
        raise ConfigError(f"{where}: unknown radiometry {name!r}; known are {', '.join(radiometry_names())}")
    cls = _RECIPES[name]
    if parameters and not dataclasses.fields(cls):
        raise ConfigError(f"{where}: radiometry {name} has no parameters; remove {', '.join(parameters)}")
    where = f"{where}: parameters of radiometry {name}"
    recipe = build(cls, parameters, where, ConfigError)
    if fault := recipe.fault():
        raise ConfigError(f"{where}: {fault}")
    return recipe


def _order_fault(low: float, high: float, least: float = -np.inf, most: float = np.inf) -> str | None:
    if least <= low < high <= most:
        return None
    limits = f" between {least:g} and {most:g}" if np.isfinite(most) else ""
    return f"low {low:g} and high {high:g}: give two values{limits}, low below high"
