import dataclasses
import gc
import json
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests import StoreUnreachable, write_manifest
from manifests.storage.folder import FolderStore
from osloader import (
    Batch,
    ClosedError,
    ConfigError,
    CropConfig,
    Dataset,
    Loader,
    LoaderConfig,
    PlanError,
    StalledError,
    StateError,
    crop_box,
    open_dataset,
)
from osloader.read import Block
from tests.osloader.tiny import Source, Tiny, write_tiny

SIZE = 12


def config(**options: Any) -> LoaderConfig:
    return LoaderConfig(**{"batch": 12, "size": SIZE, "window": 16, "threads": 2, "readers": 2, **options})


def global_steps(tiny: Tiny, options: LoaderConfig, world: int, epochs: int = 1) -> list[dict[str, Any]]:
    """Run all ranks one after the other and put their batches together into steps."""
    steps: dict[int, list[Batch]] = {}
    for rank in range(world):
        with Loader(tiny.folder, options, rank=rank, world=world) as loader:
            for _ in range(epochs):
                for batch in loader:
                    steps.setdefault(batch.step, []).append(batch)
    assert list(steps) == list(range(len(steps)))
    return [joined(parts) for parts in steps.values()]


def joined(parts: list[Batch]) -> dict[str, Any]:
    """Put micro-batches of one step together."""
    step = {
        name: torch.cat([getattr(part, name) for part in parts])
        for name in ("slot", "optical", "sar", "optical_source", "sar_source")
    }
    keys = {name: sum((getattr(part, name) for part in parts), ()) for name in ("optical_key", "sar_key")}
    return {**step, **keys, "step": parts[0].step, "epoch": parts[0].epoch, "kind": [part.kind for part in parts]}


def same(one: dict[str, Any], other: dict[str, Any], kinds: bool = True) -> bool:
    return all(
        torch.equal(one[name], other[name]) if isinstance(one[name], torch.Tensor) else one[name] == other[name]
        for name in one
        if kinds or name != "kind"
    )


def test_a_batch_holds_the_crops_of_the_keys_it_names(tiny: Tiny) -> None:
    with Loader(tiny.folder, config(views=2, seed=5)) as loader:
        batches = list(loader)
    assert {batch.kind for batch in batches} == {"paired", "unpaired"}
    for batch in batches:
        assert batch.optical.shape == (12, 2, 3, SIZE, SIZE)
        assert batch.sar.shape == (12, 2, 1, SIZE, SIZE)
        assert batch.slot.tolist() == list(range(12))
        for number in range(12):
            for modality, images, keys in (
                ("optical", batch.optical, batch.optical_key),
                ("sar", batch.sar, batch.sar_key),
            ):
                pixels = tiny.pixels[keys[number]][modality]
                drawn = "pair" if batch.kind == "paired" else modality
                for view in range(2):
                    box = crop_box(5, batch.step, number, drawn, view, *pixels.shape[:2], CropConfig(size=SIZE))
                    crop = pixels[box.top : box.top + box.height, box.left : box.left + box.width]
                    wanted = cv2.resize(crop, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC).reshape(SIZE, SIZE, -1)
                    wanted = wanted[:, ::-1] if box.flip else wanted
                    assert np.array_equal(images[number, view].numpy(), wanted.transpose(2, 0, 1))


def test_sources_point_at_their_statistics(tiny: Tiny) -> None:
    with Loader(tiny.folder, config()) as loader:
        assert loader.normalisation["optical"].groups == ("alpha", "beta", "gamma")
        assert loader.normalisation["sar"].groups == ("alpha", "beta", "delta")
        for batch in loader:
            for modality, sources, keys in (
                ("optical", batch.optical_source, batch.optical_key),
                ("sar", batch.sar_source, batch.sar_key),
            ):
                groups = [loader.normalisation[modality].groups[row] for row in sources.tolist()]
                assert groups == [tiny.samples[key].source for key in keys]


def test_pairs_share_a_box_and_singles_do_not(tmp_path: Path) -> None:
    tiny = write_tiny(
        tmp_path, (Source("pairs", "pair", (24,)), Source("o", "optical", (24,)), Source("s", "sar", (24,)))
    )
    ramp = np.arange(40)[:, None] + 2 * np.arange(48)
    with Loader(tiny.folder, config(batch=8)) as loader:
        for batch in loader:
            drawn = ("pair", "pair") if batch.kind == "paired" else ("optical", "sar")
            boxes = [
                [crop_box(0, batch.step, slot, each, 0, *ramp.shape, CropConfig()) for slot in batch.slot.tolist()]
                for each in drawn
            ]
            assert (boxes[0] == boxes[1]) == (batch.kind == "paired")
            assert (batch.optical_key == batch.sar_key) == (batch.kind == "paired")


def test_paired_crops_show_one_place(tmp_path: Path) -> None:
    """With an optical band copied into SAR, the two crops of a pair are equal to the last pixel."""
    tiny = write_tiny(tmp_path, (Source("twins", "pair", (24,), bands=(("optical", 1), ("sar", 1)), codec="png"),))
    twin = write_twin(tiny)
    with Loader(twin.folder, config(batch=8)) as loader:
        for batch in loader:
            assert torch.equal(batch.optical, batch.sar)


def write_twin(tiny: Tiny) -> Tiny:
    """Point the SAR columns of the manifest at the optical images."""
    rows = [
        dataclasses.replace(row, sar_offset=row.opt_offset, sar_length=row.opt_length, sar_xxh3=row.opt_xxh3)
        for row in tiny.samples.values()
    ]
    write_manifest(tiny.folder / "paired.parquet", [rows])
    return tiny


@pytest.fixture(scope="module")
def undisturbed(tiny: Tiny) -> list[dict[str, Any]]:
    return global_steps(tiny, config(), world=1, epochs=2)


@pytest.mark.parametrize("world", [1, 2, 3])
@pytest.mark.parametrize(("threads", "micro_batch"), [(1, None), (4, 2)])
def test_ranks_threads_and_accumulation_change_no_pixel(
    tiny: Tiny, undisturbed: list[dict[str, Any]], world: int, threads: int, micro_batch: int | None
) -> None:
    options = config(threads=threads, micro_batch=micro_batch, readers=threads, prefetch=threads - 1)
    steps = global_steps(tiny, options, world, epochs=2)
    assert len(steps) == len(undisturbed) > 8
    assert all(same(one, other, kinds=False) for one, other in zip(steps, undisturbed, strict=True))
    with Loader(tiny.folder, options, rank=0, world=world) as loader:
        assert loader.micro_batches == (1 if micro_batch is None else 12 // world // micro_batch)
        assert len(loader) == loader.steps_per_epoch * loader.micro_batches
        assert sum(1 for _ in loader) == len(loader)


def test_an_epoch_uses_each_pair_once_and_the_next_in_another_order(
    undisturbed: list[dict[str, Any]], tiny: Tiny
) -> None:
    orders = []
    for epoch in (0, 1):
        keys = [
            k for step in undisturbed if step["epoch"] == epoch and "paired" in step["kind"] for k in step["sar_key"]
        ]
        assert len(keys) == len(set(keys)) == 77 // 12 * 12
        assert {tiny.samples[key].source for key in keys} == {"alpha", "beta"}
        orders.append(keys)
    assert orders[0] != orders[1]
    assert [step["step"] for step in undisturbed] == list(range(len(undisturbed)))


def test_resuming_at_every_step_on_another_world_goes_on_undisturbed(
    tiny: Tiny, undisturbed: list[dict[str, Any]]
) -> None:
    with Loader(tiny.folder, config()) as loader:
        states = [json.loads(json.dumps(loader.state_dict()))]
        for _ in range(2):
            states += [json.loads(json.dumps(loader.state_dict())) for _ in loader]
    assert [state["step"] for state in states] == list(range(len(undisturbed) + 1))
    for number, state in enumerate(states[:-1]):
        world = number % 3 + 1
        parts = []
        for rank in range(world):
            with Loader(tiny.folder, config(threads=1 + number % 2), rank=rank, world=world) as loader:
                loader.load_state_dict(state)
                assert (loader.step, loader.epoch) == (number, number // loader.steps_per_epoch)
                parts.append(next(iter(loader)))
        assert same(joined(parts), undisturbed[number], kinds=False)


def test_a_resumed_run_is_the_undisturbed_one_to_the_end(tiny: Tiny, undisturbed: list[dict[str, Any]]) -> None:
    with Loader(tiny.folder, config()) as loader:
        iterator = iter(loader)
        for _ in range(4):
            next(iterator)
        state = loader.state_dict()
    with Loader(tiny.folder, config(micro_batch=3)) as loader:
        loader.load_state_dict(state)
        batches = [batch for _ in range(2) for batch in loader]
    steps = [joined(batches[at : at + 4]) for at in range(0, len(batches), 4)]
    assert len(steps) == len(undisturbed) - 4
    assert all(same(one, other, kinds=False) for one, other in zip(steps, undisturbed[4:], strict=True))


def test_only_whole_steps_count_and_prefetched_ones_do_not(tiny: Tiny) -> None:
    with Loader(tiny.folder, config(micro_batch=4, prefetch=5)) as loader:
        for number, batch in enumerate(loader, start=1):
            assert loader.state_dict()["step"] == number // 3 == (batch.step if number % 3 else batch.step + 1)
            if number == 8:
                break
        state = loader.state_dict()
        assert state["step"] == 2
        after = next(iter(loader))  # iterating again goes on where it was left, in the middle of a step
        assert (after.step, after.slot[0]) == (2, 8)
        loader.load_state_dict(state)
        again = next(iter(loader))
        assert (again.step, again.slot[0]) == (2, 0)


def test_epochs_and_seeking(tiny: Tiny, undisturbed: list[dict[str, Any]]) -> None:
    with Loader(tiny.folder, config()) as loader:
        per_epoch = loader.steps_per_epoch
        loader.set_epoch(1)
        assert same(joined([next(iter(loader))]), undisturbed[per_epoch], kinds=False)
        loader.set_epoch(1)  # the loop of a resumed run says so; nothing is repeated
        assert next(iter(loader)).step == per_epoch + 1
        loader.set_epoch(0)
        assert next(iter(loader)).step == 0
        loader.seek(5)
        assert same(joined([next(iter(loader))]), undisturbed[5], kinds=False)
        assert (loader.step, loader.epoch) == (6, 0)
        with pytest.raises(ConfigError, match="step=-1"):
            loader.seek(-1)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"seed": 1}, "seed: saved 0, here 1"),
        ({"batch": 6}, "batch: saved 12, here 6"),
        ({"window": 8}, "window: saved 16, here 8"),
        ({"weights": {"alpha": 2.0}}, "weights"),
        ({"schedule": "grouped", "groups": 2, "micro_batch": 6}, "groups: saved 1, here 2"),
    ],
)
def test_a_state_of_another_run_is_refused(tiny: Tiny, options: dict[str, Any], says: str) -> None:
    with Loader(tiny.folder, config()) as saved, Loader(tiny.folder, config(**options)) as loader:
        with pytest.raises(StateError, match=says) as caught:
            loader.load_state_dict(saved.state_dict())
        assert caught.value.exit_code == 2


def test_a_state_of_another_dataset_or_a_damaged_one_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    other = write_tiny(tmp_path, (Source("alpha", "pair", (30, 17, 9)),))
    with Loader(tiny.folder, config()) as loader, Loader(other.folder, config()) as elsewhere:
        state = loader.state_dict()
        with pytest.raises(StateError, match="catalogue: saved"):
            elsewhere.load_state_dict(state)
        part = Loader(f"{tiny.folder}/shards/alpha/alpha-train-{{000000..000002}}.tar", config())
        with pytest.raises(StateError, match="shards: saved"):
            part.load_state_dict(state)
        for damage in ({"step": "3"}, {"step": -1}, {"epoch": 7}, {"seed": None}):
            with pytest.raises(StateError):
                loader.load_state_dict({**state, **damage})


def test_grouped_steps_are_the_same_on_every_world(tiny: Tiny) -> None:
    options = config(batch=12, schedule="grouped", groups=2)
    steps = global_steps(tiny, dataclasses.replace(options, micro_batch=6), world=1)
    others = global_steps(tiny, options, world=2)
    assert all(same(one, other) for one, other in zip(steps, others, strict=True))
    assert any(len(set(step["kind"])) == 2 for step in steps)
    with pytest.raises(PlanError, match="groups=2"):
        Loader(tiny.folder, options)


@settings(deadline=None, max_examples=12)
@given(data=st.data(), batch=st.sampled_from([3, 8, 12, 24]), window=st.integers(1, 70), views=st.integers(1, 2))
def test_any_batch_and_window_hold_each_pair_at_most_once(
    tiny: Tiny, data: st.DataObject, batch: int, window: int, views: int
) -> None:
    world = data.draw(st.sampled_from([n for n in (1, 2, 3, 4) if batch % n == 0]))
    options = config(batch=batch, window=window, views=views, size=4, prefetch=window % 3)
    steps = global_steps(tiny, options, world)
    paired = [key for step in steps if "paired" in step["kind"] for key in step["optical_key"]]
    assert len(paired) == len(set(paired)) == 77 // batch * batch
    assert all(torch.equal(step["slot"], torch.arange(batch)) for step in steps)
    optical = [key for step in steps if "unpaired" in step["kind"] for key in step["optical_key"]]
    assert len(optical) == len(set(optical)) == 39 // batch * batch


def test_each_window_is_read_once_and_bytes_are_counted(tiny: Tiny) -> None:
    with Loader(tiny.folder, config(window=32)) as loader:
        for _ in loader:
            pass
        once = sum(
            (row.opt_length or 0) + (row.sar_length or 0) for row in tiny.samples.values() if row.role == "pretrain"
        )
        assert once * 0.75 < loader.counters.bytes_read < once * 2.1  # a shorter SAR stream is cycled; headers
        assert loader.counters.samples == 12 * loader.steps_per_epoch
        assert loader.counters.batches == len(loader)
        assert loader.counters.decode > 0


def test_windows_are_let_go_when_they_are_used_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tiny(tmp_path, (Source("p", "pair", (64, 64, 64), height=16, width=16, codec="png"),))
    held, most, total, lock = 0, 0, 0, threading.Lock()

    def count(samples: int) -> None:
        nonlocal held, most, total
        with lock:
            held, total = held + samples, total + max(samples, 0)
            most = max(most, held)

    class Counted(Block):
        def __init__(self, **fields: Any) -> None:
            super().__init__(**fields)
            count(len(self.key))
            weakref.finalize(self, count, -len(self.key))

    monkeypatch.setattr("osloader.read.Block", Counted)
    with Loader(tmp_path, config(batch=4, window=8)) as loader:
        assert loader.state_dict()["lanes"] == {"paired": 4}
        for _ in loader:
            pass
    assert total == 192
    assert 4 * 8 <= most <= 4 * 8 + 2 * 8 + 3 * 8  # open; read ahead; held by batches in the making
    assert held == 0


@pytest.mark.parametrize("how", ["break", "collected", "exception", "close", "another"])
def test_leaving_early_ends_the_threads(tiny: Tiny, how: str) -> None:
    def running() -> int:
        return sum(thread.name.startswith("osloader-") for thread in threading.enumerate())

    loader = Loader(tiny.folder, config(prefetch=4))
    if how == "break":
        for _ in loader:
            break
    elif how == "exception":
        with pytest.raises(ZeroDivisionError):
            _ = [batch.step // 0 for batch in loader]
    else:
        iterator = iter(loader)
        first = next(iterator)
        assert running() == 4
        if how == "close":
            loader.close()
            with pytest.raises(ClosedError):
                next(iterator)
        elif how == "another":
            other = iter(loader)
            assert next(other).step == first.step + 1
            assert running() == 4
            del other
        del iterator
        gc.collect()
    assert running() == 0
    assert next(iter(loader)).step >= 1


class Faulty(FolderStore):
    """A folder that hangs or fails when it is told to."""

    def __init__(self, folder: Path, fault: Callable[[str], None]) -> None:
        super().__init__(folder)
        self._fault = fault

    def get_range(self, path: str, start: int, length: int) -> bytes:
        self._fault(path)
        return super().get_range(path, start, length)


def faulty(tiny: Tiny, fault: Callable[[str], None]) -> Dataset:
    return dataclasses.replace(open_dataset(tiny.folder), store=Faulty(tiny.folder, fault))


def test_a_read_that_never_ends_is_given_up_with_its_name(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("osloader.workers.PATIENCE", 0.1)
    release = threading.Event()

    def hang(path: str) -> None:
        release.wait(30)

    with (
        Loader(faulty(tiny, hang), config(deadline=0.2)) as loader,
        pytest.raises(StalledError, match=r"step 0: shards/.*tar samples .* 0\.2 s"),
    ):
        list(loader)
    release.set()
    for thread in threading.enumerate():
        if thread.name.startswith("osloader-"):
            thread.join(10)


def test_a_failing_read_surfaces_at_its_batch_and_later_ones_can_go_on(tiny: Tiny) -> None:
    broken = True

    def fail(path: str) -> None:
        if broken and path.startswith("shards/gamma"):
            raise StoreUnreachable(f"{path}: no answer; check the network")

    with Loader(faulty(tiny, fail), config(prefetch=6)) as loader:
        seen: list[Batch] = []
        with pytest.raises(StoreUnreachable, match="shards/gamma"):
            seen.extend(loader)
        first = len(seen)
        assert all(batch.kind == "paired" for batch in seen)
        assert loader.state_dict()["step"] == first
        broken = False
        following = next(iter(loader))
        assert (following.step, following.kind) == (first, "unpaired")


def test_options_that_do_not_fit_the_data_or_the_world(tiny: Tiny) -> None:
    for options, world, error, says in (
        ({"batch": 1000}, 1, PlanError, "1000"),
        ({"batch": 13}, 2, PlanError, "batch=13"),
        ({"micro_batch": 5}, 1, ConfigError, "micro_batch=5"),
        ({"weights": {"nobody": 2.0}}, 1, PlanError, "nobody"),
    ):
        with pytest.raises(error, match=says):
            Loader(tiny.folder, config(**options), rank=0, world=world)


def test_window_bytes_sets_the_window(tiny: Tiny) -> None:
    shards = open_dataset(tiny.folder).shards
    mean = sum(shard.bytes for shard in shards) / sum(shard.samples for shard in shards)
    with Loader(tiny.folder, config(window_bytes=int(mean * 20.5))) as loader:
        assert loader.state_dict()["window"] == 20


def test_pairs_alone_and_singles_alone_train(tmp_path: Path) -> None:
    for name, sources, kinds in (
        ("pairs", (Source("p", "pair", (24,)),), {"paired"}),
        ("singles", (Source("o", "optical", (24,)), Source("s", "sar", (13,))), {"unpaired"}),
    ):
        write_tiny(tmp_path / name, sources)
        with Loader(tmp_path / name, config()) as loader:
            assert {batch.kind for batch in loader} == kinds
    write_tiny(tmp_path / "half", (Source("o", "optical", (24,)),))
    with pytest.raises((PlanError, ConfigError), match="other modality|no sar images"):
        Loader(tmp_path / "half", config())
