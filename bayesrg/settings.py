"""Strict settings: frozen dataclasses that check their own types, to and from plain dictionaries (TOML, JSON)."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from bayesrg.errors import SettingsError

_PLAIN_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", type(None): "nothing"}


def from_dict[T](kind: type[T], mapping: Mapping[str, Any]) -> T:
    """Build the settings dataclass ``kind`` from a mapping such as a parsed TOML file.

    Parameters
    ----------
    kind
        A dataclass whose ``__post_init__`` calls `check_types`; nested dataclasses are sections (nested mappings).
    mapping
        Keys are field names; fields that are left out keep their defaults.

    Raises
    ------
    SettingsError
        For an unknown key (its nearest neighbour and all valid keys are named), a missing key that has no default,
        a value of the wrong type, or a value that the dataclass refuses.
    """
    known = {field.name: field for field in _fields(kind)}
    for key in mapping:
        if key not in known:
            raise SettingsError(_unknown_key_message(str(key), kind, list(known)))
    missing = [name for name, field in known.items() if name not in mapping and not _has_default(field)]
    if missing:
        raise SettingsError(f"{_place(kind, missing[0])} is missing and has no default; add it.")
    return kind(**mapping)


def to_dict(settings: Any) -> dict[str, Any]:
    """Return settings as nested plain dictionaries and lists that `from_dict` turns back into equal settings.

    Fields that are None are left out, because TOML has no null; such a field must therefore default to None.

    Raises
    ------
    TypeError
        Where a None could not be restored because the field's default is something else.
    """
    plain = {}
    for field in _fields(type(settings)):
        value = getattr(settings, field.name)
        if value is None and field.default is not None:
            raise TypeError(f"{type(settings).__name__}.{field.name} may be None, so None must be its default")
        if value is not None:
            plain[field.name] = _to_plain(value)
    return plain


def check_types(settings: Any) -> None:
    """Check every field of a frozen settings dataclass against its annotation; call it first in ``__post_init__``.

    Harmless forms are brought into the annotated one: a list becomes a tuple, a whole number a float where a float is
    due, a NumPy scalar a Python number, a mapping the nested dataclass of that field. Nothing else is converted: text
    is never read as a number, nor 1 as true.

    Raises
    ------
    SettingsError
        Naming section and field, what was expected and what was found.
    """
    kind = type(settings)
    hints = _hints(kind)
    for field in _fields(kind):
        value = getattr(settings, field.name)
        object.__setattr__(settings, field.name, _convert(hints[field.name], value, _place(kind, field.name)))


def check_that(condition: bool, settings: Any, field: str, expected: str) -> None:
    """Raise a SettingsError that names section, field, expectation and value unless ``condition`` holds."""
    if not condition:
        raise SettingsError(f"{_place(type(settings), field)} must be {expected}; found {getattr(settings, field)!r}.")


def _convert(annotation: Any, value: Any, place: str) -> Any:
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        return _convert_union(annotation, value, place)
    if origin is Literal:
        if any(value == choice and type(value) is type(choice) for choice in get_args(annotation)):
            return value
        nearest = get_close_matches(str(value), [str(choice) for choice in get_args(annotation)], n=1, cutoff=0.5)
        hint = f' (did you mean "{nearest[0]}"?)' if nearest else ""
        raise SettingsError(f"{place} must be {_describe(annotation)}; found {value!r}{hint}.")
    if origin is tuple:
        return _convert_tuple(annotation, value, place)
    if is_dataclass(annotation) and isinstance(annotation, type):
        if isinstance(value, Mapping):
            return from_dict(annotation, value)
        if isinstance(value, annotation):
            return value
    elif annotation is bool and isinstance(value, bool | np.bool_):
        return bool(value)
    elif annotation is int and isinstance(value, int | np.integer) and not isinstance(value, bool):
        return int(value)
    elif annotation is float and isinstance(value, int | float | np.number) and not isinstance(value, bool):
        return float(value)
    elif annotation is str and isinstance(value, str):
        return value
    elif annotation is type(None) and value is None:
        return None
    raise SettingsError(f"{place} must be {_describe(annotation)}; found {value!r}.")


def _convert_union(annotation: Any, value: Any, place: str) -> Any:
    members = [member for member in get_args(annotation) if member is not type(None)]
    if value is None and len(members) < len(get_args(annotation)):
        return None
    if len(members) == 1:
        return _convert(members[0], value, place)
    for member in members:
        try:
            return _convert(member, value, place)
        except SettingsError:
            continue
    raise SettingsError(f"{place} must be {_describe(annotation)}; found {value!r}.")


def _convert_tuple(annotation: Any, value: Any, place: str) -> tuple[Any, ...]:
    items = get_args(annotation)
    any_length = len(items) == 2 and items[1] is Ellipsis
    if not isinstance(value, list | tuple | np.ndarray) or (not any_length and len(value) != len(items)):
        raise SettingsError(f"{place} must be {_describe(annotation)}; found {value!r}.")
    kinds = [items[0]] * len(value) if any_length else items
    return tuple(_convert(kind, item, f"{place}[{k}]") for k, (kind, item) in enumerate(zip(kinds, value, strict=True)))


def _describe(annotation: Any) -> str:
    origin = get_origin(annotation)
    items = get_args(annotation)
    if origin in (Union, types.UnionType):
        return " or ".join(_describe(item) for item in items if item is not type(None))
    if origin is Literal:
        return " or ".join(f'"{item}"' if isinstance(item, str) else repr(item) for item in items)
    if origin is tuple:
        if items[-1] is Ellipsis:
            return f"a list of items, each {_describe(items[0])}"
        return f"a list of {len(items)} items, each {_describe(items[0])}"
    return _PLAIN_NAMES.get(annotation, f"a {_section(annotation)} section")


def _unknown_key_message(key: str, kind: type, valid: list[str]) -> str:
    nearest = get_close_matches(key, valid, n=1, cutoff=0.5)
    hint = f"did you mean {nearest[0]!r}? " if nearest else ""
    return f"{_place(kind, key)} is not a setting: {hint}Valid keys here: {', '.join(valid)}."


def _section(kind: type) -> str:
    """Return the name of the TOML section that a dataclass describes; empty for a whole file (``...Settings``)."""
    return "" if kind.__name__.endswith("Settings") else re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


def _place(kind: type, field: str) -> str:
    return f"[{_section(kind)}] {field}" if _section(kind) else f"[{field}]"


def _to_plain(value: Any) -> Any:
    if is_dataclass(value):
        return to_dict(value)
    if isinstance(value, tuple):
        return [_to_plain(item) for item in value]
    return value


def _has_default(field: Field) -> bool:
    return field.default is not MISSING or field.default_factory is not MISSING


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _fields(kind: type) -> tuple[Field, ...]:
    return fields(kind)  # pyright: ignore[reportArgumentType] -- every kind given here is a dataclass
