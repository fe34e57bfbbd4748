"""Frozen dataclasses from parsed YAML, strictly."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def build(cls: type[T], raw: Any, where: str, error: type[Exception]) -> T:
    """Build a frozen dataclass from parsed YAML, strictly: unknown keys, missing keys and wrong types are errors.

    Nested dataclasses, tuples, mappings, literals and optionals are followed. An int is taken for a float.
    """
    if not isinstance(raw, Mapping):
        raise error(f"{where}: expected keys and values, found {type(raw).__name__}")
    known = {f.name: f for f in fields(cls)}  # type: ignore[arg-type]
    if unknown := [str(key) for key in raw if key not in known]:
        raise error(f"{where}: unknown key {unknown[0]!r}; known are {', '.join(known)}")
    needed = [n for n, f in known.items() if f.default is MISSING and f.default_factory is MISSING]
    if missing := [name for name in needed if name not in raw]:
        raise error(f"{where}: key {missing[0]!r} is missing")
    hints = get_type_hints(cls)
    return cls(**{name: _value(hints[name], value, f"{where}: {name}", error) for name, value in raw.items()})


def _value(hint: Any, value: Any, where: str, error: type[Exception]) -> Any:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        if value is None and type(None) in inner:
            return None
        return _value(next(arm for arm in inner if arm is not type(None)), value, where, error)
    if origin is Literal:
        if value not in inner:
            raise error(f"{where}: {value!r} is not one of {', '.join(map(str, inner))}")
        return value
    if origin is tuple and isinstance(value, (list, tuple)):
        return tuple(_value(inner[0], item, f"{where}[{index}]", error) for index, item in enumerate(value))
    if origin is not None and origin is not tuple and isinstance(value, Mapping):
        return {str(key): _value(inner[1], item, f"{where}.{key}", error) for key, item in value.items()}
    if is_dataclass(hint) and isinstance(hint, type):
        return build(hint, value, where, error)
    if hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if hint is Any or (
        isinstance(hint, type) and isinstance(value, hint) and (hint is bool or not isinstance(value, bool))
    ):
        return value
    raise error(f"{where}: {value!r} is not {getattr(hint, '__name__', hint)}")
