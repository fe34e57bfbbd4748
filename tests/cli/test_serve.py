import http.client
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.serve import parse_range, serve
from manifests import ObjectMissing, open_store

BODY = bytes(range(256)) * 4


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "shards").mkdir(parents=True)
    (root / "shards" / "a b.tar").write_bytes(BODY)
    (root / "empty").write_bytes(b"")
    (tmp_path / "secret").write_bytes(b"outside")
    (root / "link").symlink_to(tmp_path / "secret")
    return root


def ask(url: str, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes, dict[str, str]]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.putrequest(method, path, skip_host=False)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read(), dict(answer.getheaders())
    finally:
        connection.close()


def test_whole_files_ranges_and_heads(folder: Path) -> None:
    with serve(folder) as url:
        status, body, headers = ask(url, "/shards/a%20b.tar")
        assert (status, body, headers["Accept-Ranges"]) == (200, BODY, "bytes")
        status, body, headers = ask(url, "/shards/a%20b.tar", Range="bytes=10-19")
        assert (status, body, headers["Content-Range"]) == (206, BODY[10:20], "bytes 10-19/1024")
        assert ask(url, "/shards/a%20b.tar", Range="bytes=1020-9999")[:2] == (206, BODY[1020:])
        assert ask(url, "/shards/a%20b.tar", Range="bytes=-4")[:2] == (206, BODY[-4:])
        assert ask(url, "/shards/a%20b.tar", Range="bytes=0-1,4-5")[:2] == (200, BODY)
        status, body, headers = ask(url, "/shards/a%20b.tar", method="HEAD")
        assert (status, body, headers["Content-Length"]) == (200, b"", "1024")
        assert ask(url, "/empty")[:2] == (200, b"")


def test_what_is_outside_a_file_is_416_and_what_is_no_file_404(folder: Path) -> None:
    with serve(folder) as url:
        status, body, headers = ask(url, "/shards/a%20b.tar", Range="bytes=1024-")
        assert (status, body, headers["Content-Range"]) == (416, b"", "bytes */1024")
        for path in ("/", "/shards", "/missing", "/shards/a%00b"):
            assert ask(url, path)[0] == 404
        assert ask(url, "/missing", method="HEAD")[0] == 404


@pytest.mark.parametrize("path", ["/../secret", "/%2e%2e/secret", "/shards/../../secret", "//../secret", "/link"])
def test_no_way_out_of_the_folder(folder: Path, path: str) -> None:
    with serve(folder) as url:
        status, body, _ = ask(url, path)
        assert status == 404
        assert b"outside" not in body


def test_our_store_reads_from_it_and_the_port_is_free_afterwards(folder: Path) -> None:
    with serve(folder) as url:
        store = open_store(url)
        assert store.size("shards/a b.tar") == 1024
        assert store.get_ranges("shards/a b.tar", [(0, 3), (512, 8)]) == [BODY[:3], BODY[512:520]]
        with pytest.raises(ObjectMissing):
            store.get("missing")
    with pytest.raises(OSError, match="refused"):
        ask(url, "/empty")


@settings(deadline=None)
@given(size=st.integers(0, 50), first=st.integers(0, 60), last=st.one_of(st.none(), st.integers(0, 60)))
def test_a_range_is_what_slicing_gives(size: int, first: int, last: int | None) -> None:
    body = bytes(size)
    wanted = body[first : None if last is None else last + 1]
    header = f"bytes={first}-{'' if last is None else last}"
    if not wanted:
        with pytest.raises(ValueError, match="range"):
            parse_range(header, size)
    else:
        span = parse_range(header, size)
        assert span is not None
        assert span[0] == first
        assert span[1] - span[0] == len(wanted)
