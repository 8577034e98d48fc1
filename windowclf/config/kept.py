"""The part of a config that a model keeps: all that shapes it, and nothing of where a run was.

Equal runs give equal models: paths, and what a run may change without another model, stay out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from windowclf.config.data import Holdout
from windowclf.config.plain_yaml import write_yaml
from windowclf.config.run import Config

LEFT_OUT: dict[str, Any] = {
    "output": True,
    "data": {"train", "test", "dictionary", "cache_above_mb", "replay"},
    "features": {"use": {"__all__": {"path"}}},
    "training": {"threads", "checkpoint", "start_from", "replay_share"},
    "prediction": True,
    "tune": True,
}
FIRST = ("seed", "task", "kind", "name")  # of the keys beside them

HEAD = (
    "# For the same bytes training.threads has to be what it was, by default all cores.\n"
    "# The paths of data, and of files that features read, are left out; give them again, as in\n"
    "# --set data.train=train.conll --set data.dev=dev.conll --set features.use.9.path=list.txt\n"
)


def kept_config(config: Config, format_: str, label: int | str | None) -> dict[str, Any]:
    """What a model keeps of the config that it was trained with, every default written out.

    `format_` and `label` are those of the training files, which a config may leave to their names.
    """
    left_out = dict(LEFT_OUT)
    if not isinstance(config.data.dev, Holdout):
        left_out["data"] = {*LEFT_OUT["data"], "dev"}
    kept = config.model_dump(mode="json", exclude=left_out)
    kept["data"] |= {"format": format_, "label": label}
    return kept


def kept_yaml(kept: Any, also: Sequence[str] = ()) -> str:
    """The config of a model as YAML that `train` takes, once it is told where the data are.

    `also` are keys of other files that the model was made with.
    """
    more = f"# It was made with files of {', '.join(also)} too; name them again.\n" if also else ""
    return HEAD + more + write_yaml(_in_order(kept))


def _in_order(tree: Any) -> Any:
    """A tree with the keys of every mapping as people write them: what it is for comes first."""
    if isinstance(tree, list):
        return [_in_order(each) for each in tree]
    if not isinstance(tree, dict):
        return tree
    return {key: _in_order(tree[key]) for key in sorted(tree, key=lambda k: (k not in FIRST, k))}
