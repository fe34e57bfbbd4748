import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from codemae.masking import Mask, keyed_masks, mask_from_order

SEEDS = st.integers(-(2**63), 2**64)


@settings(deadline=None, max_examples=40)
@given(seed=SEEDS, step=st.integers(0, 2**40), patches=st.integers(2, 300), ratio=st.floats(0.1, 0.9))
def test_kept_and_removed_patches_are_one_permutation(seed: int, step: int, patches: int, ratio: float):
    mask = keyed_masks(seed, step, torch.tensor([0, 1, 2**40]), patches, ratio)
    kept = int(patches * (1 - ratio))
    assert mask.keep.shape == (3, kept)
    assert mask.keep.dtype == mask.restore.dtype == torch.int64
    assert torch.equal(mask.restore.sort(dim=1).values, torch.arange(patches).expand(3, -1))
    assert torch.equal(mask.restore.gather(1, mask.keep), torch.arange(kept).expand(3, -1))
    assert torch.equal(mask.removed, ~torch.zeros(3, patches, dtype=torch.bool).scatter(1, mask.keep, True))


@settings(deadline=None, max_examples=20)
@given(seed=SEEDS, step=st.integers(0, 10**9), slots=st.lists(st.integers(0, 4095), min_size=1, max_size=8))
def test_a_slots_mask_does_not_depend_on_its_batch(seed: int, step: int, slots: list[int]):
    together = keyed_masks(seed, step, torch.tensor(slots), 49, 0.75)
    for row, slot in enumerate(slots):
        alone = keyed_masks(seed, step, torch.tensor([slot]), 49, 0.75)
        assert all(torch.equal(part[row], single[0]) for part, single in zip(together, alone, strict=True))


def test_seed_step_and_slot_each_change_the_mask():
    def keep(seed: int, step: int, slot: int) -> list[int]:
        return keyed_masks(seed, step, torch.tensor([slot]), 196, 0.75).keep[0].tolist()

    drawn = [keep(seed, step, slot) for seed in range(3) for step in range(3) for slot in range(3)]
    assert len({tuple(row) for row in drawn}) == 27
    assert all(row != sorted(row) for row in drawn)


def test_every_patch_stays_equally_often():
    removed = keyed_masks(7, 3, torch.arange(4096), 196, 0.75).removed
    assert removed.sum(dim=1).eq(147).all()
    share = removed.double().mean(dim=0)
    assert (share - 0.75).abs().max() < 5 * (0.75 * 0.25 / 4096) ** 0.5


def test_masks_stay_what_they_were_in_earlier_versions():
    mask = keyed_masks(1, 2, torch.tensor([0, 5]), 16, 0.75)
    assert mask.keep.tolist() == [[3, 4, 10, 15], [15, 12, 6, 2]]


def test_masks_of_both_modalities_are_equal():
    mask = mask_from_order(torch.tensor([[2, 0, 1, 3]]), keep=1)
    assert mask.keep.tolist() == [[2]]
    assert mask.restore.tolist() == [[1, 2, 0, 3]]
    assert mask.removed.tolist() == [[True, True, False, True]]
    both = mask.for_both()
    assert isinstance(both, Mask)
    assert all(torch.equal(part, torch.cat([single, single])) for part, single in zip(both, mask, strict=True))
