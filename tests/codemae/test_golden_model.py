"""Parity with numbers that the published implementation gave: keys, forward, losses, gradients, two ranks."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, distributed, multiprocessing
from torch.nn.functional import normalize
from torch.nn.parallel import DistributedDataParallel

from codemae.masking import Mask, keyed_masks
from codemae.model import CoDeMAE, ModelConfig, Output, preset
from codemae.model.buffer import CrossAttentionBuffer
from codemae.model.embed import resize_position
from codemae.objectives import contrastive_loss, cross_targets, self_targets

TINY = ModelConfig(
    image_size=64,
    embed_dim=64,
    mlp_depth=1,
    depth=5,
    heads=4,
    fpn_dim=32,
    decoder_dim=64,
    decoder_depth=2,
    decoder_heads=4,
    contrast_heads=4,
    distill=True,
)
# What a variant of the published model is called here. Those of targets not built yet are absent.
VARIANTS: dict[str, dict[str, Any]] = {
    "base": {},
    "paired0": {},
    "paired_mixed": {},
    "unconditioned": {"conditioned": False},
    "reduction_none": {"reduction": "none"},
    "no_norm_pix": {"norm_pix": False},
    "cross_off": {"cross": False},
    "dino_off": {"distill": False},
    "contrast_off": {"contrast": False},
    "depth8": {"depth": 8},
    "dec_separate": {"shared_decoder": False},
}
LOSSES = {"mae": "self_loss", "cross": "cross_loss", "contrastive": "contrastive_loss", "distill": "distill_loss"}
ACTIVATIONS = {"atol": 2e-5, "rtol": 1e-4}


@pytest.fixture(scope="module")
def golden(shared: Path) -> Path:
    return shared / "golden"


@pytest.fixture(scope="module")
def io(golden: Path) -> dict[str, Tensor]:
    return load_file(golden / "codemae_tiny_io.safetensors")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def weights(golden: Path, name: str) -> dict[str, Tensor]:
    """Compose a variant's state dict as the golden numbers' readme says."""
    variant = read(golden / "codemae_tiny.json")["variants"].get(name, {})
    state = load_file(golden / "codemae_tiny.safetensors")
    copies = variant.get("keys_copied_from_other_base_keys", {})
    copied = {
        new + key.removeprefix(old): state[key] for new, old in copies.items() for key in state if key.startswith(old)
    }
    absent = tuple(key.removesuffix("*") for key in variant.get("keys_absent", []))
    kept = {key: tensor for key, tensor in state.items() if not (absent and key.startswith(absent))}
    overrides = load_file(golden / "codemae_tiny_overrides.safetensors")
    groups = tuple(f"{group}/" for group in variant.get("override_groups", []))
    replaced = {key.partition("/")[2]: tensor for key, tensor in overrides.items() if groups and key.startswith(groups)}
    return kept | copied | replaced


def variant(golden: Path, name: str) -> CoDeMAE:
    model = CoDeMAE(replace(TINY, **VARIANTS[name]))
    model.load_state_dict(weights(golden, name))
    return model


def halves(io: dict[str, Tensor], dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    optical, sar = io["normalized"].to(dtype).chunk(2, dim=1)
    return optical, sar


def the_mask(io: dict[str, Tensor]) -> Mask:
    return Mask(io["ids_keep"], io["ids_restore"], io["mask"].bool())


def run(model: CoDeMAE, io: dict[str, Tensor], name: str = "base", dtype: torch.dtype = torch.float32) -> Any:
    teacher = io["tea_feat"].to(dtype) if model.config.distill else None
    return model(*halves(io, dtype), the_mask(io), not name.startswith("paired"), teacher)


@pytest.mark.parametrize("name", ["base", "large"])
def test_golden_keys_and_counts(golden: Path, name: str):
    expected = read(golden / f"codemae_{name}_keys.json")
    with torch.device("meta"):
        model = CoDeMAE(replace(preset(name), distill=True))
        without = CoDeMAE(preset(name))
    assert {key: list(value.shape) for key, value in model.state_dict().items()} == expected["keys"]
    lost = model.state_dict().keys() - without.state_dict().keys()
    assert {key.partition(".")[0] for key in lost} == {"lm_head", "lm_cls_head", "norm", "norm_cls", "cls_pt_layers"}
    counts = expected["parameter_counts"]
    sizes = {key: parameter.numel() for key, parameter in model.named_parameters()}
    assert sum(sizes.values()) == counts["total"]
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == counts["trainable"]
    encoder = ("absolute_pos_embed", "patch_embed_", "blocks.")
    pyramid = ("align_dim_", "fpn_modules.", "split_", "block_")
    assert sum(size for key, size in sizes.items() if key.startswith(encoder)) == counts["per_part"]["encoder"]
    assert sum(size for key, size in sizes.items() if key.startswith(pyramid)) == counts["per_part"]["fpn"]


def test_golden_position_embeddings_as_initialised(golden: Path):
    state, model = load_file(golden / "codemae_tiny.safetensors"), CoDeMAE(TINY)
    assert torch.equal(model.absolute_pos_embed, state["absolute_pos_embed"])
    assert torch.equal(model.decoder_pos_embed, state["decoder_pos_embed"])


def test_golden_forward_at_every_point(golden: Path, io: dict[str, Tensor]):
    model, mask = variant(golden, "base"), the_mask(io)
    with torch.no_grad():
        trunk = model.trunk(*halves(io), mask.for_both())
        levels = model.pyramid(trunk)
        visible = model.fuse(levels)
        main, auxiliary = model.distilled(trunk, visible)
        optical, sar = model.contrasted(visible)
        out = run(model, io)
    points = {f"encoder_level{index}": level for index, level in enumerate(levels)} | {
        "encoder_aux_out": model.cls_pt_layers(trunk.tap),
        "x_rgb_distill": visible[:3],
        "x_sar_distill": visible[3:],
        "distill_out_main": main,
        "distill_out_aux": auxiliary,
        "contrast_rgb_unit": normalize(optical, dim=-1),
        "contrast_sar_unit": normalize(sar, dim=-1),
        "self_pred": out.self_prediction,
        "cross_pred": out.cross_prediction,
        "self_target": self_targets(*halves(io), 16, norm_pix=True),
        "cross_target": cross_targets(*halves(io), 16, "grey", norm_pix=True),
    }
    for name, point in points.items():
        assert point.shape == io[name].shape, name
        torch.testing.assert_close(point, io[name], **ACTIVATIONS, msg=lambda text, name=name: f"{name}: {text}")
    assert torch.equal(mask.for_both().removed, io["mask_both"].bool())


def test_golden_forward_unmasked(golden: Path, io: dict[str, Tensor]):
    model = variant(golden, "base")
    with torch.no_grad():
        trunk = model.trunk(*halves(io))
        for index, level in enumerate(model.pyramid(trunk)):
            torch.testing.assert_close(level, io[f"unmasked_level{index}"], **ACTIVATIONS)
        torch.testing.assert_close(model.cls_pt_layers(trunk.tap), io["unmasked_aux_out"], **ACTIVATIONS)


def test_golden_forward_of_a_larger_image(golden: Path, io: dict[str, Tensor]):
    model = variant(golden, "base")
    optical, sar = io["normalized_96"].chunk(2, dim=1)
    with torch.no_grad():
        torch.testing.assert_close(resize_position(model.absolute_pos_embed, 6, 6), io["pos_embed_96"], **ACTIVATIONS)
        coarse = model.pyramid(model.trunk(optical, sar))[0]
        assert model.encode(optical, sar).shape == (2, 36, 64)
    torch.testing.assert_close(coarse, io["unmasked96_level0"], **ACTIVATIONS)


@pytest.mark.parametrize("name", VARIANTS)
def test_golden_losses_and_gradients_of_variants(golden: Path, io: dict[str, Tensor], name: str):
    record = read(golden / "codemae_tiny.json")
    expected = record["variants"].get(name, record)["losses"]
    model = variant(golden, name)
    out = run(model, io, name)
    out.total.backward()
    for mine, theirs in LOSSES.items():
        assert value(out, mine) == pytest.approx(expected[theirs], abs=5e-6), mine
    assert out.total.item() == pytest.approx(expected["total"], abs=5e-6)
    check_norms(model, read(golden / "codemae_tiny_grad_norms.json")["runs"][name], 1e-5)
    for key, tensor in load_file(golden / "codemae_tiny_variant_outputs.safetensors").items():
        if key in (f"{name}/self_pred", f"{name}/cross_pred"):
            prediction = out.self_prediction if key.endswith("self_pred") else out.cross_prediction
            torch.testing.assert_close(prediction, tensor, **ACTIVATIONS)


@pytest.mark.parametrize("name", VARIANTS)
def test_golden_losses_and_gradients_in_float64(golden: Path, io: dict[str, Tensor], name: str):
    expected = read(golden / "codemae_tiny_float64.json")["runs"][name]
    model = variant(golden, name).double()
    out = run(model, io, name, torch.float64)
    out.total.backward()
    for mine, theirs in LOSSES.items():
        assert value(out, mine) == pytest.approx(expected["losses"][theirs], rel=1e-9, abs=0), mine
    check_norms(model, expected["grad_norms"], 1e-9)


def value(out: Output, loss: str) -> float:
    return out.losses[loss].item() if loss in out.losses else 0.0


def check_norms(model: CoDeMAE, expected: dict[str, float | None], tolerance: float) -> None:
    norms = {key: p.grad.double().norm().item() for key, p in model.named_parameters() if p.grad is not None}
    trained = {key: norm for key, norm in expected.items() if norm is not None}
    assert norms == {key: pytest.approx(norm, rel=tolerance, abs=0) for key, norm in trained.items()}


def test_golden_gradient_of_every_parameter(golden: Path, io: dict[str, Tensor]):
    model, expected = variant(golden, "base"), load_file(golden / "codemae_tiny_grads.safetensors")
    run(model, io).total.backward()
    gradients = {key: parameter.grad for key, parameter in model.named_parameters() if parameter.requires_grad}
    assert gradients.keys() == expected.keys()
    far = {key: distance(gradient, expected[key]) for key, gradient in gradients.items()}
    assert {key: value for key, value in far.items() if value > 1e-5} == {}


def distance(value: Tensor, expected: Tensor) -> float:
    return ((value - expected).norm() / expected.norm()).item()


# ---- two ranks -------------------------------------------------------------------------------------------------------

CASES = [(conditioned, gather) for conditioned in ("conditioned", "unconditioned") for gather in ("exact", "published")]


def contrast_case(golden: Path, conditioned: str, gather: str, rows: slice) -> dict[str, Tensor]:
    """Loss and gradients of the contrastive objective alone on some of the four stored samples."""
    tokens = load_file(golden / "codemae_contrastive_2rank.safetensors")
    optical, sar = (tokens[f"tokens_{name}"][rows].requires_grad_() for name in ("rgb", "sar"))
    buffer = CrossAttentionBuffer(64, 4)
    prefix = "contrastive_loss."
    state = load_file(golden / "codemae_tiny.safetensors")
    buffer.load_state_dict({key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)})
    pair = buffer(optical, sar) if conditioned == "conditioned" else (optical, sar)
    loss = contrastive_loss(pair[0].mean(dim=1), pair[1].mean(dim=1), 0.07, gather)
    loss.backward()
    out = {"loss": loss.detach(), "grad_rgb": optical.grad, "grad_sar": sar.grad}
    return out | {f"weight/{key}": p.grad for key, p in buffer.named_parameters() if p.grad is not None}


def joined_batch(rows: slice) -> tuple[Tensor, Tensor, Mask]:
    images = torch.randn(2, 4, 3, 64, 64, generator=torch.Generator().manual_seed(8), dtype=torch.float64)
    return images[0, rows], images[1, rows], keyed_masks(0, 0, torch.arange(4)[rows], 16, 0.75)


def seeded_model() -> CoDeMAE:
    torch.manual_seed(3)
    return CoDeMAE(replace(TINY, distill=False)).double()


def one_of_two(rank: int, folder: Path, golden: Path) -> None:
    """Run as rank 0 or 1 and leave what came out in the folder."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    rows = slice(2 * rank, 2 * rank + 2)
    for conditioned, gather in CASES:
        save_file(
            contrast_case(golden, conditioned, gather, rows), folder / f"{conditioned}-{gather}-{rank}.safetensors"
        )
    model = seeded_model()
    parallel = DistributedDataParallel(model)
    optical, sar, mask = joined_batch(rows)
    for name, paired in (("unpaired", False), ("paired", True)):
        model.zero_grad()
        parallel(optical, sar, mask, paired).total.backward()
        gradients = {key: p.grad.clone() for key, p in model.named_parameters() if p.grad is not None}
        save_file(gradients, folder / f"{name}-{rank}.safetensors")
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def two_ranks(golden: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ranks")
    multiprocessing.spawn(one_of_two, (folder, golden), nprocs=2)
    return folder


@pytest.mark.torchrun
def test_golden_two_ranks(golden: Path, two_ranks: Path):
    record = read(golden / "codemae_contrastive_2rank.json")["cases"]
    tensors = load_file(golden / "codemae_contrastive_2rank.safetensors")
    for conditioned, gather in CASES:
        single = contrast_case(golden, conditioned, gather, slice(None))
        ranks = [load_file(two_ranks / f"{conditioned}-{gather}-{rank}.safetensors") for rank in (0, 1)]
        assert single["loss"].item() == pytest.approx(record[conditioned]["single_process_loss"], abs=5e-6)
        for rank, out in enumerate(ranks):
            assert out["loss"].item() == pytest.approx(record[conditioned]["loss_per_rank"][rank], abs=5e-6)
            for side in ("grad_rgb", "grad_sar"):
                rows = slice(2 * rank, 2 * rank + 2)
                # The joined loss is the mean of two ranks' losses, so a rank's own sees twice its gradient.
                published = tensors[f"{conditioned}/rank{rank}/{side}"]
                exact = 2 * tensors[f"{conditioned}/single/{side}"][rows]
                assert distance(out[side], exact if gather == "exact" else published) < 1e-5
        names = [key for key in single if key.startswith("weight/")]
        assert bool(names) == (conditioned == "conditioned")
        for key in names:
            mean = (ranks[0][key] + ranks[1][key]) / 2
            norms = record[conditioned][
                "param_grad_norm_single" if gather == "exact" else "param_grad_norm_mean_over_ranks"
            ]
            assert mean.norm().item() == pytest.approx(norms[key.removeprefix("weight/")], rel=1e-5)
            assert (distance(mean, single[key]) < 1e-5) == (gather == "exact")


@pytest.mark.torchrun
def test_golden_model_has_the_joined_batchs_gradient_on_two_ranks(two_ranks: Path):
    model = seeded_model()
    optical, sar, mask = joined_batch(slice(None))
    for name, paired in (("unpaired", False), ("paired", True)):
        model.zero_grad()
        model(optical, sar, mask, paired).total.backward()
        for rank in (0, 1):
            gradients = load_file(two_ranks / f"{name}-{rank}.safetensors")
            for key, parameter in model.named_parameters():
                if parameter.requires_grad:
                    torch.testing.assert_close(gradients[key], parameter.grad, rtol=1e-9, atol=1e-12)
