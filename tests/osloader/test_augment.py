import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osloader import Box, CropConfig, crop_box, resize_into
from tests.osloader.tiny import pixels_of

CONFIG = CropConfig()
SIDES = st.integers(1, 3000)


@settings(deadline=None, max_examples=300)
@given(
    seed=st.integers(0, 2**63 - 1), step=st.integers(0, 2**40), slot=st.integers(0, 2**20), height=SIDES, width=SIDES
)
def test_boxes_lie_inside_the_image(seed: int, step: int, slot: int, height: int, width: int) -> None:
    box = crop_box(seed, step, slot, "pair", 0, height, width, CONFIG)
    assert box.height >= 1
    assert box.width >= 1
    assert 0 <= box.top <= height - box.height
    assert 0 <= box.left <= width - box.width
    assert box == crop_box(seed, step, slot, "pair", 0, height, width, CONFIG)


def published(random: np.random.Generator, height: int, width: int) -> tuple[int, int, int, int]:
    """RandomResizedCrop.get_params of torchvision, written out: top, left, height, width (square images)."""
    for _ in range(10):
        area = height * width * random.uniform(0.2, 1.0)
        aspect = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
        across, down = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < across <= width and 0 < down <= height:
            top, left = random.integers(0, height - down + 1), random.integers(0, width - across + 1)
            return int(top), int(left), down, across
    return 0, 0, height, width


def test_crops_are_spread_as_the_published_ones() -> None:
    boxes = [crop_box(7, step, slot, "pair", 0, 256, 256, CONFIG) for step in range(80) for slot in range(50)]
    random = np.random.default_rng(0)
    theirs = np.array([published(random, 256, 256) for _ in range(len(boxes))])
    ours = np.array([(box.top, box.left, box.height, box.width) for box in boxes])
    for column in range(4):
        quantiles = [np.quantile(each[:, column], np.linspace(0.1, 0.9, 9)) for each in (ours, theirs)]
        assert np.abs(quantiles[0] - quantiles[1]).max() < 8
    areas = [each[:, 2] * each[:, 3] / 65536 for each in (ours, theirs)]
    assert abs(areas[0].mean() - areas[1].mean()) < 0.02
    assert 0.47 < np.mean([box.flip for box in boxes]) < 0.53
    assert abs(np.corrcoef(ours[:, 0], ours[:, 1])[0, 1] - np.corrcoef(theirs[:, 0], theirs[:, 1])[0, 1]) < 0.07


def test_each_part_of_the_key_changes_the_crop() -> None:
    key = {"seed": 1, "step": 2, "slot": 3, "drawn": "pair", "view": 0, "height": 256, "width": 256, "config": CONFIG}
    others = [{"seed": 2}, {"step": 3}, {"slot": 4}, {"drawn": "optical"}, {"drawn": "sar"}, {"view": 1}]
    boxes = {crop_box(**{**key, **other}) for other in [{}, *others]}
    assert len(boxes) == 7


def test_these_boxes_never_change() -> None:
    assert crop_box(0, 0, 0, "pair", 0, 256, 256, CONFIG) == Box(43, 4, 179, 145, False)
    assert crop_box(2**63 - 1, 10**9, 1023, "sar", 1, 512, 300, CONFIG) == Box(32, 54, 178, 229, False)


@pytest.mark.parametrize(("height", "width", "box"), [(10, 1000, (0, 493, 10, 13)), (1000, 10, (493, 0, 13, 10))])
def test_an_image_that_no_box_fits_gets_the_largest_centred_one(height: int, width: int, box: tuple[int, ...]) -> None:
    found = crop_box(0, 0, 0, "pair", 0, height, width, CONFIG)
    assert (found.top, found.left, found.height, found.width) == box


@pytest.mark.parametrize("bands", [1, 3, 7])
@pytest.mark.parametrize("flip", [False, True])
def test_crops_are_opencv_bicubic(bands: int, flip: bool) -> None:
    pixels = pixels_of("key", "optical", 40, 48, bands)
    out = np.zeros((bands, 24, 24), np.uint8)
    resize_into(pixels, Box(3, 5, 20, 30, flip), out)
    wanted = cv2.resize(pixels[3:23, 5:35].copy(), (24, 24), interpolation=cv2.INTER_CUBIC).reshape(24, 24, bands)
    assert np.array_equal(out, (wanted[:, ::-1] if flip else wanted).transpose(2, 0, 1))
