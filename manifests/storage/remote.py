"""S3 and plain HTTP as stores, through obstore."""

import io
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import obstore
from obstore import exceptions as faults
from obstore.store import HTTPStore, S3Store

from manifests.errors import AccessDenied, ObjectMissing, StorageError, StoreUnreachable, StoreUnsupported
from manifests.storage.base import Entry, Store, check_length

_SCRATCH = "ospretrain-"
_PROBE = ".osprep-probe"
_RETRY: Any = {"max_retries": 5, "retry_timeout": timedelta(seconds=60)}
_CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SKIP_SIGNATURE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)


def s3_backend(url: str) -> Any:
    """Return a client for `s3://bucket/prefix`, configured by the AWS variables.

    Raises AccessDenied when there are no credentials and the machine's own role is switched off or out of reach: a
    client left to find that out by itself waits for minutes.
    """
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
    if endpoint and not any(os.environ.get(name) for name in _CREDENTIALS):
        raise AccessDenied(f"{url}: no S3 credentials for {endpoint}; {_CREDENTIALS_HELP}")
    config: dict[str, Any] = {"endpoint": endpoint} if endpoint else {}
    try:
        return S3Store.from_url(url, **config, client_options=_client(endpoint), retry_config=_RETRY)
    except faults.BaseError as error:
        raise AccessDenied(f"{url}: {_short(str(error))}; {_CREDENTIALS_HELP}") from error


def web_backend(url: str) -> Any:
    """Return a client for a plain HTTP(S) root."""
    return HTTPStore.from_url(url, client_options=_client(url), retry_config=_RETRY)


class RemoteStore(Store):
    """Objects behind a network. An upload becomes visible when it completes."""

    def __init__(self, url: str, backend: Any, listable: bool = True) -> None:
        self.url = url
        self._backend = backend
        self._listable = listable

    def get(self, path: str) -> bytes:
        """Return a whole object."""
        with self._errors(path):
            return bytes(obstore.get(self._backend, path).bytes())

    def get_ranges(self, path: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return (start, length) ranges; near ones are fetched in one request."""
        if not ranges:
            return []
        starts, lengths = zip(*ranges, strict=True)
        with self._errors(path):
            if len(ranges) == 1:
                parts = [obstore.get_range(self._backend, path, start=starts[0], length=lengths[0])]
            else:
                parts = list(obstore.get_ranges(self._backend, path, starts=starts, lengths=lengths))
        where = self.join(path)
        return [check_length(bytes(part), *span, where) for part, span in zip(parts, ranges, strict=True)]

    def size(self, path: str) -> int:
        """Return an object's bytes."""
        with self._errors(path):
            return int(obstore.head(self._backend, path)["size"])

    def open(self, path: str) -> BinaryIO:
        """Return a buffered ranged reader."""
        return io.BufferedReader(_RangeReader(self, path), buffer_size=1 << 18)

    def list(self, prefix: str = "") -> Iterator[Entry]:
        """Yield objects below a prefix, sorted. Raises StoreUnsupported over plain HTTP."""
        if not self._listable:
            raise StoreUnsupported(f"{self.url}: plain HTTP cannot be listed; name the files, or use s3:// or a folder")
        with self._errors(prefix):
            batches = obstore.list(self._backend, prefix=prefix or None)
            entries = [Entry(str(item["path"]), int(item["size"])) for batch in batches for item in batch]
        yield from sorted(entries, key=lambda entry: entry.path)

    def put(self, path: str, data: bytes) -> None:
        """Upload bytes."""
        with self._errors(path):
            obstore.put(self._backend, path, data)

    def scratch(self, path: str) -> Path:
        """Return a fresh file in the temporary folder, named after this process."""
        handle, name = tempfile.mkstemp(prefix=f"{_SCRATCH}{os.getpid()}-", suffix="-" + Path(path).name)
        os.close(handle)
        return Path(name)

    def publish(self, file: Path, path: str) -> None:
        """Upload the file, in parts when it is large, and delete it."""
        with self._errors(path):
            obstore.put(self._backend, path, file)
        file.unlink()

    def delete(self, path: str) -> None:
        """Remove an object."""
        with self._errors(path):
            try:
                obstore.delete(self._backend, path)
            except (faults.NotFoundError, FileNotFoundError):
                return

    def sweep(self, prefix: str = "", deep: bool = True) -> int:
        """Delete the scratch files of processes that are gone; an upload that did not complete is invisible."""
        files = Path(tempfile.gettempdir()).glob(f"{_SCRATCH}*-*")
        stale = [file for file in files if not _alive(file.name.removeprefix(_SCRATCH).partition("-")[0])]
        for file in stale:
            file.unlink(missing_ok=True)
        return len(stale)

    def probe(self) -> None:
        """Put an empty object and delete it: some servers let one read and list but not write."""
        if not self._listable:
            raise StoreUnsupported(f"{self.url}: plain HTTP takes no files; write to a folder or s3://")
        self.put(_PROBE, b"")
        self.delete(_PROBE)

    @contextmanager
    def _errors(self, path: str) -> Iterator[None]:
        try:
            yield
        except (faults.BaseError, OSError) as error:
            self._fail(error, path)

    def _fail(self, error: Exception, path: str) -> NoReturn:
        """Turn a third-party error into the most specific of ours, in one line."""
        where, text = self.join(path), _short(str(error))
        if "NoSuchBucket" in str(error):
            raise ObjectMissing(f"{where}: no such bucket; create it or mend the URL") from error
        if isinstance(error, (faults.NotFoundError, FileNotFoundError)):
            raise ObjectMissing(f"{where}: not found; check the URL") from error
        if isinstance(error, (faults.PermissionDeniedError, faults.UnauthenticatedError, PermissionError)):
            raise AccessDenied(f"{where}: access refused ({text}); check the credentials and the rights") from error
        if self.url.startswith("s3://") and not any(os.environ.get(name) for name in _CREDENTIALS):
            raise AccessDenied(f"{where}: no S3 credentials; {_CREDENTIALS_HELP}") from error
        if isinstance(error, (faults.NotSupportedError, faults.InvalidPathError)):
            raise StorageError(f"{where}: {text}; the server or the name does not allow that") from error
        raise StoreUnreachable(f"{where}: {text}; check the URL and the network, then run the command again") from error


class _RangeReader(io.RawIOBase):
    """An object as a seekable file; each read is one ranged request."""

    def __init__(self, store: Store, path: str) -> None:
        self._store, self._path, self._at, self._size = store, path, 0, store.size(path)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        length = min(len(buffer), max(self._size - self._at, 0))
        if length:
            buffer[:length] = self._store.get_range(self._path, self._at, length)
            self._at += length
        return length


_CREDENTIALS_HELP = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_ENDPOINT_URL for a store that is not Amazon's), "
    "or AWS_SKIP_SIGNATURE=true for a public bucket"
)


def _alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except (ValueError, PermissionError):
        return True
    return True


def _client(endpoint: str) -> Any:
    allow_http = endpoint.startswith("http://") or os.environ.get("AWS_ALLOW_HTTP", "").lower() in ("1", "true")
    return {"connect_timeout": timedelta(seconds=10), "timeout": timedelta(seconds=120), "allow_http": allow_http}


def _short(text: str) -> str:
    """Return the first telling line of a client's message, without its debug dump."""
    line = next((part.strip() for part in text.splitlines() if part.strip()), "no answer")
    return line if len(line) <= 200 else line[:197] + "..."
