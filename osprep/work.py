"""The work of one task: cut scenes, encode tiles, shuffle, write, check, publish, and the sidecar last."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import xxhash

from manifests import (
    CATALOGUE,
    MEMBER,
    Histogram,
    Modality,
    Sample,
    Sidecar,
    Store,
    modalities,
    open_store,
    pixel_hash,
    sample_key,
    sidecar_json,
)
from osprep.codec import decode, encode
from osprep.cut import cut
from osprep.deal import rank
from osprep.errors import BuildError, RasterError
from osprep.scene import Drop, Scene, Tile
from osprep.shard import Record, Spool, check_shard, meta_facts, sha256_of, write_shard
from osprep.tally import Tally
from osprep.task import PlannedScene, Task, sidecar_path


def run_task(task: Task) -> Sidecar:
    """Build one shard and publish it; return its sidecar without rows.

    Raises BuildError when the disk is full or what was written reads back otherwise, and StorageError.
    """
    store = open_store(task.job.out)
    with Spool(task.job.memory) as spool:
        try:
            tally = _cut_scenes(task, spool)
            tally.records.sort(key=lambda record: rank(task.job.seed, record.row.key))
            sidecar = _publish(task, tally, spool, store)
        except OSError as error:
            where = error.filename or store.join(task.path)
            raise BuildError(
                f"{where}: {error.strerror or error}; free space, then run the same command again"
            ) from error
    store.put(sidecar_path(task.path), sidecar_json(sidecar))
    return replace(sidecar, rows=())


def _cut_scenes(task: Task, spool: Spool) -> Tally:
    tally = Tally()
    for planned in task.scenes:
        mark = spool.end
        try:
            _cut_scene(task, planned, spool, tally)
        except RasterError as error:
            spool.rewind(mark)
            message = str(error).replace(f"{task.job.root}/", "")
            tally.fail(planned.scene, error.reason, planned.samples, message)
    return tally


def _cut_scene(task: Task, planned: PlannedScene, spool: Spool, tally: Tally) -> None:
    """Add a scene's tiles and drops to the tally once all of it went well."""
    records: list[Record] = []
    drops: list[Drop] = []
    histograms: dict[Modality, Histogram] = {}
    for item in cut(planned.scene, task.job.root, task.job.recipe):
        if isinstance(item, Drop):
            drops.append(item)
        else:
            records.append(_record(task, planned.scene, item, spool, histograms))
    if len(records) + len(drops) != planned.samples:
        found = f"{len(records) + len(drops)} samples where its header promised {planned.samples}"
        raise BuildError(f"{planned.scene.source}: scene {planned.scene.name} gave {found}; {_CHANGED}")
    tally.records += records
    tally.skipped.update(drop.reason for drop in drops if drop.fate == "skipped")
    failures = Counter((drop.reason, drop.detail) for drop in drops if drop.fate == "failed")
    for (reason, detail), samples in failures.items():
        tally.fail(planned.scene, reason, samples, detail.replace(f"{task.job.root}/", ""))
    for modality, histogram in histograms.items():
        _count(tally.histograms, modality, histogram)


def _record(task: Task, scene: Scene, tile: Tile, spool: Spool, histograms: dict[Modality, Histogram]) -> Record:
    key = sample_key(scene.source, scene.split, scene.name, tile.window.row, tile.window.col)
    columns: dict[str, Any] = {}
    images: list[tuple[Modality, bytes]] = []
    for modality in modalities(scene.kind):
        short, pixels, valid = MEMBER[modality], tile.images[modality], tile.valid[modality]
        data = encode(pixels, task.job.codec, tile.crs, tile.transform)
        if task.job.codec == "jpeg":
            pixels = decode(data, task.job.codec)
        _count(histograms, modality, Histogram.of(pixels, valid))
        images.append((modality, data))
        columns |= {
            f"{short}_length": len(data),
            f"{short}_xxh3": xxhash.xxh3_64_hexdigest(data),
            f"{short}_pixel_hash": pixel_hash(pixels),
            f"{short}_valid": float(np.float32(valid.mean())),
        }
    row = _row(task, scene, tile, key, columns)
    meta = spool.add(_meta(row, tile))
    return Record(row, meta, tuple((modality, spool.add(data)) for modality, data in images))


def _count(histograms: dict[Modality, Histogram], modality: Modality, more: Histogram) -> None:
    histograms[modality] = histograms[modality] + more if modality in histograms else more


def _row(task: Task, scene: Scene, tile: Tile, key: str, columns: Mapping[str, Any]) -> Sample:
    row = Sample(
        key=key,
        source=scene.source,
        split=scene.split,
        role=task.role,
        kind=task.kind,
        shard=task.path,
        scene=scene.name,
        row=tile.window.row,
        col=tile.window.col,
        height=tile.window.height,
        width=tile.window.width,
        gsd=tile.gsd,
        crs=tile.crs,
        transform=tile.transform,
        lon=tile.lon,
        lat=tile.lat,
        flags=tile.flags,
        labels=tile.labels,
        recipe=task.job.recipe.name,
        archive=scene.archive,
        member=scene.files,
        licence=task.job.licence,
    )
    return replace(row, **columns)


def _meta(row: Sample, tile: Tile) -> bytes:
    """Return meta.json: facts of the row, and the scale of the radiometry."""
    plain = meta_facts(row) | {"scale": {name: list(values) for name, values in tile.scale.items()}}
    return (json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False) + "\n").encode()


def _publish(task: Task, tally: Tally, spool: Spool, store: Store) -> Sidecar:
    """Write, check and publish the tar, unless no sample is left or the same bytes stand there already."""
    rows: list[Sample] = []
    size, digest = 0, ""
    if tally.records:
        scratch = store.scratch(task.path)
        try:
            write_shard(scratch, tally.records, spool, task.job.codec)
            rows = check_shard(scratch, tally.records, spool, task.job.codec)
            size, digest = scratch.stat().st_size, sha256_of(scratch)
            if digest != task.standing:
                _forget_catalogue(task, store)
                store.publish(scratch, task.path)
        finally:
            scratch.unlink(missing_ok=True)
    elif task.standing is not None:
        _forget_catalogue(task, store)
        store.delete(task.path)
    return _sidecar(task, tally, rows, size, digest)


def _forget_catalogue(task: Task, store: Store) -> None:
    """Delete the catalogue before a shard that it may describe is replaced; the build writes a new one at its end."""
    if task.standing:
        store.delete(CATALOGUE)


def _sidecar(task: Task, tally: Tally, rows: list[Sample], size: int, digest: str) -> Sidecar:
    measured = {planned.scene.name: planned.bytes or 0 for planned in task.scenes}
    kept = {name: measured[name] for name in tally.failed_scenes} | dict(task.assumed)
    return Sidecar(
        source=task.job.source,
        split=task.split,
        role=task.role,
        kind=task.kind,
        path=task.path,
        samples=len(rows),
        bytes=size,
        sha256=digest,
        settings=task.job.settings,
        fingerprint=task.fingerprint,
        planned=task.samples,
        skipped=dict(sorted(tally.skipped.items())),
        failed=dict(sorted(tally.failed.items())),
        failures=tally.lines(),
        inputs=task.inputs,
        histograms=tally.histograms,
        rows=tuple(rows),
        estimates=dict(sorted(kept.items())),
        recipe=task.job.recipe.as_dict(),
    )


_CHANGED = "it changed while building: run the same command again"
