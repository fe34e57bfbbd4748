"""The weights that a run ends with, and what belongs to them."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from safetensors.torch import save

from codemae.config import TrainConfig
from codemae.model import CoDeMAE
from manifests import Modality, open_store, to_json
from osloader import Normalisation

FORMAT = 1
WEIGHTS, DESCRIPTION = "model.safetensors", "model.json"


def export_weights(
    folder: Path, model: CoDeMAE, config: TrainConfig, tables: Mapping[Modality, Normalisation], step: int
) -> None:
    """Write `model.safetensors`, and `model.json` after it: the model's shape and the statistics it was trained with.

    Mean and std are per group of sources and band on the 0–1 scale: input = (pixel / 255 − mean) / std. A SAR image of
    one band is repeated to `channels`. Raises StorageError when they cannot be written.
    """
    store = open_store(folder)
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    store.put(WEIGHTS, save(weights, metadata={"format": "pt"}))
    normalisation = {
        name: {
            group: {"mean": mean, "std": std}
            for group, mean, std in zip(table.groups, table.mean.tolist(), table.std.tolist(), strict=True)
        }
        for name, table in tables.items()
    }
    described = {"format": FORMAT, "method": config.method, "preset": config.preset, "steps": step}
    store.put(DESCRIPTION, to_json(described | {"model": asdict(model.config), "normalisation": normalisation}))
