"""Fixtures that several packages' tests share."""

import os
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import obstore
import pytest
from obstore.store import S3Store

import cli  # noqa: F401  before torch, for how its threads wait
from tests.servers import radosgw


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real imagery and golden numbers beside a development checkout."""
    folder = Path(__file__).parents[1].parent / "shared"
    if not folder.is_dir():
        pytest.skip("no ../shared beside this checkout")
    return folder


@pytest.fixture(scope="session")
def s3_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A Ceph RADOS gateway on loopback, started once; its environment variables."""
    if not radosgw.installed():
        pytest.skip("no Ceph RADOS gateway here; install it with `make s3`")
    with radosgw.radosgw(tmp_path_factory.mktemp("rgw") / "ceph") as environment:
        yield environment


@pytest.fixture
def s3(s3_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """A fresh bucket, with credentials in the environment; a prefix in it."""
    for name, value in s3_environment.items():
        monkeypatch.setenv(name, value)
    bucket = f"test-{uuid.uuid4().hex[:12]}"
    _create_bucket(bucket)
    return f"s3://{bucket}/root"


@pytest.fixture(autouse=True)
def _no_credentials_leak_in(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests see no AWS variable but those of the s3 fixture."""
    if "s3" not in request.fixturenames:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)


def _create_bucket(bucket: str) -> None:
    store = S3Store(bucket, client_options={"allow_http": True})
    url = obstore.sign(store, "PUT", "", expires_in=timedelta(minutes=1))  # object clients cannot make buckets
    httpx.put(url).raise_for_status()
