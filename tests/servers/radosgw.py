"""A one-node Ceph with a RADOS gateway: an S3 server that checks signatures, ranges and multipart uploads for real.

Needs the Debian packages radosgw, ceph-mon, ceph-osd, ceph-mgr and ceph-common. Takes about 20 s to start.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = ("radosgw", "radosgw-admin", "ceph-mon", "ceph-osd", "ceph-mgr", "ceph")
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test-key", "AWS_SECRET_ACCESS_KEY": "test-secret", "AWS_REGION": "us-east-1"}
DISK_BYTES = 8 << 30  # sparse

_CONFIG = """\
[global]
fsid = {fsid}
mon initial members = a
mon host = [v2:127.0.0.1:{mon2},v1:127.0.0.1:{mon1}]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
keyring = {home}/keyring
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 1000
osd objectstore = bluestore
bluestore block size = {disk}
osd memory target = 1073741824
osd class load list = *
osd class default list = *
mgr initial modules =
run dir = {home}/run
admin socket = {home}/run/$name.asok
pid file = {home}/run/$name.pid
log file = {home}/log/$name.log
mon data = {home}/mon
osd data = {home}/osd
mgr data = {home}/mgr
[client.rgw.a]
rgw frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
rgw data = {home}/rgw
rgw dynamic resharding = false
"""


def installed() -> bool:
    """Tell whether every program is there."""
    return all(shutil.which(program) for program in PROGRAMS)


@contextmanager
def radosgw(home: Path) -> Iterator[dict[str, str]]:
    """Run a gateway in a new folder; yield the AWS variables that reach it."""
    for part in ("mon", "osd", "mgr", "rgw", "run", "log"):
        (home / part).mkdir(parents=True)
    port, mon1, mon2 = _free_ports(3)
    config = home / "ceph.conf"
    fsid = str(uuid.uuid4())
    config.write_text(_CONFIG.format(fsid=fsid, home=home, disk=DISK_BYTES, port=port, mon1=mon1, mon2=mon2))
    try:
        _start(home, config, fsid, f"[v2:127.0.0.1:{mon2},v1:127.0.0.1:{mon1}]")
        _wait_for(port)
        user = ["user", "create", "--uid", "test", "--display-name", "test"]
        keys = ["--access-key", CREDENTIALS["AWS_ACCESS_KEY_ID"], "--secret-key", CREDENTIALS["AWS_SECRET_ACCESS_KEY"]]
        _run(home, "radosgw-admin", "-c", config, "--keyring", home / "keyring", "-n", "client.rgw.a", *user, *keys)
        yield {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", **CREDENTIALS}
    finally:
        _stop(home)


def _start(home: Path, config: Path, fsid: str, monitors: str) -> None:
    keyring = home / "keyring"
    settings, key = ("-c", config), ("--keyring", keyring)
    _run(home, "monmaptool", "--create", "--addv", "a", monitors, "--fsid", fsid, home / "monmap")
    _run(home, "ceph-authtool", "--create-keyring", keyring, "--gen-key", "-n", "mon.", "--cap", "mon", "allow *")
    everything = [item for daemon in ("mon", "osd", "mgr") for item in ("--cap", daemon, "allow *")]
    for name in ("client.admin", "mgr.x", "osd.0", "client.rgw.a"):
        _run(home, "ceph-authtool", keyring, "--gen-key", "-n", name, *everything)
    _run(home, "ceph-mon", *settings, "--mkfs", "-i", "a", "--monmap", home / "monmap", *key)
    _run(home, "ceph-mon", *settings, "-i", "a")
    _run(home, "ceph-mgr", *settings, "-i", "x")
    disk = str(uuid.uuid4())
    _run(home, "ceph", *settings, *key, "osd", "new", disk)
    _run(home, "ceph-osd", *settings, "-i", "0", "--mkfs", "--osd-uuid", disk)
    _run(home, "ceph-osd", *settings, "-i", "0")
    _run(home, "radosgw", *settings, *key, "-n", "client.rgw.a")


def _run(home: Path, *command: str | Path) -> None:
    with open(home / "log" / "start.log", "ab") as log:
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=120, check=True)


def _wait_for(port: int) -> None:
    for _ in range(600):
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"the gateway did not listen on port {port} within a minute")


def _stop(home: Path) -> None:
    pids = [int(file.read_text()) for file in (home / "run").glob("*.pid") if file.read_text().strip()]
    for stop in (signal.SIGTERM, signal.SIGKILL):
        for pid in pids:
            if _alive(pid):
                os.kill(pid, stop)
        for _ in range(100):
            if not any(_alive(pid) for pid in pids):
                return
            time.sleep(0.1)


def _alive(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    try:
        return state.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
