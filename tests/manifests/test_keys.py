"""Slugs and keys."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests import KeyFormatError, check_key, sample_key, slug

KEY = re.compile(r"[a-z0-9][a-z0-9_-]*")


@given(st.text(min_size=1, max_size=200))
def test_a_slug_is_clean_short_and_marks_every_change(scene: str) -> None:
    made = slug(scene)
    assert KEY.fullmatch(made)
    assert len(made) <= 48
    assert made == scene or re.search(r"(^|-)[0-9a-f]{8}$", made)
    assert slug(made) == made


@given(st.lists(st.text(alphabet="aA1 -_./é", min_size=1, max_size=60), unique=True, max_size=30))
def test_different_scenes_have_different_slugs(scenes: list[str]) -> None:
    assert len({slug(scene) for scene in scenes}) == len(scenes)


@given(st.text(min_size=1, max_size=99), st.integers(0, 99_999), st.integers(0, 99_999))
def test_keys_fit_a_ustar_name(scene: str, row: int, col: int) -> None:
    key = sample_key("osdataset-2", "validation", scene, row, col)
    assert len(f"{key}.meta.json".encode()) < 100
    assert "." not in key
    assert key.endswith(f"-r{row}c{col}")


def test_known_names() -> None:
    assert slug("nh49e001013") == "nh49e001013"
    assert slug("NH49E001013") == "nh49e001013-5d5224b9"
    assert sample_key("whu-opt-sar", "train", "a", 256, 0) == "whu-opt-sar-train-a-r256c0"


@pytest.mark.parametrize("key", ["", "-a", "a.b", "A", "a/b", "a" * 89])
def test_bad_keys_are_refused(key: str) -> None:
    with pytest.raises(KeyFormatError):
        check_key(key)


def test_bad_split_is_refused() -> None:
    with pytest.raises(KeyFormatError, match="split"):
        sample_key("a", "Train-1", "scene", 0, 0)
