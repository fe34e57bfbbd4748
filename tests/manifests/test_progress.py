"""Progress: a bar on a terminal, lines in a log."""

import io

import pytest

from manifests import Progress
from manifests import progress as progress_module


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_a_line_a_minute_and_one_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: now[0])
    log = io.StringIO()
    with Progress("build", 10, "shard", stream=log) as bar:
        for _ in range(10):
            now[0] += 20
            bar.update(1, failed=2)
    lines = log.getvalue().splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("build: 3/10 shard in 60 s")
    assert lines[-1].startswith("build: 10/10 shard")
    assert lines[-1].endswith("failed=2")


def test_a_terminal_gets_a_bar() -> None:
    screen = Terminal()
    with Progress("build", 2, "shard", stream=screen) as bar:
        bar.update(2, failed=0)
    assert "build: 100%" in screen.getvalue()
    assert "failed=0" in screen.getvalue()
