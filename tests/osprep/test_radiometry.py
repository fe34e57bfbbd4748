import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from osprep.errors import ConfigError
from osprep.radiometry import Block, Distribution, Scaler, get_radiometry, radiometry_names
from tests.osprep.rasters import noise


def fit(name: str, values: np.ndarray, valid: np.ndarray | None = None, floor: int = 0, **parameters: Any) -> Scaler:
    """Fit in two blocks, as a scene is read."""
    valid = np.ones(values.shape[:2], bool) if valid is None else valid
    half = len(values) // 2
    blocks = [(values[:half], valid[:half]), (values[half:], valid[half:])]
    return get_radiometry(name, parameters, "test").fit(values.dtype, values.shape[2], blocks, floor)


def run(
    name: str, values: np.ndarray, valid: np.ndarray | None = None, floor: int = 0, **parameters: Any
) -> np.ndarray:
    valid = np.ones(values.shape[:2], bool) if valid is None else valid
    return fit(name, values, valid, floor, **parameters).apply(values, valid)


def column(*values: float, dtype: str = "float32") -> np.ndarray:
    return np.array(values, dtype)[:, None, None]


def test_pass_leaves_everything_and_reads_nothing() -> None:
    def unread() -> Iterator[Block]:
        raise AssertionError
        yield

    values, invalid = noise(5, 6, 3), np.zeros((5, 6), bool)
    scaler = get_radiometry("pass", {}, "test").fit(values.dtype, 3, unread(), 1)
    np.testing.assert_array_equal(scaler.apply(values, invalid), values)
    assert scaler.scale == ()
    assert not get_radiometry("pass", {}, "test").accepts(np.dtype(np.uint16))
    with pytest.raises(ConfigError, match="uint16"):
        run("pass", values.astype(np.uint16))


def test_linear_clips_and_rounds_half_to_even() -> None:
    assert run("linear", column(-1, 0, 0.5, 1.5, 2.5, 254.5, 255, 300), low=0, high=255).ravel().tolist() == [
        *(0, 0, 0, 2, 2, 254, 255, 255)
    ]


def test_floor_keeps_0_for_invalid_pixels() -> None:
    values, valid = column(-5, 0, 127, 254, 999, np.nan), np.array([True] * 5 + [False])[:, None]
    tile = run("linear", values, valid, floor=1, low=0, high=254)
    assert tile.ravel().tolist() == [1, 1, 128, 255, 255, 0]


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16"])
def test_percentiles_of_small_integers_are_numpys(dtype: str) -> None:
    limits = np.iinfo(dtype)
    random = np.random.default_rng(3)
    values = random.integers(limits.min, limits.max, (61, 47, 2), endpoint=True).astype(dtype)
    valid = random.random((61, 47)) < 0.6
    scale = fit("percentile", values, valid, low=2.5, high=97).scale
    expected = np.percentile(values[valid].astype(float), [2.5, 97], axis=0)
    np.testing.assert_allclose(scale, expected.T.ravel(), rtol=1e-12)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e7])
@pytest.mark.parametrize("shift", [-30.0, 0.0, 4.0])
def test_percentiles_of_floats_within_their_resolution(scale: float, shift: float) -> None:
    values = ((noise(200, 150, 2, "float32") + shift) * scale).astype(np.float32)
    low0, high0, low1, high1 = fit("percentile", values).scale
    expected = np.percentile(values.reshape(-1, 2).astype(float), [1, 99], axis=0)
    np.testing.assert_allclose([[low0, low1], [high0, high1]], expected, rtol=2**-11)


def test_a_stretch_of_floats_is_that_of_numpy_to_one_level() -> None:
    values = noise(300, 200, 1, "float32")
    low, high = np.percentile(values, [1, 99])
    expected = np.rint(1 + np.clip((values - low) / (high - low), 0, 1) * 254)
    difference = np.abs(run("percentile", values, floor=1) - expected)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.02


def test_percentiles_0_and_100_are_the_extremes_and_invalid_pixels_do_not_count() -> None:
    values, valid = column(-7.3, 2.1, 88.8, 1e9), np.array([True, True, True, False])[:, None]
    assert fit("percentile", values, valid, low=0, high=100).scale == pytest.approx((-7.3, 88.8), rel=1e-6)


def test_a_scene_of_one_value_or_of_none() -> None:
    assert run("percentile", column(3.3, 3.3, 3.3), floor=1).ravel().tolist() == [1, 1, 1]
    nothing = np.zeros((3, 1), bool)
    assert run("percentile", column(np.nan, 1, 2), nothing, floor=1).ravel().tolist() == [0, 0, 0]
    assert run("log", column(-1, 0, -2), floor=1).ravel().tolist() == [1, 1, 1]


def test_auto_passes_bytes_and_stretches_the_rest() -> None:
    values = noise(20, 20)
    np.testing.assert_array_equal(run("auto", values), values)
    wide = values.astype(np.uint16) * 7
    np.testing.assert_array_equal(run("auto", wide, low=2.0), run("percentile", wide, low=2.0))


def test_decibels_of_intensity_and_amplitude() -> None:
    intensity = column(0, 1e-3, 1e-2, 0.1, 1, 10)
    expected = [0, 0, 85, 170, 255, 255]
    assert run("db", intensity, low=-30, high=0, power="intensity").ravel().tolist() == expected
    assert run("db", np.sqrt(intensity), low=-30, high=0, power="amplitude").ravel().tolist() == expected
    assert run("db", column(-1, 0, 1), low=-30, high=0, power="intensity", floor=1).ravel().tolist() == [1, 1, 255]


def test_log_is_linear_in_the_exponent() -> None:
    values = np.repeat(np.array([1, 10, 100, 1000], np.float32), 100)[:, None, None]
    tile = run("log", values, low=0, high=100)
    assert tile.ravel()[::100].tolist() == [0, 85, 170, 255]
    assert fit("log", values, low=0, high=100).scale == pytest.approx((1, 1000))
    with_zeros = np.concatenate([np.zeros((400, 1, 1), np.float32), values])
    np.testing.assert_array_equal(run("log", with_zeros, low=0, high=100)[400:], tile)


def test_rayleigh_has_its_knee_and_its_end_where_published() -> None:
    amplitude = np.random.default_rng(0).rayleigh(40, (200, 200, 1)).astype(np.float32)
    scaler = fit("rayleigh", amplitude)
    (peak,) = scaler.scale
    assert 30 <= peak <= 50
    knots = column(0, 4.5 * (peak + 1), 4.5 * (peak + 1) + 0.01, 8.5 * (peak + 1), 1e6)
    assert scaler.apply(knots, np.ones((5, 1), bool)).ravel().tolist() == [0, 127, 128, 255, 255]
    lifted = fit("rayleigh", amplitude, floor=1).apply(knots, np.array([[1], [1], [1], [1], [0]], bool))
    assert lifted.ravel().tolist() == [1, 127, 128, 255, 0]


@settings(deadline=None, max_examples=60)
@given(
    values=arrays(
        np.float32, st.tuples(st.integers(1, 12), st.integers(1, 12), st.just(1)), elements=st.floats(width=32)
    ),
    name=st.sampled_from(["linear", "percentile", "db", "log", "rayleigh", "auto"]),
)
def test_any_float_gives_1_to_255_where_valid_and_0_elsewhere(values: np.ndarray, name: str) -> None:
    parameters = {"linear": {"low": -1.0, "high": 3.0}, "db": {"low": -9.0, "high": 9.0, "power": "intensity"}}
    valid = np.isfinite(values[..., 0])
    tile = run(name, values, valid, floor=1, **parameters.get(name, {}))
    assert tile.dtype == np.uint8
    assert ((tile[..., 0] > 0) == valid).all()


@settings(deadline=None, max_examples=60)
@given(values=arrays(np.float32, st.integers(2, 60), elements=st.floats(-(2.0**99), 2.0**99, width=32)))
def test_a_stretch_keeps_the_order_of_values(values: np.ndarray) -> None:
    scene = values[:, None, None]
    tile = run("percentile", scene, low=0, high=100).ravel()
    assert (np.diff(tile[np.argsort(values, kind="stable")].astype(int)) >= 0).all()


@settings(deadline=None, max_examples=60)
@given(
    values=arrays(np.float32, st.integers(1, 80), elements=st.floats(-(2.0**99), 2.0**99, width=32)),
    cut=st.integers(0, 80),
    share=st.floats(0, 100),
)
def test_a_distribution_does_not_depend_on_how_it_is_fed(values: np.ndarray, cut: int, share: float) -> None:
    whole, parts = Distribution(1, values.dtype), Distribution(1, values.dtype)
    whole.add(values[:, None])
    for part in (values[:cut], values[cut:]):
        parts.add(part[:, None])
    assert whole.percentile(share) == parts.percentile(share)
    assert values.min() <= whole.percentile(share)[0] <= values.max()


def test_labels_are_short_and_without_blanks() -> None:
    given = {"linear": {"low": 0, "high": 92.5}, "db": {"low": -25, "high": 5, "power": "intensity"}}
    labels = [get_radiometry(name, given.get(name, {}), "test").label for name in radiometry_names()]
    assert labels == [
        *("auto(1-99)", "db(-25,5,intensity)", "linear(0,92.5)", "log(1-99)", "pass", "percentile(1-99)"),
        *("quantised", "rayleigh", "reference-compat", "unit"),
    ]


@pytest.mark.parametrize(
    ("name", "parameters", "says"),
    [
        ("contrast", {}, "unknown radiometry 'contrast'; known are auto, db"),
        ("pass", {"low": 1}, "no parameters; remove low"),
        ("linear", {"low": 0.0}, "key 'high' is missing"),
        ("linear", {"low": 0.0, "high": 1.0, "gamma": 2}, "unknown key 'gamma'; known are low, high"),
        ("linear", {"low": 1.0, "high": 1.0}, "low below high"),
        ("linear", {"low": math.nan, "high": 1.0}, "low below high"),
        ("percentile", {"low": 99, "high": 1}, "between 0 and 100"),
        ("percentile", {"high": 101}, "between 0 and 100"),
        ("db", {"low": -20, "high": 0, "power": "voltage"}, "not one of amplitude, intensity"),
        ("db", {"low": "a", "high": 0, "power": "amplitude"}, "'a' is not float"),
    ],
)
def test_wrong_parameters_are_named(name: str, parameters: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match="recipe x: sar") as caught:
        get_radiometry(name, parameters, "recipe x: sar")
    assert says in str(caught.value)


def test_unit_is_0_to_1_or_0_to_255_by_the_scene() -> None:
    low = fit("unit", column(-0.1, 0, 0.5, 1, 1.4))
    assert (low.scale, low.warning) == ((0, 1), "")
    assert run("unit", column(-0.1, 0, 0.5, 1, 1.4)).ravel().tolist() == [0, 0, 128, 255, 255]
    high = fit("unit", column(0.5, 1, 2.5, 300))
    assert high.scale == (0, 255)
    assert "values up to 300 are not 0-1" in high.warning
    assert run("unit", column(0.5, 1, 2.5, 300)).ravel().tolist() == [0, 1, 2, 255]


def test_unit_decides_by_valid_pixels_of_all_bands_and_takes_integers_as_they_are() -> None:
    values = np.dstack([column(0.1, 0.2, 99), column(0.1, 0.2, 0.3)])
    assert fit("unit", values).scale == (0, 255, 0, 255)
    assert fit("unit", values, np.array([True, True, False])[:, None]).scale == (0, 1, 0, 1)
    assert fit("unit", values, np.zeros((3, 1), bool)).scale == (0, 1, 0, 1)
    assert run("unit", column(0, 1, 1, dtype="uint8")).ravel().tolist() == [0, 1, 1]
