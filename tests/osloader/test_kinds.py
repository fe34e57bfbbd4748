import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osloader.kinds import Kinds


@settings(deadline=None)
@given(paired=st.integers(0, 300), unpaired=st.integers(0, 300), key=st.integers(0, 2**64 - 1))
def test_each_kind_is_counted_through_once(paired, unpaired, key):
    kinds = Kinds(paired, unpaired, key)
    found = [kinds.at(step) for step in range(paired + unpaired)]
    assert [order for kind, order in found if kind == "paired"] == list(range(paired))
    assert [order for kind, order in found if kind == "unpaired"] == list(range(unpaired))


def test_every_stretch_holds_its_share():
    kinds = Kinds(262, 252, 3)
    paired = np.array([kinds.at(step)[0] == "paired" for step in range(512)]).reshape(8, 64).sum(axis=1)
    assert abs(paired - 64 * 262 / 514).max() < 1


def test_order_is_the_keys():
    orders = {tuple(Kinds(262, 252, key).at(step)[0] for step in range(64)) for key in range(50)}
    assert len(orders) == 50


@pytest.mark.parametrize("step", [0, 63, 64, 10**6, 1_999_999])
def test_a_late_step_costs_no_more_than_the_first(step):
    kind, order = Kinds(10**6, 10**6, 1).at(step)
    assert kind in ("paired", "unpaired")
    assert abs(order - step / 2) <= 33
