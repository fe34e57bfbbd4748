from typing import Any

import pytest

from manifests import build
from osloader import ConfigError, LoaderConfig
from osloader.world import share_of_cores, world_from_environment


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"batch": 0}, "batch=0"),
        ({"micro_batch": 0}, "micro_batch=0"),
        ({"prefetch": -1}, "prefetch=-1"),
        ({"scale": (0.0, 1.0)}, "scale"),
        ({"scale": (0.2, 1.5)}, "scale"),
        ({"scale": (0.2, 0.3, 0.4)}, "scale"),
        ({"ratio": (2.0, 1.0)}, "ratio"),
        ({"flip": 1.5}, "flip"),
        ({"deadline": 0.0}, "deadline"),
        ({"views": 0}, "views=0"),
    ],
)
def test_values_that_make_no_sense(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        LoaderConfig(**{"batch": 8, **options})
    assert caught.value.exit_code == 2


def test_it_builds_from_yaml_types() -> None:
    raw = {"batch": 8, "scale": [0.5, 1], "weights": {"alpha": 2}, "schedule": "grouped", "groups": 2}
    config = build(LoaderConfig, raw, "config.yaml", ConfigError)
    assert config.crop.scale == (0.5, 1.0)
    with pytest.raises(ConfigError, match="unknown key 'bacth'"):
        build(LoaderConfig, {"bacth": 8}, "config.yaml", ConfigError)


def test_the_world_is_torchruns_unless_given(monkeypatch: pytest.MonkeyPatch) -> None:
    assert world_from_environment(None, None) == (0, 1)
    monkeypatch.setenv("RANK", "2")
    with pytest.raises(ConfigError, match="give both"):
        world_from_environment(None, None)
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert world_from_environment(None, None) == (2, 4)
    assert world_from_environment(0, 1) == (0, 1)
    monkeypatch.setenv("RANK", "4")
    with pytest.raises(ConfigError, match="rank 4 of world 4"):
        world_from_environment(None, None)
    monkeypatch.setenv("RANK", "two")
    with pytest.raises(ConfigError, match="RANK=two"):
        world_from_environment(None, None)


def test_ranks_of_a_node_share_its_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = share_of_cores()
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "10000")
    assert share_of_cores() == 1 <= alone
