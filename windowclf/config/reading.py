"""From a YAML file and overrides to a Config."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from windowclf.config.run import Config
from windowclf.config.sentences import described, sentences, shown
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
            f"{name}: expected keys such as task and data at the top, found {described(given)}."
        )
    tree: Any = dict(given)
    for override in overrides:
        tree = _override(tree, override)
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        raise ConfigError("\n".join(sentences(error, tree, name))) from None


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
        yield f"{path}: {shown(before)} before, {shown(now)} now"


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
