import dataclasses
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.serve import serve
from manifests import CATALOGUE, ObjectMissing, SchemaError, to_json
from osloader import ConfigError, open_dataset
from osloader.pattern import expand, split_pattern
from tests.osloader.tiny import Source, Tiny, write_tiny


def test_a_root_opens_with_the_shards_of_one_role(tiny: Tiny) -> None:
    dataset = open_dataset(tiny.folder)
    assert [shard.samples for shard in dataset.shards] == [30, 17, 9, 21, 25, 14, 19]
    assert dataset.url == str(tiny.folder)
    assert (dataset.bands("optical"), dataset.bands("sar")) == (3, 1)
    held = open_dataset(tiny.folder, role="heldout")
    assert [shard.source for shard in held.shards] == ["omega"]


def test_a_pattern_uses_the_named_shards_in_catalogue_order(tiny: Tiny) -> None:
    with serve(tiny.folder) as url:
        for root in (url, str(tiny.folder)):
            several = open_dataset(f"{root}/shards/{{beta/beta-train-000000,alpha/alpha-train-000002}}.tar")
            assert [shard.path for shard in several.shards] == [
                "shards/alpha/alpha-train-000002.tar",
                "shards/beta/beta-train-000000.tar",
            ]
            run = open_dataset(f"{root}/shards/alpha/alpha-train-{{000000..000002}}.tar")
            assert [shard.samples for shard in run.shards] == [30, 17, 9]
            one = open_dataset(f"{root}/shards/alpha/alpha-train-000001.tar")
            assert [shard.samples for shard in one.shards] == [17]
    assert several.fingerprint != run.fingerprint != one.fingerprint


def test_a_relative_pattern_starts_at_the_working_directory(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tiny.folder)
    assert len(open_dataset("shards/gamma/gamma-train-{000000..000001}.tar").shards) == 2


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("shards/alpha/alpha-train-{000000..000007}.tar", "no shard shards/alpha/alpha-train-000003.tar; known are"),
        ("shards/omega/omega-test-000000.tar", "role heldout"),
        ("shards/alpha/alpha-train-*.tar", "wildcards"),
        ("shards/alpha/alpha-train-{0..1.tar", "braces do not pair"),
        ("shards/alpha/alpha-train-{000003..000001}.tar", "counts backwards"),
        ("shards/alpha/alpha-train-{0..99999999}.tar", "beyond"),
        ("shards/{000000..009999}/{000000..009999}.tar", "names 100,000,000 shards"),
        ("loose/alpha-train-000000.tar", "need an index"),
    ],
)
def test_a_wrong_pattern_says_what_is_wrong(tiny: Tiny, url: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        open_dataset(f"{tiny.folder}/{url}")
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


def test_shards_of_two_roots_are_refused(tiny: Tiny) -> None:
    with pytest.raises(ConfigError, match="2 datasets"):
        split_pattern("http://host/{a,b}/shards/a/a-train-000000.tar")


def test_tars_without_a_catalogue_need_an_index(tmp_path: Path) -> None:
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards" / "x.tar").write_bytes(b"")
    with pytest.raises(ConfigError, match="osloader index"):
        open_dataset(tmp_path / "shards" / "x.tar")
    with pytest.raises(ObjectMissing, match=r"osprep build"):
        open_dataset(tmp_path)


def test_a_dataset_without_training_samples_is_refused(tmp_path: Path) -> None:
    write_tiny(tmp_path, (Source("omega", "pair", (4,), role="heldout"),))
    with pytest.raises(ConfigError, match="no samples of role pretrain"):
        open_dataset(tmp_path)


def test_a_shard_path_that_leaves_the_root_is_refused(own_tiny: Tiny) -> None:
    shards = list(own_tiny.catalogue.shards)
    shards[0] = dataclasses.replace(shards[0], path="shards/../../outside.tar")
    hostile = dataclasses.replace(own_tiny.catalogue, shards=tuple(shards))
    (own_tiny.folder / CATALOGUE).write_bytes(to_json(hostile))
    with pytest.raises(SchemaError, match="leaves the dataset's root"):
        open_dataset(own_tiny.folder)


def test_sources_with_other_bands_are_named(tmp_path: Path) -> None:
    write_tiny(
        tmp_path,
        (Source("rgb", "pair", (3,)), Source("wide", "pair", (3,), bands=(("optical", 5), ("sar", 1)))),
    )
    dataset = open_dataset(tmp_path)
    assert dataset.bands("sar") == 1
    with pytest.raises(ConfigError, match="rgb has 3, wide has 5"):
        dataset.bands("optical")


def test_a_source_without_statistics_or_with_wide_values_is_refused(own_tiny: Tiny) -> None:
    for statistics, says in (
        ([s for s in own_tiny.catalogue.statistics if s.source != "beta"], "beta train: no statistics"),
        ([dataclasses.replace(s, dtype="uint16") for s in own_tiny.catalogue.statistics], "uint16, not uint8"),
    ):
        changed = dataclasses.replace(own_tiny.catalogue, statistics=tuple(statistics))
        (own_tiny.folder / CATALOGUE).write_bytes(to_json(changed))
        with pytest.raises(ConfigError, match=says):
            open_dataset(own_tiny.folder).bands("optical")


@settings(deadline=None)
@given(first=st.integers(0, 999), count=st.integers(1, 50), digits=st.integers(1, 6))
def test_ranges_count_with_leading_zeros(first: int, count: int, digits: int) -> None:
    last = first + count - 1
    names = list(expand(f"a-{{{first:0{digits}d}..{last:0{digits}d}}}.tar"))
    assert names == [f"a-{number:0{digits}d}.tar" for number in range(first, last + 1)]
