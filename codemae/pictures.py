"""What a model makes of masked images, as a grid of panels."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from safetensors.torch import load_file, save_file
from torch import Tensor

from codemae.masking import Mask, keyed_masks
from codemae.model import CoDeMAE
from codemae.model.decoder import CROSS, SELF
from codemae.objectives import cross_targets, patch_statistics, patchify, unpatchify
from manifests import MODALITIES, Modality
from osloader import Batch, Normalisation

Pixels = npt.NDArray[np.uint8]
ROWS = 4  # samples in a picture
BLANK = 127  # the grey of what is not shown
_PARTS = ("slot", "optical", "sar", "optical_source", "sar_source")
_LABEL = {"optical": "optical", "sar": "SAR"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """The few images that every picture of a run shows. Tensors as in a Batch, optical and sar of one view."""

    slot: Tensor
    optical: Tensor
    sar: Tensor
    optical_source: Tensor
    sar_source: Tensor
    paired: bool

    @classmethod
    def of(cls, batch: Batch) -> "Samples":
        """Take the first of a batch."""
        few = {name: getattr(batch, name)[:ROWS] for name in _PARTS}
        few |= {name: few[name][:, :1] for name in MODALITIES}
        return cls(**few, paired=batch.kind == "paired")

    def save(self, file: Path) -> None:
        """Write them beside the pictures, so that a run that goes on shows the same."""
        tensors = {name: getattr(self, name).contiguous() for name in _PARTS}
        save_file(tensors | {"paired": torch.tensor(self.paired)}, file)

    @classmethod
    def load(cls, file: Path) -> "Samples":
        """Read what save wrote."""
        tensors = load_file(file)
        return cls(**{name: tensors[name] for name in _PARTS}, paired=bool(tensors["paired"]))


def draw(
    file: Path, model: CoDeMAE, samples: Samples, tables: Mapping[Modality, Normalisation], seed: int, title: str
) -> None:
    """Write a PNG: for each sample a row of optical and one of SAR panels. The masks follow from seed and slot."""
    columns = panels(model, samples, tables, seed)
    rows = 2 * len(samples.slot)
    figure = Figure(figsize=(1.9 * len(columns), 1.9 * rows + 0.9), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=10)
    grid = figure.subplots(rows, len(columns), squeeze=False)
    for row in range(rows):
        modality = MODALITIES[row % 2]
        for axes, (heading, pictures) in zip(grid[row], columns.items(), strict=True):
            axes.imshow(pictures[modality][row // 2], cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            axes.set_xticks([])
            axes.set_yticks([])
            if row == 0:
                axes.set_title(heading, fontsize=8)
        grid[row][0].set_ylabel(_LABEL[modality], fontsize=8)
    figure.savefig(file, dpi=100)


@torch.no_grad()
def panels(
    model: CoDeMAE, samples: Samples, tables: Mapping[Modality, Normalisation], seed: int
) -> dict[str, dict[Modality, Pixels]]:
    """Return uint8 pictures `[b, height, width, 3 or 1]` by heading and modality.

    A model that predicts patches normalised each by itself says nothing of their mean and contrast; those are then
    taken from the target, and the heading says so ("target statistics"): the structure is the model's, the tone is not.
    The cross reconstruction of an image is made from the other image of its pair alone, and is reduced as its target.
    """
    config, device = model.config, model.absolute_pos_embed.device
    pixels = {name: getattr(samples, name).to(device) for name in MODALITIES}
    sources = {name: getattr(samples, f"{name}_source").to(device) for name in MODALITIES}
    images = {name: tables[name].normalise(pixels[name], sources[name], config.channels)[:, 0] for name in MODALITIES}
    mask = keyed_masks(seed, 0, samples.slot, config.patches, config.mask_ratio).to(device)
    own, cross = _predict(model, images["optical"], images["sar"], mask)
    removed = _images(mask.removed[:, :, None].expand(-1, -1, config.patch_size**2), model)
    note = "\n(target statistics)" if config.norm_pix else ""
    found: dict[str, dict[Modality, Tensor]] = {
        "input": {name: pixels[name][:, 0] for name in MODALITIES},
        "visible to the encoder": {name: _blank(pixels[name][:, 0], removed) for name in MODALITIES},
    }
    if own is not None:
        values = _own_values(model, images, own, mask)
        found[f"self reconstruction{note}"] = {
            name: tables[name].denormalise(values[name][:, None], sources[name])[:, 0] for name in MODALITIES
        }
    if cross is not None and samples.paired:
        shown, target = _cross_values(model, images, cross)
        found[f"cross reconstruction{note}"] = {name: _blank(shown[name], ~removed) for name in MODALITIES}
        found["cross target"] = target
    return {
        heading: {name: picture.permute(0, 2, 3, 1).cpu().numpy() for name, picture in pictures.items()}
        for heading, pictures in found.items()
    }


def _predict(model: CoDeMAE, optical: Tensor, sar: Tensor, mask: Mask) -> tuple[Tensor | None, Tensor | None]:
    """Return what both decoders make of masked images, `[2b, n, values]`, without the objectives' collectives."""
    both = mask.for_both()
    levels = model.pyramid(model.trunk(optical, sar, both))
    visible = model.fuse(levels)
    own = model.decode(visible, both, SELF) if model.config.mae else None
    if not model.config.cross:
        return own, None
    return own, model.decode(visible if model.config.shared_decoder else model.fuse(levels, CROSS), both, CROSS)


def _own_values(
    model: CoDeMAE, images: Mapping[Modality, Tensor], prediction: Tensor, mask: Mask
) -> dict[Modality, Tensor]:
    """Return standardised images `[b, c, h, w]`: predicted where patches were removed, the input elsewhere."""
    target = patchify(torch.cat([images[name] for name in MODALITIES]), model.config.patch_size)
    values = _with_statistics(prediction, target, model).where(mask.for_both().removed[:, :, None], target)
    return dict(zip(MODALITIES, _images(values, model).chunk(2), strict=True))


def _cross_values(
    model: CoDeMAE, images: Mapping[Modality, Tensor], prediction: Tensor
) -> tuple[dict[Modality, Tensor], dict[Modality, Tensor]]:
    """Return predicted and target pictures, uint8 `[b, 1 or c, h, w]`, of each modality as the other one shows it."""
    config = model.config
    target = cross_targets(images["optical"], images["sar"], config.patch_size, config.reduction, norm_pix=False)
    shown = _images(_with_statistics(prediction, target, model), model)
    wanted = _images(target, model)
    low, high = (wanted.flatten(1).quantile(share, dim=1)[:, None, None, None] for share in (0.01, 0.99))
    scaled = [((part - low) / (high - low).clamp(min=1e-6) * 255).clamp(0, 255).byte() for part in (shown, wanted)]
    # The rows of optical inputs predict SAR, and the other way round.
    sar, optical = zip(*(part.chunk(2) for part in scaled), strict=True)
    return {"optical": optical[0], "sar": sar[0]}, {"optical": optical[1], "sar": sar[1]}


def _with_statistics(prediction: Tensor, target: Tensor, model: CoDeMAE) -> Tensor:
    if not model.config.norm_pix:
        return prediction
    mean, deviation = patch_statistics(target)
    return prediction * deviation + mean


def _images(patches: Tensor, model: CoDeMAE) -> Tensor:
    return unpatchify(patches, model.config.patch_size, model.config.image_size, model.config.image_size)


def _blank(pictures: Tensor, where: Tensor) -> Tensor:
    return pictures.masked_fill(where, BLANK)
