"""Means and deviations of each source, applied on the training device."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from manifests import Catalogue, Modality
from osloader.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Normalisation:
    """Statistics of one modality, a row for each group of sources. mean, std: float32 [groups, bands], 0–1 scale."""

    modality: Modality
    groups: tuple[str, ...]
    mean: Tensor
    std: Tensor

    @classmethod
    def of(cls, catalogue: Catalogue, modality: Modality, groups: Sequence[str], bands: int) -> "Normalisation":
        """Take groups from a catalogue; raise ConfigError for one without usable statistics of that many bands."""
        known = catalogue.normalisation(modality)
        for group in groups:
            mean, std = known.get(group, ((), ()))
            if len(mean) != bands or not all(map(math.isfinite, mean)) or not all(value > 0 for value in std):
                raise ConfigError(
                    f"{modality} statistics of {group!r} are missing, without spread or not of {bands} bands (mean "
                    f"{mean}, std {std}); leave that source out, or build it again from more than blank tiles"
                )
        means, stds = zip(*(known[group] for group in groups), strict=True)
        return cls(
            modality, tuple(groups), torch.tensor(means, dtype=torch.float32), torch.tensor(stds, dtype=torch.float32)
        )

    def to(self, device: torch.device | str) -> "Normalisation":
        """Return the table on a device."""
        return Normalisation(self.modality, self.groups, self.mean.to(device), self.std.to(device))

    def normalise(self, images: Tensor, source: Tensor, channels: int | None = None) -> Tensor:
        """Return (images / 255 − mean) / std, float32 [b, views, bands, h, w], from uint8 of that shape on any device.

        source int64 [b] picks the row of each. With `channels` a single band is repeated that often, as a view, for
        patch embeddings that want three. Raises ConfigError when the bands are neither one nor `channels`.
        """
        mean, std = self._rows(images, source)
        scaled = images.float().mul_(1 / (255 * std)).sub_(mean / std)
        bands = scaled.shape[2]
        if channels in (None, bands):
            return scaled
        if bands != 1:
            raise ConfigError(f"{self.modality} images have {bands} bands, the model wants {channels}; change either")
        return scaled.expand(-1, -1, channels, -1, -1)

    def denormalise(self, values: Tensor, source: Tensor) -> Tensor:
        """Return uint8 pixels of normalised values [b, views, bands, h, w], rounded and clipped; for pictures.

        Where one band was repeated, each channel comes back with that band's statistics.
        """
        mean, std = self._rows(values, source)
        return ((values.float() * std + mean) * 255).round().clamp(0, 255).to(torch.uint8)

    def _rows(self, images: Tensor, source: Tensor) -> tuple[Tensor, Tensor]:
        shape = (len(source), 1, -1, 1, 1)
        mean, std = (table.to(images.device)[source.to(images.device)] for table in (self.mean, self.std))
        return mean.view(shape), std.view(shape)
