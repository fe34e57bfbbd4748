from collections import Counter

import numpy as np
import pytest
import xxhash
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from osloader.errors import PlanError
from osloader.plan import EpochPlan, Plan, PlanConfig, Stream, rank_slots

LENGTH = st.one_of(st.integers(0, 150), st.sampled_from([0, 1, 63, 64, 65, 128]))
LENGTHS = st.lists(LENGTH, min_size=1, max_size=8).filter(any)
SEEDS = st.integers(0, 2**63 - 1)
FIELDS = ("shard", "index", "lane", "window", "position")


def stream(*lengths):
    return Stream(np.array(lengths, np.int64))


def paired(lengths, **config):
    return Plan(PlanConfig(**config), {"paired": stream(*lengths)})


def reads(plan, epoch):
    """Everything an epoch reads: for each stream the columns of SlotReads by field, in step order."""
    steps = [epoch.slots(step, 0, plan.config.batch) for step in range(plan.steps)]
    return {
        name: {
            field: np.concatenate([getattr(each[name], field) for each in steps if name in each]) for field in FIELDS
        }
        for name in plan.streams
    }


def samples(columns):
    return list(zip(columns["shard"].tolist(), columns["index"].tolist(), strict=True))


def every(lengths):
    return {(shard, index) for shard, length in enumerate(lengths) for index in range(length)}


@st.composite
def paired_plans(draw):
    lengths = draw(LENGTHS)
    total = sum(lengths)
    batch = draw(st.integers(max(1, total // 25), total))
    return lengths, paired(lengths, batch=batch, seed=draw(SEEDS), window=draw(st.integers(1, 90)))


@st.composite
def mixed_plans(draw):
    pairs, optical, sar = draw(LENGTHS), draw(LENGTHS), draw(LENGTHS)
    least = max(1, max(sum(pairs), sum(optical), sum(sar)) // 15)
    most = min(sum(pairs), max(sum(optical), sum(sar)))
    assume(least <= most)
    config = PlanConfig(batch=draw(st.integers(least, most)), seed=draw(SEEDS), window=draw(st.integers(1, 90)))
    lengths = {"paired": pairs, "optical": optical, "sar": sar}
    return lengths, Plan(config, {name: stream(*each) for name, each in lengths.items()})


@settings(deadline=None, max_examples=60)
@given(case=paired_plans(), epoch=st.integers(0, 1000))
def test_every_pair_once_up_to_the_dropped_tail(case, epoch):
    lengths, plan = case
    batch = plan.config.batch
    columns = reads(plan, plan.epoch(epoch))["paired"]
    used = samples(columns)
    assert plan.steps == plan.paired_steps == sum(lengths) // batch
    assert len(used) == len(set(used)) == plan.steps * batch
    assert set(used) <= every(lengths)
    assert np.array_equal(np.sort(columns["position"]), np.arange(plan.steps * batch))


@settings(deadline=None, max_examples=60)
@given(case=paired_plans(), data=st.data())
def test_windows_hold_exactly_the_samples_their_slots_read(case, data):
    _, plan = case
    epoch = plan.epoch(data.draw(st.integers(0, 9)))
    columns = reads(plan, epoch)["paired"]
    lanes = plan.lanes("paired")
    seen = 0
    for lane in range(lanes.count):
        for window in range(lanes.windows(lane)):
            spans = epoch.window("paired", lane, window)
            listed = [(span.shard, index) for span in spans for index in range(span.start, span.stop)]
            mine = np.flatnonzero((columns["lane"] == lane) & (columns["window"] == window))
            offsets = columns["position"][mine] - lanes.bounds(lane, window)[0]
            assert len(mine) == len(listed)
            assert [listed[offset] for offset in offsets] == [samples(columns)[slot] for slot in mine]
            seen += len(mine)
    assert seen == plan.steps * plan.config.batch


@settings(deadline=None, max_examples=40)
@given(case=mixed_plans(), epoch=st.integers(0, 1000))
def test_longer_stream_once_and_shorter_evenly(case, epoch):
    lengths, plan = case
    now, batch = plan.epoch(epoch), plan.config.batch
    kinds = Counter(now.kind(step) for step in range(plan.steps))
    sizes = {name: sum(each) for name, each in lengths.items()}
    assert kinds["paired"] == plan.paired_steps == sizes["paired"] // batch
    assert kinds["unpaired"] == plan.unpaired_steps == max(sizes["optical"], sizes["sar"]) // batch
    columns = reads(plan, now)
    for name, each in lengths.items():
        uses = Counter(samples(columns[name]))
        assert sum(uses.values()) == (plan.paired_steps if name == "paired" else plan.unpaired_steps) * batch
        numbers = [uses[sample] for sample in every(each)]
        assert set(uses) <= every(each)
        assert max(numbers) - min(numbers) <= 1
    longer = max(("optical", "sar"), key=sizes.__getitem__)
    assert max(Counter(samples(columns[longer])).values()) == 1


@settings(deadline=None, max_examples=60)
@given(
    world=st.integers(1, 6),
    accumulation=st.integers(1, 4),
    times=st.integers(1, 5),
    window=st.integers(1, 90),
    seed=SEEDS,
    data=st.data(),
)
def test_global_batches_are_those_of_one_rank(world, accumulation, times, window, seed, data):
    batch = world * accumulation * times
    config = PlanConfig(batch=batch, seed=seed, window=window)
    plan = Plan(config, {"paired": stream(70, 300, 1, 0), "optical": stream(200, 9), "sar": stream(130)})
    epoch, step = plan.epoch(data.draw(st.integers(0, 5))), data.draw(st.integers(0, plan.steps - 1))
    whole = epoch.slots(step, 0, batch)
    parts = [
        epoch.slots(step, *rank_slots(batch, rank, world, accumulation, micro))
        for rank in range(world)
        for micro in range(accumulation)
    ]
    for name, expected in whole.items():
        for field in FIELDS:
            together = np.concatenate([getattr(part[name], field) for part in parts])
            assert np.array_equal(together, getattr(expected, field))
    assert set(whole) == ({"paired"} if epoch.kind(step) == "paired" else {"optical", "sar"})


@settings(deadline=None, max_examples=30)
@given(case=mixed_plans(), data=st.data())
def test_any_step_of_any_epoch_can_be_asked_for_first(case, data):
    lengths, plan = case
    number, step = data.draw(st.integers(0, 50)), data.draw(st.integers(0, plan.steps - 1))
    epoch = plan.epoch(number)
    straight = [epoch.slots(each, 0, plan.config.batch) for each in range(plan.steps)][step]
    again = Plan(plan.config, {name: stream(*each) for name, each in lengths.items()})
    resumed = again.epoch(number).slots(step, 0, plan.config.batch)
    assert straight.keys() == resumed.keys()
    for name, expected in straight.items():
        assert np.array_equal(resumed[name].shard, expected.shard)
        assert np.array_equal(resumed[name].index, expected.index)


@settings(deadline=None, max_examples=30)
@given(world=st.sampled_from([1, 2, 4, 8]), step=st.integers(0, 41), epoch=st.integers(0, 5))
def test_resuming_reads_at_most_one_window_per_lane_more_than_it_uses(world, step, epoch):
    plan = paired([500, 37, 411, 64], batch=24, window=32)
    now, lanes = plan.epoch(epoch), plan.lanes("paired")
    assert lanes.count == 8
    for rank in range(world):
        parts = [now.slots(each, *rank_slots(24, rank, world))["paired"] for each in range(step, plan.steps)]
        lane, window = (np.concatenate([getattr(part, name) for part in parts]) for name in ("lane", "window"))
        opened = {lanes.bounds(*each) for each in zip(lane.tolist(), window.tolist(), strict=True)}
        partly = sum(stop - start for start, stop in opened) - len(lane)
        assert len(set(lane.tolist())) == 8 // world
        assert 0 <= partly <= 8 // world * (32 - 1)


@settings(deadline=None, max_examples=40)
@given(
    groups=st.integers(1, 4),
    times=st.integers(1, 4),
    accumulation=st.integers(1, 3),
    seed=SEEDS,
    data=st.data(),
)
def test_grouped_steps_are_consecutive_steps_of_the_plan_for_a_group(groups, times, accumulation, seed, data):
    batch = groups * accumulation * times
    streams = {"paired": stream(150, 33), "optical": stream(90, 64), "sar": stream(40, 40, 40)}
    plan = Plan(PlanConfig(batch=batch, seed=seed, window=20, schedule="grouped", groups=groups), streams)
    small = Plan(PlanConfig(batch=batch // groups, seed=seed, window=20), streams)
    assert plan.steps == small.steps // groups
    number, step = data.draw(st.integers(0, 9)), data.draw(st.integers(0, plan.steps - 1))
    now, reference = plan.epoch(number), small.epoch(number)
    for rank in range(groups):
        for micro in range(accumulation):
            lo, hi = rank_slots(batch, rank, groups, accumulation, micro, groups=groups)
            group, start = divmod(lo, plan.config.group_batch)
            expected = reference.slots(step * groups + group, start, start + hi - lo)
            found = now.slots(step, lo, hi)
            assert {now.kind(step, slot) for slot in range(lo, hi)} == {reference.kind(step * groups + group)}
            assert found.keys() == expected.keys()
            assert all(np.array_equal(found[name].position, expected[name].position) for name in found)
            assert all(np.array_equal(found[name].index, expected[name].index) for name in found)


def test_groups_of_one_step_can_differ_in_kind():
    config = PlanConfig(batch=16, schedule="grouped", groups=4)
    epoch = Plan(config, {"paired": stream(300), "optical": stream(300), "sar": stream(200)}).epoch(0)
    assert any(len({epoch.kind(step, slot) for slot in range(0, 16, 4)}) == 2 for step in range(epoch.steps))
    with pytest.raises(PlanError, match="cross groups of 4"):
        epoch.slots(0, 2, 6)


def test_balanced_table_one_has_514_steps():
    shard = [1500] * 172 + [1038]  # 259,038 of each modality
    pairs = [1500] * 179 + [583]
    plan = Plan(PlanConfig(batch=1024), {"paired": stream(*pairs), "optical": stream(*shard), "sar": stream(*shard)})
    assert (plan.paired_steps, plan.unpaired_steps, plan.steps) == (262, 252, 514)
    assert [plan.lanes(name).count for name in plan.streams] == [256, 256, 256]


@pytest.mark.parametrize("world", [1, 8])
def test_each_rank_reads_its_share_once(world):
    plan = paired([1500] * 179 + [583], batch=1024)
    epoch, lanes, read = plan.epoch(0), plan.lanes("paired"), 0
    for rank in range(world):
        parts = [epoch.slots(step, *rank_slots(1024, rank, world))["paired"] for step in range(plan.steps)]
        codes = np.unique(np.concatenate([part.lane * 1000 + part.window for part in parts]))
        spans = [lanes.bounds(*divmod(code, 1000)) for code in codes.tolist()]
        read += sum(stop - start for start, stop in spans)
    assert read == plan.steps * 1024


def first(plan: Plan, epoch: int, steps: int = 4) -> list[tuple[int, int]]:
    now = plan.epoch(epoch)
    parts = [now.slots(step, 0, plan.config.batch)["paired"] for step in range(steps)]
    return [sample for part in parts for sample in zip(part.shard.tolist(), part.index.tolist(), strict=True)]


def test_epochs_and_seeds_have_orders_and_tails_of_their_own():
    lengths = [100] * 10
    plans = [paired(lengths, batch=96, seed=seed) for seed in (0, 1)]
    orders = [tuple(first(plan, epoch)) for plan in plans for epoch in range(3)]
    assert len(set(orders)) == 6
    tails = {
        frozenset(every(lengths) - set(samples(reads(plan, plan.epoch(epoch))["paired"])))
        for plan in plans
        for epoch in range(3)
    }
    assert len(tails) == 6


def test_unpaired_images_get_other_partners_every_epoch():
    plan = Plan(PlanConfig(batch=50), {"optical": stream(1000), "sar": stream(1000)})
    partners = []
    for epoch in range(2):
        now = plan.epoch(epoch)
        optical, sar = (columns["index"].tolist() for columns in reads(plan, now).values())
        partners.append(set(zip(optical, sar, strict=True)))
    assert len(partners[0] & partners[1]) < 20


def test_epochs_mix_kinds_and_windows_in_orders_of_their_own():
    plan = Plan(PlanConfig(batch=32, window=64), {name: stream(512) for name in ("paired", "optical", "sar")})
    epochs = [plan.epoch(number) for number in range(4)]
    assert len({tuple(epoch.kind(step) for step in range(plan.steps)) for epoch in epochs}) == 4
    columns = [each for epoch in epochs for each in reads(plan, epoch).values()]
    inside = {tuple(each["position"][each["lane"] == 0][:64].tolist()) for each in columns}
    assert len(inside) == 12  # four epochs of three streams


def test_a_batch_is_drawn_from_all_over_the_data():
    plan = paired([1500] * 40, batch=256)
    epoch = plan.epoch(0)
    for step in (0, 100, plan.steps - 1):
        part = epoch.slots(step, 0, 256)["paired"]
        assert len(set(part.shard.tolist())) > 35  # of 40
        same_block = Counter(zip(part.shard.tolist(), (part.index // 64).tolist(), strict=True))
        assert sum(count * (count - 1) for count in same_block.values()) < 256  # of 65,280; 66 if drawn at random
    columns = reads(plan, epoch)["paired"]
    place = columns["shard"] * 1500 + columns["index"]
    assert abs(np.corrcoef(np.arange(len(place)), place)[0, 1]) < 0.1  # 943 blocks: 0.03 by chance


def test_weights_count_uses_in_the_plan():
    lengths, sources = np.array([300, 200, 100]), ("a", "b", "c")
    plan = Plan(PlanConfig(batch=10, weights={"b": 0, "c": 2.5}), {"paired": Stream(lengths, sources)})
    assert plan.samples("paired") == 300 + 250
    uses = Counter(samples(reads(plan, plan.epoch(3))["paired"]))
    assert {shard for shard, _ in uses} == {0, 2}
    assert Counter(uses[2, index] for index in range(100)) == {2: 50, 3: 50}


def test_the_plans_of_this_version_are_kept():
    """A saved state names a step; it must find the same samples in every version with this plan."""
    plan = Plan(PlanConfig(batch=12, seed=5), {"paired": stream(500, 130), "optical": stream(300), "sar": stream(70)})
    digest = xxhash.xxh3_64()
    for epoch in (plan.epoch(0), plan.epoch(7)):
        for step in range(plan.steps):
            for name, part in epoch.slots(step, 0, 12).items():
                digest.update(name.encode())
                digest.update(part.shard.astype("<i8").tobytes() + part.index.astype("<i8").tobytes())
    assert digest.hexdigest() == "6e99b7c5350c0a39"


def test_kinds_without_samples_are_absent():
    assert paired([100], batch=10).streams == ("paired",)
    singles = Plan(PlanConfig(batch=10), {"paired": stream(0, 0), "optical": stream(35), "sar": stream(3)})
    assert (singles.streams, singles.paired_steps, singles.steps) == (("optical", "sar"), 0, 3)
    assert isinstance(singles.epoch(0), EpochPlan)


def test_singles_without_a_partner_are_left_out_of_pairs(caplog):
    pairs = Plan(PlanConfig(batch=10), {"paired": stream(50)})
    mixed = Plan(PlanConfig(batch=10), {"paired": stream(50), "optical": stream(70), "sar": stream(0)})
    assert "70 optical images are left out" in caplog.text
    assert (mixed.streams, mixed.steps, mixed.unpaired_steps) == (("paired",), pairs.steps, 0)
    assert (mixed.epoch(0).slots(3, 0, 10)["paired"].index == pairs.epoch(0).slots(3, 0, 10)["paired"].index).all()


@pytest.mark.parametrize(
    ("streams", "message"),
    [
        ({"paired": stream(7)}, r"paired steps: paired 7 samples, fewer than batch=10; lower batch"),
        (
            {"paired": stream(50), "optical": stream(7), "sar": stream(3)},
            "optical 7, sar 3 samples, fewer than batch=10",
        ),
        ({"optical": stream(50)}, "optical 50 samples, none of the other modality"),
        ({"optical": stream(50), "sar": stream(0)}, "optical 50 samples, none of the other modality"),
        ({"paired": stream(0)}, "no samples"),
        ({}, "no samples"),
        ({"radar": stream(50)}, "stream radar: use paired, optical, sar"),
    ],
)
def test_data_that_make_no_plan(streams, message):
    with pytest.raises(PlanError, match=message) as caught:
        Plan(PlanConfig(batch=10), streams)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch": 0}, "batch=0"),
        ({"window": 0}, "window=0"),
        ({"seed": -1}, "seed=-1"),
        ({"schedule": "any"}, "schedule=any"),
        ({"groups": 2}, "set schedule=grouped"),
        ({"schedule": "grouped", "groups": 3}, "groups=3 does not divide batch=8"),
        ({"weights": {"a": -1.0}}, "a has weight -1.0"),
        ({"weights": {"a": float("nan")}}, "a has weight nan"),
    ],
)
def test_settings_that_make_no_plan(settings, message):
    with pytest.raises(PlanError, match=message):
        PlanConfig(**{"batch": 8, **settings})


def test_unknown_source_of_a_weight_is_named():
    with pytest.raises(PlanError, match="no source c in the data; there are a, b"):
        Plan(PlanConfig(batch=2, weights={"c": 1.0}), {"paired": Stream(np.array([3, 3]), ("b", "a"))})


def test_too_few_steps_for_the_groups():
    config = PlanConfig(batch=40, schedule="grouped", groups=4)
    with pytest.raises(PlanError, match="3 steps of 10 do not fill one of 4 groups"):
        Plan(config, {"paired": stream(39)})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((12, 0, 5), "batch=12 cannot be shared evenly by 5 ranks of 1 micro-batches"),
        ((12, 0, 2, 4), r"2 ranks of 4 micro-batches \(8 parts\)"),
        ((12, 3, 3), "rank 3 of 3"),
        ((12, 0, 3, 2, 2), "micro-batch 2 of 2"),
    ],
)
def test_ranks_that_do_not_fit_the_batch(arguments, message):
    with pytest.raises(PlanError, match=message):
        rank_slots(*arguments)


def test_micro_batches_that_would_cross_groups():
    with pytest.raises(PlanError, match="make 3 parts, not a multiple of 2"):
        rank_slots(12, 0, 3, groups=2)
    assert rank_slots(12, 1, 3, 2, 1, groups=2) == (6, 8)


def test_steps_and_slots_outside_the_plan():
    epoch = paired([100], batch=10).epoch(0)
    with pytest.raises(PlanError, match="step 10 is outside an epoch of 10 steps"):
        epoch.slots(10, 0, 10)
    with pytest.raises(PlanError, match="slots 0 to 11"):
        epoch.slots(0, 0, 11)
    with pytest.raises(PlanError, match="epoch=-1"):
        paired([100], batch=10).epoch(-1)
