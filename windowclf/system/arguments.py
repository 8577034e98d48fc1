"""Arguments of another kind than a function's annotations say: one TypeError that names them."""

from __future__ import annotations

import functools
import inspect
import os
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, Literal, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

P = ParamSpec("P")
R = TypeVar("R")
_NUMBERS: dict[Any, type] = {int: Integral, float: Real}  # NumPy's are numbers too


def checked_arguments(function: Callable[P, R]) -> Callable[P, R]:
    """The function, after a look at each argument. Raises TypeError for one of another kind.

    Lists are looked into, what can be read only once is not.
    """
    signature = inspect.signature(function)
    hints = functools.cache(lambda: get_type_hints(function))

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        """The function itself, called with arguments that it takes."""
        given = signature.bind(*args, **kwargs).arguments
        check_kinds(given, hints())
        return function(*args, **kwargs)

    return checked


def check_kinds(given: Mapping[str, object], hints: Mapping[str, Any]) -> None:
    """Raise TypeError for the first value, by name, that is not as its type hint says."""
    for name, value in given.items():
        if name not in hints:
            continue
        if not _is_a(value, hints[name]):
            raise TypeError(f"{name}: expected {_named(hints[name])}, found {_found(value)}.")
        if isinstance(value, str) and not _is_name(value):
            raise TypeError(
                f"{name}: expected text that can be a file's name, found {value!a:.40}."
            )


def _is_a(value: object, hint: Any) -> bool:
    """Whether a value is of the kind that a type hint says."""
    origin, inside = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return any(_is_a(value, each) for each in inside)
    if origin is Literal:  # which one is for the function to say
        return type(value) in map(type, inside)
    if hint is Any:
        return True
    if hint is None or hint is type(None):
        return value is None
    if hint in _NUMBERS:
        return isinstance(value, _NUMBERS[hint]) and not isinstance(value, bool)
    if origin is None:
        return isinstance(value, hint)
    if not isinstance(value, origin) or isinstance(value, str | bytes):
        return False
    if origin is Mapping:
        return all(_is_a(each, inside[1]) for each in value.values())
    return origin is not Sequence or all(_is_a(each, inside[0]) for each in value)


def _is_name(text: str) -> bool:
    """Whether the system could have a file of this name."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def _found(value: object) -> str:
    """What a value is that was not expected, as a message shows it."""
    if isinstance(value, list):
        return f"a list with other things: {value!r:.40}"
    if isinstance(value, Mapping):
        return f"a mapping with other things: {value!r:.40}"
    return type(value).__name__


def _named(hint: Any) -> str:
    """A type hint as a message shows it."""
    origin, inside = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(map(_named, inside)))
    if origin is Literal:
        return " or ".join(map(repr, inside))
    if origin in (Sequence, Iterable):
        return f"a list of {_named(inside[0])}"
    if origin is Mapping:
        return f"a mapping to {_named(inside[1])}"
    name = getattr(origin or hint, "__name__", str(hint))
    return "None" if name == "NoneType" else str(name)
