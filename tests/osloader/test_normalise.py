import dataclasses

import numpy as np
import pytest
import torch

from osloader import Batch, ConfigError, Normalisation
from tests.osloader.tiny import Tiny


def table(tiny: Tiny, modality: str = "optical") -> Normalisation:
    groups, bands = (["alpha", "gamma"], 3) if modality == "optical" else (["alpha", "delta"], 1)
    return Normalisation.of(tiny.catalogue, modality, groups, bands)


def test_each_image_gets_its_own_source(tiny: Tiny) -> None:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (5, 2, 3, 6, 7), np.uint8)
    source = np.array([0, 1, 1, 0, 1])
    got = table(tiny).normalise(torch.from_numpy(images), torch.from_numpy(source))
    records = {s.stats_group: s for s in tiny.catalogue.statistics if s.modality == "optical"}
    for number, group in enumerate(["alpha", "gamma", "gamma", "alpha", "gamma"]):
        mean, std = (np.array(getattr(records[group], name))[None, :, None, None] for name in ("mean", "std"))
        np.testing.assert_allclose(got[number].numpy(), (images[number] / 255 - mean) / std, rtol=1e-5, atol=1e-5)
    assert got.dtype == torch.float32


def test_statistics_are_those_of_the_pixels(tiny: Tiny) -> None:
    pixels = np.stack([tiny.pixels[key]["sar"] for key, row in tiny.samples.items() if row.source == "delta"])
    images = torch.from_numpy(pixels.transpose(0, 3, 1, 2)[:, None].copy())
    values = table(tiny, "sar").normalise(images, torch.full((len(images),), 1))
    assert abs(float(values.mean())) < 1e-4
    assert abs(float(values.std(unbiased=False)) - 1) < 1e-4


def test_a_single_band_becomes_three_equal_channels_without_a_copy(tiny: Tiny) -> None:
    images = torch.randint(0, 256, (2, 1, 1, 4, 4), dtype=torch.uint8)
    one, three = (table(tiny, "sar").normalise(images, torch.tensor([0, 1]), channels) for channels in (None, 3))
    assert three.shape == (2, 1, 3, 4, 4)
    assert all(torch.equal(three[:, :, band], one[:, :, 0]) for band in range(3))
    assert three.untyped_storage().nbytes() == one.untyped_storage().nbytes()
    with pytest.raises(ConfigError, match="have 3 bands, the model wants 4"):
        table(tiny).normalise(torch.zeros(1, 1, 3, 2, 2, dtype=torch.uint8), torch.tensor([0]), 4)


def test_pictures_come_back(tiny: Tiny) -> None:
    images, source = torch.randint(0, 256, (3, 1, 1, 8, 8), dtype=torch.uint8), torch.tensor([0, 1, 0])
    sar = table(tiny, "sar")
    assert torch.equal(sar.denormalise(sar.normalise(images, source), source), images)
    assert torch.equal(sar.denormalise(sar.normalise(images, source, 3), source), images.expand(-1, -1, 3, -1, -1))
    assert sar.denormalise(torch.full((3, 1, 1, 2, 2), 99.0), source).unique().tolist() == [255]


def test_unknown_or_blank_statistics_are_refused(tiny: Tiny) -> None:
    with pytest.raises(ConfigError, match="'nowhere' are missing"):
        Normalisation.of(tiny.catalogue, "optical", ["nowhere"], 3)
    with pytest.raises(ConfigError, match="not of 4 bands"):
        Normalisation.of(tiny.catalogue, "optical", ["alpha"], 4)
    blank = ((100, *[0] * 255),)
    for histogram in (blank, ((0,) * 256,)):
        records = [
            dataclasses.replace(s, histogram=histogram) for s in tiny.catalogue.statistics if s.modality == "sar"
        ]
        catalogue = dataclasses.replace(tiny.catalogue, statistics=tuple(records))
        with np.errstate(all="ignore"), pytest.raises(ConfigError, match="without spread"):
            Normalisation.of(catalogue, "sar", ["alpha"], 1)


@pytest.mark.gpu
def test_batches_move_to_the_device_and_are_normalised_there(tiny: Tiny) -> None:
    images = torch.randint(0, 256, (2, 1, 3, 8, 8), dtype=torch.uint8)
    batch = Batch(
        step=0, epoch=0, kind="paired", slot=torch.arange(2), optical=images, sar=images[:, :, :1],
        optical_source=torch.tensor([0, 1]), sar_source=torch.tensor([1, 0]),
        optical_key=("a", "b"), sar_key=("a", "b"),
    )  # fmt: skip
    pinned = batch.pin_memory()
    assert pinned.optical.is_pinned()
    there = pinned.to("cuda")
    values = table(tiny).to("cuda").normalise(there.optical, there.optical_source)
    assert values.device.type == "cuda"
    wanted = table(tiny).normalise(images, batch.optical_source)
    torch.testing.assert_close(values.cpu(), wanted)
