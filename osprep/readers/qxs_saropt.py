"""`qxs-saropt`: QXS-SAROPT, PNG patches of 256 × 256 that are numbered alike in two folders."""

import re
from pathlib import Path

from osprep.readers.base import BuiltinReader, Findings, walk

_OPTICAL, _SAR = "opt_256_oc_0.2", "sar_256_oc_0.2"
_NAME = re.compile(r"(\d+)\.png", re.IGNORECASE)


class QxsSaroptReader(BuiltinReader):
    """Reads all pairs; there is no official split."""

    id = "qxs-saropt"

    def find(self, root: Path, findings: Findings) -> None:
        """Add the pairs of patches."""
        for base in (root / "QXSLAB_SAROPT", root):
            if (base / _OPTICAL).is_dir() and (base / _SAR).is_dir():
                optical, sar = (self._patches(root, base / name, findings) for name in (_OPTICAL, _SAR))
                findings.pair(self.id, "all", optical, sar)
                return
        raise self.unknown_layout(root)

    def _patches(self, root: Path, folder: Path, findings: Findings) -> dict[str, str]:
        patches: dict[str, str] = {}
        for path in walk(folder):
            if name := _NAME.fullmatch(path):
                findings.keep(patches, name[1], (folder / path).relative_to(root).as_posix())
            else:
                findings.left_out["unknown-name"] += 1
        return patches


READERS = (QxsSaroptReader(),)
