"""`sardet-180k`: SARDet-180K, 14 sets of SAR chips from 9 to 2048 pixels wide, in whatever folders they lie."""

import re
from pathlib import Path

from osprep.errors import ReaderError
from osprep.files import is_image_name, sha256s, stems
from osprep.readers.base import BuiltinReader, Findings, walk
from osprep.scene import Scene

_BASES = ("186k_notest", "186k")  # of the two the one without test parts
_EXCLUDE = "exclude.txt"
_SHA256 = re.compile(r"[0-9a-f]{64}")


class SarDet180kReader(BuiltinReader):
    """Reads every image below the folder of the whole set, or below folders of its members.

    A file `exclude.txt` in the source's folder leaves out what it lists: a path from there, or the SHA-256 of a file's
    bytes, one a line; lines that begin with # are comments.
    """

    id = "sardet-180k"

    def find(self, root: Path, findings: Findings) -> None:
        """Add the chips."""
        paths = [path for path in walk(root) if path != _EXCLUDE]
        chips = [path for path in paths if is_image_name(path)]
        if not chips:
            raise self.unknown_layout(root)
        base = _base(chips)
        inside = [path for path in chips if path.startswith(base)]
        findings.left_out["outside-set"] += len(chips) - len(inside)
        findings.left_out["no-raster-extension"] += sum(
            path.startswith(base) and not is_image_name(path) for path in paths
        )
        excluded = _excluded(root, inside, findings)
        findings.left_out["excluded"] += len(excluded)
        for name, path in stems(path for path in inside if path not in excluded).items():
            scene = Scene(source=self.id, split="all", name=name.removeprefix(base), sar=path)
            findings.scenes.append(scene)


def _base(paths: list[str]) -> str:
    """Return the folder of the whole set with a slash at its end, the least deep one; nothing where there is none."""
    for wanted in _BASES:
        found = set()
        for path in paths:
            folders = path.split("/")[:-1]
            lower = [folder.lower() for folder in folders]
            if wanted in lower:
                found.add("/".join(folders[: lower.index(wanted) + 1]) + "/")
        if found:
            return min(found, key=lambda folder: (folder.count("/"), folder))
    return ""


def _excluded(root: Path, paths: list[str], findings: Findings) -> set[str]:
    """Return the files that the user's list names, and warn of lines that name none."""
    file = root / _EXCLUDE
    if not file.is_file():
        return set()
    try:
        lines = {line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines()}
    except (OSError, UnicodeDecodeError) as error:
        raise ReaderError(f"{file}: cannot be read ({error}); give UTF-8 text or take it away") from error
    wanted = {line for line in lines if line and not line.startswith("#")}
    hashes = {line for line in wanted if _SHA256.fullmatch(line)}
    found = {path: path for path in paths if path in wanted}
    if hashes:
        found |= {path: digest for path, digest in sha256s(root, paths).items() if digest in hashes}
    if idle := sorted(wanted - set(found.values()) - found.keys()):
        findings.warnings.append(f"{file}: {len(idle)} lines name no file of the set, the first is {idle[0]}")
    return set(found)


READERS = (SarDet180kReader(),)
