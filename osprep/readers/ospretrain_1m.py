"""`ospretrain-1m`: the tree of PNG files that the authors released, for those who hold it.

What their loader reads is read: names in `train.txt`, `val.txt` and `test.txt` beside `RGB` and `SAR`, and every file
of `Unpaired`. Four test lists are downstream sets, and three datasets take no part in pretraining.
"""

from collections.abc import Mapping
from pathlib import Path

from osprep.errors import ReaderError
from osprep.files import is_image_name, stems
from osprep.readers.base import BuiltinReader, Findings, subfolder, walk
from osprep.scene import Scene

_DATASETS = (
    *("SpaceNet6", "QXSLAB_SARPORT", "DDHR", "WHU-OPT-SAR", "DFC23_Track1", "DFC23_Track2"),
    *("OGSOD-2", "GFGE_SOdataset", "DFC25", "EarthMiss", "osdataset"),
)
_TEST_HELD_BACK = ("WHU-OPT-SAR", "OGSOD-2", "DDHR", "DFC23_Track1")
_LEFT_OUT = ("PIE-RGB-SAR", "YESeg-OPT-SAR", "SS4EO-S12")
_LISTS = ("train", "val", "test")
_UNPAIRED = "Unpaired"
_BASE = "OSPretrain-1M"


class OSPretrain1MReader(BuiltinReader):
    """Reads `<Dataset>/{RGB,SAR}/<name>.png` by its lists, and `Unpaired/{RGB,SAR}`.

    Splits are those of the lists, `unpaired`, and `downstream` for the four test lists that the authors hold back.
    """

    id = "ospretrain-1m"

    def find(self, root: Path, findings: Findings) -> None:
        """Add the pairs of all datasets and the single images."""
        base = subfolder(root, _BASE) or root
        found = {name: folder for name in _DATASETS if (folder := subfolder(base, name))}
        unpaired = subfolder(base, _UNPAIRED)
        if not found and not unpaired:
            raise self.unknown_layout(root)
        for name, folder in found.items():
            self._pairs(name, folder, root, findings)
        if unpaired:
            self._singles(unpaired, root, findings)
        for name in _LEFT_OUT:
            if folder := subfolder(base, name):
                findings.left_out["not-for-pretraining"] += len(_pictures(folder / "RGB"))
        for name in (*_DATASETS, _UNPAIRED):
            if name not in found and not (name == _UNPAIRED and unpaired):
                findings.warnings.append(f"{base / name}: no such folder; the release has one")

    def _pairs(self, dataset: str, folder: Path, root: Path, findings: Findings) -> None:
        optical, sar = (_pictures(folder / name) for name in ("RGB", "SAR"))
        listed: dict[str, str] = {}
        missing: list[str] = []
        for part in _LISTS:
            for name in _names(folder / f"{part}.txt"):
                if name in listed:
                    findings.left_out["listed-twice"] += 1
                elif name not in optical or name not in sar:
                    missing.append(name)
                else:
                    listed[name] = "downstream" if part == "test" and dataset in _TEST_HELD_BACK else part
        for name, split in listed.items():
            files = {"optical": _inside(root, optical[name]), "sar": _inside(root, sar[name])}
            scene = Scene(source=self.id, split=split, name=f"{dataset}/{name.rpartition('.')[0]}", **files)
            findings.scenes.append(scene)
        findings.left_out["not-listed"] += len((optical.keys() | sar.keys()) - listed.keys() - set(missing))
        if missing:
            findings.left_out["listed-but-absent"] += len(missing)
            findings.warnings.append(f"{folder}: {len(missing)} names of its lists have no pair, first {missing[0]}")
        if not listed:
            findings.warnings.append(f"{folder}: no pair is listed in {', '.join(f'{p}.txt' for p in _LISTS)}")

    def _singles(self, folder: Path, root: Path, findings: Findings) -> None:
        for modality, name in (("optical", "RGB"), ("sar", "SAR")):
            paths = [_inside(root, path) for path in _pictures(folder / name).values()]
            start = _inside(root, folder / name) + "/"
            for stem, path in stems(paths).items():
                files: Mapping[str, str] = {modality: path}
                inside = f"{modality}/{stem.removeprefix(start)}"
                findings.scenes.append(Scene(source=self.id, split="unpaired", name=inside, **files))


def _pictures(folder: Path) -> dict[str, Path]:
    """Return the images below a folder by relative path; none where there is no folder."""
    return {path: folder / path for path in walk(folder) if is_image_name(path)}


def _names(file: Path) -> list[str]:
    """Return the names of a list with `.png` at their ends; a list may be absent, as in the release."""
    if not file.is_file():
        return []
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise ReaderError(f"{file}: cannot be read ({error}); fetch the list again") from error
    return [line if is_image_name(line) else f"{line}.png" for line in lines if line]


def _inside(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


READERS = (OSPretrain1MReader(),)
