"""Where settings come from: flag > environment > YAML file > default, of the preset first.

    resolve(["data=s3://bucket/ospretrain", "out=run", "preset=base", "model.depth=12"], Path("recipe.yaml"))

The environment's names are the keys with a prefix: CODEMAE_BATCH=256. Keys of a mapping are written with a dot as a
flag (`weights.fair1m=0.5`), nested in YAML, and as `{fair1m: 0.5}` in the environment.
"""

import difflib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import yaml

from codemae.config import DEFAULT_EPOCHS, TrainConfig
from codemae.errors import ConfigError
from codemae.model import ModelConfig
from manifests import build

PREFIX = "CODEMAE_"
# Two ways to say one thing: whichever was said last, in the order of precedence, counts.
EITHER = (("steps", "epochs"), ("warmup_steps", "warmup_epochs"))
# Defaults of a preset. The published rate is for batches of 1,024 pairs, far from what a CPU trains tiny with.
RECIPES: dict[str, dict[str, Any]] = {"tiny": {"base_lr": 4e-3}}
_HINTS: dict[str, Any] = get_type_hints(TrainConfig)
_MODEL_HINTS: dict[str, Any] = get_type_hints(ModelConfig)


def resolve(
    overrides: Sequence[str] = (), file: Path | None = None, env: Mapping[str, str] | None = None
) -> TrainConfig:
    """Return the settings of `key=value` texts, over the environment (default: the process's), over a YAML file.

    Raises ConfigError that names the place, the key and the nearest known one, for an unknown key or a wrong type.
    """
    merged: dict[str, Any] = {}
    for where, layer in (*_from_file(file), *_from_environment(os.environ if env is None else env)):
        merged = _over(merged, _checked(where, layer))
    flags: dict[str, Any] = {}
    for text in overrides:
        flags = _merge(flags, _checked(text, _from_flag(text)))
    merged = _over(merged, flags)
    for name in ("data", "out"):
        if not merged.get(name):
            raise ConfigError(f"{name} is missing; give --{name} or {name}=…")
    recipe = RECIPES.get(merged.get("preset", TrainConfig.preset), {})
    if merged.get("steps") is None:
        recipe = recipe | {"epochs": DEFAULT_EPOCHS}
    config = build(TrainConfig, recipe | merged, "configuration", ConfigError)
    config.model_config()
    return config


def _over(below: dict[str, Any], layer: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one source of settings over those of less precedence."""
    kept = dict(below)
    for pair in EITHER:
        said = [name for name in pair if layer.get(name) is not None]
        if len(said) > 1:
            raise ConfigError(f"{' and '.join(pair)} are both given; give one of them")
        if said:
            kept = {name: value for name, value in kept.items() if name not in pair}
    return _merge(kept, layer)


def _merge(below: Mapping[str, Any], layer: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for name, value in layer.items():
        merged[name] = {**merged.get(name, {}), **value} if isinstance(value, Mapping) else value
    return merged


def _checked(where: str, layer: dict[str, Any]) -> dict[str, Any]:
    """Return a layer after checking its keys and the type of each value by itself."""
    _known(where, layer, _HINTS)
    build(TrainConfig, {"data": "", "out": ""} | layer, where, ConfigError)
    _known(where, layer.get("model", {}), _MODEL_HINTS, "model.")
    return layer


def _known(where: str, names: Iterable[str], known: Iterable[str], prefix: str = "") -> None:
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0)
            raise ConfigError(f"{where}: unknown key {prefix}{name}; the nearest known one is {prefix}{near[0]}")


def _from_file(file: Path | None) -> list[tuple[str, dict[str, Any]]]:
    if file is None:
        return []
    try:
        raw = yaml.safe_load(file.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read ({error}); check the path") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{file}: not YAML ({' '.join(str(error).split())}); mend it") from error
    if raw is not None and not isinstance(raw, dict):
        raise ConfigError(f"{file}: expected keys and values, found {type(raw).__name__}")
    layer = {str(name): _fit(value, _HINTS.get(str(name))) for name, value in (raw or {}).items()}
    return [(str(file), layer)]


def _from_environment(env: Mapping[str, str]) -> list[tuple[str, dict[str, Any]]]:
    """Return one layer, of all variables, so that none of them stands above another."""
    names = sorted(name for name in env if name.startswith(PREFIX))
    layer: dict[str, Any] = {}
    for name in names:
        layer |= _checked(name, _entry(name.removeprefix(PREFIX).lower(), env[name], name))
    return [("environment", layer)]


def _from_flag(text: str) -> dict[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"{text}: expected key=value, for example batch=64")
    return _entry(name.strip(), value, text)


def _entry(name: str, text: str, where: str) -> dict[str, Any]:
    """Return {key: value} of a text; `model.depth` is a key inside a mapping."""
    outer, dot, inner = name.partition(".")
    if dot and get_origin(_HINTS.get(outer)) is Mapping:
        return {outer: {inner: _read(text, _MODEL_HINTS.get(inner) if outer == "model" else float, where)}}
    return {name: _read(text, _HINTS.get(name), where)}


def _read(text: str, hint: Any, where: str) -> Any:
    text = text.strip()
    if str in _arms(hint) and text not in ("null", ""):
        return text
    try:
        return _fit(yaml.safe_load(text), hint)
    except yaml.YAMLError as error:
        raise ConfigError(f"{where}: not a value ({' '.join(str(error).split())}); mend it") from error


def _fit(value: Any, hint: Any) -> Any:
    """Take `1e-4` for the number that YAML 1.1 does not see in it, and `0.9,0.95` for a list."""
    if get_origin(hint) is tuple:
        parts = value.split(",") if isinstance(value, str) else value
        parts = parts if isinstance(parts, list) else [parts]
        return [_fit(part.strip() if isinstance(part, str) else part, get_args(hint)[0]) for part in parts]
    if float in _arms(hint) and isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _arms(hint: Any) -> tuple[Any, ...]:
    """Return the types that a value may have."""
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
