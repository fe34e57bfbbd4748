"""Stream OSPretrain-1M shards from S3, HTTP or disk into PyTorch, exactly and in an order free of world size."""

from osloader.augment import Box, CropConfig, crop_box, resize_into
from osloader.batch import Batch
from osloader.config import LoaderConfig
from osloader.counters import Counters
from osloader.dataset import Dataset, open_dataset
from osloader.decode import decode
from osloader.errors import (
    ClosedError,
    ConfigError,
    DataError,
    OsloaderError,
    PlanError,
    StalledError,
    StateError,
)
from osloader.loader import Loader
from osloader.normalise import Normalisation
from osloader.plan import EpochPlan, Plan, PlanConfig, SlotReads, Span, Stream, rank_slots
from osloader.selection import Selection, read_keys, select

__all__ = [
    "Batch",
    "Box",
    "ClosedError",
    "ConfigError",
    "Counters",
    "CropConfig",
    "DataError",
    "Dataset",
    "EpochPlan",
    "Loader",
    "LoaderConfig",
    "Normalisation",
    "OsloaderError",
    "Plan",
    "PlanConfig",
    "PlanError",
    "Selection",
    "SlotReads",
    "Span",
    "StalledError",
    "StateError",
    "Stream",
    "crop_box",
    "decode",
    "open_dataset",
    "rank_slots",
    "read_keys",
    "resize_into",
    "select",
]
