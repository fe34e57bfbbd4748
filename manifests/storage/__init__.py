"""Every byte to or from a store: a local folder, `s3://bucket/prefix`, or `http(s)://host/path`.

    store = open_store("s3://bucket/ospretrain")
    store.get("catalog.json"); store.get_range("shards/a/a-train-000000.tar", 512, 4096)

S3 takes its endpoint, region and credentials from the standard AWS variables (AWS_ENDPOINT_URL, AWS_REGION,
AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN; AWS_SKIP_SIGNATURE=true for public buckets).
"""

from pathlib import Path
from urllib.parse import urlsplit

from manifests.errors import StoreUnsupported
from manifests.storage.base import Entry, Store
from manifests.storage.folder import FolderStore
from manifests.storage.remote import RemoteStore, s3_backend, web_backend

__all__ = ["Entry", "Store", "open_store"]


def open_store(url: str | Path) -> Store:
    """Open a root by URL or path. Nothing is contacted yet; a folder need not exist.

    Raises StoreUnsupported for a scheme other than file, s3, http and https.
    """
    text = str(url)
    scheme = urlsplit(text).scheme if "://" in text else ""
    if scheme in ("", "file"):
        return FolderStore(Path(text.removeprefix("file://")).expanduser().absolute())
    text = text.rstrip("/")
    if scheme == "s3":
        return RemoteStore(text, s3_backend(text))
    if scheme in ("http", "https"):
        return RemoteStore(text, web_backend(text), listable=False)
    raise StoreUnsupported(f"{text}: unknown scheme {scheme!r}; use a folder, s3://, http:// or https://")
