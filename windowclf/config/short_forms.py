"""Short forms of a config, `hidden: relu` or `use: [word, suffix3]`, and what they stand for.

All else is written for the long forms: a tree is spelled out before anything looks into it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_AFFIX = re.compile("(prefix|suffix)([0-9]{1,3})")
_USE = re.compile(r"features\.use\.([0-9]+)")


def spelled_out(tree: Any) -> Any:
    """A tree with its short forms written out; what has another form stays as it is."""
    if not isinstance(tree, Mapping):
        return tree
    found = dict(tree)
    if isinstance(model := tree.get("model"), Mapping) and isinstance(model.get("hidden"), str):
        found["model"] = {**model, "hidden": {"activation": model["hidden"]}}
    if isinstance(features := tree.get("features"), Mapping):
        lists = {key: features[key] for key in ("use", "add") if key in features}
        found["features"] = {**features, **{key: _features(each) for key, each in lists.items()}}
    return found


def _features(given: Any) -> Any:
    """A list of features, each with its keys; anything else as it is."""
    if not isinstance(given, list | tuple):
        return given
    return [_feature(each) if isinstance(each, str) else each for each in given]


def _feature(name: str) -> dict[str, Any]:
    """The feature of a name: that of its kind, and as in suffix3 or column.pos what it needs."""
    if affix := _AFFIX.fullmatch(name):
        return {"kind": affix[1], "length": int(affix[2])}
    kind, dot, column = name.partition(".")
    return {"kind": kind, "column": column} if dot and kind == "column" else {"kind": name}


def as_written(sentence: str, tree: Any, default: tuple[str, ...]) -> str:
    """A sentence about features as the tree has them, where it adds some to those of use.

    `default` are the names of the features that are used where the tree does not say which.
    """
    features = tree.get("features") if isinstance(tree, Mapping) else None
    if not isinstance(features, Mapping) or not features.get("add"):
        return sentence
    own = features.get("use")
    count = len(own) if isinstance(own, list | tuple) else len(default)

    def named(found: re.Match[str]) -> str:
        """What people call the feature at a place of the whole list."""
        i = int(found[1])
        if i >= count:
            return f"features.add.{i - count}"
        return found[0] if own is not None else f"the default feature {default[i]}"

    return _USE.sub(named, sentence)
