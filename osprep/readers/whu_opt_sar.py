"""`whu-opt-sar`: WHU-OPT-SAR, map sheets of one name in folders `optical` (also `image`, `opt`) and `sar`."""

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path, PurePosixPath

from osprep.errors import ReaderError
from osprep.readers.base import BuiltinReader, Findings, walk
from osprep.readers.paired import LABELS, OUTSIDE, Place, collect

_OPTICAL, _SAR = ("optical", "image", "opt"), ("sar",)
_SHEET = r"[a-z]{2}\d{2}[a-z]\d{6}"
_NAME = re.compile(rf"({_SHEET})(?:_\d+){{0,2}}")  # tiles of a sheet have their number, or row and column, behind it
_WORDS = re.compile(rf"(?P<train>train|训练)|(?P<test>test|测试)|(?P<sheet>{_SHEET})")
_UNKNOWN = "all"  # the split of every sheet when there is no list


class WhuOptSarReader(BuiltinReader):
    """Reads the sheets that the list of the authors gives to training.

    Without that list the test sheets cannot be told from the others: all are read, as split `all`, with a warning.
    """

    id = "whu-opt-sar"
    alternatives = frozenset({"train", _UNKNOWN})

    def find(self, root: Path, findings: Findings) -> None:
        """Add the pairs of sheets, or of tiles of sheets."""
        paths = list(walk(root, findings.left_out))
        lists = [path for path in paths if re.fullmatch(r".*division.*\.txt", PurePosixPath(path).name.lower())]
        division: Mapping[str, str] = _read_division(root / lists[0]) if lists else {}
        if not division:
            fault = f"{lists[0]} names no sheet" if lists else 'there is no "The division of the dataset.txt"'
            findings.warnings.append(
                f"{fault}: all sheets are read as split {_UNKNOWN}, those of the test among them; put the list beside"
                " the images to leave them out"
            )
        collect(self, paths, findings, partial(_place, division))


def read_division(text: str) -> dict[str, str]:
    """Return the split of each sheet that a list names; sheets are in lower case.

    A line's only heading (train, test) holds for the whole line; otherwise the last heading before a sheet counts.
    Sheets without any are left away. Without a sheet of either split there is no division at all.
    """
    splits: dict[str, str] = {}
    heading = ""
    for line in text.lower().splitlines():
        words = list(_WORDS.finditer(line))
        headings = {word.lastgroup for word in words} - {"sheet"}
        if len(headings) == 1:
            heading = str(headings.pop())
        for word in words:
            if word.lastgroup != "sheet":
                heading = str(word.lastgroup)
            elif heading:
                splits[word["sheet"]] = heading
    return splits


def _read_division(path: Path) -> dict[str, str]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ReaderError(f"{path}: {error.strerror or error}; make the list readable, or take it away") from error
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return read_division(raw.decode("utf-16", "replace"))
    try:
        return read_division(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return read_division(raw.decode("gb18030", "replace"))


def _place(division: Mapping[str, str], folders: tuple[str, ...], stem: str) -> Place | str | None:
    if any(folder.startswith("predict") or folder == "intro" for folder in folders):
        return OUTSIDE
    kind = next((folder for folder in reversed(folders) if folder in {*_OPTICAL, *_SAR, *LABELS}), None)
    if kind is None or kind in LABELS:
        return OUTSIDE if kind is None else None
    name = _NAME.fullmatch(stem)
    if name is None:
        return "unknown-name"
    split = _split(division, name[1])
    return Place(split, stem, "sar" if kind in _SAR else "optical") if split else "not-in-division"


def _split(division: Mapping[str, str], sheet: str) -> str | None:
    """Return a sheet's split; with a list of test sheets alone the rest is for training."""
    if not division:
        return _UNKNOWN
    return division.get(sheet, None if "train" in division.values() else "train")


READERS = (WhuOptSarReader(),)
