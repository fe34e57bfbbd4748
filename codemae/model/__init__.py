"""The model: encoder, pyramid, decoders and what the objectives attach to them. Parameters carry published names."""

from codemae.model.codemae import CoDeMAE, Output
from codemae.model.config import PRESETS, Gather, ModelConfig, Reduction, preset
from codemae.model.encoder import Encoder, Trunk
from codemae.model.pyramid import Levels, PyramidEncoder

__all__ = [
    "PRESETS",
    "CoDeMAE",
    "Encoder",
    "Gather",
    "Levels",
    "ModelConfig",
    "Output",
    "PyramidEncoder",
    "Reduction",
    "Trunk",
    "preset",
]
