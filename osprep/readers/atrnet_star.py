"""`atrnet-star`: ATRNet-STAR, 128 × 128 chips of vehicles; only the SOC-40 benchmark, in ground range, as 8 bits."""

import re
from pathlib import Path
from typing import NamedTuple

from osprep.files import stems
from osprep.readers.base import BuiltinReader, Findings, walk
from osprep.scene import Scene

_SET = "soc_40classes"
_SIBLING = re.compile(r"(soc|eoc)[_-]?.*", re.IGNORECASE)  # they hold the same chips again
_NAME = re.compile(r"[A-Z]+_(HH|HV|VH|VV)_.+\.tiff?", re.IGNORECASE)
_SPLITS = ("train", "test")


class _Chip(NamedTuple):
    """A chip: the benchmark's folder, its split, the split's folder, its path. Folders are "" or end in a slash."""

    base: str
    split: str
    folder: str
    path: str


class AtrnetStarReader(BuiltinReader):
    """Reads `[…/]SOC_40classes/{train,test}/<Type>/<file>.tif`; its folder may be that benchmark's, or its train."""

    id = "atrnet-star"

    def find(self, root: Path, findings: Findings) -> None:
        """Add the chips of the benchmark; whatever else lies about is counted."""
        chips: dict[str, list[_Chip]] = {}
        for path in walk(root):
            if path.lower().endswith((".tif", ".tiff")):
                found = _place(path)
                if isinstance(found, str):
                    findings.left_out[found] += 1
                else:
                    chips.setdefault(found.base, []).append(found)
        if not chips:
            raise self.unknown_layout(root)
        base = min(chips, key=lambda folder: ("amplitude_8bit" not in folder.lower(), folder.count("/"), folder))
        findings.left_out["second-copy"] += sum(len(group) for folder, group in chips.items() if folder != base)
        names = {path: name for name, path in stems(chip.path for chip in chips[base]).items()}
        for chip in chips[base]:
            name = names[chip.path].removeprefix(chip.folder)
            findings.scenes.append(Scene(source=self.id, split=chip.split, name=name, sar=chip.path))


def _place(path: str) -> _Chip | str:
    """Return where a chip of the benchmark lies, or why it is none."""
    parts = path.split("/")
    folders = [part.lower() for part in parts[:-1]]
    if any(folder.startswith(("slant_range", "complex")) for folder in folders):
        return "slant-range"
    if _SET in folders:
        start = folders.index(_SET) + 1
    elif any(_SIBLING.fullmatch(folder) for folder in folders):
        return "sibling-benchmark"
    elif folders and folders[0] in _SPLITS:
        start = 0
    elif len(folders) == 1 and _NAME.fullmatch(parts[-1]):
        return _Chip("", "train", "", path)
    else:
        return "elsewhere"
    if len(parts) != start + 3 or folders[start] not in _SPLITS:
        return "elsewhere"
    base = "".join(f"{part}/" for part in parts[:start])
    return _Chip(base, folders[start], f"{base}{parts[start]}/", path)


READERS = (AtrnetStarReader(),)
