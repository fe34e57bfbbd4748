"""From a scene to tiles: windows read a row at a time, radiometry, and the rules that drop a tile."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from manifests import Modality, TileRule, modalities
from osprep.complete import check_complete
from osprep.errors import RasterError
from osprep.grid import centres, coincide, shifted
from osprep.image import Image, open_image
from osprep.radiometry import Block, Scaler
from osprep.raster import Header, read_header
from osprep.recipe import SourceRecipe
from osprep.scene import Drop, Mask, Pixels, Scene, Tile, Window
from osprep.windows import plan_windows

WARPED = "sar-warped"  # flag of tiles whose SAR image was resampled onto the optical grid

AVERAGED = "sar-averaged"  # flag of tiles whose SAR band is the mean of colours that differ

KEPT_BYTES = 1 << 26

_log = logging.getLogger("osprep")


def planned_windows(scene: Scene, root: Path, recipe: SourceRecipe) -> tuple[Window, ...]:
    """Plan a scene's windows from its headers, on the optical image's grid where there is one.

    There is none when the scene is smaller than the recipe allows. Raises RasterError when a header cannot be read.
    """
    return _Sight.of(scene, root, recipe).windows


def cut(scene: Scene, root: Path, recipe: SourceRecipe) -> Iterator[Tile | Drop]:
    """Cut a scene of raw files under `root`; yield one Tile or one Drop for each planned window, in order.

    Skipped are windows with too few valid pixels (`low-valid`) and blank ones (`constant`). All windows of a scene fail
    together, when a file is `truncated`, `unreadable`, or has other `bands`, `dtype` or size (`size-mismatch`) than
    needed: every pixel is read once before the first tile is made. Memory holds a row of windows, and an image's values
    up to 64 MiB.
    Raises RasterError when a header cannot be read, or a file goes bad while it is cut.
    """
    sight = _Sight.of(scene, root, recipe)
    if not sight.windows:
        return
    if fault := sight.fault():
        yield from (Drop(window=window, fate="failed", reason=fault[0], detail=fault[1]) for window in sight.windows)
        return
    with ExitStack() as stack:
        try:
            images = {modality: stack.enter_context(sight.open(modality)) for modality in sight.headers}
            rows = sight.windows[0].height
            fitted = {modality: _fit(image, modality, recipe, rows) for modality, image in images.items()}
        except RasterError as error:
            yield from (Drop(window=w, fate="failed", reason=error.reason, detail=str(error)) for w in sight.windows)
            return
        yield from _tiles(sight, fitted)


@dataclass(frozen=True, slots=True)
class _Sight:
    """A scene as its headers show it."""

    recipe: SourceRecipe
    files: Mapping[Modality, Path]
    headers: Mapping[Modality, Header]
    windows: tuple[Window, ...]

    @classmethod
    def of(cls, scene: Scene, root: Path, recipe: SourceRecipe) -> "_Sight":
        files = {modality: root / path for modality, path in zip(modalities(scene.kind), scene.files, strict=True)}
        headers = {modality: read_header(path) for modality, path in files.items()}
        grid = next(iter(headers.values()))
        return cls(recipe, files, headers, plan_windows(grid.height, grid.width, recipe.tile))

    @property
    def grid(self) -> Header:
        """The image whose pixels the windows count."""
        return next(iter(self.headers.values()))

    @property
    def place(self) -> Header:
        """The image that tells where the windows lie."""
        return next((header for header in self.headers.values() if header.placed), self.grid)

    @property
    def warped(self) -> bool:
        """Both images are georeferenced, on different grids."""
        if len(self.headers) < 2 or not all(header.placed for header in self.headers.values()):
            return False
        one, other = self.headers.values()
        if (one.crs, one.height, one.width) != (other.crs, other.height, other.width):
            return True
        return not coincide(one.transform, other.transform, one.width, one.height)

    def fault(self) -> tuple[str, str] | None:
        """Return reason and detail when the headers tell that nothing can be made of the scene."""
        for modality, header in self.headers.items():
            file, rule = self.files[modality], self.recipe.read_rule(modality)
            key = f"sources.{self.recipe.source}.{modality}"
            if max(header.chosen(rule)) > max(header.bands, *header.colours):
                return "bands", f"{file}: {header.bands} bands, the recipe takes {list(rule.bands)}; set {key}.bands"
            if not self.recipe.radiometry(modality).accepts(header.value_dtype):
                return "dtype", f"{file}: {header.dtype} is not what {rule.radiometry} takes; set {key}.radiometry"
        sizes = {modality: f"{header.width} x {header.height}" for modality, header in self.headers.items()}
        if len(set(sizes.values())) > 1 and not self.warped:
            files = " and ".join(f"{self.files[modality]} ({size})" for modality, size in sizes.items())
            return "size-mismatch", f"{files} differ in size and are not both georeferenced; resample one of them"
        return None

    def open(self, modality: Modality) -> AbstractContextManager[Image]:
        """Open an image, on the optical grid, once its file is known to be whole. Raises RasterError."""
        check_complete(self.files[modality])
        grid = self.grid if modality == "sar" and self.warped else None
        return open_image(self.files[modality], self.recipe.read_rule(modality), grid)


@dataclass(frozen=True, slots=True)
class _Fitted:
    """An image with its radiometry, and its strips by their first row where all of them are small enough to keep."""

    image: Image
    scaler: Scaler
    strips: Mapping[int, Block]

    def row(self, windows: Sequence[Window]) -> list[tuple[Pixels, Mask]]:
        """Return pixels and valid mask of each of the windows of one row."""
        first, last = windows[0], windows[-1]
        values, valid = self.strips.get(first.row) or self.image.read(
            Window(first.row, 0, first.height, last.col + last.width)
        )
        tiles = []
        for window in windows:
            span = slice(window.col, window.col + window.width)
            mask = np.ascontiguousarray(valid[:, span])
            tiles.append((np.ascontiguousarray(self.scaler.apply(values[:, span], mask)), mask))
        return tiles


def _fit(image: Image, modality: Modality, recipe: SourceRecipe, rows: int) -> _Fitted:
    """Read the whole image once, in strips of so many rows, and return it with its radiometry."""
    height, width = image.header.height, image.header.width
    strips: Iterator[Window] = (Window(row, 0, min(rows, height - row), width) for row in range(0, height, rows))
    if modality == "sar" and not recipe.sar_band_named:
        strips = _watched(image, strips, recipe)
    kept: dict[int, Block] = {}
    small = height * width * image.depth * image.dtype.itemsize <= KEPT_BYTES

    def blocks() -> Iterator[Block]:
        for strip in strips:
            block = image.read(strip)
            if small:
                kept[strip.row] = block
            yield block

    unread = blocks()
    scaler = recipe.radiometry(modality).fit(image.dtype, image.depth, unread, 1 if image.maskable else 0)
    for _ in unread:  # what the radiometry did not ask for: damage must show before the first tile
        pass
    if scaler.warning:
        _log.warning("%s: %s", image.path, scaler.warning)
    return _Fitted(image, scaler, kept)


def _watched(image: Image, strips: Iterable[Window], recipe: SourceRecipe) -> Iterator[Window]:
    """Pass strips on; warn at the first where the file's bands differ, for nobody said which one to take."""
    equal = True
    for strip in strips:
        if equal and not image.colours_equal(strip):
            equal = False
            key = f"sources.{recipe.source}.sar.bands"
            _log.warning(
                "%s: a SAR image of %d unequal bands; band %d is taken, set %s in a recipe to choose",
                *(image.path, len(image.header.colours), image.bands[0], key),
            )
        yield strip


def _tiles(sight: _Sight, fitted: Mapping[Modality, _Fitted]) -> Iterator[Tile | Drop]:
    place = sight.place
    scale: dict[str, tuple[float, ...]] = {m: image.scaler.scale for m, image in fitted.items() if image.scaler.scale}
    averaged = "sar" in fitted and fitted["sar"].image.averaged
    flags = (*((WARPED,) if sight.warped else ()), *((AVERAGED,) if averaged else ()))
    spots = iter(_spots(place, sight.windows))
    for _, group in groupby(sight.windows, key=lambda window: window.row):
        windows = list(group)
        rows = {modality: image.row(windows) for modality, image in fitted.items()}
        for index, window in enumerate(windows):
            pixels = {modality: row[index][0] for modality, row in rows.items()}
            valid = {modality: row[index][1] for modality, row in rows.items()}
            lon, lat = next(spots)
            yield _drop(window, pixels, valid, sight.recipe.tile) or Tile(
                window=window,
                images=pixels,
                valid=valid,
                gsd=place.gsd or sight.recipe.gsd,
                crs=place.crs,
                transform=shifted(place.transform, window) if place.transform else None,
                lon=lon,
                lat=lat,
                flags=flags,
                scale=scale,
            )


def _spots(place: Header, windows: Sequence[Window]) -> Sequence[tuple[float | None, float | None]]:
    if place.crs is None or place.transform is None:
        return [(None, None)] * len(windows)
    return [spot or (None, None) for spot in centres(place.crs, place.transform, windows)]


def _drop(
    window: Window, pixels: Mapping[Modality, Pixels], valid: Mapping[Modality, Mask], rule: TileRule
) -> Drop | None:
    """Return why a tile is of no use, or None."""
    for modality, mask in valid.items():
        if (share := float(mask.mean())) < rule.min_valid:
            detail = f"{share:.1%} of the {modality} pixels are valid, {rule.min_valid:.1%} are needed"
            return Drop(window=window, fate="skipped", reason="low-valid", detail=detail)
    for modality, mask in valid.items():
        if not (rule.keep_constant and mask.any()) and _blank(pixels[modality], mask):
            return Drop(window=window, fate="skipped", reason="constant", detail=f"the {modality} tile is blank")
    return None


def _blank(pixels: Pixels, mask: Mask) -> bool:
    """Tell whether all valid pixels are equal; most tiles show at a 64th of their pixels that they are not."""
    for step in (8, 1):
        inside = pixels[::step, ::step][mask[::step, ::step]]
        if len(inside) and bool((inside != inside[0]).any()):
            return False
    return True
