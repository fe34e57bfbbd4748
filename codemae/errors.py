"""What can go wrong while pretraining.

    CodemaeError
    ├── ConfigError          an option or preset is not what the model or trainer takes
    ├── InputError           a batch does not fit the model
    ├── CheckpointError      a checkpoint could not be written, or none can be read
    └── NonFiniteError       a loss or a gradient is no longer a number

Every message names the file or option, the fault and the next step. `exit_code` is what a command ends with.
"""


class CodemaeError(Exception):
    """Root of the tree."""

    exit_code = 1


class ConfigError(CodemaeError):
    """An option or preset is not what the model or trainer takes."""

    exit_code = 2


class InputError(CodemaeError):
    """A batch does not fit the model: its size, its masks or what it lacks."""


class CheckpointError(CodemaeError):
    """A checkpoint could not be written, or none of those there can be read."""


class NonFiniteError(CodemaeError):
    """A loss or a gradient is infinite or not a number."""
