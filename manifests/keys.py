"""Names of samples: the slug of a scene and the key of a sample."""

import hashlib
import re

from manifests.errors import KeyFormatError

KEY_BYTES = 88  # a member name is `<key>.meta.json`; USTAR keeps names of up to 100 bytes in one field
SLUG_CHARACTERS = 48
_KEY = re.compile(r"[a-z0-9][a-z0-9_-]*")
_SPLIT = re.compile(r"[a-z0-9_]{1,10}")


def slug(scene: str) -> str:
    """Return the scene's name if it already is a slug, else a cleaned one that ends in 8 hex of its sha256.

    Lower case, `[a-z0-9_-]`, at most 48 characters. Two scenes with one cleaned name keep different slugs.
    """
    if len(scene) <= SLUG_CHARACTERS and _KEY.fullmatch(scene):
        return scene
    digest = hashlib.sha256(scene.encode()).hexdigest()[:8]
    clean = re.sub(r"[^a-z0-9_-]+", "-", scene.lower()).strip("-_")
    head = clean[: SLUG_CHARACTERS - 9].rstrip("-_")
    return f"{head}-{digest}" if head else digest


def sample_key(source: str, split: str, scene: str, row: int, col: int) -> str:
    """Return `<source>-<split>-<slug>-r<row>c<col>`; row and col are the top-left pixel in the scene.

    Raises KeyFormatError when a part is malformed or the key exceeds 88 bytes.
    """
    if not _SPLIT.fullmatch(split):
        raise KeyFormatError(f"split {split!r} of source {source}: use 1-10 characters of a-z, 0-9 and _")
    return check_key(f"{source}-{split}-{slug(scene)}-r{row}c{col}")


def check_key(key: str) -> str:
    """Return the key unchanged, or raise KeyFormatError when it breaks the rules of the dataset."""
    if not _KEY.fullmatch(key):
        raise KeyFormatError(f"key {key!r}: only a-z, 0-9, _ and - are allowed, and it starts with a letter or digit")
    if len(key) > KEY_BYTES:
        raise KeyFormatError(f"key {key!r} has {len(key)} bytes, the limit is {KEY_BYTES}; shorten the source's id")
    return key
