"""Harvesting from a server that misbehaves: what comes is whole and right, or the run says exactly what is wrong."""

import dataclasses
import hashlib
import io
import json
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from manifests import Access, RawFile
from osprep import HarvestConfig, HarvestedSource, get_reader, harvest
from osprep.harvest import Patience

QUICK = Patience(retries=3, pause=0.01, longest=0.05, connect=2, stall=0.4)
Handler = BaseHTTPRequestHandler
Answer = Callable[[Handler], None]


def tree(seed: int = 0) -> dict[str, bytes]:
    """Files of a two-pair QXS-SAROPT."""
    pixels = np.random.default_rng(seed).integers(0, 256, (2, 2, 64, 64), np.uint8)
    files = {}
    for side, folder in enumerate(("opt_256_oc_0.2", "sar_256_oc_0.2")):
        for number in (0, 1):
            out = io.BytesIO()
            Image.fromarray(pixels[side, number]).convert("RGB").save(out, "PNG", compress_level=0)
            files[f"QXSLAB_SAROPT/{folder}/{number + 1}.png"] = out.getvalue()
    return files


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue()


GOOD = zipped(tree())


def whole(data: bytes = GOOD, etag: str = '"1"', **headers: str) -> Answer:
    """Answer with the file, or the range asked for."""

    def answer(request: Handler) -> None:
        start = 0
        asked = request.headers.get("Range")
        if asked and request.headers.get("If-Range") in (None, etag):
            start = int(asked.removeprefix("bytes=").rstrip("-"))
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        send(request, data[start:], {"ETag": etag, "Content-Length": str(len(data) - start), **headers})

    return answer


def send(request: Handler, body: bytes, headers: dict[str, str]) -> None:
    for name, value in headers.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(body)


def cut(at: int = 3000, stall: float = 0, etag: str = '"1"', data: bytes = GOOD) -> Answer:
    """Promise the whole file, send its beginning, then close, or say nothing more for a while."""

    def answer(request: Handler) -> None:
        request.send_response(200)
        send(request, data[:at], {"ETag": etag, "Content-Length": str(len(data))})
        request.wfile.flush()
        time.sleep(stall)
        request.close_connection = True

    return answer


def status(code: int, body: bytes = b"", **headers: str) -> Answer:
    def answer(request: Handler) -> None:
        request.send_response(code)
        send(request, body, {"Content-Length": str(len(body)), **headers})

    return answer


def deaf(data: bytes = GOOD) -> Answer:
    """Answer with the whole file whatever range was asked for."""
    return lambda request: (request.send_response(200), send(request, data, {"Content-Length": str(len(data))}))[1]


@contextmanager
def served(*answers: Answer) -> Iterator[tuple[str, list[str | None]]]:
    """Serve answers in turn, the last one for ever; yield the address and the Range header of each request."""
    ranges: list[str | None] = []

    class OneAfterTheOther(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            ranges.append(self.headers.get("Range"))
            answers[min(len(ranges), len(answers)) - 1](self)

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), OneAfterTheOther)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/qxs.zip", ranges
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., HarvestedSource]:
    """Harvest QXS-SAROPT as if it were open and at these addresses."""

    def go(*urls: str, checksum: str | None = None, locate: Path | None = None, kind: str = "open") -> HarvestedSource:
        real = get_reader("qxs-saropt")
        file = RawFile(name="qxs.zip", url=urls[0] if urls else None, checksum=checksum, mirrors=urls[1:])
        access = Access(kind=kind, instructions="Ask politely.", files=(file,) if urls else ())  # type: ignore[arg-type]

        class Open(type(real)):  # type: ignore[misc]
            card = dataclasses.replace(real.card, access=access)

        monkeypatch.setattr(sys.modules["osprep.harvest.harvest"], "get_reader", lambda source: Open())
        config = HarvestConfig(raw=tmp_path / "raw", sources=("qxs-saropt",), locate=locate, patience=QUICK)
        (source,) = harvest(config).sources
        return source

    return go


def check(source: HarvestedSource, raw: Path, files: dict[str, bytes] | None = None) -> None:
    assert (source.state, source.scenes, source.exit_code) == ("complete", 2, 0), source.message
    for name, data in (files or tree()).items():
        assert (raw / "qxs-saropt" / name).read_bytes() == data


MISBEHAVING = {
    "well": ((whole(),), [None]),
    "cut short": ((cut(), whole()), [None, "bytes=3000-"]),
    "cut twice": ((cut(2000), cut(5000), whole()), None),
    "stalls": ((cut(stall=1.5), whole()), [None, "bytes=3000-"]),
    "busy": ((status(503), status(429, **{"Retry-After": "0"}), whole()), [None, None, None]),
    "ignores Range": ((cut(), deaf()), [None, "bytes=3000-"]),
    "changes under us": ((cut(data=zipped(tree(1)), etag='"0"'), whole()), [None, "bytes=3000-"]),
}


@pytest.mark.parametrize("how", MISBEHAVING)
def test_it_ends_right(how: str, run: Callable[..., HarvestedSource], tmp_path: Path) -> None:
    answers, ranges = MISBEHAVING[how]
    with served(*answers) as (url, asked):
        check(run(url), tmp_path / "raw")
        assert ranges is None or asked == ranges
        before = len(asked)
        check(run(url), tmp_path / "raw")
        assert len(asked) == before, "nothing whole is downloaded again"


def test_a_mirror_takes_over(run: Callable[..., HarvestedSource], tmp_path: Path) -> None:
    with served(status(404)) as (dead, _), served(whole()) as (mirror, _):
        check(run(dead, mirror), tmp_path / "raw")


def test_a_server_that_never_recovers_keeps_what_came(run: Callable[..., HarvestedSource], tmp_path: Path) -> None:
    with served(cut(), status(503)) as (url, _):
        source = run(url)
        assert (source.state, source.exit_code) == ("failed", 1)
        assert "answers 503" in source.message
        assert "goes on from here" in source.message
    part = tmp_path / "raw" / "qxs-saropt" / ".harvest" / "qxs.zip.part"
    assert part.stat().st_size == 3000


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            status(200, b"<!DOCTYPE html><title>Log in</title>", **{"Content-Type": "text/html"}),
            "web page titled 'Log in'",
        ),
        (status(200, b"<html>quota exceeded</html>"), "web page"),
        (status(200, b"this is no zip at all" * 40), "something else"),
        (status(404), "answers 404"),
    ],
)
def test_what_is_no_archive_is_refused(answer: Answer, words: str, run: Callable[..., HarvestedSource]) -> None:
    with served(answer) as (url, _):
        source = run(url)
    assert source.state == "failed"
    assert words in source.message


def test_a_login_waits_for_a_human(run: Callable[..., HarvestedSource]) -> None:
    with served(status(403)) as (url, _):
        source = run(url)
    assert (source.state, source.exit_code) == ("waiting", 3)


def test_checksums_are_held(run: Callable[..., HarvestedSource], tmp_path: Path) -> None:
    with served(whole()) as (url, _):
        wrong = run(url, checksum="md5:" + "0" * 32)
        assert (wrong.state, wrong.exit_code) == ("failed", 4)
        assert "md5" in wrong.message
        check(run(url, checksum="md5:" + hashlib.md5(GOOD).hexdigest()), tmp_path / "raw")


def test_without_a_checksum_the_first_download_is_trusted(run: Callable[..., HarvestedSource], tmp_path: Path) -> None:
    other = zipped(tree(1))
    assert len(other) == len(GOOD)
    root = tmp_path / "raw" / "qxs-saropt"
    with served(whole(), whole(other, etag='"2"')) as (url, _):
        check(run(url), tmp_path / "raw")
        (root / ".harvest" / "qxs.zip").unlink()
        (root / ".extracted.json").unlink()
        changed = run(url)
    assert (changed.state, changed.exit_code) == ("failed", 4)
    assert "harvest.lock.json" in changed.message


def test_what_the_user_fetched_is_linked_not_copied(run: Callable[..., HarvestedSource], tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    for name, data in tree().items():
        (mine / name).parent.mkdir(parents=True, exist_ok=True)
        (mine / name).write_bytes(data)
    asked = run(kind="request")
    assert (asked.state, asked.exit_code) == ("waiting", 3)
    assert "Ask politely." in asked.message
    check(run(kind="request", locate=mine), tmp_path / "raw")
    link = tmp_path / "raw" / "qxs-saropt" / "QXSLAB_SAROPT"
    assert link.is_symlink()
    assert link.resolve() == (mine / "QXSLAB_SAROPT").resolve()


def test_a_located_archive_is_unpacked(run: Callable[..., HarvestedSource], tmp_path: Path) -> None:
    archive = tmp_path / "download.zip"
    archive.write_bytes(GOOD)
    check(run(kind="request", locate=archive), tmp_path / "raw")
    assert archive.exists()
    stranger = tmp_path / "stranger"
    (stranger / "photos").mkdir(parents=True)
    refused = run(kind="request", locate=stranger)
    assert refused.state == "failed"
    assert "not recognised as qxs-saropt" in refused.message


def test_a_zenodo_record_gives_addresses_and_checksums(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def record(request: Handler) -> None:
        link = f"http://{request.headers['Host']}/qxs.zip"
        file = {"key": "qxs.zip", "size": len(GOOD), "checksum": f"md5:{hashlib.md5(GOOD).hexdigest()}"}
        status(200, json.dumps({"files": [{**file, "links": {"self": link}}]}).encode())(request)

    real = get_reader("qxs-saropt")
    access = Access(kind="open", instructions="Ask politely.", zenodo=7)

    class Open(type(real)):  # type: ignore[misc]
        card = dataclasses.replace(real.card, access=access)

    monkeypatch.setattr(sys.modules["osprep.harvest.harvest"], "get_reader", lambda source: Open())
    with served(record, whole()) as (url, asked):
        base = url.removesuffix("/qxs.zip")
        config = HarvestConfig(raw=tmp_path / "raw", sources=("qxs-saropt",), patience=QUICK, zenodo=base)
        check(harvest(config).sources[0], tmp_path / "raw")
        assert len(asked) == 2


def test_a_gated_repository_waits_for_a_token_and_tells_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("huggingface_hub", reason="needs the extra hub")
    config = HarvestConfig(raw=tmp_path / "raw", sources=("atrnet-star",), patience=QUICK)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    (waiting,) = harvest(config).sources
    assert (waiting.state, waiting.exit_code) == ("waiting", 3)
    assert "HF_TOKEN" in waiting.message
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", _unreachable)
    (failed,) = harvest(config).sources
    assert (failed.state, failed.exit_code) == ("failed", 1)
    assert "gives no answer" in failed.message
    assert "hf_secret" not in failed.message + caplog.text


def _unreachable(*_: object, **__: object) -> None:
    raise httpx.ConnectError("no network")
