"""SpaceNet 6: 900 x 900 chips of Rotterdam at 0.5 m, cut from strips that lie askew to the chips."""

import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from osprep.rehearse.products import decibels, photograph, windows
from osprep.rehearse.simulator import Setting, SimulatedScene, simulate
from osprep.rehearse.tree import RawTree

_AREA = "AOI_11_Rotterdam"
_CRS = "EPSG:32631"
_SIDE, _GSD = 900, 0.5
_OFFSET = np.array([42.1, 56.3, 54.0, 39.5], np.float32)  # brings HH, HV, VH, VV to the means of the real chips
_LEAST_VALID = 0.25
_NORTH, _SOUTH = "20190804111224_20190804111453", "20190822080126_20190822080353"


@dataclass(frozen=True, slots=True)
class _Chip:
    """A chip: strip, number, place of its upper left corner, and columns without data at its top and bottom row."""

    strip: str
    number: int
    east: float
    north: float
    empty: tuple[int, int]
    setting: Setting


_CHIPS = (
    _Chip(_NORTH, 8681, 592_362.0, 5_749_170.0, (0, 0), "harbour"),
    _Chip(_NORTH, 8682, 592_812.0, 5_749_170.0, (60, 420), "city"),
    _Chip(_NORTH, 8700, 592_362.0, 5_748_720.0, (0, 0), "suburb"),
    _Chip(_NORTH, 8701, 592_812.0, 5_748_720.0, (780, 890), "village"),
    _Chip(_SOUTH, 3517, 590_562.0, 5_747_820.0, (0, 180), "harbour"),
)
_TEST = _Chip(_SOUTH, 41, 594_612.0, 5_751_870.0, (0, 0), "suburb")


def write(tree: RawTree, seed: int) -> None:
    """Write five training chips and one of the public test set; one chip is nearly empty, one SAR file cut short."""
    for index, chip in enumerate(_CHIPS):
        scene = _scene(chip, seed * 1_000 + 10 + index)
        folder = f"train/{_AREA}"
        tree.tif(f"{folder}/PS-RGB/{_name('Train', 'PS-RGB', chip)}.tif", photograph(scene), _CRS, _transform(chip))
        mask = _measured(chip)
        sar = f"{folder}/SAR-Intensity/{_name('Train', 'SAR-Intensity', chip)}.tif"
        tree.tif(sar, _intensity(scene, mask), _CRS, _transform(chip))
        tree.text(f"{folder}/geojson_buildings/{_name('Train', 'Buildings', chip)}.geojson", _buildings(scene, chip))
        if lost := sum(mask[window].mean() < _LEAST_VALID for window in windows(_SIDE, _SIDE)):
            tree.plant(sar, "lies mostly outside its strip", "skipped", "low-valid", int(lost))
    tree.truncate(sar, 0.6, samples=len(list(windows(_SIDE, _SIDE))))
    hidden = f"test_public/{_AREA}/SAR-Intensity/{_name('Test_Public', 'SAR-Intensity', _TEST)}.tif"
    tree.tif(hidden, _intensity(_scene(_TEST, seed * 1_000 + 50), _measured(_TEST)), _CRS, _transform(_TEST))
    tree.plant(hidden, "has no optical image", "left-out", "split-test_public", 1)
    tree.text(f"train/{_AREA}/SummaryData/SAR_orientations.txt", f"{_NORTH} 0\n{_SOUTH} 1\n")


def _scene(chip: _Chip, seed: int) -> SimulatedScene:
    azimuth = 0.0 if chip.strip == _NORTH else 180.0
    return simulate(_SIDE, _SIDE, seed, _GSD, setting=chip.setting, radar_azimuth=azimuth, looks=2)


def _name(part: str, product: str, chip: _Chip) -> str:
    return f"SN6_{part}_{_AREA}_{product}_{chip.strip}_tile_{chip.number}"


def _transform(chip: _Chip) -> tuple[float, ...]:
    return (_GSD, 0.0, chip.east, 0.0, -_GSD, chip.north)


def _measured(chip: _Chip) -> npt.NDArray[np.bool_]:
    """Return the mask [side, side] of what the strip covers: a wedge is missing on the right."""
    top, bottom = chip.empty
    edge = _SIDE - np.linspace(top, bottom, _SIDE).round().astype(np.int64)
    return np.arange(_SIDE)[None] < edge[:, None]


def _intensity(scene: SimulatedScene, mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Return float32 [side, side, 4]: decibels above an offset, 0 where there is no data."""
    values = np.clip(decibels(scene) + _OFFSET, 0.01, None)
    return np.where(mask[..., None], values, np.float32(0))


def _buildings(scene: SimulatedScene, chip: _Chip) -> str:
    """Return the footprints as GeoJSON in the chip's own coordinate system, as the originals are."""
    features: list[dict[str, object]] = []
    for thing in scene.structures:
        ring = [[chip.east + x * _GSD, chip.north - y * _GSD] for x, y in thing.outline.round(1).tolist()]
        inside = ((thing.outline >= 0) & (thing.outline <= _SIDE)).all()
        if thing.kind == "building" and inside:
            geometry = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
            properties = {"TileBuildingId": len(features), "Mean_Building_Height": round(thing.metres, 2)}
            features.append({"type": "Feature", "properties": properties, "geometry": geometry})
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32631"}}
    return json.dumps({"type": "FeatureCollection", "crs": crs, "features": features}) + "\n"
