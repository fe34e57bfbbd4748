"""Killing any process at any moment loses the shards in flight and nothing else."""

import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from manifests import StorageError
from osprep import BuildConfig, BuildError, plan
from osprep.engines import local
from tests.osprep.raws import contents, make_qxs, make_raw, run, truncate

BUILD = """
import os, signal, sys
from pathlib import Path
from manifests.storage import folder
from osprep import shard, BuildConfig, build

def main(raw, out, workers, moment):
    shard.spare_torch()
    calls = [0]
    what, _, count = moment.partition(":")
    def dying(function):
        def wrapped(*given, **named):
            calls[0] += 1
            if calls[0] == int(count) and when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            result = function(*given, **named)
            if calls[0] == int(count):
                os.kill(os.getpid(), signal.SIGKILL)
            return result
        return wrapped
    when, _, name = what.partition("-")
    if name == "member":
        from webdataset.writer import TarWriter
        TarWriter.write = dying(TarWriter.write)
    elif name:
        setattr(folder.FolderStore, name, dying(getattr(folder.FolderStore, name)))
    build(BuildConfig(raw=Path(raw), out=out, workers=int(workers), shard_mb=1))

if __name__ == "__main__":
    main(*sys.argv[1:])
"""


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_raw(tmp_path_factory.mktemp("raw"))


@pytest.fixture(scope="module")
def undisturbed(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("built") / "root"
    run(raw, root)
    return contents(root)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    file = tmp_path / "script.py"
    file.write_text(BUILD)
    return file


@pytest.mark.parametrize(
    "moment",
    [
        "after-member:2",  # inside the first tar
        "before-publish:3",  # the second tar is written, not renamed
        "after-publish:3",  # renamed, without its sidecar
        "after-publish:11",  # one manifest is there, the other is not
        "before-put:11",  # everything but the catalogue
    ],
)
def test_kill_and_the_same_command_give_the_bytes_of_an_undisturbed_build(
    raw: Path, undisturbed: dict[str, str], tmp_path: Path, script: Path, moment: str
) -> None:
    root = tmp_path / "root"
    kill(script, raw, root, moment)
    assert not (root / "catalog.json").exists()
    left = contents(root)
    assert left != undisturbed
    finished = {path: digest for path, digest in left.items() if not path.endswith(".tmp")}
    assert finished.items() <= undisturbed.items()
    run(raw, root)
    assert contents(root) == undisturbed


def test_a_catalogue_never_stands_beside_a_shard_that_was_replaced(tmp_path: Path, script: Path) -> None:
    raw, root = make_raw(tmp_path / "raw", pairs=2), tmp_path / "root"
    run(raw, tmp_path / "sound")
    whole = truncate(file := raw / "folder" / "sar" / "P01.png")
    run(raw, root)
    file.write_bytes(whole)
    kill(script, raw, root, "after-publish:1")
    assert [path.exists() for path in (root / "paired.parquet", root / "catalog.json")] == [True, False]
    run(raw, root)
    tar = "shards/folder/folder-all-000000.tar"
    assert contents(root)[tar] == contents(tmp_path / "sound")[tar]


def test_a_catalogue_never_stands_beside_manifests_that_were_replaced(tmp_path: Path, script: Path) -> None:
    raw, root = make_raw(tmp_path / "raw", pairs=2), tmp_path / "root"
    run(raw, root)
    make_qxs(raw)
    kill(script, raw, root, "after-publish:3")  # of tar, sidecar, manifest
    assert not (root / "catalog.json").exists()
    run(raw, root)
    run(raw, tmp_path / "undisturbed")
    assert contents(root) == contents(tmp_path / "undisturbed")


def test_workers_end_with_their_parent(raw: Path, undisturbed: dict[str, str], tmp_path: Path, script: Path) -> None:
    root = tmp_path / "root"
    build = start(script, raw, root)
    wait_for(lambda: any(root.rglob("*.tmp")) or any(root.rglob("*.tar")))
    build.kill()
    build.communicate()
    wait_for(lambda: not processes_of(build.pid))
    run(raw, root, workers=2)
    assert contents(root) == undisturbed


@pytest.mark.soak
def test_many_kills_at_any_moment(tmp_path: Path, script: Path) -> None:
    raw = make_raw(tmp_path / "raw", pairs=60)
    run(raw, tmp_path / "undisturbed")
    for number in range(12):
        root, delays = tmp_path / f"root{number}", random.Random(number)
        for _ in range(100):
            build = start(script, raw, root)
            try:
                build.communicate(timeout=0.5 + delays.random())
            except subprocess.TimeoutExpired:
                build.kill()
                build.communicate()
            else:
                break
        assert build.returncode == 0
        assert contents(root) == contents(tmp_path / "undisturbed")


def test_an_interrupt_stops_at_once_and_leaves_no_temporaries(
    raw: Path, undisturbed: dict[str, str], tmp_path: Path, script: Path
) -> None:
    root = tmp_path / "root"
    build = start(script, raw, root)
    wait_for(lambda: any(root.rglob("*.tmp")) or any(root.rglob("*.tar")))
    os.killpg(build.pid, signal.SIGINT)  # as Ctrl-C in a terminal does
    errors = build.communicate(timeout=60)[1].decode()
    assert build.returncode == -signal.SIGINT
    assert errors.count("KeyboardInterrupt") == 1
    wait_for(lambda: not processes_of(build.pid))
    assert list(root.rglob("*.tmp")) == []
    run(raw, root)
    assert contents(root) == undisturbed


def test_a_worker_that_dies_is_named_by_its_shard(raw: Path, undisturbed: dict[str, str], tmp_path: Path) -> None:

    (planned,) = plan(BuildConfig(raw=raw, out=str(tmp_path / "root"), shard_mb=1))
    with pytest.raises(BuildError, match=r"folder-all-000002\.tar: the process that wrote it was killed.*again"):
        list(local.run_local(planned.tasks, die_of_the_third, 2))
    run(raw, tmp_path / "root")
    assert contents(tmp_path / "root") == undisturbed


def die_of_the_third(task: object) -> object:
    """Runs in a worker process."""
    from osprep.work import run_task

    if task.path.endswith("000002.tar"):  # type: ignore[attr-defined]
        os.kill(os.getpid(), signal.SIGKILL)
    return run_task(task)  # type: ignore[arg-type]


def test_a_write_error_publishes_nothing(raw: Path, undisturbed: dict[str, str], tmp_path: Path) -> None:
    """A limit on the size of files stands for a full disk: writing ends in the middle of the first large tar."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, before[1]))
    try:
        with pytest.raises((BuildError, StorageError), match="too large.*same command again"):
            run(raw, tmp_path / "root")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert contents(tmp_path / "root").items() <= undisturbed.items()
    assert not [path for path in contents(tmp_path / "root") if path.endswith(".tar")]
    run(raw, tmp_path / "root")
    assert contents(tmp_path / "root") == undisturbed


def kill(script: Path, raw: Path, root: Path, moment: str) -> None:
    """Build with one worker that kills itself at a moment."""
    killed = subprocess.run([sys.executable, script, raw, root, "1", moment], timeout=120, stderr=subprocess.PIPE)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()


def start(script: Path, raw: Path, root: Path) -> subprocess.Popen[bytes]:
    """Start a build with two workers, a session of its own."""
    command = [sys.executable, script, raw, root, "2", ""]
    return subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE)


def processes_of(session: int) -> list[int]:
    """Return the processes of a session that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, of = stat.read_text().rpartition(")")[2].split()[:4]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(of) == session and state != "Z":
            found.append(int(stat.parent.name))
    return found


def wait_for(condition: object, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)
