"""The learning rate of every step."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codemae import Schedule, TrainConfig, learning_rate
from codemae.schedule import plan_schedule


def test_published_run() -> None:
    config = TrainConfig(data="d", out="o", preset="base", batch=1024, epochs=800)
    schedule = plan_schedule(config, steps_per_epoch=514)
    assert schedule.peak == pytest.approx(1.2e-3)
    assert (schedule.warmup, schedule.total) == (15 * 514, 800 * 514)
    assert learning_rate(0, schedule) == 0
    assert learning_rate(15 * 514, schedule) == schedule.peak
    half = (15 * 514 + 800 * 514) // 2
    assert learning_rate(half, schedule) == pytest.approx(schedule.peak / 2, rel=1e-3)
    assert learning_rate(800 * 514, schedule) == pytest.approx(0, abs=1e-18)


@pytest.mark.parametrize(
    ("settings_", "warmup", "total"),
    [
        ({"steps": 40}, 4, 40),
        ({"steps": 40, "warmup_steps": 7}, 7, 40),
        ({"steps": 40, "warmup_epochs": 0.5}, 5, 40),
        ({"steps": 3, "warmup_steps": 7}, 3, 3),
        ({"epochs": 6}, 6, 60),
    ],
)
def test_lengths(settings_: dict[str, float], warmup: int, total: int) -> None:
    schedule = plan_schedule(TrainConfig(data="d", out="o", **settings_), steps_per_epoch=10)
    assert (schedule.warmup, schedule.total) == (warmup, total)


@given(st.integers(1, 500), st.data())
@settings(deadline=None)
def test_rises_to_the_peak_then_falls(total: int, data: st.DataObject) -> None:
    schedule = Schedule(1.0, data.draw(st.integers(0, total)), total)
    rates = [learning_rate(step, schedule) for step in range(total)]
    assert all(math.isfinite(rate) and 0 <= rate <= 1 for rate in rates)
    assert rates[: schedule.warmup] == sorted(rates[: schedule.warmup])
    assert rates[schedule.warmup :] == sorted(rates[schedule.warmup :], reverse=True)
