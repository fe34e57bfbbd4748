"""Raw archives of 15 public datasets to WebDataset shards with manifests, statistics and a catalogue."""

from osprep.build import BuildResult, SourceResult, build
from osprep.config import BuildConfig, available_cores
from osprep.errors import (
    BuildError,
    ConfigError,
    FingerprintMismatch,
    HarvestError,
    OsprepError,
    RasterError,
    ReaderError,
    TruncatedRaster,
    UnreadableRaster,
)
from osprep.harvest import HarvestConfig, HarvestedSource, HarvestResult, harvest
from osprep.plan import SourcePlan, plan
from osprep.readers import Reader, get_reader, reader_ids
from osprep.records import Finding
from osprep.rehearse import Defect, RehearsalResult, RehearsedSource, rehearse
from osprep.report import Chart, Image, Section, write_report
from osprep.select import Subset, select_balanced, select_where, write_selection
from osprep.stats import StatsRow
from osprep.stats import compare as compare_stats
from osprep.table1 import Table1, Table1Line, Table1Total, table1_of_dataset, table1_of_plan
from osprep.verify import VerifyReport, verify

__all__ = [
    "BuildConfig",
    "BuildError",
    "BuildResult",
    "Chart",
    "ConfigError",
    "Defect",
    "Finding",
    "FingerprintMismatch",
    "HarvestConfig",
    "HarvestError",
    "HarvestResult",
    "HarvestedSource",
    "Image",
    "OsprepError",
    "RasterError",
    "Reader",
    "ReaderError",
    "RehearsalResult",
    "RehearsedSource",
    "Section",
    "SourcePlan",
    "SourceResult",
    "StatsRow",
    "Subset",
    "Table1",
    "Table1Line",
    "Table1Total",
    "TruncatedRaster",
    "UnreadableRaster",
    "VerifyReport",
    "available_cores",
    "build",
    "compare_stats",
    "get_reader",
    "harvest",
    "plan",
    "reader_ids",
    "rehearse",
    "select_balanced",
    "select_where",
    "table1_of_dataset",
    "table1_of_plan",
    "verify",
    "write_report",
    "write_selection",
]
