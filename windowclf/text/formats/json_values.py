"""The JSON object of a line of jsonl, and what any of its values is called in messages."""

from __future__ import annotations

import json
import math
from collections import Counter
from datetime import date, time
from typing import Any, TypeAlias

from windowclf.errors import quoted
from windowclf.text.formats.lines import Input

Json: TypeAlias = dict[str, Any]

DEEPEST = 100  # lists and objects within each other
LONGEST_NUMBER = 1000  # digits


def parse(text: str, line: int, source: Input) -> Json | None:
    """The JSON object of a line; None, and a fault, where it is none or cannot be written again."""
    value = parse_any(text, line, source, "a JSON object")
    if value is None or isinstance(value, dict):
        return value
    source.fault(line, f"expected a JSON object, found {kind(value)}: {quoted(text)}.")
    return None


def parse_any(text: str, line: int, source: Input, expected: str) -> Any:
    """The JSON value of a text; None, and a fault, where it is none or cannot be written again.

    Also for null. `expected` is what messages say that it should be.
    """
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=_finite,
            parse_int=_short,
            parse_constant=_refuse,
        )
        if text.count("[") + text.count("{") > DEEPEST and _depth(value) > DEEPEST:
            raise RecursionError
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        found = f"{error.msg[0].lower()}{error.msg[1:]} at character {error.pos + 1}"
        source.fault(line, f"expected {expected}, found an error ({found}): {quoted(text)}.")
    except UnicodeEncodeError:
        source.fault(line, "expected text, found half a surrogate pair (\\ud800 to \\udfff).")
    except RecursionError:
        source.fault(line, f"expected {expected}, found one that is nested too deeply.")
    except ValueError as error:
        source.fault(line, f"expected {expected}, found {error}.")
    else:
        if value is None:
            source.fault(line, f"expected {expected}, found null: {quoted(text)}.")
        return value
    return None


def _object(pairs: list[tuple[str, Any]]) -> Json:
    """A JSON object from its keys and values. Raises ValueError where a key stands twice."""
    value = dict(pairs)
    if len(value) != len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise ValueError(f"the key {quoted(twice)} twice")
    return value


def _finite(text: str) -> float:
    """A JSON number with a fraction or exponent. Raises ValueError for one beyond all floats."""
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"the number {quoted(text)}, which is too large")
    return value


def _short(text: str) -> int:
    """A whole JSON number. Raises ValueError for one with too many digits."""
    if len(text) > LONGEST_NUMBER:
        raise ValueError(f"a number of {len(text)} digits")
    return int(text)


def _refuse(text: str) -> float:
    """Raise ValueError for NaN, Infinity or -Infinity, which json would read as numbers."""
    raise ValueError(f"{text}, which is no JSON")


def _depth(value: object) -> int:
    """How many lists and objects lie within each other in a JSON value."""
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, list | dict)]:
        depth += 1
        parts = (item.values() if isinstance(item, dict) else item for item in level)
        level = [part for group in parts for part in group]
    return depth


def in_json(value: Any, lost: Counter[str]) -> Any:
    """A value as JSON has it: dates and the like as text, null for what is no text either.

    `lost` counts that.
    """
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            if math.isfinite(value):
                return value
            lost["NaN or Infinity"] += 1
            return None
        case dict():
            return {str(key): in_json(each, lost) for key, each in value.items()}
        case list() | tuple():
            return [in_json(each, lost) for each in value]
        case bytes():
            try:
                return value.decode("utf-8")
            except UnicodeDecodeError:
                lost["bytes that are no UTF-8"] += 1
                return None
        case date() | time():
            return value.isoformat()
    return str(value)


def kind(value: object) -> str:
    """What a JSON value is, for messages."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return f"the string {quoted(value)}"
        case int() | float():
            return f"the number {value}"
        case list():
            return "a list"
        case _:
            return "an object"
