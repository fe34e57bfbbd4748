"""One process, or many under torchrun: who this one is, its device, and what all of them agree on."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from codemae.errors import ConfigError


@dataclass(frozen=True, slots=True)
class World:
    """This process: its rank among `size`, and the device it computes on."""

    rank: int
    size: int
    device: torch.device

    @property
    def main(self) -> bool:
        """Tell whether this process writes the log, the checkpoints and the pictures."""
        return self.rank == 0

    def sum(self, tensor: Tensor) -> Tensor:
        """Add a tensor over all processes, in place; int64 wraps around."""
        if self.size > 1:
            distributed.all_reduce(tensor)
        return tensor

    def from_main(self, number: int) -> int:
        """Return the main process's number."""
        if self.size == 1:
            return number
        shared = torch.tensor(number, device=self.device)
        distributed.broadcast(shared, src=0)
        return int(shared)

    def wrap(self, model: nn.Module) -> nn.Module:
        """Return the model with gradients averaged over all processes; every step trains the same parameters."""
        if self.size == 1:
            return model
        devices = [self.device] if self.device.type == "cuda" else None
        return DistributedDataParallel(model, device_ids=devices)


@contextmanager
def join(device: str, env: Mapping[str, str] | None = None) -> Iterator[World]:
    """Join the processes that torchrun started (RANK, WORLD_SIZE, LOCAL_RANK), over NCCL on CUDA and Gloo elsewhere.

    Raises ConfigError when the device is not there.
    """
    variables = os.environ if env is None else env
    rank, size, local = (int(variables.get(name, default)) for name, default in _TORCHRUN)
    chosen = choose_device(device, local, torch.cuda.device_count())
    world = World(rank, size, chosen)
    if size == 1:
        yield world
        return
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
    distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield world
    finally:
        distributed.destroy_process_group()


_TORCHRUN = (("RANK", "0"), ("WORLD_SIZE", "1"), ("LOCAL_RANK", "0"))


def choose_device(name: str, local_rank: int, devices: int) -> torch.device:
    """Return the device of a process: `auto` is CUDA where there are `devices` of it; cuda alone, one per process."""
    if name == "cpu" or (name == "auto" and not devices):
        return torch.device("cpu")
    kind, colon, number = name.partition(":")
    if name != "auto" and (kind != "cuda" or (colon and not number.isdigit())):
        raise ConfigError(f"device {name}: unknown; use auto, cpu, cuda or cuda:N")
    index = int(number) if number else local_rank
    if index >= devices:
        raise ConfigError(
            f"device cuda:{index}: there are {devices} CUDA devices here; use device=cpu or fewer processes"
        )
    return torch.device("cuda", index)
