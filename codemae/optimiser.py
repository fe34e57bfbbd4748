"""AdamW as published, and its state by parameter name."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from codemae.config import TrainConfig
from codemae.errors import CheckpointError


def make_optimiser(model: nn.Module, config: TrainConfig, device: torch.device) -> torch.optim.AdamW:
    """Return AdamW without weight decay on biases and other 1-D parameters.

    As published, the trainable position embedding and the mask tokens do decay: they are not 1-D.
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [parameter for parameter in trained if parameter.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [parameter for parameter in trained if parameter.ndim <= 1], "weight_decay": 0.0},
    ]
    first, second = config.betas
    fused = device.type in ("cpu", "cuda")
    return torch.optim.AdamW(groups, lr=0.0, betas=(first, second), fused=fused)


def state_tensors(optimiser: torch.optim.Optimizer, model: nn.Module) -> dict[str, Tensor]:
    """Return the optimiser's state as tensors named `exp_avg/blocks.0.mlp.fc1.weight`."""
    names: dict[Tensor, str] = {parameter: name for name, parameter in model.named_parameters()}
    return {
        f"{key}/{names[parameter]}": value
        for parameter, state in optimiser.state.items()
        for key, value in state.items()
    }


def restore_state(optimiser: torch.optim.Optimizer, model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Put back what state_tensors gave; raise CheckpointError for a parameter that the model does not have."""
    parameters = dict(model.named_parameters())
    order = {p: index for index, p in enumerate(p for group in optimiser.param_groups for p in group["params"])}
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        key, _, parameter = name.partition("/")
        if parameter not in parameters or parameters[parameter] not in order:
            raise CheckpointError(
                f"optimiser state of {parameter}: the model has no such parameter; use its own settings"
            )
        state.setdefault(order[parameters[parameter]], {})[key] = tensor
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
