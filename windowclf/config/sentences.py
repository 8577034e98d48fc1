"""Every fault of a config as a sentence: its path, what was expected, what was found."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from pydantic import ValidationError

from windowclf.config.run import default_features
from windowclf.config.schema import options, properties, schema
from windowclf.config.short_forms import as_written
from windowclf.errors import SHOWN_CHARACTERS, Fault, legible, quoted

LONGEST_SHOWN = 100  # characters of a value in a list of differences


def faults_of(error: ValidationError, tree: Any, name: str) -> list[Fault]:
    """One fault per sentence, each once, in the order of the keys; `name` is that of the config."""
    found: dict[str, Fault] = {}
    default = default_features(tree.get("task") if isinstance(tree, Mapping) else None)
    for path, group in groupby(error.errors(include_url=False), lambda f: _path(f, tree)):
        for sentence in _sentences_at(path, list(group), tree):
            sentence = as_written(sentence.replace("?.", "?"), tree, default)
            fault = Fault(sentence, name, key=_where(path) or None)
            found.setdefault(fault.sentence, fault)
    return list(found.values())


def _where(path: Sequence[str | int]) -> str:
    """A path of keys as messages write it: a.b.c."""
    return ".".join(legible(str(key)) for key in path)


def _path(fault: Any, tree: Any) -> list[str | int]:
    """The keys of a fault as they stand in the file: pydantic adds names of union branches."""
    path: list[str | int] = []
    here = tree
    location = fault["loc"]
    is_of_key = fault["type"] in ("missing", "extra_forbidden")
    for i, key in enumerate(location):
        if isinstance(here, Mapping) and key in here:
            path.append(key)
            here = here[key]
        elif isinstance(here, Sequence) and isinstance(key, int) and not isinstance(here, str):
            path.append(key)
            here = here[key] if key < len(here) else None
        elif i == len(location) - 1 and is_of_key:
            path.append(key)
    return path


def _sentences_at(path: list[str | int], faults: list[Any], tree: Any) -> Iterator[str]:
    """The sentences of all faults at one path; a value that fits none of several types is one."""
    if len(faults) > 1 and all(_expected(f["type"], f.get("ctx", {})) for f in faults):
        wanted = _or(list(dict.fromkeys(_expected(f["type"], f.get("ctx", {})) for f in faults)))
        found = faults[0]["input"]
        where = _where(path)
        yield f"{where}: expected {wanted}, found {described(found)}{_quote_it(found)}."
        return
    for fault in faults:
        yield from _sentences_of(fault, path, tree)


def _sentences_of(fault: Any, path: list[str | int], tree: Any) -> Iterator[str]:
    """What one of pydantic's faults becomes: a sentence, several, or none where others say it."""
    kind, found, context = fault["type"], fault.get("input"), fault.get("ctx", {})
    where = _where(path)
    if kind == "value_error":
        for sentence in str(context["error"]).splitlines():
            own = sentence.startswith(("features.", "model.", "data."))
            yield f"{sentence}." if own or not where else f"{where}: {sentence}."
    elif kind == "extra_forbidden":
        siblings = _known_keys(path[:-1], tree)
        yield f"{where}: unknown key{_nearest(str(path[-1]), siblings)}."
    elif kind == "missing":
        yield f"{where}: missing; {_description(path)}."
    elif kind == "too_short" and found:
        return  # what made it short has a sentence of its own
    elif kind == "union_tag_not_found":
        key = context["discriminator"].strip("'")
        yield f"{where}: missing the key {key}, which says what the others mean."
    elif kind in ("union_tag_invalid", "literal_error"):
        key = context.get("discriminator", "").strip("'")
        value = found.get(key) if key and isinstance(found, Mapping) else found
        names = re.findall(r"'([^']*)'|(\d+)", context.get("expected_tags") or context["expected"])
        choices = [text or number for text, number in names]
        at = f"{where}.{key}" if key and not where.endswith(f".{key}") else where
        yield (
            f"{at}: expected {_or(choices)}, found {described(value)}"
            f"{_quote_it(value) or _nearest(str(value), choices, shown=True)}."
        )
    else:
        wanted = _expected(kind, context) or "keys and values"
        if where in ("data.train", "data.dev", "data.replay", "data.test", "data.dictionary"):
            wanted = "a path, a glob or a list of them"
        yield f"{where}: expected {wanted}, found {described(found)}{_quote_it(found)}."


def _expected(kind: str, context: Mapping[str, Any]) -> str:
    """What a fault of pydantic's type `kind` wanted, in words; empty for one that names no type."""
    match kind:
        case "int_type" | "int_from_float":
            return "a whole number"
        case "float_type" | "finite_number":
            return "a number"
        case "string_type":
            return "text"
        case "bool_type":
            return "true or false"
        case "greater_than":
            return f"a number above {context['gt']:g}"
        case "greater_than_equal":
            return f"a number of at least {context['ge']:g}"
        case "less_than":
            return f"a number below {context['lt']:g}"
        case "less_than_equal":
            return f"a number of at most {context['le']:g}"
        case "too_short" | "tuple_type" | "list_type":
            return "a list with at least one entry"
        case "literal_error":
            return str(context["expected"]).replace("'", "")
        case "string_pattern_mismatch":
            return "letters, digits, _, . and - only"
        case "string_too_short":
            return "some text"
        case _:
            return ""


def _known_keys(path: Sequence[str | int], tree: Any) -> list[str]:
    """Keys that the schema allows at a path."""
    here: list[Any] = [schema()]
    value: Any = tree
    for key in path:
        is_tree = isinstance(value, Mapping | list)
        value = value[key] if is_tree else None
        if isinstance(key, int):
            here = [option["items"] for option in options(here) if "items" in option]
        else:
            here = properties(here, key)
    known = options(here)
    if isinstance(value, Mapping):
        known = [option for option in known if _fits(option, value)] or known
    return sorted({key for option in known for key in option.get("properties", {})})


def _fits(option: Mapping[str, Any], value: Mapping[str, Any]) -> bool:
    """True unless a key such as kind or name in `value` says that another branch is meant."""
    for key in ("kind", "name", "activation"):
        allowed = option.get("properties", {}).get(key)
        if allowed is not None and key in value:
            return value[key] in allowed.get("enum", [allowed.get("const")])
    return True


def _description(path: Sequence[str | int]) -> str:
    """What a missing key is for, as the schema describes it."""
    here = [schema()]
    for key in path:
        here = properties(here, str(key))
        text = next((each["description"] for each in here if "description" in each), None)
    if len(path) == 1:
        return "every config needs it"
    return f"expected {text}" if text else "give it a value"


def _nearest(word: str, choices: Sequence[str], shown: bool = False) -> str:
    """How a sentence about a wrong word goes on: with the nearest choice, or else with all.

    `shown`: the choices stand in the sentence already, and only a near one is added.
    """
    small = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(word[:SHOWN_CHARACTERS].lower(), small, 1, 0.5)
    if near:
        return f"; did you mean {small[near[0]]}?"
    if shown or not choices:
        return ""
    return f"; expected one of {', '.join(choices)}"


def _or(choices: Sequence[str]) -> str:
    """Choices as a sentence lists them: a, b or c."""
    return choices[0] if len(choices) == 1 else f"{', '.join(choices[:-1])} or {choices[-1]}"


def _quote_it(value: Any) -> str:
    """How a sentence about a true or false goes on: YAML reads a bare NO or on so."""
    if isinstance(value, bool):
        return "; YAML reads a bare yes, no, on or off as that, so quote it where you mean text"
    return ""


def described(value: Any) -> str:
    """A value as a message shows it."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            return quoted(value)
        case Mapping():
            return "a mapping"
        case list() | tuple():
            return "a list" if value else "an empty list"
        case _:
            return str(value)


def shown(value: Any) -> str:
    """A value as a list of differences shows it, a long one by its beginning."""
    text = "nothing" if value is None else str(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"
