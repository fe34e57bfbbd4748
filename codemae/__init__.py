"""Pretrain CoDe-MAE from the shards of a dataset: model, objectives, trainer."""

from codemae.checkpoint import Checkpoint
from codemae.config import TrainConfig
from codemae.errors import CheckpointError, CodemaeError, ConfigError, InputError, NonFiniteError
from codemae.log import read_log
from codemae.model import PRESETS, CoDeMAE, ModelConfig, Output, preset
from codemae.schedule import Schedule, learning_rate
from codemae.settings import resolve
from codemae.train import TrainResult, train

__all__ = [
    "PRESETS",
    "Checkpoint",
    "CheckpointError",
    "CoDeMAE",
    "CodemaeError",
    "ConfigError",
    "InputError",
    "ModelConfig",
    "NonFiniteError",
    "Output",
    "Schedule",
    "TrainConfig",
    "TrainResult",
    "learning_rate",
    "preset",
    "read_log",
    "resolve",
    "train",
]
