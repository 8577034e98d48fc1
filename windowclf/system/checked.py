"""From JSON that nobody vouches for to dataclasses: every key known, every value of its type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

Built = TypeVar("Built")


def build(cls: type[Built], given: Any, name: str, whole: bool = False, **made: Any) -> Built:
    """An instance of the dataclass `cls` from the JSON object `given`; `made` fields are taken.

    Fields with a default may be missing, as in files from before they were added, unless `whole`.
    Lists become tuples; a boolean is no int and an int no float. Raises ValueError with the path
    of what is wrong, which begins with `name`, that of the object.
    """
    if type(given) is not dict:
        raise ValueError(f"{name} is no object")
    hints = get_type_hints(cls)
    required = {
        f.name
        for f in fields(cls)  # type: ignore[arg-type]  # any dataclass
        if whole or (f.default is MISSING and f.default_factory is MISSING)
    }
    if unknown := given.keys() - (hints.keys() - made.keys()):
        raise ValueError(f"{name} has an unknown key {min(unknown)!r:.40}")
    if missing := required - given.keys() - made.keys():
        raise ValueError(f"{name} lacks {min(missing)}")
    values = {key: _checked(hints[key], value, f"{name}.{key}") for key, value in given.items()}
    return cls(**values, **made)


def in_range(value: float, low: float, high: float, name: str) -> None:
    """Raise ValueError unless low <= value <= high."""
    if not low <= value <= high:
        raise ValueError(f"{name} is {value!r:.40}, expected {low} to {high}")


def _checked(hint: Any, value: Any, name: str) -> Any:
    """`value` if it is of the annotated type `hint`, a list as a tuple. Raises ValueError."""
    kind, inner = get_origin(hint), get_args(hint)
    if kind in (Union, UnionType):
        return _one_of(inner, value, name)
    if kind is Literal and any(type(value) is type(one) and value == one for one in inner):
        return value
    if kind is tuple and type(value) is list:
        return tuple([_checked(inner[0], item, name) for item in value])
    if kind is not None and kind is not tuple and isinstance(kind, type) and type(value) is dict:
        if not issubclass(kind, Mapping):
            raise ValueError(f"{name} is an object")
        return {key: _checked(inner[1], item, f"{name}.{key:.40}") for key, item in value.items()}
    if hint is Any or (kind is None and type(value) is hint):
        return value
    raise ValueError(f"{name} cannot be {value!r:.40}")


def _one_of(hints: tuple[Any, ...], value: Any, name: str) -> Any:
    """`value` as the first type of a union that it is of. Raises ValueError for one of none."""
    for hint in hints:
        if hint is not NoneType or value is None:
            try:
                return _checked(hint, value, name)
            except ValueError:
                continue
    raise ValueError(f"{name} cannot be {value!r:.40}")
