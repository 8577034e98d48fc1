"""From a YAML file and overrides to a Config; every fault as a sentence with its path."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from windowclf.config import Config
from windowclf.errors import ConfigError

LARGEST_FILE = 1 << 20  # bytes
MOST_NODES = 20_000  # values after aliases are written out
DEEPEST = 32


def read_config(path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Read a YAML file, apply "a.b=VALUE" overrides and validate. Raises ConfigError."""
    path = Path(path)
    return make_config(_parse(_text_of(path), str(path)), overrides, str(path))


def make_config(
    given: Mapping[str, Any], overrides: Sequence[str] = (), name: str = "config"
) -> Config:
    """A Config from a mapping; `name` is what messages call it. Raises ConfigError."""
    if not isinstance(given, Mapping):
        raise ConfigError(
            f"{name}: expected keys such as task and data at the top, found {_found(given)}."
        )
    tree: Any = dict(given)
    for override in overrides:
        tree = _override(tree, override)
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        raise ConfigError("\n".join(_sentences(error, tree, name))) from None


def dump_config(config: Config) -> str:
    """The config with every default written out, as YAML that reads back to an equal Config."""
    return yaml.safe_dump(
        config.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=100
    )


def differences(before: Config, now: Config) -> list[str]:
    """Where two configs differ, as "a.b: X before, Y now"."""
    return list(_differences(before.model_dump(mode="json"), now.model_dump(mode="json"), ""))


def _differences(before: Any, now: Any, path: str) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        for key in dict.fromkeys([*before, *now]):
            yield from _differences(before.get(key), now.get(key), f"{path}.{key}".lstrip("."))
    elif before != now:
        yield f"{path}: {_shown(before)} before, {_shown(now)} now"


def _text_of(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file.") from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: expected a YAML file, found a directory.") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read, {(error.strerror or '').lower()}.") from None
    if len(data) > LARGEST_FILE:
        raise ConfigError(f"{path}: expected a config of at most 1 MiB, found {len(data):,} bytes.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}:{line}: expected UTF-8; save the file as UTF-8.") from None


class _Loader(yaml.SafeLoader):
    """Safe YAML with 1e-3 as a number, duplicate keys refused, and size counted."""

    nodes = 0
    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.nodes += 1
        self.depth += 1
        if self.nodes > MOST_NODES or self.depth > DEEPEST:
            raise yaml.MarkedYAMLError(
                problem="the config is too large or too deep",
                problem_mark=self.get_mark(),
            )
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _value in node.value:
            key = key_node.value
            if key in seen and key_node.tag != "tag:yaml.org,2002:merge":
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key!r} stands twice", problem_mark=key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


_NUMBER = re.compile(
    r"^[-+]?(?:[0-9][0-9_]*\.?[0-9_]*(?:[eE][-+]?[0-9]+)?|\.[0-9_]+(?:[eE][-+]?[0-9]+)?"
    r"|\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
)
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _NUMBER, list("-+0123456789."))


def _parse(text: str, name: str) -> Any:
    """The value of a YAML text. Raises ConfigError with file:line:column."""
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        raise ConfigError(f"{place}: not YAML, {error.problem or error.context}.") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problem = str(error).splitlines()[0] if str(error) else "nested too deeply"
        raise ConfigError(f"{name}: not YAML, {problem}.") from None


def _override(tree: Any, override: str) -> Any:
    """The tree with the subtree at `a.b` of "a.b=VALUE" replaced."""
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise ConfigError(f"--set {override}: expected KEY=VALUE, as in training.epochs=5.")
    return _replaced(tree, key.split("."), _parse(text, f"--set {key}"), key)


def _replaced(tree: Any, keys: list[str], value: Any, whole: str) -> Any:
    if not keys:
        return value
    first, *rest = keys
    if isinstance(tree, list):
        if not first.isdigit() or int(first) >= len(tree):
            raise ConfigError(
                f"--set {whole}: expected a number from 0 to {len(tree) - 1}, found {first!r}."
            )
        i = int(first)
        return [*tree[:i], _replaced(tree[i], rest, value, whole), *tree[i + 1 :]]
    below = dict(tree) if isinstance(tree, Mapping) else {}
    return {**below, first: _replaced(below.get(first), rest, value, whole)}


def _sentences(error: ValidationError, tree: Any, name: str) -> Iterator[str]:
    """One sentence per fault, each once, in the order of the keys."""
    said: set[str] = set()
    for place, faults in groupby(error.errors(include_url=False), lambda f: _path(f, tree)):
        for sentence in _sentences_at(place, list(faults), tree):
            if sentence not in said:
                said.add(sentence)
                yield f"{name}: {sentence}".replace("?.", "?")


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
    """The sentences of one place; a value that fits none of several types is one fault."""
    if len(faults) > 1 and all(_expected(f["type"], f.get("ctx", {})) for f in faults):
        wanted = _or(list(dict.fromkeys(_expected(f["type"], f.get("ctx", {})) for f in faults)))
        found = faults[0]["input"]
        where = ".".join(map(str, path))
        yield f"{where}: expected {wanted}, found {_found(found)}{_quote_it(found)}."
        return
    for fault in faults:
        yield from _sentences_of(fault, path, tree)


def _sentences_of(fault: Any, path: list[str | int], tree: Any) -> Iterator[str]:
    kind, found, context = fault["type"], fault.get("input"), fault.get("ctx", {})
    where = ".".join(map(str, path))
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
        place = f"{where}.{key}" if key and not where.endswith(f".{key}") else where
        yield (
            f"{place}: expected {_or(choices)}, found {_found(value)}"
            f"{_quote_it(value) or _nearest(str(value), choices, shown=True)}."
        )
    else:
        wanted = _expected(kind, context) or "keys and values"
        if where in ("data.train", "data.dev", "data.test"):
            wanted = "a path, a glob or a list of them"
        yield f"{where}: expected {wanted}, found {_found(found)}{_quote_it(found)}."


def _expected(kind: str, context: Mapping[str, Any]) -> str:
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
    schema: Any = Config.model_json_schema()
    definitions = schema["$defs"]
    here: list[Any] = [schema]
    value = tree
    for key in path:
        known = isinstance(value, Mapping | list)
        value = value[key] if known else None
        here = [
            below
            for option in _options(here, definitions)
            for below in [
                option.get("items")
                if isinstance(key, int)
                else option.get("properties", {}).get(key)
            ]
            if below is not None
        ]
    options = _options(here, definitions)
    if isinstance(value, Mapping):
        options = [o for o in options if _fits(o, value)] or options
    return sorted({key for option in options for key in option.get("properties", {})})


def _options(schemas: Sequence[Any], definitions: Mapping[str, Any]) -> list[Any]:
    """Schemas with references followed and unions spread out."""
    found: list[Any] = []
    for schema in schemas:
        if "$ref" in schema:
            found += _options([definitions[schema["$ref"].rsplit("/", 1)[1]]], definitions)
        elif "anyOf" in schema or "oneOf" in schema:
            found += _options(schema.get("anyOf") or schema["oneOf"], definitions)
        else:
            found.append(schema)
    return found


def _fits(option: Mapping[str, Any], value: Mapping[str, Any]) -> bool:
    """True unless a choice such as kind or name says that another branch is meant."""
    for key in ("kind", "name", "activation"):
        allowed = option.get("properties", {}).get(key)
        if allowed is not None and key in value:
            return value[key] in allowed.get("enum", [allowed.get("const")])
    return True


def _description(path: Sequence[str | int]) -> str:
    schema = Config.model_json_schema()
    known = _options([schema], schema["$defs"])
    for key in path:
        below = [o["properties"][key] for o in known if key in o.get("properties", {})]
        known = _options(below, schema["$defs"])
        text = next((b["description"] for b in below if "description" in b), None)
    if len(path) == 1:
        return "every config needs it"
    return f"expected {text}" if text else "give it a value"


def _nearest(word: str, choices: Sequence[str], shown: bool = False) -> str:
    """The nearest right name, or all of them unless they are shown already."""
    near = difflib.get_close_matches(word, choices, 1, 0.5)
    if near:
        return f"; did you mean {near[0]}?"
    if shown or not choices:
        return ""
    return f"; expected one of {', '.join(choices)}"


def _or(choices: Sequence[str]) -> str:
    return choices[0] if len(choices) == 1 else f"{', '.join(choices[:-1])} or {choices[-1]}"


def _quote_it(value: Any) -> str:
    """YAML reads a bare NO, on or 2024-01-01 as something else than text."""
    if isinstance(value, bool):
        return "; YAML reads a bare yes, no, on or off as that, so quote it where you mean text"
    return ""


def _found(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            return repr(value if len(value) <= 60 else value[:59] + "…")
        case Mapping():
            return "a mapping"
        case list() | tuple():
            return "a list" if value else "an empty list"
        case _:
            return str(value)


def _shown(value: Any) -> str:
    return "nothing" if value is None else str(value)
