"""The settings of a run, and which of them a run that goes on may change."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

from codemae.errors import ConfigError
from codemae.model import ModelConfig, preset
from manifests import build
from osloader import LoaderConfig

Objective = Literal["mae", "cross", "contrastive"]
DEFAULT_EPOCHS = 100
# What a resumed run may change: where things are, how often it reports, how the work is spread.
MAY_DIFFER = frozenset(
    ("data", "out", "device", "micro_batch", "threads", "readers", "prefetch", "deadline", "stop_after")
) | frozenset(("checkpoint_every", "keep", "pictures_every", "log_every"))
# Fields of ModelConfig that have a key of their own, because data or objectives share them.
OWN_KEY = {"image_size": "size", "mask_ratio": "mask_ratio", "channels": "data"} | dict.fromkeys(
    ("mae", "cross", "contrast", "distill"), "objectives"
)


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """A run of the trainer.

    data: dataset root or shard pattern; out: folder of the run. steps or epochs: length, 100 epochs else. batch: pairs
    per optimiser step over all processes; micro_batch: pairs per forward pass of one process, None for its whole share
    (the contrastive objective compares within a micro-batch of all processes). objectives: those trained. size: side of
    the crops in pixels. model: fields of ModelConfig that differ from the preset. base_lr: per 256 images, of which a
    pair has two. warmup_steps, else warmup_epochs, else the published 15 epochs or a tenth of the run. schedule,
    groups, weights, selection, window, window_bytes: the loader's plan; threads, readers, prefetch, deadline: its work,
    each as in LoaderConfig. In steps: checkpoint_every, pictures_every (0: only at the end), log_every (of TensorBoard;
    the log has every step). keep: checkpoints kept. stop_after: end, with a checkpoint, once so many steps are done.
    """

    data: str
    out: str
    method: Literal["codemae"] = "codemae"
    preset: str = "tiny"
    model: Mapping[str, Any] = field(default_factory=dict)
    objectives: tuple[Objective, ...] = ("mae", "cross", "contrastive")
    mask_ratio: float = 0.75
    size: int = 224
    steps: int | None = None
    epochs: int | None = None
    batch: int = 32
    micro_batch: int | None = None
    seed: int = 0
    base_lr: float = 1.5e-4
    weight_decay: float = 0.05
    betas: tuple[float, ...] = (0.9, 0.95)
    warmup_steps: int | None = None
    warmup_epochs: float | None = None
    device: str = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    schedule: Literal["mixed", "grouped"] = "mixed"
    groups: int = 1
    weights: Mapping[str, float] = field(default_factory=dict)
    selection: str | None = None
    window: int = 256
    window_bytes: int | None = None
    threads: int | None = None
    readers: int = 8
    prefetch: int = 2
    deadline: float = 300.0
    checkpoint_every: int = 500
    keep: int = 3
    pictures_every: int = 500
    log_every: int = 1
    stop_after: int | None = None

    def __post_init__(self) -> None:
        for name in ("batch", "size", "groups", "window", "checkpoint_every", "keep", "log_every"):
            self._at_least(name, 1)
        for name in ("steps", "epochs", "micro_batch", "threads", "stop_after"):
            if getattr(self, name) is not None:
                self._at_least(name, 1)
        for name in ("seed", "base_lr", "weight_decay", "pictures_every"):
            self._at_least(name, 0)
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise ConfigError(
                f"betas {self.betas}: give two numbers from 0 up to, not including, 1; published: 0.9,0.95"
            )
        if len(set(self.objectives)) != len(self.objectives) or not self.objectives:
            raise ConfigError(f"objectives {','.join(self.objectives)}: name some of mae,cross,contrastive, each once")

    def model_config(self) -> ModelConfig:
        """Return the model: the preset with `model`, size, mask_ratio and objectives applied."""
        for name in self.model:
            if name in OWN_KEY:
                raise ConfigError(f"model.{name}: is set by the key {OWN_KEY[name]}; use that")
        shared = {
            "image_size": self.size,
            "mask_ratio": self.mask_ratio,
            "mae": "mae" in self.objectives,
            "cross": "cross" in self.objectives,
            "contrast": "contrastive" in self.objectives,
        }
        return build(ModelConfig, asdict(preset(self.preset)) | dict(self.model) | shared, "model", ConfigError)

    def loader_config(self) -> LoaderConfig:
        """Return the loader's options."""
        names = {item.name for item in fields(LoaderConfig)} & {item.name for item in fields(self)}
        return LoaderConfig(**{name: getattr(self, name) for name in names})

    def _at_least(self, name: str, least: int) -> None:
        if getattr(self, name) < least:
            raise ConfigError(f"{name} {getattr(self, name)}: must be at least {least}")


def plain(config: TrainConfig) -> dict[str, Any]:
    """Return the settings with YAML and JSON types, less secrets in URLs; `resolve` of such a file gives them back."""
    listed = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(config).items()}
    return listed | {"data": without_secrets(config.data)}


def without_secrets(url: str) -> str:
    """Return a URL without user, password and query, which may sign it; a path as it is."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def differences(config: TrainConfig, stored: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return {key: (stored, now)} of what a run that goes on must keep but these settings change.

    A key that is not stored, being newer than the run, had its default.
    """
    now, then = plain(config), plain(TrainConfig(data="", out="")) | dict(stored)
    return {name: (then[name], now.get(name)) for name in sorted(set(then) - MAY_DIFFER) if then[name] != now.get(name)}
