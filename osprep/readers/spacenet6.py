"""`spacenet6`: SpaceNet 6 chips of 900 × 900, PS-RGB and SAR-Intensity, paired by times of flight and tile number."""

import re
from pathlib import Path

from osprep.readers.base import BuiltinReader, Findings, walk

_AREA = "AOI_11_Rotterdam"
_OPTICAL, _SAR = "PS-RGB", "SAR-Intensity"
_NAME = re.compile(
    rf"SN6_Train_{_AREA}_(?P<product>{_OPTICAL}|{_SAR})_(?P<key>\d{{14}}_\d{{14}}_tile_\d+)\.tiff?", re.IGNORECASE
)


class SpaceNet6Reader(BuiltinReader):
    """Reads the training part; the public test part has no optical images and is left out."""

    id = "spacenet6"

    def find(self, root: Path, findings: Findings) -> None:
        """Add the pairs of chips."""
        area = next(
            (found for place in (root / "train" / _AREA, root / _AREA, root) if (found := _complete(place))), None
        )
        if area is None:
            raise self.unknown_layout(root)
        optical, sar = (self._chips(root, area / product, product, findings) for product in (_OPTICAL, _SAR))
        findings.pair(self.id, "train", optical, sar)
        hidden = root / "test_public" / _AREA / _SAR
        findings.left_out["split-test_public"] += sum(path.lower().endswith(".tif") for path in walk(hidden))

    def _chips(self, root: Path, folder: Path, product: str, findings: Findings) -> dict[str, str]:
        chips: dict[str, str] = {}
        for path in walk(folder):
            name = _NAME.fullmatch(path)
            if name and name["product"].lower() == product.lower():
                findings.keep(chips, name["key"].lower(), (folder / path).relative_to(root).as_posix())
            elif path.lower().endswith((".tif", ".tiff")):
                findings.left_out["unknown-name"] += 1
        return chips


def _complete(area: Path) -> Path | None:
    return area if (area / _OPTICAL).is_dir() and (area / _SAR).is_dir() else None


READERS = (SpaceNet6Reader(),)
