"""What a shard was made from, and whether finished work still fits it."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from manifests import Input, Sidecar
from osprep.errors import FingerprintMismatch

Decision = Literal["build", "reuse"]
ANOTHER_ROOT = "a dataset is never rebuilt in place: build into another --out, or go back to what it was"


def digest(value: Any) -> str:
    """Return 16 hex of the SHA-256 of a value's canonical JSON; dataclasses and mappings count by their contents."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def settings_text(parts: Mapping[str, object]) -> str:
    """Return `name=value` parts in one line, sorted, so that a difference can be named. No value holds a space."""
    return " ".join(f"{name}={value}" for name, value in sorted(parts.items()))


def read_settings(text: str) -> dict[str, str]:
    """Return the parts of what settings_text wrote."""
    return dict(part.partition("=")[::2] for part in text.split())


def task_fingerprint(path: str, settings: str, inputs: Sequence[Input]) -> str:
    """Return 32 hex of SHA-256 over a task's path, its settings, and the relative paths and sizes of its raw files."""
    files = "\n".join(f"{file.path}\0{file.bytes}" for file in inputs)
    return hashlib.sha256(f"{path}\n{settings}\n{files}".encode()).hexdigest()[:32]


def check_settings(settings: str, recipe: Mapping[str, Any], sidecar: Sidecar, where: str) -> None:
    """Raise FingerprintMismatch, naming what differs, when finished work was made with other settings.

    `recipe` is the one that is digested in the settings, so that its differing keys can be named.
    """
    if settings == sidecar.settings:
        return
    old, new = read_settings(sidecar.settings), read_settings(settings)
    if old.get("recipe") != new.get("recipe"):
        old |= _leaves(sidecar.recipe, "recipe")
        new |= _leaves(json.loads(json.dumps(recipe)), "recipe")
        old.pop("recipe"), new.pop("recipe")
    differing = [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
    words = ", ".join(f"{name} (was {old.get(name, 'absent')}, is {new.get(name, 'absent')})" for name in differing)
    raise FingerprintMismatch(f"{where}: made with another {words}; {ANOTHER_ROOT}")


def decide(inputs: Sequence[Input], sidecar: Sidecar | None, tar_bytes: int | None, where: str) -> Decision:
    """Tell whether a task has to run, given its sidecar and the size of its tar (None where there is none).

    Finished work without failures is reused. With failures it is tried again, whether or not files changed since.
    Raises FingerprintMismatch, naming a file, when raw files of a task without failures changed.
    """
    if sidecar is None or sidecar.failed:
        return "build"
    if changed := changed_file(inputs, sidecar.inputs):
        raise FingerprintMismatch(f"{where}: {changed} since it was built; {ANOTHER_ROOT}")
    return "reuse" if (tar_bytes or 0) == sidecar.bytes else "build"


def changed_file(now: Sequence[Input], then: Sequence[Input]) -> str | None:
    """Return what happened to the first raw file that differs, in words, or None when none does."""
    new, old = ({file.path: file.bytes for file in files} for files in (now, then))
    for path in sorted(new.keys() | old.keys()):
        if path not in old:
            return f"raw file {path} was added"
        if path not in new:
            return f"raw file {path} was removed"
        if new[path] != old[path]:
            return f"raw file {path} changed from {old[path]} to {new[path]} bytes"
    return None


def _leaves(value: Any, name: str) -> dict[str, str]:
    """Return the values of nested mappings as text, by dotted name."""
    if not isinstance(value, Mapping):
        return {name: json.dumps(value)}
    return {key: text for inner, item in value.items() for key, text in _leaves(item, f"{name}.{inner}").items()}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no canonical JSON")
