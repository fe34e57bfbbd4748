import hashlib
from collections.abc import Iterator

import pytest

from cli.serve import serve
from manifests import ObjectMissing, open_store
from osloader import ConfigError, Loader, LoaderConfig
from tests.osloader.tiny import Tiny

CONFIG = LoaderConfig(batch=12, size=12, window=16, threads=2)
PATTERN = "shards/{alpha/alpha-train-000000,beta/beta-train-000000}.tar"


def digest(url: str) -> str:
    """Hash an epoch: keys, sources and pixels of every batch."""
    total = hashlib.sha256()
    with Loader(url, CONFIG) as loader:
        for batch in loader:
            total.update(repr((batch.step, batch.kind, batch.optical_key, batch.sar_key)).encode())
            for tensor in (batch.optical, batch.sar, batch.optical_source, batch.sar_source):
                total.update(tensor.numpy().tobytes())
    return total.hexdigest()


@pytest.fixture(params=["http", "s3"])
def url(request: pytest.FixtureRequest, tiny: Tiny) -> Iterator[str]:
    if request.param == "http":
        with serve(tiny.folder) as root:
            yield root
        return
    root = request.getfixturevalue("s3")
    store = open_store(root)
    for file in sorted(path for path in tiny.folder.rglob("*") if path.is_file()):
        store.put(file.relative_to(tiny.folder).as_posix(), file.read_bytes())
    yield root


def test_every_store_gives_the_batches_of_the_folder(tiny: Tiny, url: str) -> None:
    assert digest(url) == digest(str(tiny.folder))
    assert digest(f"{url}/{PATTERN}") == digest(f"{tiny.folder}/{PATTERN}")
    with pytest.raises(ConfigError, match="no shard shards/alpha/alpha-train-000009"):
        Loader(f"{url}/shards/alpha/alpha-train-000009.tar", CONFIG)
    with pytest.raises(ObjectMissing, match=r"no catalog\.json"):
        Loader(f"{url}/elsewhere", CONFIG)


def test_a_shard_that_is_missing_is_named(own_tiny: Tiny) -> None:
    (own_tiny.folder / "shards/alpha/alpha-train-000000.tar").unlink()
    with (
        serve(own_tiny.folder) as url,
        Loader(url, CONFIG) as loader,
        pytest.raises(ObjectMissing, match=r"alpha-train-000000\.tar: not found"),
    ):
        list(loader)
