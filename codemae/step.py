"""One optimiser step: forward and backward over its micro-batches, AdamW, and the figures it leaves."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch
import xxhash
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from codemae.config import TrainConfig
from codemae.distributed import World
from codemae.masking import keyed_masks
from codemae.model import CoDeMAE, Output
from codemae.schedule import Schedule, learning_rate
from manifests import Modality
from osloader import Batch, Normalisation


@dataclass(frozen=True, slots=True, eq=False)
class Learner:
    """What learns: the model, itself and as it is called in `world`, its optimiser, and what they are driven by.

    amp: compute in bfloat16 where autocast allows. normalisation: tables on the device.
    """

    config: TrainConfig
    world: World
    model: CoDeMAE
    wrapped: nn.Module
    optimiser: torch.optim.Optimizer
    schedule: Schedule
    normalisation: Mapping[Modality, Normalisation]
    amp: bool


def optimise(learner: Learner, step: int, batches: Sequence[Batch]) -> Tensor:
    """Take one step over this process's micro-batches, whose losses are averaged; gradients meet at the last of them.

    Returns float32 `[2 + objectives]`, on the device: loss and each objective's term, means over the global batch, and
    the norm of the gradient. Nothing is read from the device.
    """
    world, share = learner.world, 1 / len(batches)
    for group in learner.optimiser.param_groups:
        group["lr"] = learning_rate(step, learner.schedule)
    means = torch.zeros(1 + len(learner.config.objectives), device=world.device)
    ddp = learner.wrapped if isinstance(learner.wrapped, DistributedDataParallel) else None
    for number, batch in enumerate(batches, start=1):
        with ddp.no_sync() if ddp is not None and number < len(batches) else nullcontext():
            output = forward(learner, batch)
            torch.autograd.backward(output.total * share)
        terms = [output.total, *(output.losses[name] for name in learner.config.objectives)]
        means += torch.stack([term.detach().float() for term in terms]) * share
    norm = gradient_norm(learner.model)
    learner.optimiser.step()
    learner.optimiser.zero_grad()
    return torch.cat([world.sum(means) / world.size, norm[None]])


def forward(learner: Learner, batch: Batch) -> Output:
    """Bring a micro-batch to the device, normalise it there, and run the model with the masks of its slots."""
    config, device = learner.model.config, learner.world.device
    mask = keyed_masks(learner.config.seed, batch.step, batch.slot, config.patches, config.mask_ratio)
    moved = (batch.pin_memory() if device.type == "cuda" else batch).to(device)
    optical = learner.normalisation["optical"].normalise(moved.optical, moved.optical_source, config.channels)
    sar = learner.normalisation["sar"].normalise(moved.sar, moved.sar_source, config.channels)
    with torch.autocast(device.type, torch.bfloat16, enabled=learner.amp):
        output: Output = learner.wrapped(optical[:, 0], sar[:, 0], mask.to(device), batch.kind == "paired")
    return output


def gradient_norm(model: nn.Module) -> Tensor:
    """Return the Euclidean norm of all gradients together."""
    norms = [torch.linalg.vector_norm(p.grad) for p in model.parameters() if p.grad is not None]
    total: Tensor = torch.linalg.vector_norm(torch.stack(norms))
    return total


def batch_hash(batches: Sequence[Batch]) -> int:
    """Return a signed 64-bit number for the samples in their slots; sums of it over processes wrap to the global one.

    It is a sum over slots of the XXH3-64 of slot and keys: the same for any number of processes and micro-batches.
    """
    total = sum(
        int(xxhash.xxh3_64_intdigest(f"{slot}:{optical}:{sar}".encode()))
        for batch in batches
        for slot, optical, sar in zip(batch.slot.tolist(), batch.optical_key, batch.sar_key, strict=True)
    )
    return (total + 2**63) % 2**64 - 2**63
