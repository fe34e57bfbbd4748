"""A dataset as a reader sees it: its catalogue, the shards in use and their rows."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from manifests import (
    CATALOGUE,
    MANIFESTS,
    Catalogue,
    Modality,
    ObjectMissing,
    Role,
    Shard,
    Store,
    modalities,
    open_store,
    read_catalogue,
)
from osloader.errors import ConfigError
from osloader.pattern import split_pattern
from osloader.rows import Rows


@dataclass(frozen=True, slots=True)
class Dataset:
    """An open dataset. `shards` are those in use, none of them empty, in the order of the catalogue."""

    store: Store
    catalogue: Catalogue
    shards: tuple[Shard, ...]
    rows: Rows

    @property
    def url(self) -> str:
        """Return the root."""
        return self.store.url

    @property
    def fingerprint(self) -> str:
        """Return 16 hex that change with the shards in use or their bytes."""
        text = "\n".join(f"{shard.path} {shard.sha256}" for shard in self.shards)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def bands(self, modality: Modality) -> int | None:
        """Return the band count of a modality, None when no shard in use has it.

        Raises ConfigError when the catalogue says nothing, the pixels are not uint8, or the sources differ.
        """
        records = {(r.source, r.split): r for r in self.catalogue.statistics if r.modality == modality}
        counts: dict[str, int] = {}
        for shard in self.shards:
            if modality not in modalities(shard.kind):
                continue
            record = records.get((shard.source, shard.split))
            if record is None or record.dtype != "uint8":
                fault = "no statistics" if record is None else f"pixels are {record.dtype}, not uint8"
                raise ConfigError(
                    f"{self.url}: {modality} of {shard.source} {shard.split}: {fault}; build it again or leave it out"
                )
            counts[shard.source] = record.bands
        if len(set(counts.values())) > 1:
            found = ", ".join(f"{source} has {bands}" for source, bands in sorted(counts.items()))
            raise ConfigError(
                f"{self.url}: {modality} images with different numbers of bands ({found}); name shards of like sources"
            )
        return next(iter(counts.values()), None)


def open_dataset(url: str | Path, role: Role = "pretrain") -> Dataset:
    """Open a root (folder, `http(s)://`, `s3://`) or a shard pattern below one, keeping the shards of one role.

    A pattern is the URL of a tar with brace ranges and lists: `http://host/root/shards/a/a-train-{000000..000003}.tar`,
    `s3://bucket/root/shards/{a/a-train-000000,b/b-train-000001}.tar`. Its catalogue is looked for above `shards/`.
    Raises ConfigError for a name that the catalogue does not know, or when nothing is left to read.
    """
    root, names = split_pattern(str(url))
    store = open_store(root)
    try:
        catalogue = read_catalogue(store)
    except ObjectMissing as error:
        if names is None:
            raise
        raise ConfigError(
            f"{store.url}: no {CATALOGUE} above these shards; tars without one need an index, which this version "
            "cannot make (a later one will: `osloader index`)"
        ) from error
    shards = catalogue.shards if names is None else _named(catalogue, names, store.url, role)
    used = tuple(shard for shard in shards if shard.role == role and shard.samples)
    if not used:
        raise ConfigError(f"{url}: no samples of role {role} there; build some with `osprep build`, or mend the URL")
    return Dataset(store, catalogue, used, Rows(store, {MANIFESTS[shard.kind] for shard in used}))


def _named(catalogue: Catalogue, names: tuple[str, ...], root: str, role: Role) -> tuple[Shard, ...]:
    known = {shard.path: shard for shard in catalogue.shards}
    if unknown := [name for name in names if name not in known]:
        some = ", ".join(list(known)[:8]) + (f" … ({len(known):,} in all)" if len(known) > 8 else "")
        raise ConfigError(f"{root}: no shard {unknown[0]}; known are {some}")
    for name in names:
        if known[name].role != role:
            raise ConfigError(f"{root}: shard {name} has role {known[name].role}, not {role}; name others")
    wanted = set(names)
    return tuple(shard for shard in catalogue.shards if shard.path in wanted)
