"""`ddhr`: DDHR, tiles or scenes of Gaofen-2 and Gaofen-3 by region, one number or name in two folders."""

import re
from pathlib import Path

from osprep.readers.base import BuiltinReader, Findings, walk
from osprep.readers.paired import LABELS, OUTSIDE, Place, collect

_OPTICAL, _SAR = frozenset({"gf2", "opt", "optical", "rgb"}), frozenset({"gf3", "sar"})
_REGIONS = {
    "xian": ("xian", "xa", "ch"),
    "dongying": ("dongying", "dy", "shandong"),
    "korea": ("korea", "sk", "pohang"),
}
_OTHER = "other"
_SIZES = {"128", "256"}


class DdhrReader(BuiltinReader):
    """Reads Xi'an and Dongying. Pohang (`korea`) and folders of no known region (`other`) are splits of their own.

    The card leaves both out: Pohang is a set for evaluation, and a folder without a region may well be Pohang.
    """

    id = "ddhr"

    def find(self, root: Path, findings: Findings) -> None:
        """Add the pairs of every region, and warn of regions that are not known or come in two sizes."""
        collect(self, walk(root, findings.left_out), findings, _place)
        strange = [scene for scene in findings.scenes if scene.split == _OTHER]
        if strange:
            findings.warnings.append(
                f"{len(strange)} pairs such as {strange[0].optical} lie in no folder of a known region"
                f" ({', '.join(_REGIONS)}) and are left out: rename it, or set sources.{self.id}.splits.{_OTHER} in a"
                " recipe to read them"
            )
        for region in _REGIONS:
            if {scene.name.partition("/")[0] for scene in findings.scenes if scene.split == region} >= _SIZES:
                findings.warnings.append(
                    f"region {region} has folders 128 and 256, which may show the same ground twice; both are read,"
                    " so take one of them away"
                )


def _place(folders: tuple[str, ...], stem: str) -> Place | str | None:
    """Place an image by its folders, or a scene whose own name tells what it shows, such as `xa_gf2`."""
    kinds = _OPTICAL | _SAR | LABELS
    at = next((index for index in reversed(range(len(folders))) if folders[index] in kinds), None)
    words = [word for word in re.split(r"[^a-z0-9]+", stem) if word]
    kind = folders[at] if at is not None else next((word for word in words if word in kinds), None)
    if kind is None or kind in LABELS:
        return OUTSIDE if kind is None else None
    if at is None:
        stem = "-".join(word for word in words if word != kind)
    rest = [folder for index, folder in enumerate(folders) if index != at]
    named = next((index for index in reversed(range(len(rest))) if _region(rest[index])), None)
    region = _region(rest[named]) if named is not None else _region(stem)
    inside = rest if named is None else rest[named + 1 :]
    return Place(region or _OTHER, "/".join((*inside, stem)), "sar" if kind in _SAR else "optical")


def _region(name: str) -> str | None:
    """Return the region that a name means, such as `Xi'an_128`, `DDHR-XA` or `DDCH`."""
    letters = re.sub("['`’]", "", name)
    words = {re.sub(r"^(?:ddhr|dd)(?=.)", "", word) for word in (*re.split(r"[^a-z]+", letters), letters)}
    words.add(re.sub(r"[^a-z]", "", letters))
    return next((region for region, aliases in _REGIONS.items() if words.intersection(aliases)), None)


READERS = (DdhrReader(),)
