"""The JSON schema of a Config, and ways through it: what stands below a key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from windowclf.config.run import Config


@cache
def schema() -> Any:
    """The JSON schema of a Config, made once."""
    return Config.model_json_schema()


def options(schemas: Sequence[Any]) -> list[Any]:
    """Schemas with references followed and unions spread out."""
    definitions = schema()["$defs"]
    found: list[Any] = []
    for each in schemas:
        if "$ref" in each:
            found += options([definitions[each["$ref"].rsplit("/", 1)[1]]])
        elif "anyOf" in each or "oneOf" in each:
            found += options(each.get("anyOf") or each["oneOf"])
        else:
            found.append(each)
    return found


def properties(schemas: Sequence[Any], key: str) -> list[Any]:
    """The schemas of a key in any of some schemas."""
    return [o["properties"][key] for o in options(schemas) if key in o.get("properties", {})]


def known_paths(here: Any = None, path: str = "") -> Iterator[str]:
    """Every key of a config as a path, a.b, but for those in lists; `here` is what has the path."""
    for option in options([here or schema()]):
        for key, below in option.get("properties", {}).items():
            yield f"{path}{key}"
            yield from known_paths(below, f"{path}{key}.")


def spelled(parts: Sequence[str]) -> list[str] | None:
    """A path that is written in any case as the config has it; None where it has no such key.

    A number stands for an entry of a list. What users name themselves stays as they write it.
    """
    here, path = [schema()], []
    for part in parts:
        known = options(here)
        own = [each for each in known if isinstance(each.get("additionalProperties"), Mapping)]
        items = [each["items"] for each in known if "items" in each]
        if below := properties(known, part.lower()):
            key, here = part.lower(), below
        elif own and part and "." not in part:
            key, here = part, [each["additionalProperties"] for each in own]
        elif items and part.isascii() and part.isdecimal():
            key, here = part, items
        else:
            return None
        path.append(key)
    return path
