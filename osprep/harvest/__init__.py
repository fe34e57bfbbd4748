"""Getting the data: what is open is fetched, what is gated is explained and then located."""

from osprep.harvest.config import HarvestConfig, Limits, Patience
from osprep.harvest.decide import Guard, RemoteFile, decide
from osprep.harvest.harvest import HarvestedSource, HarvestResult, harvest

__all__ = [
    "Guard",
    "HarvestConfig",
    "HarvestResult",
    "HarvestedSource",
    "Limits",
    "Patience",
    "RemoteFile",
    "decide",
    "harvest",
]
