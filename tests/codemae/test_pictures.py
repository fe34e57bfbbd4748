"""Pictures show what the model sees, predicts and should predict."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from codemae import CoDeMAE, preset, resolve
from codemae.masking import Mask, keyed_masks
from codemae.model.decoder import CROSS
from codemae.objectives import cross_targets, normalised_targets, patchify, self_targets
from codemae.pictures import BLANK, Samples, draw, panels
from manifests import Modality
from osloader import Loader, LoaderConfig, Normalisation
from tests.codemae.conftest import MICRO

SELF_HEADING, CROSS_HEADING = "self reconstruction\n(target statistics)", "cross reconstruction\n(target statistics)"
Tables = dict[Modality, Normalisation]


@pytest.fixture(scope="module")
def tables_and_samples(dataset: Path) -> tuple[Tables, Samples, Samples]:
    """Statistics, paired samples, unpaired samples."""
    with Loader(dataset, LoaderConfig(batch=4, size=64, threads=1), 0, 1) as loader:
        found: dict[str, Samples] = {}
        for batch in loader:
            found.setdefault(batch.kind, Samples.of(batch))
            if len(found) == 2:
                break
        return dict(loader.normalisation), found["paired"], found["unpaired"]


def model_of(*settings: str) -> CoDeMAE:
    torch.manual_seed(0)
    return CoDeMAE(resolve(["data=d", "out=o", *MICRO, *settings], env={}).model_config())


def removed_pixels(model: CoDeMAE, samples: Samples) -> np.ndarray:
    """Return which pixels `[b, height, width]` the encoder does not see."""
    side, config = model.config.side, model.config
    removed = keyed_masks(7, 0, samples.slot, config.patches, config.mask_ratio).removed.view(-1, side, side)
    return removed.numpy().repeat(config.patch_size, axis=1).repeat(config.patch_size, axis=2)


def test_what_is_visible_is_shown_and_nothing_else(tables_and_samples: tuple[Tables, Samples, Samples]) -> None:
    tables, samples, _ = tables_and_samples
    model = model_of()
    found, removed = panels(model, samples, tables, seed=7), removed_pixels(model, samples)
    assert list(found) == ["input", "visible to the encoder", SELF_HEADING, CROSS_HEADING, "cross target"]
    for name, pixels in (("optical", samples.optical), ("sar", samples.sar)):
        picture = pixels[:, 0].permute(0, 2, 3, 1).numpy()
        assert np.array_equal(found["input"][name], picture)
        visible = found["visible to the encoder"][name]
        assert np.array_equal(visible[~removed], picture[~removed])
        assert (visible[removed] == BLANK).all()
        own = found[SELF_HEADING][name]
        assert np.array_equal(own[~removed], np.broadcast_to(picture, own.shape)[~removed])
        assert not np.array_equal(own[removed], np.broadcast_to(picture, own.shape)[removed])
        assert (found[CROSS_HEADING][name][~removed] == BLANK).all()


def test_a_perfect_prediction_gives_the_targets_back(
    tables_and_samples: tuple[Tables, Samples, Samples], monkeypatch: pytest.MonkeyPatch
) -> None:
    tables, samples, _ = tables_and_samples
    model = model_of()
    optical = tables["optical"].normalise(samples.optical, samples.optical_source, 3)[:, 0]
    sar = tables["sar"].normalise(samples.sar, samples.sar_source, 3)[:, 0]

    def perfect(visible: Tensor, mask: Mask, task: str) -> Tensor:
        if task == CROSS:
            return cross_targets(optical, sar, 16, "grey", norm_pix=True)
        return self_targets(optical, sar, 16, norm_pix=True)

    monkeypatch.setattr(model, "decode", perfect)
    found, removed = panels(model, samples, tables, seed=7), removed_pixels(model, samples)
    for name in ("optical", "sar"):
        own, picture = found[SELF_HEADING][name].astype(int), found["input"][name].astype(int)
        assert np.abs(own - picture).max() <= 1
        cross, target = found[CROSS_HEADING][name].astype(int), found["cross target"][name].astype(int)
        assert np.abs(cross - target)[removed].max() <= 1
        grey = found["input"][name].mean(axis=-1)
        assert np.corrcoef(target[..., 0].ravel(), grey.ravel())[0, 1] > 0.8


def test_plain_pixel_predictions_need_no_target(
    tables_and_samples: tuple[Tables, Samples, Samples], monkeypatch: pytest.MonkeyPatch
) -> None:
    tables, samples, _ = tables_and_samples
    model = model_of("model.norm_pix=false", "objectives=mae")
    optical = tables["optical"].normalise(samples.optical, samples.optical_source, 3)[:, 0]
    monkeypatch.setattr(model, "decode", lambda *_: torch.zeros_like(patchify(torch.cat([optical, optical]), 16)))
    found, removed = panels(model, samples, tables, seed=7), removed_pixels(model, samples)
    assert list(found) == ["input", "visible to the encoder", "self reconstruction"]
    mean = (tables["sar"].mean[samples.sar_source] * 255).round()
    sar = found["self reconstruction"]["sar"][..., 0]
    assert all((sar[i][removed[i]] == int(mean[i])).all() for i in range(len(sar)))


def test_images_that_are_no_pair_have_no_cross_reconstruction(
    tables_and_samples: tuple[Tables, Samples, Samples],
) -> None:
    tables, _, unpaired = tables_and_samples
    assert not unpaired.paired
    assert CROSS_HEADING not in panels(model_of(), unpaired, tables, seed=7)


def test_samples_are_kept_for_the_next_start(
    tables_and_samples: tuple[Tables, Samples, Samples], tmp_path: Path
) -> None:
    tables, samples, _ = tables_and_samples
    samples.save(tmp_path / "samples.safetensors")
    back = Samples.load(tmp_path / "samples.safetensors")
    assert back.paired
    assert torch.equal(back.sar, samples.sar)
    draw(tmp_path / "a.png", model_of(), back, tables, 7, "title")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_statistics_are_of_each_patch() -> None:
    patches = torch.randn(2, 4, 768) * 5 + 3
    assert torch.allclose(normalised_targets(patches).mean(-1), torch.zeros(2, 4), atol=1e-5)
    assert preset("tiny").norm_pix
