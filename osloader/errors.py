"""What can go wrong while streaming a dataset.

    OsloaderError
    ├── ConfigError          an option, URL, shard name or selection is not what the loader needs
    ├── PlanError            batch, world size, weights or data do not make a plan
    ├── StateError           a saved state belongs to another dataset or configuration
    ├── DataError            bytes or pixels are not what the manifest says
    ├── StalledError         a wait came to its deadline
    └── ClosedError          the loader was closed while something waited for it

Every message names the file or option, the fault and the next step. `exit_code` is what a command ends with.
"""


class OsloaderError(Exception):
    """Root of the tree."""

    exit_code = 1


class ConfigError(OsloaderError):
    """An option, URL, shard name or selection is not what the loader needs."""

    exit_code = 2


class PlanError(OsloaderError):
    """Batch, world size, weights or data do not make a plan."""

    exit_code = 2


class StateError(OsloaderError):
    """A saved state belongs to another dataset or configuration."""

    exit_code = 2


class DataError(OsloaderError):
    """Bytes or pixels are not what the manifest says."""


class StalledError(OsloaderError):
    """A wait came to its deadline. The message says what was waited for."""


class ClosedError(OsloaderError):
    """The loader was closed while something waited for it."""
