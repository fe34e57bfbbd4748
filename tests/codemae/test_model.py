from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest
import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from codemae.errors import ConfigError, InputError
from codemae.masking import Mask, keyed_masks
from codemae.model import CoDeMAE, ModelConfig, Output, preset

SMALL = ModelConfig(
    image_size=32,
    patch_size=8,
    embed_dim=64,
    mlp_depth=1,
    depth=2,
    heads=2,
    fpn_dim=32,
    decoder_dim=32,
    decoder_depth=1,
    decoder_heads=2,
    contrast_heads=2,
    teacher_dim=24,
)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Two threads wait for each other longer than they work on layers this small."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def built(config: ModelConfig = SMALL, seed: int = 0) -> CoDeMAE:
    torch.manual_seed(seed)
    return CoDeMAE(config)


def images(pairs: int = 4, size: int = 32) -> tuple[Tensor, Tensor]:
    """Blocks of constant brightness with some noise, so that neighbours tell about what is masked."""
    generator = torch.Generator().manual_seed(5)
    coarse = torch.randn(pairs, 3, 2, 2, generator=generator).repeat_interleave(size // 2, 2)
    optical = coarse.repeat_interleave(size // 2, 3) + 0.1 * torch.randn(pairs, 3, size, size, generator=generator)
    return optical, optical.mean(dim=1, keepdim=True).expand(-1, 3, -1, -1) * 0.5


def masks(config: ModelConfig = SMALL, pairs: int = 4) -> Mask:
    return keyed_masks(3, 0, torch.arange(pairs), config.patches, config.mask_ratio)


def step(model: CoDeMAE, paired: bool = True) -> Output:
    teacher = torch.ones(4, model.config.patches, model.config.teacher_dim) if model.config.distill else None
    out: Output = model(*images(), masks(model.config), paired, teacher)
    return out


def test_one_batch_is_overfitted_with_all_losses():
    model = built()
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    first = step(model)
    for _ in range(60):
        optimizer.zero_grad()
        step(model).total.backward()
        optimizer.step()
    last = step(model)
    assert list(first.losses) == ["mae", "cross", "contrastive"]
    assert torch.equal(last.total, sum(last.losses.values()))
    falls = {name: (last.losses[name] / loss).item() for name, loss in first.losses.items()}
    assert falls["mae"] < 0.8
    assert falls["cross"] < 0.8
    assert falls["contrastive"] < 0.3


@pytest.mark.parametrize(("switch", "loss"), [("mae", "mae"), ("cross", "cross"), ("contrast", "contrastive")])
def test_a_loss_switched_off_takes_nothing_else_along(switch: str, loss: str):
    whole = built(replace(SMALL, distill=True))
    part = built(replace(SMALL, distill=True, **{switch: False}))
    part.load_state_dict({key: whole.state_dict()[key] for key in part.state_dict()})
    before, after = step(whole), step(part)
    assert before.losses.keys() - after.losses.keys() == {loss}
    assert all(torch.equal(after.losses[name], before.losses[name]) for name in after.losses)
    assert after.total.item() == pytest.approx((before.total - before.losses[loss]).item())


def test_every_parameter_gets_a_gradient_on_every_step():
    names = ("mae", "cross", "contrast", "distill", "conditioned", "shared_decoder")
    for values in product([True, False], repeat=len(names)):
        switches = dict(zip(names, values, strict=True))
        if not any(values[:4]) or (values[:4], values[5]) == ((False, True, False, False), False):
            continue  # nothing to train, or refused
        model = built(replace(SMALL, **switches))
        for paired in (True, False):
            model.zero_grad()
            step(model, paired).total.backward()
            absent = [name for name, parameter in model.named_parameters() if parameter.grad is None]
            assert absent == ["decoder_pos_embed"], (switches, paired)


def test_an_unpaired_step_leaves_out_what_compares_modalities():
    model = built()
    paired, unpaired = step(model), step(model, paired=False)
    assert torch.equal(unpaired.losses["mae"], paired.losses["mae"])
    assert unpaired.losses["cross"] == unpaired.losses["contrastive"] == 0
    assert unpaired.cross_prediction is None
    unpaired.total.backward()
    idle = {name for name, p in model.named_parameters() if p.grad is not None and not p.grad.any()}
    assert idle == {name for name, _ in model.named_parameters() if "cross" in name or name.startswith("contrastive")}


def test_predictions_are_of_both_modalities_and_carry_no_gradient():
    out = step(built())
    assert out.self_prediction is not None
    assert out.cross_prediction is not None
    assert out.self_prediction.shape == (8, 16, 8 * 8 * 3)
    assert out.cross_prediction.shape == (8, 16, 8 * 8)
    assert not out.self_prediction.requires_grad
    assert not out.cross_prediction.requires_grad


def test_only_visible_patches_reach_the_predictions():
    model, mask = built(), masks()
    optical, sar = images()
    hidden = mask.removed.reshape(4, 1, 4, 4).repeat_interleave(8, 2).repeat_interleave(8, 3)
    before = model(optical, sar, mask, True)
    after = model(optical.masked_fill(hidden, 9.0), sar.masked_fill(hidden, 9.0), mask, True)
    assert torch.equal(after.self_prediction, before.self_prediction)
    assert torch.equal(after.cross_prediction, before.cross_prediction)
    assert not torch.equal(after.losses["mae"], before.losses["mae"])


def test_one_modality_is_encoded_without_the_other():
    model = built().eval()
    optical, sar = images()
    with torch.no_grad():
        both = model.encode(optical, sar)
        assert both.shape == (8, 16, 64)
        assert torch.allclose(model.encode(optical), both[:4], atol=1e-6)
        assert torch.allclose(model.encode(sar=sar), both[4:], atol=1e-6)
        assert torch.allclose(model.pooled(sar=sar), both[4:].mean(dim=1), atol=1e-6)
    assert not torch.allclose(both[:4], both[4:], atol=1e-2)


def test_other_sizes_are_encoded():
    model = built()
    assert model.encode(torch.randn(1, 3, 48, 80)).shape == (1, 60, 64)


def test_weights_are_a_function_of_the_seed():
    first, again, other = built(seed=1).state_dict(), built(seed=1).state_dict(), built(seed=2).state_dict()
    assert all(torch.equal(first[key], again[key]) for key in first)
    matrices = {key for key, value in first.items() if value.ndim > 1}
    same = {key for key in matrices if torch.equal(first[key], other[key])}
    assert same == {"absolute_pos_embed", "decoder_pos_embed"}


def test_linear_layers_start_as_published():
    model = built(preset("tiny"))
    weights = torch.cat([p.flatten() for name, p in model.named_parameters() if name.endswith("fc1.weight")])
    assert weights.std().item() == pytest.approx(0.02, rel=0.02)
    assert not any(p.any() for name, p in model.named_parameters() if name.endswith(("fc1.bias", "pred.bias")))


def test_nothing_is_read_back_from_the_device():
    model = built(replace(SMALL, distill=True))
    for paired in (True, False):
        with profile(activities=[ProfilerActivity.CPU]) as seen:
            step(model, paired).total.backward()
        names = {event.key for event in seen.key_averages()}
        assert "aten::gather" in names
        assert not names & {"aten::_local_scalar_dense", "aten::item", "aten::is_nonzero", "aten::nonzero"}


def test_half_precision_keeps_losses_in_float32():
    model = built()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = step(model)
    out.total.backward()
    assert {loss.dtype for loss in out.losses.values()} == {torch.float32}
    reference = step(model)
    assert all(
        loss.item() == pytest.approx(reference.losses[name].item(), rel=0.05) for name, loss in out.losses.items()
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_size": 100}, "image_size 100"),
        ({"embed_dim": 100}, "heads"),
        ({"decoder_dim": 24}, "decoder_dim 24"),
        ({"contrast_heads": 3}, "contrast_heads"),
        ({"depth": 0}, "depth 0"),
        ({"mask_ratio": 0.99}, "mask_ratio 0.99"),
        ({"mask_ratio": 0.0}, "mask_ratio 0.0"),
        ({"temperature": 0.0}, "temperature 0.0"),
        ({"mae": False, "contrast": False, "shared_decoder": False}, "shared_decoder"),
        ({"channels": 4}, "4 channels"),
        ({"mae": False, "cross": False, "contrast": False}, "switch one on"),
    ],
)
def test_an_impossible_configuration_is_refused(change: dict[str, object], message: str):
    with pytest.raises(ConfigError, match=message):
        replace(SMALL, heads=3 if "embed_dim" in change else 2, **change)


def test_an_unknown_preset_is_refused():
    with pytest.raises(ConfigError, match="tiny, base, large"):
        preset("huge")


def test_a_batch_that_does_not_fit_is_refused():
    model, (optical, sar) = built(), images()
    with pytest.raises(InputError, match="SAR images"):
        model(optical, sar[:, :1], masks(), True)
    with pytest.raises(InputError, match="masks of"):
        model(optical, sar, masks(pairs=3), True)
    with pytest.raises(InputError, match="teacher"):
        model(optical, sar, masks(), True, torch.ones(4, 16, 24))
    with pytest.raises(InputError, match="multiples of 8"):
        model.encode(torch.randn(1, 3, 33, 32))
    with pytest.raises(InputError, match="neither"):
        model.encode()
    with pytest.raises(InputError, match="same size"):
        model.encode(optical, torch.randn(1, 3, 48, 48))
