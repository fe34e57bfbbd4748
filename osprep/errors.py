"""What can go wrong while building a dataset.

    OsprepError
    ├── ConfigError          an option, recipe or raw folder is not what the command needs
    ├── ReaderError          a source's folder does not have a layout its reader knows
    ├── RasterError          a raw image cannot be used
    │   ├── UnreadableRaster     not an image, or its header is broken
    │   └── TruncatedRaster      the file ends before its pixels do
    ├── HarvestError         a source could not be fetched or unpacked
    │   ├── DownloadError        no server gives the file
    │   ├── ArchiveError         an archive is broken, hostile or of a kind that cannot be unpacked
    │   ├── HarvestMismatch      a file is not what its checksum or the lock says
    │   └── WaitsForHuman        a form, a login or a token comes first
    ├── BuildError           a shard or catalogue could not be written soundly
    └── FingerprintMismatch  finished work was made from other inputs or settings

Every message names the file or option, the fault and the next step. `exit_code` is what a command ends with.
"""


class OsprepError(Exception):
    """Root of the tree."""

    exit_code = 1


class ConfigError(OsprepError):
    """An option, recipe or raw folder is not what the command needs."""

    exit_code = 2


class ReaderError(ConfigError):
    """A source's folder does not have a layout that its reader knows."""


class RasterError(OsprepError):
    """A raw image cannot be used. `reason` is the word it is counted under."""

    reason = "raster"


class UnreadableRaster(RasterError):
    """Not an image, or its header is broken."""

    reason = "unreadable"


class TruncatedRaster(RasterError):
    """The file ends before its pixels do, whether or not a decoder complains."""

    reason = "truncated"


class HarvestError(OsprepError):
    """A source could not be fetched or unpacked."""


class DownloadError(HarvestError):
    """No server gives the file, or what it gives is something else."""


class ArchiveError(HarvestError):
    """An archive is broken, hostile or of a kind that cannot be unpacked."""


class HarvestMismatch(HarvestError):
    """A file is not what its published checksum or the lock of an earlier harvest says."""

    exit_code = 4


class WaitsForHuman(HarvestError):
    """A form, a login or a token comes first."""

    exit_code = 3


class BuildError(OsprepError):
    """A shard or catalogue could not be written soundly."""


class FingerprintMismatch(ConfigError):
    """Finished work was made from other inputs or settings; a dataset is never rebuilt in place."""
