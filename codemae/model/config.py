"""The shape of a model and which objectives it is trained with."""

from dataclasses import dataclass
from typing import Literal

from codemae.errors import ConfigError
from codemae.masking import kept

Gather = Literal["exact", "published"]
Reduction = Literal["grey", "none"]


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """A CoDe-MAE: the defaults are the published base configuration, without distillation.

    image_size, patch_size in pixels. embed_dim, fpn_dim, decoder_dim: widths of the 16-pixel stage, the pyramid and the
    decoders. mlp_depth: blocks in each of the two stages without attention; depth: attention blocks. mask_ratio: share
    of patches the encoder does not see. mae, cross, contrast, distill: the four objectives. norm_pix: normalise targets
    per patch. reduction: what is left of a cross-modal target. conditioned: contrast after cross attention to the other
    modality. gather: over several ranks, `exact` gives the gradient of the joined batch; `published` holds gathered
    embeddings constant. shared_decoder: one decoder per task rather than one per task and modality. teacher_dim: width
    of the tokens distilled from.
    """

    image_size: int = 224
    patch_size: int = 16
    channels: int = 3
    embed_dim: int = 512
    mlp_depth: int = 3
    depth: int = 24
    heads: int = 8
    bridge_mlp_ratio: float = 3.0
    mlp_ratio: float = 4.0
    fpn_dim: int = 256
    fpn_depth: int = 1
    decoder_dim: int = 512
    decoder_depth: int = 8
    decoder_heads: int = 16
    shared_decoder: bool = True
    mask_ratio: float = 0.75
    mae: bool = True
    cross: bool = True
    contrast: bool = True
    distill: bool = False
    norm_pix: bool = True
    reduction: Reduction = "grey"
    conditioned: bool = True
    contrast_heads: int = 16
    temperature: float = 0.07
    gather: Gather = "exact"
    teacher_dim: int = 1024

    def __post_init__(self) -> None:
        for name in ("mlp_depth", "depth", "fpn_dim", "fpn_depth", "decoder_depth"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} {getattr(self, name)}: must be at least 1")
        self._multiple("image_size", of="patch_size")
        self._multiple("patch_size", of=4)
        self._multiple("embed_dim", of=4)
        self._multiple("embed_dim", of="heads")
        self._multiple("decoder_dim", of=16)
        self._multiple("decoder_dim", of="decoder_heads")
        self._multiple("decoder_dim", of="contrast_heads")
        if not 0 < kept(self.patches, self.mask_ratio) < self.patches:
            raise ConfigError(
                f"mask_ratio {self.mask_ratio}: of {self.patches} patches some must stay and some go; choose 0.75"
            )
        if self.temperature <= 0:
            raise ConfigError(f"temperature {self.temperature}: must be above 0; published is 0.07")
        if self.reduction == "grey" and self.channels != 3:
            raise ConfigError(f"reduction grey: needs red, green and blue, not {self.channels} channels; choose none")
        if not (self.mae or self.cross or self.contrast or self.distill):
            raise ConfigError("mae, cross, contrast, distill: all are off; switch one on")
        if not (self.shared_decoder or self.mae or self.contrast or self.distill):
            raise ConfigError("shared_decoder off with cross alone: half of the projections are idle; switch mae on")

    def _multiple(self, name: str, of: str | int) -> None:
        value, number = getattr(self, name), of if isinstance(of, int) else getattr(self, of)
        if number < 1 or value < 1 or value % number:
            label = of if isinstance(of, int) else f"{of} ({number})"
            raise ConfigError(f"{name} {value}: must be a positive multiple of {label}")

    @property
    def side(self) -> int:
        """Patches along one side of an image."""
        return self.image_size // self.patch_size

    @property
    def patches(self) -> int:
        """Patches of an image."""
        return self.side**2

    @property
    def patch_values(self) -> int:
        """Numbers in a patch of all channels: what the self decoder predicts."""
        return self.patch_size**2 * self.channels

    @property
    def cross_values(self) -> int:
        """Numbers in a reduced patch: what the cross decoder predicts."""
        return self.patch_size**2 if self.reduction == "grey" else self.patch_values


PRESETS = {
    # For two CPU cores: every part of base, small.
    "tiny": ModelConfig(
        embed_dim=128,
        mlp_depth=1,
        depth=5,
        heads=4,
        fpn_dim=32,
        decoder_dim=64,
        decoder_depth=2,
        decoder_heads=2,
        contrast_heads=2,
    ),
    "base": ModelConfig(),
    "large": ModelConfig(embed_dim=768, mlp_depth=2, depth=40, heads=12, decoder_dim=768),
}


def preset(name: str) -> ModelConfig:
    """Return a named configuration: tiny, or the published base and large. Raises ConfigError for another name."""
    if name not in PRESETS:
        raise ConfigError(f"preset {name!r}: unknown; choose one of {', '.join(PRESETS)}")
    return PRESETS[name]
