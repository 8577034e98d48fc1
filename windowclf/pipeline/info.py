"""info: what a model file holds."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any, TypedDict

from windowclf.pipeline.run_folder import EVALUATION_NAME
from windowclf.system.arguments import checked_arguments
from windowclf.system.machine import MachineKind
from windowclf.tagging.model_file import find_model, load_model
from windowclf.text.formats import Format, Task
from windowclf.text.spans import Scheme

LARGEST_EVALUATION = 64 << 20  # bytes


class FeatureInfo(TypedDict):
    """A feature, its table and how many numbers a row of that has."""

    kind: str
    table: str
    dim: int


class ModelInfo(TypedDict):
    """What a model file holds."""

    file: str
    bytes: int
    sha256: str
    task: Task
    format: Format  # of the training files
    scheme: Scheme | None  # of the files; None where labels are not spans
    labels: list[str]  # of answers
    inside: Scheme | None  # of the classes that the network learns
    window: int
    features: list[FeatureInfo]
    activation: str
    units: int
    directions: int  # of the recurrence
    truncate: int | None
    output: str
    members: int
    tokenizer: str
    temperature: float
    seen_words: int | None  # None: not kept
    dictionary_words: int
    stored_as: str
    numbers: int  # of all parameters
    parameters: dict[str, list[int]]  # name -> shape
    provenance: dict[str, str]  # what the model was made from -> sha256
    config: dict[str, Any] | None  # what it was trained with, but for paths; None: not kept
    machine: dict[str, str] | None  # where its run ended; None: no whole run folder was given


@checked_arguments
def info(model: str | os.PathLike[str]) -> ModelInfo:
    """What a model file holds: task, labels, network, sizes, provenance, config.

    Raises ModelFileError.
    """
    path = find_model(Path(model))
    loaded = load_model(path)
    spec = loaded.spec
    a, v = spec.architecture, spec.vocabulary
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "file": str(path),
        "bytes": path.stat().st_size,
        "sha256": sha256,
        "task": spec.layout.task,
        "format": spec.layout.format,
        "scheme": spec.layout.scheme if spec.inside else None,
        "labels": list(spec.labels),
        "inside": spec.inside,
        "window": a.window,
        "features": [{"kind": f.kind, "table": f.table, "dim": f.dim} for f in a.features],
        "activation": a.activation,
        "units": a.units,
        "directions": a.directions,
        "truncate": a.truncate,
        "output": a.output,
        "members": a.members,
        "tokenizer": spec.layout.tokenizer,
        "temperature": loaded.temperature,
        "seen_words": None if v.seen is None else len(v.seen),
        "dictionary_words": len(spec.dictionary),
        "stored_as": loaded.compressed or str(loaded.parameters["U"].dtype),
        "numbers": sum(p.size for p in loaded.parameters.values()),
        "parameters": {name: list(p.shape) for name, p in loaded.parameters.items()},
        "provenance": dict(loaded.provenance),
        "config": None if loaded.config is None else dict(loaded.config),
        "machine": _machine(Path(model)),
    }


def _machine(folder: Path) -> dict[str, str] | None:
    """What evaluation.json in a run folder says of the machine; None where nothing does."""
    try:
        with (folder / EVALUATION_NAME).open("rb") as file:
            found = json.loads(file.read(LARGEST_EVALUATION))["machine"]
        return {name: str(found[name]) for name in MachineKind.__annotations__}
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
