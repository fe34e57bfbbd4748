"""Which device a process takes."""

import pytest
import torch

from codemae import ConfigError
from codemae.distributed import choose_device, join


@pytest.mark.parametrize(
    ("name", "local_rank", "devices", "expected"),
    [
        ("auto", 0, 0, "cpu"),
        ("auto", 3, 8, "cuda:3"),
        ("cpu", 3, 8, "cpu"),
        ("cuda", 1, 2, "cuda:1"),
        ("cuda:5", 0, 8, "cuda:5"),
    ],
)
def test_device(name: str, local_rank: int, devices: int, expected: str) -> None:
    assert choose_device(name, local_rank, devices) == torch.device(expected)


@pytest.mark.parametrize(
    ("name", "local_rank", "devices", "message"),
    [
        ("cuda", 0, 0, "there are 0 CUDA devices here"),
        ("auto", 2, 2, "device cuda:2: there are 2"),
        ("mps", 0, 0, "use auto, cpu, cuda or cuda:N"),
        ("cuda:x", 0, 1, "use auto, cpu, cuda or cuda:N"),
    ],
)
def test_device_that_is_not_there(name: str, local_rank: int, devices: int, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        choose_device(name, local_rank, devices)


def test_one_process_needs_nobody() -> None:
    with join("cpu", {}) as world:
        assert (world.rank, world.size, world.main) == (0, 1, True)
        assert world.from_main(7) == 7
        assert world.sum(torch.tensor(3)) == 3
        assert not torch.distributed.is_initialized()
