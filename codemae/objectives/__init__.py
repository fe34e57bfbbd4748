"""What the model is trained for: losses and targets, one objective a file. Nothing here holds parameters."""

from codemae.objectives.absent import absent_loss
from codemae.objectives.contrastive import contrastive_loss, gather_rows, unit
from codemae.objectives.cross import cross_targets
from codemae.objectives.distill import distillation_loss
from codemae.objectives.mae import reconstruction_loss, self_targets
from codemae.objectives.target import grey, normalised_targets, patch_statistics, patchify, unpatchify

__all__ = [
    "absent_loss",
    "contrastive_loss",
    "cross_targets",
    "distillation_loss",
    "gather_rows",
    "grey",
    "normalised_targets",
    "patch_statistics",
    "patchify",
    "reconstruction_loss",
    "self_targets",
    "unit",
    "unpatchify",
]
