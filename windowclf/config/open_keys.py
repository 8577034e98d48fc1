"""What a config leaves open, and the defaults that take its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from windowclf.config.run import Config


def open_keys(given: Any, config: Config) -> dict[str, Any]:
    """The keys of a config that `given`, the tree it was made from, does not have.

    A tree as YAML has it. Where an entry of a list lacks keys the list stands there as a whole.
    """
    whole = config.model_dump(mode="json")
    features = given.get("features") if isinstance(given, Mapping) else None
    if isinstance(features, Mapping) and (added := len(features.get("add") or ())):
        every = whole["features"]["use"]
        whole["features"] |= {"use": every[:-added], "add": every[-added:]}
    found = _lacking(given, whole)
    return found if isinstance(found, dict) else {}


def _lacking(given: Any, whole: Any) -> Any:
    """What of `whole` is not in `given`; an empty mapping where nothing is lacking."""
    if isinstance(whole, list) and isinstance(given, list | tuple):
        return whole if any(map(_lacking, given, whole)) else {}
    if not isinstance(whole, dict) or not isinstance(given, Mapping):
        return {}
    lacking = {key: _lacking(given[key], value) for key, value in whole.items() if key in given}
    return {
        key: lacking[key] if key in given else value
        for key, value in whole.items()
        if key not in given or lacking[key]
    }
