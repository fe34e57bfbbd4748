"""Fixtures that several packages' tests share."""

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

RADOSGW = Path(__file__).parent / "servers" / "radosgw"
INSTALL = "make s3"


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
    if not all(shutil.which(name) for name in ("radosgw", "ceph-mon", "ceph-osd", "ceph-mgr", "ceph")):
        pytest.skip(f"no Ceph RADOS gateway here; install it with `{INSTALL}`")
    folder = tmp_path_factory.mktemp("rgw") / "ceph"
    try:
        started = subprocess.run([RADOSGW, "start", folder], capture_output=True, text=True, timeout=180, check=True)
        exported = started.stdout.removeprefix("export ").split()
        yield dict(item.split("=", 1) for item in exported)
    finally:
        subprocess.run([RADOSGW, "stop", folder], check=True, timeout=60)


@pytest.fixture
def s3(s3_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """A fresh prefix in a bucket, with credentials in the environment."""
    for name, value in s3_environment.items():
        monkeypatch.setenv(name, value)
    return f"s3://{s3_environment['TEST_BUCKET']}/{uuid.uuid4().hex}"


@pytest.fixture(autouse=True)
def _no_credentials_leak_in(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests see no AWS variable but those of the s3 fixture."""
    if "s3" not in request.fixturenames:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)
