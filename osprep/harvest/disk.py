"""Is there room."""

import shutil
from pathlib import Path

from osprep.errors import HarvestError

EXTRACTION = 2.0  # bytes unpacked per byte of archive; imagery is compressed already, so this is generous


def require(folder: Path, needed: int, what: str) -> None:
    """Raise HarvestError when fewer bytes are free where `folder` lies than are needed."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        fault = f"{what} needs {needed / 1e9:,.1f} GB, {free / 1e9:,.1f} GB are free"
        raise HarvestError(f"{folder}: {fault}; make room or choose another --raw")
