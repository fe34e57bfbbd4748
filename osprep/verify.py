"""A finished dataset against its own records: catalogue, manifests, sidecars, tars, pixels, statistics."""

from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from threading import Lock

import numpy as np

from manifests import (
    CATALOGUE,
    MANIFESTS,
    Catalogue,
    Manifest,
    Progress,
    Sample,
    SchemaError,
    Shard,
    Sidecar,
    Statistics,
    Store,
    StoreUnsupported,
    modalities,
    open_store,
)
from osprep.audit import Audit, audit_shard
from osprep.config import Codec, available_cores
from osprep.ledger import SHARDS, read_sidecar, sidecar_paths
from osprep.plan import ProgressMaker
from osprep.records import (
    Finding,
    check_documents,
    check_sources,
    known_codec,
    manifest_fault,
    open_catalogue,
    read_sidecar_of,
    source_faults,
    statistics_faults,
)
from osprep.task import sidecar_path

MISMATCH = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What was looked at and what was found. `exit_code` is 4 when anything was."""

    root: str
    findings: tuple[Finding, ...]
    shards: int = 0
    samples: int = 0
    exit_code: int = 0


@dataclass(slots=True)
class _ShardCheck:
    """What the check of one shard leaves for those of the whole."""

    shard: Shard
    audit: Audit
    sidecar: Sidecar | None = None
    keys: frozenset[str] = frozenset()
    findings: list[Finding] = field(default_factory=list)


def verify(url: str, progress: ProgressMaker = Progress, *, full: bool = True) -> VerifyReport:
    """Read a dataset once, from a folder, s3:// or http(s)://, and compare everything with everything.

    `full` decodes every image; without it bytes are still compared. Plain HTTP cannot be listed: stray files and the
    sidecars of empty tasks are left out there. Raises StorageError when there is no catalogue or the store fails.
    """
    store = open_store(url)
    catalogue = open_catalogue(store)
    if isinstance(catalogue, Finding):
        return VerifyReport(root=url, findings=(catalogue,), exit_code=MISMATCH)
    findings = [*check_documents(store, catalogue), *check_sources(catalogue)]
    checks = _check_shards(store, catalogue, findings, progress, full)
    findings += _check_listing(store, catalogue, checks)
    for record in catalogue.statistics:
        findings += [Finding(CATALOGUE, fault) for fault in _statistics_faults(record, checks, full)]
    return VerifyReport(
        root=url,
        findings=tuple(findings),
        shards=len(catalogue.shards),
        samples=sum(shard.samples for shard in catalogue.shards),
        exit_code=MISMATCH if findings else 0,
    )


def _check_shards(
    store: Store, catalogue: Catalogue, findings: list[Finding], progress: ProgressMaker, full: bool
) -> list[_ShardCheck]:
    """Check manifests, sidecars and tars, several shards at once; add findings in the catalogue's order."""
    codecs = {entry.source: known_codec(entry) for entry in catalogue.sources}
    checks: list[_ShardCheck] = []
    keys: set[str] = set()
    with ExitStack() as stack:
        manifests: dict[str, Manifest] = {}
        for name in sorted(set(MANIFESTS.values())):
            if fault := manifest_fault(store, catalogue, name):
                findings.append(Finding(name, fault))
            else:
                manifests[name] = stack.enter_context(Manifest(store, name))
        work = _Work(store, manifests, codecs, full)
        bar = stack.enter_context(progress("verify", len(catalogue.shards), "shard"))
        pool = stack.enter_context(ThreadPoolExecutor(min(4, available_cores())))
        for check in pool.map(work.check, catalogue.shards):
            findings += check.findings
            findings += [Finding(check.shard.path, f"key {key} is in another shard too") for key in check.keys & keys]
            keys |= check.keys
            checks.append(replace(check, keys=frozenset()))
            bar.update(1, findings=len(findings))
    return checks


class _Work:
    """The check of single shards, on several threads."""

    def __init__(
        self, store: Store, manifests: Mapping[str, Manifest], codecs: Mapping[str, Codec], full: bool
    ) -> None:
        self._store, self._manifests, self._codecs, self._full = store, manifests, codecs, full
        self._lock = Lock()  # a parquet reader is one thread's at a time

    def check(self, shard: Shard) -> _ShardCheck:
        sidecar, fault = read_sidecar_of(self._store, shard)
        findings = [Finding(sidecar_path(shard.path), fault)] if fault else []
        listed = self._listed(shard)
        if sidecar is not None and listed is not None and list(sidecar.rows) != listed:
            findings.append(Finding(sidecar_path(shard.path), f"its rows differ from {MANIFESTS[shard.kind]}"))
        rows = listed if listed is not None else list(sidecar.rows) if sidecar is not None else None
        audit = audit_shard(self._store, shard, rows, self._codecs[shard.source], self._full)
        findings += [Finding(shard.path, fault) for fault in audit.shortened()]
        keys = [row.key for row in rows or ()]
        findings += [Finding(shard.path, f"key {key} is there twice") for key in _twice(keys)]
        light = replace(sidecar, rows=()) if sidecar is not None else None
        return _ShardCheck(shard, audit, light, frozenset(keys), findings)

    def _listed(self, shard: Shard) -> list[Sample] | None:
        manifest = self._manifests.get(MANIFESTS[shard.kind])
        if manifest is None:
            return None
        with self._lock:
            return manifest.samples(shard.row_group)


def _check_listing(store: Store, catalogue: Catalogue, checks: list[_ShardCheck]) -> Iterator[Finding]:
    """Look for files that nothing vouches for, and at the sidecars as a whole, empty tasks' ones included."""
    try:
        entries = list(store.list(SHARDS)) if catalogue.sources else []
    except StoreUnsupported:
        return
    known = {shard.path for shard in catalogue.shards}
    for entry in entries:
        if entry.path.endswith(".tar") and entry.path not in known:
            yield Finding(entry.path, "stray: not in the catalogue; delete it, or build again to finish it")
    found = {sidecar_path(check.shard.path): check.sidecar for check in checks}
    for path in sidecar_paths(entries):
        if path not in found:
            try:
                found[path] = replace(read_sidecar(store, path), rows=())
            except SchemaError as error:
                found[path] = None
                yield Finding(path, str(error))
    for source in catalogue.sources:
        mine = [sidecar for path, sidecar in found.items() if path.split("/")[1] == source.source]
        whole = [sidecar for sidecar in mine if sidecar is not None]
        if len(whole) == len(mine):
            whole.sort(key=lambda sidecar: (sidecar.split, sidecar.path))
            yield from (Finding(f"{SHARDS}/{source.source}", fault) for fault in source_faults(source, whole))
    for stray in sorted({path.split("/")[1] for path in found} - {entry.source for entry in catalogue.sources}):
        yield Finding(f"{SHARDS}/{stray}", "stray: this source is not in the catalogue; build again to finish it")


def _statistics_faults(record: Statistics, checks: list[_ShardCheck], full: bool) -> Iterator[str]:
    """Compare one record with its shards; with their pixels only when all of them could be decoded."""
    parts = [
        check
        for check in checks
        if (check.shard.source, check.shard.split) == (record.source, record.split)
        and record.modality in modalities(check.shard.kind)
    ]
    if sum(check.shard.samples for check in parts) != record.samples:
        yield f"statistics of {record.source} {record.split} {record.modality}: of another number of samples"
    sidecars = [check.sidecar for check in parts if check.sidecar is not None]
    decoded = full and not any(check.audit.faults for check in parts)
    counts = [check.audit.counts[record.modality] for check in parts] if decoded else []
    yield from statistics_faults(
        record, sidecars if len(sidecars) == len(parts) else [], np.sum(counts, axis=0) if counts else None
    )


def _twice(keys: list[str]) -> list[str]:
    return sorted(key for key, count in Counter(keys).items() if count > 1)
