"""Which files a source consists of: from its card, a Zenodo record or a Hugging Face repository."""

import logging
import os
import threading
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial
from pathlib import PurePosixPath
from typing import Any

import httpx

from manifests import HubFiles, SourceCard
from osprep.errors import ConfigError, DownloadError, WaitsForHuman
from osprep.harvest.config import HarvestConfig, Patience
from osprep.harvest.decide import RemoteFile
from osprep.harvest.retry import Again, persist, shown
from osprep.harvest.transfer import check_status, make_client

_log = logging.getLogger("osprep")
TOKEN = "HF_TOKEN"


def remote_files(card: SourceCard, config: HarvestConfig) -> list[RemoteFile]:
    """Return what there is to fetch, nothing when the card knows no address.

    Raises DownloadError when a record or repository gives no list, WaitsForHuman where a token or consent is missing.
    """
    access = card.access
    files = [
        RemoteFile(
            name=raw.name,
            urls=tuple(filter(None, (raw.url, *raw.mirrors))),
            bytes=raw.bytes,
            checksum=raw.checksum,
        )
        for raw in access.files
    ]
    if access.zenodo is not None:
        files = _with_record(files, f"{config.zenodo}/api/records/{access.zenodo}", config.patience)
    if access.hub is not None:
        files += hub_files(access.hub, access.kind == "login")
    for file in files:
        path = PurePosixPath(file.name)
        if path.is_absolute() or ".." in path.parts or "\\" in file.name or not path.name:
            raise DownloadError(f"{card.id}: {file.name!r} is no name for a file below the raw folder; do not fetch it")
    return [file for file in files if file.urls] if access.kind in ("open", "login") else []


def zenodo_files(address: str, patience: Patience) -> list[RemoteFile]:
    """Return the files of a Zenodo record, `address` being the one of its API. Raises DownloadError."""
    with make_client(patience) as client:
        record = persist(partial(_get_json, client, address), address, patience, threading.Event())
    try:
        return [
            RemoteFile(
                name=str(item["key"]),
                urls=(str(item["links"]["self"]),),
                bytes=int(item["size"]),
                checksum=str(item["checksum"]),
            )
            for item in record["files"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise DownloadError(f"{address}: lists no open files ({error!r}); open the record in a browser") from error


def hub_files(hub: HubFiles, gated: bool) -> list[RemoteFile]:
    """Return the files of a Hugging Face repository that match; token from HF_TOKEN. Raises as `remote_files`."""
    try:
        import huggingface_hub as library  # slow to import, and few sources need it
        from huggingface_hub.errors import HfHubHTTPError
    except ImportError as error:
        raise ConfigError(f"{hub.repository}: needs huggingface_hub; pip install 'ospretrain[hub]'") from error
    token = os.environ.get(TOKEN) or None
    page = f"https://huggingface.co/{'datasets/' if hub.type == 'dataset' else ''}{hub.repository}"
    if gated and token is None:
        raise WaitsForHuman(f"{page} is gated: accept its terms there, then put a read token into {TOKEN}")
    try:
        api = library.HfApi(token=token or False)
        info = api.dataset_info if hub.type == "dataset" else api.model_info
        found = info(hub.repository, revision=hub.revision, files_metadata=True)
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403, 404):
            raise WaitsForHuman(f"{page} answers {status}: accept its terms there and check {TOKEN}") from error
        raise DownloadError(f"{page} answers {status}; run the command again later") from error
    except (httpx.TransportError, OSError) as error:
        fault = f"gives no answer ({type(error).__name__})"
        raise DownloadError(f"{page} {fault}; check the network and run the command again") from error
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    files = [
        RemoteFile(
            name=item.rfilename,
            urls=(library.hf_hub_url(hub.repository, item.rfilename, repo_type=hub.type, revision=found.sha),),
            bytes=item.size,
            checksum=f"sha256:{item.lfs.sha256}" if item.lfs else None,
            headers=headers,
        )
        for item in found.siblings or ()
        if any(fnmatchcase(item.rfilename, pattern) for pattern in hub.patterns)
    ]
    if not files:
        raise DownloadError(f"{page}: no file matches {', '.join(hub.patterns)}; its layout changed, mend the card")
    return files


def _with_record(files: Sequence[RemoteFile], address: str, patience: Patience) -> list[RemoteFile]:
    """Return the card's files with what a record knows of them; all of the record's when the card names none."""
    try:
        record = {file.name: file for file in zenodo_files(address, patience)}
    except DownloadError as error:
        if not files or not all(file.urls for file in files):
            raise
        _log.warning("%s; the card's own addresses are used", error)
        return list(files)
    if missing := [file.name for file in files if file.name not in record]:
        raise DownloadError(f"{address}: has no file {missing[0]}; it has {', '.join(sorted(record))}: mend the card")
    if not files:
        return list(record.values())
    return [
        replace(
            file,
            urls=(*record[file.name].urls, *file.urls),
            bytes=record[file.name].bytes,
            checksum=file.checksum or record[file.name].checksum,
        )
        for file in files
    ]


def _get_json(client: httpx.Client, address: str) -> Any:
    try:
        response = client.get(address)
    except httpx.TransportError as error:
        raise Again(f"{shown(address)} gives no answer ({type(error).__name__})") from error
    check_status(response, address, address)
    try:
        return response.json()
    except ValueError as error:
        raise DownloadError(f"{address}: gives no JSON; open it in a browser") from error
