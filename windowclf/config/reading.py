"""From a YAML file and overrides to a Config, and from a Config to YAML or to its differences."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import ValidationError

from windowclf.config.data import READING_KEYS, DataSection
from windowclf.config.plain_yaml import parse_yaml, write_yaml
from windowclf.config.run import Config
from windowclf.config.section import Section
from windowclf.config.sentences import described, faults_of, shown
from windowclf.config.short_forms import spelled_out
from windowclf.errors import ConfigError, Fault, legible, no_such_file
from windowclf.system.durable import reason

LARGEST_FILE = 1 << 20  # bytes
LISTS = ("use", "add")  # of features
CONFIG_SUFFIXES = (".yaml", ".yml", ".json", "")
MOST_KEYS = 32  # of an override, one below the other

_TOP = Config.model_fields.keys()
_INDEX = re.compile("[0-9]{1,5}")
ConfigLike: TypeAlias = Config | Mapping[str, Any] | str | os.PathLike[str]
"""A path, a mapping or a Config."""


def as_config(config: ConfigLike, overrides: Sequence[str]) -> Config:
    """A Config from a path, a mapping or a Config, with overrides applied. Raises ConfigError."""
    if isinstance(config, Config):
        config = config.model_dump(mode="json")
    if isinstance(config, Mapping):
        return make_config(config, overrides)
    return read_config(config, overrides)


def read_config(path: str | os.PathLike[str], overrides: Sequence[str] = ()) -> Config:
    """Read a YAML file, apply "a.b=VALUE" overrides and validate. Raises ConfigError."""
    return make_config(read_tree(path), overrides, os.fspath(path))


def read_tree(path: str | os.PathLike[str]) -> Any:
    """The value of a YAML file, not yet checked against the sections. Raises ConfigError."""
    data, size = _beginning_of(Path(path))
    try:
        tree = parse_yaml(_text_in(data, size, path), os.fspath(path))
    except ConfigError:
        if Path(path).suffix.lower() in CONFIG_SUFFIXES:
            raise
        raise _is_data(path) from None
    is_config = tree is None or (isinstance(tree, Mapping) and not tree.keys().isdisjoint(_TOP))
    if Path(path).suffix.lower() not in CONFIG_SUFFIXES and not is_config:
        raise _is_data(path)
    return tree


def _is_data(path: str | os.PathLike[str]) -> ConfigError:
    """The error to raise for a file that is no config, nor named as one."""
    name = os.fspath(path)
    return ConfigError(
        Fault(
            "expected a config (YAML), found what seems to be data; `windowclf init --data "
            f"{shlex.quote(name)}` writes a config for it.",
            name,
        )
    )


def given_tree(config: ConfigLike, overrides: Sequence[str]) -> Any:
    """The tree that a config is made from, without defaults: its file's, with overrides applied."""
    if isinstance(config, Config):
        config = config.model_dump(mode="json")
    return _overridden(config if isinstance(config, Mapping) else read_tree(config), overrides)


def make_config(
    given: Mapping[str, Any], overrides: Sequence[str] = (), name: str = "config"
) -> Config:
    """A Config from a mapping; `name` is what messages call it. Raises ConfigError."""
    if not isinstance(given, Mapping):
        raise ConfigError(
            f"{name}: expected keys such as task and data at the top, found {described(given)}."
        )
    tree = _overridden(given, overrides)
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(*faults_of(error, tree, name)) from None


class _DataAlone(Section):
    """A tree with nothing in it but `data`."""

    data: DataSection


def given_of_data(overrides: Sequence[str]) -> dict[str, Any]:
    """What overrides of the keys of `data` say of how a file is read: key -> value.

    Raises ConfigError, also for keys that say something else.
    """
    tree: Any = {"data": {"train": "DATA"}}
    for override in overrides:
        section, _, key = override.partition("=")[0].partition(".")
        name = key.partition(".")[0]
        if section != "data" or (name in DataSection.model_fields and name not in READING_KEYS):
            keys = ", ".join(f"data.{each}" for each in READING_KEYS)
            raise ConfigError(
                f"--set {legible(override)}: expected one of the keys that say how a file is read "
                f"({keys}), as in data.label=-1."
            )
        tree = _override(tree, override)
    try:
        data = _DataAlone.model_validate(tree).data
    except ValidationError as error:
        raise ConfigError(*faults_of(error, tree, "--set")) from None
    given = {name: getattr(data, name) for name in READING_KEYS if name in data.model_fields_set}
    return {name: value for name, value in given.items() if value is not None}


def dump_config(config: Config) -> str:
    """The config with every default written out, as YAML that reads back to an equal Config."""
    return write_yaml(config.model_dump(mode="json"))


def differences(before: Config, now: Config) -> list[str]:
    """Where two configs differ, as "a.b: X before, Y now"."""
    return list(_differences(before.model_dump(mode="json"), now.model_dump(mode="json"), ""))


def _differences(before: Any, now: Any, path: str) -> Iterator[str]:
    """Where two trees differ, as `differences` writes it; `path` leads to the trees themselves."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in dict.fromkeys([*before, *now]):
            yield from _differences(before.get(key), now.get(key), f"{path}.{key}".lstrip("."))
    elif before != now:
        yield f"{path}: {shown(before)} before, {shown(now)} now"


def _text_in(data: bytes, size: int, path: str | os.PathLike[str]) -> str:
    """The text of a config file. Raises ConfigError unless it is UTF-8 of at most 1 MiB."""
    if size > LARGEST_FILE:
        raise ConfigError(
            Fault(f"expected a config of at most 1 MiB, found {size:,} bytes.", str(path))
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}:{line}: expected UTF-8; save the file as UTF-8.") from None


def _beginning_of(path: Path) -> tuple[bytes, int]:
    """The first bytes of a file, all of a config, and how many it has. Raises ConfigError."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
            return data, max(len(data), os.fstat(file.fileno()).st_size)
    except FileNotFoundError:
        raise ConfigError(no_such_file(path)) from None
    except IsADirectoryError:
        raise ConfigError(Fault("expected a YAML file, found a directory.", str(path))) from None
    except (OSError, ValueError) as error:
        raise ConfigError(Fault(f"cannot be read, {reason(error)}.", str(path))) from None


def _overridden(tree: Any, overrides: Sequence[str]) -> Any:
    """The tree with each of some overrides applied, one after the other, and spelled out."""
    tree = spelled_out(tree)
    for override in overrides:
        tree = spelled_out(_override(tree, override))
    return tree


def _override(tree: Any, override: str) -> Any:
    """The tree with the subtree at `a.b` of "a.b=VALUE" replaced."""
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise ConfigError(
            f"--set {legible(override)}: expected KEY=VALUE, as in training.epochs=5."
        )
    keys = key.split(".")
    if len(keys) > MOST_KEYS:
        raise ConfigError(f"--set {legible(key)}: expected at most {MOST_KEYS} keys.")
    quoted = shlex.quote(f"{key}={json.dumps(text, ensure_ascii=False)}")
    value = parse_yaml(text, f"--set {legible(key)}", f"--set {quoted}")
    return _replaced(tree, keys, value, legible(key))


def _replaced(tree: Any, keys: list[str], value: Any, whole: str) -> Any:
    """The tree with `value` below these keys, new mappings where there are none.

    `whole` is what messages call all of the keys. Raises ConfigError for a number beyond a list.
    """
    if not keys:
        return value
    first, *rest = keys
    if isinstance(tree, list):
        if not _INDEX.fullmatch(first) or int(first) >= len(tree):
            raise ConfigError(
                f"--set {whole}: expected a number from 0 to {len(tree) - 1}, found {first!r}."
            )
        i = int(first)
        return [*tree[:i], _replaced(tree[i], rest, value, whole), *tree[i + 1 :]]
    below = dict(tree) if isinstance(tree, Mapping) else {}
    if first in LISTS and first not in below and rest and _INDEX.fullmatch(rest[0]):
        raise ConfigError(
            f"--set {whole}: expected a list {first} in the config, of which an entry is changed, "
            "found none; write it there first, `windowclf plan` prints the default."
        )
    return {**below, first: _replaced(below.get(first), rest, value, whole)}
