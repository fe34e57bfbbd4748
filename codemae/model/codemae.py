"""CoDe-MAE: the masked autoencoder of optical and SAR images with its objectives."""

from typing import NamedTuple

from torch import Tensor, nn

from codemae.errors import InputError
from codemae.masking import Mask
from codemae.model.buffer import CrossAttentionBuffer
from codemae.model.config import ModelConfig
from codemae.model.decoder import CROSS, SELF, MaskedAutoencoder
from codemae.model.encoder import Trunk
from codemae.model.layers import EPS, Block, initialise
from codemae.model.pyramid import Levels
from codemae.objectives import (
    absent_loss,
    contrastive_loss,
    cross_targets,
    distillation_loss,
    reconstruction_loss,
    self_targets,
)


class Output(NamedTuple):
    """What one step yields.

    losses: by objective, those that the configuration switches on: mae, cross, contrastive, distill. total: their
    plain sum, to be differentiated (paper eq. 6). self_prediction `[2b, n, p² c]`, optical rows first, and
    cross_prediction `[2b, n, values]`, whose optical rows are of SAR: detached, None where not computed.
    """

    losses: dict[str, Tensor]
    total: Tensor
    self_prediction: Tensor | None
    cross_prediction: Tensor | None


class CoDeMAE(MaskedAutoencoder):
    """The whole pretraining model. Its weights are drawn from torch's generator: seed it before construction."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        if config.contrast and config.conditioned:
            # Published under this name, though it computes no loss.
            self.contrastive_loss = CrossAttentionBuffer(config.decoder_dim, config.contrast_heads)
        if config.distill:
            self.norm = nn.LayerNorm(config.decoder_dim, EPS)
            self.lm_head = nn.Linear(config.decoder_dim, config.teacher_dim)
            self.norm_cls = nn.LayerNorm(config.embed_dim, EPS)
            self.lm_cls_head = nn.Linear(config.embed_dim, config.teacher_dim)
            self.cls_pt_layers = nn.Sequential(
                *(Block(config.embed_dim, config.heads, config.mlp_ratio) for _ in range(2))
            )
        self.apply(initialise)

    def forward(self, optical: Tensor, sar: Tensor, mask: Mask, paired: bool, teacher: Tensor | None = None) -> Output:
        """Reconstruct masked images and compare the modalities.

        optical, sar: standardised `[b, channels, size, size]`; slot i of both is one pair if paired. mask: b slots.
        teacher: tokens of the whole optical images, `[b, n, teacher_dim]`, when distilling. Unpaired, the objectives
        that compare modalities are not computed: they are 0, and the gradients of their parameters are zeros. Nothing
        is read back from the device. Raises InputError for images of another size or a missing teacher.
        """
        self._check(optical, sar, mask, teacher)
        both = mask.for_both()
        trunk = self.trunk(optical, sar, both)
        levels = self.pyramid(trunk)
        visible = self.fuse(levels)
        losses: dict[str, Tensor] = {}
        self_prediction = cross_prediction = None
        if self.config.mae:
            self_prediction, losses["mae"] = self._reconstruct(optical, sar, visible, both)
        if paired:
            if self.config.cross:
                cross_prediction, losses["cross"] = self._cross(optical, sar, visible, levels, both)
            if self.config.contrast:
                embeddings = self.contrasted(visible)
                losses["contrastive"] = contrastive_loss(*embeddings, self.config.temperature, self.config.gather)
        else:
            losses |= self._left_out(visible)
        if teacher is not None:
            losses["distill"] = distillation_loss(*self.distilled(trunk, visible), teacher, mask.keep)
        return Output(losses, sum(losses.values(), visible.new_zeros(())), self_prediction, cross_prediction)

    def contrasted(self, visible: Tensor) -> tuple[Tensor, Tensor]:
        """Return the optical and the SAR embeddings `[b, decoder_dim]` that are contrasted, before normalisation."""
        optical, sar = visible.chunk(2)
        if self.config.conditioned:
            optical, sar = self.contrastive_loss(optical, sar)
        return optical.mean(dim=1), sar.mean(dim=1)

    def distilled(self, trunk: Trunk, visible: Tensor) -> tuple[Tensor, Tensor]:
        """Return what follows the teacher, main and auxiliary: `[b, k, teacher_dim]` of the optical rows."""
        optical, tap = visible.chunk(2)[0], trunk.tap.chunk(2)[0]
        return self.lm_head(self.norm(optical)), self.lm_cls_head(self.norm_cls(self.cls_pt_layers(tap)))

    def _reconstruct(self, optical: Tensor, sar: Tensor, visible: Tensor, both: Mask) -> tuple[Tensor, Tensor]:
        prediction = self.decode(visible, both, SELF)
        target = self_targets(optical, sar, self.config.patch_size, self.config.norm_pix)
        return prediction.detach(), reconstruction_loss(prediction, target, both.removed)

    def _cross(
        self, optical: Tensor, sar: Tensor, visible: Tensor, levels: Levels, both: Mask
    ) -> tuple[Tensor, Tensor]:
        config = self.config
        prediction = self.decode(visible if config.shared_decoder else self.fuse(levels, CROSS), both, CROSS)
        target = cross_targets(optical, sar, config.patch_size, config.reduction, config.norm_pix)
        return prediction.detach(), reconstruction_loss(prediction, target, both.removed)

    def _left_out(self, visible: Tensor) -> dict[str, Tensor]:
        """Return the losses of an unpaired step's absent objectives."""
        names = [name for name, on in (("cross", self.config.cross), ("contrastive", self.config.contrast)) if on]
        idle = self._idle_parameters()
        zero = absent_loss(idle) if idle else visible.new_zeros(())
        return dict.fromkeys(names, zero)

    def _idle_parameters(self) -> list[nn.Parameter]:
        """Return what an unpaired step does not train: all, where no objective is left."""
        some = self.config.mae or self.config.distill
        return [
            parameter
            for name, parameter in self.named_parameters()
            if parameter.requires_grad and (not some or CROSS in name.partition(".")[0] or "contrastive" in name)
        ]

    def _check(self, optical: Tensor, sar: Tensor, mask: Mask, teacher: Tensor | None) -> None:
        config, size = self.config, self.config.image_size
        expected = (len(optical), config.channels, size, size)
        for name, image in (("optical", optical), ("SAR", sar)):
            if tuple(image.shape) != expected:
                raise InputError(f"{name} images of {tuple(image.shape)}: expected {expected}; set image_size or crop")
        if mask.removed.shape != (len(optical), config.patches):
            raise InputError(
                f"masks of {tuple(mask.removed.shape)}: expected {(len(optical), config.patches)}, a row for each slot"
            )
        if (teacher is not None) != config.distill:
            raise InputError("teacher tokens: give them if, and only if, the configuration has distill on")
