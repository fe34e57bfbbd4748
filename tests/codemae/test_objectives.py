import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from codemae.objectives import (
    absent_loss,
    contrastive_loss,
    cross_targets,
    distillation_loss,
    grey,
    normalised_targets,
    patch_statistics,
    patchify,
    reconstruction_loss,
    self_targets,
    unpatchify,
)


def test_a_patch_lists_its_pixels_row_by_row_with_bands_inmost():
    images = torch.arange(2 * 4 * 6).reshape(1, 2, 4, 6)
    patches = patchify(images, 2)
    assert patches.shape == (1, 6, 8)
    assert patches[0, 0].tolist() == [0, 24, 1, 25, 6, 30, 7, 31]
    assert patches[0, 1, 0] == 2  # to the right
    assert patches[0, 3, 0] == 12  # below


@settings(deadline=None, max_examples=20)
@given(b=st.integers(1, 3), c=st.integers(1, 4), p=st.sampled_from([1, 2, 4]), h=st.integers(1, 4), w=st.integers(1, 4))
def test_unpatchify_undoes_patchify(b: int, c: int, p: int, h: int, w: int):
    images = torch.randn(b, c, h * p, w * p)
    assert torch.equal(unpatchify(patchify(images, p), p, h * p, w * p), images)


def test_targets_have_mean_0_and_unbiased_variance_1():
    patches = 5 + 3 * torch.randn(2, 4, 48, dtype=torch.float64)
    mean, deviation = patch_statistics(patches)
    targets = normalised_targets(patches)
    assert torch.allclose(targets.mean(dim=-1), torch.zeros(2, 4, dtype=torch.float64), atol=1e-12)
    assert torch.allclose(targets.var(dim=-1), torch.ones(2, 4, dtype=torch.float64), atol=1e-5)
    assert torch.allclose(targets * deviation + mean, patches)


def test_a_constant_patch_has_a_target_of_0():
    assert torch.equal(normalised_targets(torch.full((1, 1, 48), 2.0)), torch.zeros(1, 1, 48))


def test_grey_is_luma_of_optical_bands_and_the_mean_of_sar_ones():
    images = torch.tensor([1.0, 10.0, 100.0]).reshape(1, 3, 1, 1).expand(1, 3, 2, 2)
    assert grey(images, "optical").shape == (1, 1, 2, 2)
    assert grey(images, "optical")[0, 0, 0, 0] == pytest.approx(0.299 + 5.87 + 11.4)
    assert grey(images, "sar")[0, 0, 0, 0] == pytest.approx(37)


def test_each_modality_predicts_the_other():
    optical, sar = torch.randn(2, 3, 8, 8), torch.randn(2, 3, 8, 8)
    own, other = self_targets(optical, sar, 4, norm_pix=False), cross_targets(optical, sar, 4, "none", norm_pix=False)
    assert torch.equal(own[:2], patchify(optical, 4))
    assert torch.equal(other, torch.cat([own[2:], own[:2]]))
    reduced = cross_targets(optical, sar, 4, "grey", norm_pix=False)
    assert torch.equal(reduced[0], patchify(grey(sar[:1], "sar"), 4)[0])
    assert torch.equal(reduced[2], patchify(grey(optical[:1], "optical"), 4)[0])


def test_only_removed_patches_count():
    target, removed = torch.zeros(2, 2, 3), torch.tensor([[True, False], [False, True]])
    prediction = torch.tensor([[[2.0] * 3, [9.0] * 3], [[9.0] * 3, [4.0] * 3]])
    assert reconstruction_loss(prediction, target, removed) == (4 + 16) / 2


def test_contrast_is_the_symmetric_cross_entropy_of_cosines():
    optical = torch.tensor([[2.0, 0.0], [0.0, 3.0]])
    apart = -math.log(math.exp(2) / (math.exp(2) + 1))
    assert contrastive_loss(optical, optical, 0.5, "exact") == pytest.approx(apart)
    assert contrastive_loss(optical, optical.flip(0), 0.5, "exact") == pytest.approx(apart + 2)


@pytest.mark.parametrize("gather", ["exact", "published"])
def test_one_process_trains_both_sides_whatever_the_gather(gather: str):
    optical, sar = (torch.randn(4, 8, requires_grad=True) for _ in range(2))
    contrastive_loss(optical, sar, 0.07, gather).backward()
    for own, other in ((optical, sar), (sar, optical)):
        assert own.grad is not None
        logits = nn.functional.normalize(own.detach()) @ nn.functional.normalize(other.detach()).T / 0.07
        probability = logits.softmax(1) + logits.softmax(0) - 2 * torch.eye(4)
        units = own.detach().clone().requires_grad_()
        nn.functional.normalize(units).backward(probability @ nn.functional.normalize(other.detach()) / (8 * 0.07))
        assert torch.allclose(own.grad, units.grad, atol=1e-5)


def test_contrast_is_computed_in_float32_at_least():
    optical, sar = torch.randn(4, 8), torch.randn(4, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = contrastive_loss(optical.bfloat16(), sar.bfloat16(), 0.07, "exact")
    assert loss.dtype == torch.float32
    assert loss == contrastive_loss(optical.bfloat16().float(), sar.bfloat16().float(), 0.07, "exact")


def test_distillation_compares_visible_tokens_of_both_heads():
    teacher = torch.tensor([[[0.0], [10.0], [3.0]]])
    keep = torch.tensor([[2, 0]])
    assert distillation_loss(torch.tensor([[[3.0], [0.0]]]), torch.tensor([[[3.5], [2.0]]]), teacher, keep) == (
        (0.5 * 0.5**2 + (2 - 0.5)) / 2
    )


def test_an_absent_loss_is_0_and_gives_zeros_even_to_broken_weights():
    layer, other = nn.Linear(2, 2), nn.Linear(2, 2)
    nn.init.constant_(layer.weight, math.nan)
    loss = absent_loss(layer.parameters())
    (loss + other(torch.ones(2)).sum()).backward()
    assert loss == 0
    assert all(torch.equal(parameter.grad, torch.zeros_like(parameter)) for parameter in layer.parameters())
