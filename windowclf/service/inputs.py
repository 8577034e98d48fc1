"""What a job reads: names of uploads in its config, and the folder in which they are files.

In the place of every path of a config stands `dataset:ID`, and `version:N` for a model to start
from. No path comes from a client, and none leads out of the job's folder.
"""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator

from windowclf.config import Config
from windowclf.config.reading import make_config
from windowclf.errors import ConfigError, Fault
from windowclf.service.blobs import Blobs
from windowclf.system.durable import make_folder
from windowclf.tagging.model_file import MODEL_NAME

RUN = "run"  # the run folder in the folder of a job
LOG_EVERY = 0.02  # of a run
_TEXTS = ("train", "dev", "test", "replay", "dictionary")
_NAME = re.compile(r"(dataset|version):([1-9][0-9]{0,17})")
_FILE_NAME = re.compile(r"[^/\\\x00-\x1f\x7f.][^/\\\x00-\x1f\x7f]*")
DEEPEST = 32
_LONGEST_NAME = 200  # bytes
Entry: TypeAlias = tuple[str, Any, Callable[[Any], None]]
"""A key, what it names, and how to put something there."""


def is_file_name(name: str) -> bool:
    """Whether an upload may be called so: the name of a file, not hidden, and no path."""
    return bool(_FILE_NAME.fullmatch(name)) and len(name.encode("utf-8", "replace")) <= (
        _LONGEST_NAME
    )


def _shallow(tree: dict[str, Any]) -> dict[str, Any]:
    """A tree as it is. Raises ValueError where it is deeper than any config."""
    level: list[Any] = [tree]
    for _ in range(DEEPEST):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return tree
    raise ValueError(f"expected at most {DEEPEST} keys one below the other")


Tree: TypeAlias = Annotated[dict[str, Any], AfterValidator(_shallow)]
"""A config, or some of it, as a client sends it."""


def merged(base: Any, given: Any) -> Any:
    """A tree laid over another one: its values where both have a key."""
    if not (isinstance(base, Mapping) and isinstance(given, Mapping)):
        return given
    return {**base, **{k: merged(base[k], v) if k in base else v for k, v in given.items()}}


def checked(given: Mapping[str, Any], find: Callable[[str, int], str | None]) -> tuple[Any, Any]:
    """(the tree, what its names stand for: name -> {"digest", "file"}).

    `find` gives "DIGEST FILE" of a kind and a number, None where there is none. Raises ConfigError
    with every fault of the config.
    """
    tree = dict(copy.deepcopy(given))
    faults = [*_places(tree)]
    inputs: dict[str, dict[str, str]] = {}
    for key, values, _put in _entries(tree):
        for value in values if isinstance(values, list) else [values]:
            found = _found(value, key, find)
            if isinstance(found, Fault):
                faults.append(found)
            else:
                digest, _, file = found.partition(" ")
                inputs[value] = {"digest": digest, "file": file}
    if faults:
        raise ConfigError(*faults)
    try:
        make_config(tree)
    except ConfigError as error:
        raise ConfigError(*(replace(fault, path=None) for fault in error.faults)) from None
    return tree, inputs


def config_of(given: Mapping[str, Any], inputs: Mapping[str, Any], threads: int) -> Config:
    """The config of a job in its folder. Raises ConfigError."""
    tree = dict(copy.deepcopy(given))
    for _key, values, put in _entries(tree):
        paths = [
            str(_file(name, inputs)) for name in (values if isinstance(values, list) else [values])
        ]
        put(paths if isinstance(values, list) else paths[0])
    training = tree["training"] = dict(tree.get("training") or {})
    training["threads"] = threads
    training["checkpoint"] = {"log_every": LOG_EVERY, **(training.get("checkpoint") or {})}
    return make_config({**tree, "output": RUN})


def order_of(job: Mapping[str, Any]) -> dict[str, Any]:
    """What the process of a job is to do in its folder. Raises ConfigError."""
    given, inputs = job["config"], job["inputs"]
    if job["kind"] == "compare":
        paths = {name: str(_file(given[name], inputs)) for name in ("model", "against")}
        data = [str(_file(name, inputs)) for name in given["data"]]
        return {"kind": "compare", **paths, "data": data}
    config = config_of(given, inputs, job["threads"])
    return {"kind": job["kind"], "config": config.model_dump(mode="json")}


def link_inputs(folder: Path, inputs: Mapping[str, Any], blobs: Blobs) -> None:
    """Have the folder of a job hold what it reads. Raises OSError."""
    for name, entry in inputs.items():
        place = folder / _file(name, inputs)
        make_folder(place.parent)
        if not place.is_symlink():
            place.symlink_to(os.path.relpath(blobs.path(entry["digest"]), place.parent))


def input_of(path: str) -> tuple[str, str] | None:
    """(name in the config, name of the file) of a path in the folder of a job; None of another."""
    kind, _, rest = path.partition("/")
    number, _, file = rest.partition("/")
    name = f"{kind}:{number}"
    return (name, file) if _NAME.fullmatch(name) else None


def _file(name: str, inputs: Mapping[str, Any]) -> Path:
    """Where an input is in the folder of a job."""
    kind, _, number = name.partition(":")
    return Path(kind, number, inputs[name]["file"])


def _entries(tree: Mapping[str, Any]) -> Iterator[Entry]:
    """Every key of a config that names files, where it is there and not null."""
    data, training, features = (tree.get(k) for k in ("data", "training", "features"))
    if isinstance(data, dict):
        for key in _TEXTS:
            if data.get(key) is not None and not isinstance(data[key], dict):  # no holdout
                yield f"data.{key}", data[key], _putter(data, key)
    if isinstance(training, dict) and training.get("start_from") is not None:
        yield "training.start_from", training["start_from"], _putter(training, "start_from")
    use = features.get("use") if isinstance(features, dict) else None
    for i, feature in enumerate(use if isinstance(use, list) else ()):
        if isinstance(feature, dict) and feature.get("path") is not None:
            yield f"features.use.{i}.path", feature["path"], _putter(feature, "path")


def _putter(section: dict[str, Any], key: str) -> Callable[[Any], None]:
    """How to put a value where a key is."""

    def put(value: Any) -> None:
        section[key] = value

    return put


def _found(value: Any, key: str, find: Callable[[str, int], str | None]) -> str | Fault:
    """What a name stands for, or what is wrong with it."""
    wanted = "version" if key == "training.start_from" else "dataset"
    match = _NAME.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[1] != wanted:
        return Fault(
            f"{key}: expected {wanted}:NUMBER, found {value!r:.80}; upload the file first.", key=key
        )
    found = find(wanted, int(match[2]))
    return found or Fault(f"{key}: this tagger has no {wanted} {match[2]}.", key=key)


def _places(tree: Mapping[str, Any]) -> Iterator[Fault]:
    """A fault for every key that says where something is written, which is for the server."""
    tune = tree.get("tune")
    if "output" in tree:
        yield Fault(
            "output: the server chooses where a run is written; leave it out.", key="output"
        )
    if isinstance(tune, dict) and "output" in tune:
        fault = "tune.output: the server chooses where a search is written; leave it out."
        yield Fault(fault, key="tune.output")


def version_file(digest: str) -> str:
    """What `find` gives for the model of a version."""
    return f"{digest} {MODEL_NAME}"
