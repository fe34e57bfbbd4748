"""What a harvest is asked to do, how long it waits, and how much an archive may hold."""

from dataclasses import dataclass, field
from pathlib import Path

from osprep.errors import ConfigError

ZENODO = "https://zenodo.org"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How servers are waited for, in seconds. `retries` counts failures in a row that brought no byte more."""

    retries: int = 8
    pause: float = 1.0
    longest: float = 120.0
    connect: float = 20.0
    stall: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an archive may hold. `ratio`, of unpacked to packed bytes, counts where more than `small` bytes come out."""

    entries: int = 1_000_000
    bytes: int = 4 << 40
    ratio: float = 200.0
    small: int = 1 << 28


@dataclass(frozen=True, slots=True, kw_only=True)
class HarvestConfig:
    """Sources to bring to RAW/<id>. `locate`: what the user downloaded of the one source; `parallel`: files at once."""

    raw: Path
    sources: tuple[str, ...]
    locate: Path | None = None
    parallel: int = 4
    patience: Patience = field(default_factory=Patience)
    limits: Limits = field(default_factory=Limits)
    zenodo: str = ZENODO

    def __post_init__(self) -> None:
        if not self.sources:
            raise ConfigError("name the sources to harvest; `osprep sources` lists them")
        if self.locate is not None and len(self.sources) != 1:
            raise ConfigError("--locate is for one source at a time; name it")
        if self.parallel < 1:
            raise ConfigError(f"--parallel {self.parallel}: use 1 or more")
