"""Settings: where they come from, what is refused, what a resumed run may change."""

from pathlib import Path

import pytest
import yaml

from codemae import ConfigError, TrainConfig, resolve
from codemae.config import differences, plain

NEEDED = ["data=d", "out=o"]


def test_flag_over_environment_over_file_over_default(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("batch: 8\nseed: 1\nbase_lr: 1e-3\nmodel: {depth: 3, heads: 2}\nbetas: [0.8, 0.9]\n")
    env = {"CODEMAE_SEED": "2", "CODEMAE_BATCH": "16", "CODEMAE_MODEL": "{heads: 1}", "OTHER": "x"}
    config = resolve([*NEEDED, "batch=64", "model.mlp_depth=2", "weights.fair1m=0.5"], file, env)
    assert (config.batch, config.seed, config.base_lr, config.size) == (64, 2, 1e-3, 224)
    assert config.model == {"depth": 3, "heads": 1, "mlp_depth": 2}
    assert (config.betas, config.weights) == ((0.8, 0.9), {"fair1m": 0.5})


def test_the_last_flag_counts() -> None:
    assert resolve([*NEEDED, "batch=4", "batch=8"], env={}).batch == 8


def test_a_stored_configuration_reads_back(tmp_path: Path) -> None:
    config = resolve([*NEEDED, "steps=5", "weights.a=2", "objectives=mae,cross", "model.depth=2"], env={})
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(plain(config)))
    assert resolve(["stop_after=null"], file, {}) == config


def test_stored_settings_have_no_secrets() -> None:
    url = "https://me:word@host:8080/root/shards/a/a-train-{000000..000003}.tar?X-Amz-Signature=abc"
    stored = plain(TrainConfig(data=url, out="o"))["data"]
    assert stored == "https://host:8080/root/shards/a/a-train-{000000..000003}.tar"
    assert plain(TrainConfig(data="/disk/a?b@c", out="o"))["data"] == "/disk/a?b@c"


def test_length_said_later_replaces_length_said_earlier(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("steps: 50\nwarmup_epochs: 1.5\n")
    config = resolve([*NEEDED, "epochs=3", "warmup_steps=2"], file, {})
    assert (config.steps, config.epochs, config.warmup_steps, config.warmup_epochs) == (None, 3, 2, None)
    with pytest.raises(ConfigError, match="steps and epochs are both given"):
        resolve([*NEEDED, "epochs=3", "steps=2"], env={})


def test_tiny_has_a_rate_of_its_own() -> None:
    assert resolve(NEEDED, env={}).base_lr > resolve([*NEEDED, "preset=base"], env={}).base_lr == 1.5e-4
    assert resolve([*NEEDED, "base_lr=1e-4"], env={}).base_lr == 1e-4


def test_model_and_loader_follow() -> None:
    config = resolve([*NEEDED, "size=96", "mask_ratio=0.5", "objectives=mae,contrastive", "model.depth=2"], env={})
    model, loader = config.model_config(), config.loader_config()
    assert (model.image_size, model.mask_ratio, model.depth) == (96, 0.5, 2)
    assert (model.mae, model.cross, model.contrast, model.distill) == (True, False, True, False)
    assert (loader.size, loader.batch, loader.seed) == (96, config.batch, config.seed)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["bacth=4"], "bacth=4: unknown key bacth; the nearest known one is batch"),
        (["model.dept=4"], "unknown key model.dept; the nearest known one is model.depth"),
        (["model.image_size=32"], "set by the key size"),
        (["batch=four"], "batch: 'four' is not int"),
        (["batch=1.5"], "is not int"),
        (["batch=0"], "batch 0: must be at least 1"),
        (["base_lr=-1"], "base_lr"),
        (["betas=0.9"], "two numbers"),
        (["preset=huge"], "choose one of tiny, base, large"),
        (["method=other"], "is not one of codemae"),
        (["objectives=mae,okd"], "is not one of mae, cross, contrastive"),
        (["objectives=mae,mae"], "each once"),
        (["schedule=random"], "is not one of mixed, grouped"),
        (["model.heads=5"], "multiple of heads"),
        (["weights.a=b"], "is not float"),
        (["batch={"], "not a value"),
        (["steps"], "expected key=value"),
    ],
)
def test_refused(flags: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match="(?i).*") as caught:
        resolve([*NEEDED, *flags], env={})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_unknown_keys_of_file_and_environment_name_their_place(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("sed: 1\n")
    with pytest.raises(ConfigError, match=r"run\.yaml: unknown key sed; the nearest known one is seed"):
        resolve(NEEDED, file, {})
    with pytest.raises(ConfigError, match="CODEMAE_SED: unknown key sed"):
        resolve(NEEDED, env={"CODEMAE_SED": "1"})


@pytest.mark.parametrize(("text", "message"), [("a: [", "not YAML"), ("- 1\n", "expected keys and values")])
def test_unusable_files(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        resolve(NEEDED, file, {})
    with pytest.raises(ConfigError, match="cannot be read"):
        resolve(NEEDED, tmp_path / "missing.yaml", {})


def test_data_and_out_are_needed() -> None:
    with pytest.raises(ConfigError, match="out is missing"):
        resolve(["data=d"], env={})


def test_differences_leave_out_what_a_resumed_run_may_change() -> None:
    config = TrainConfig(data="d", out="o", batch=8)
    same = TrainConfig(data="elsewhere", out="moved", batch=8, device="cuda", micro_batch=2, log_every=9, stop_after=3)
    assert differences(same, plain(config)) == {}
    other = TrainConfig(data="d", out="o", batch=16, steps=9, betas=(0.9, 0.99))
    assert differences(other, plain(config)) == {
        "batch": (8, 16), "steps": (None, 9), "betas": ([0.9, 0.95], [0.9, 0.99])
    }  # fmt: skip
    older = {name: value for name, value in plain(config).items() if name != "window"}
    assert differences(config, older) == {}
