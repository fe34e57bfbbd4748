"""What readers of pairs share: folders and name of every image tell its place, and halves of one place are a pair."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from manifests import Modality
from osprep.readers.base import BuiltinReader, Findings
from osprep.readers.folder import EXTENSIONS
from osprep.scene import Scene

LABELS = frozenset({"gt", "label", "labels", "lbl", "mask", "masks"})
OUTSIDE = "outside-images"  # reason of files in folders of other things than images
COPY = re.compile(r"(.+?) ?\(\d+\)")  # how browsers and network disks name what is there already
_OPTICAL, _SAR = ("optical", "opt"), ("sar",)
_PREFIXED = re.compile(r"(optical|opt|sar)[ _-]*(.+)")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an image belongs; the optical and the SAR image of one split and name are a pair."""

    split: str
    name: str
    modality: Modality


# Takes an image's folders and stem in lower case; gives its place, why it is left out, or None for what is no image.
Placer = Callable[[tuple[str, ...], str], Place | str | None]


def collect(reader: BuiltinReader, paths: Iterable[str], findings: Findings, place: Placer) -> None:
    """Add the pairs among files; whatever else would be an image is counted by reason.

    Counted are files that `place` gives a reason for, second downloads (`x (1).tif` beside `x.tif`), second files of
    one place, and single halves, which in a split that the card leaves out are counted with it.
    """
    images = [path for path in paths if PurePosixPath(path).suffix.lower() in EXTENSIONS]
    known = {path.lower() for path in images}
    halves: dict[str, dict[Modality, dict[str, str]]] = {}
    twins: list[tuple[str, str]] = []
    for path in images:
        file = PurePosixPath(path.lower())
        original = _original(file, known)
        found = place(file.parts[:-1], original or file.stem)
        if isinstance(found, str):
            findings.left_out[found] += 1
        elif found is not None and original:
            findings.left_out["duplicate-download"] += 1
        elif found is not None:
            files = halves.setdefault(found.split, {"optical": {}, "sar": {}})[found.modality]
            if (first := files.setdefault(found.name, path)) != path:
                twins.append((path, first))
    if twins:
        findings.left_out["same-name"] += len(twins)
        rest = f", and {len(twins) - 1} more like it" if len(twins) > 1 else ""
        findings.warnings.append(f"{twins[0][0]} is left out: {twins[0][1]} has its name{rest}; take one of them away")
    for split, both in sorted(halves.items()):
        _pair(reader, split, both["optical"], both["sar"], findings)


def by_prefix(folders: tuple[str, ...], stem: str) -> tuple[tuple[str, ...], str, Modality] | None:
    """Tell images by a folder `opt` or `sar`, else by a name such as `opt12`; None where neither tells.

    Returns the other folders, the name without such a prefix, and the modality.
    """
    index = next((at for at in reversed(range(len(folders))) if folders[at] in (*_OPTICAL, *_SAR)), None)
    prefixed = _PREFIXED.fullmatch(stem)
    if index is None:
        return prefixed and (folders, prefixed[2], _modality(prefixed[1]))
    modality = _modality(folders[index])
    # A word that only begins so, such as a city's name, is no prefix where the folder tells.
    if prefixed and _modality(prefixed[1]) == modality and not stem[len(prefixed[1])].isalpha():
        stem = prefixed[2]
    return (*folders[:index], *folders[index + 1 :]), stem, modality


def _modality(word: str) -> Modality:
    return "sar" if word in _SAR else "optical"


def _original(file: PurePosixPath, known: set[str]) -> str | None:
    """Return the stem of the file that this one is a second download of, if that file is there."""
    copy = COPY.fullmatch(file.stem)
    return copy[1] if copy and str(file.with_name(copy[1] + file.suffix)) in known else None


def _pair(reader: BuiltinReader, split: str, optical: dict[str, str], sar: dict[str, str], findings: Findings) -> None:
    if split in reader.card.splits:
        findings.pair(reader.id, split, optical, sar)
        return
    findings.left_out[f"split-{split}"] += len(optical.keys() ^ sar.keys())
    findings.scenes += [
        Scene(source=reader.id, split=split, name=name, optical=optical[name], sar=sar[name])
        for name in sorted(optical.keys() & sar.keys())
    ]
