"""A model as one self-contained file: what tagging and inspection need, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from windowclf import tensor_file
from windowclf.arrays import Floats
from windowclf.durable import write_whole
from windowclf.errors import ModelFileError
from windowclf.network import Architecture
from windowclf.text.features import Feature
from windowclf.text.formats import Layout
from windowclf.text.spans import Scheme
from windowclf.text.vocabulary import Vocabulary

MODEL_NAME = "model.safetensors"


@dataclass(frozen=True)
class Model:
    """A trained network with the vocabulary and the layout of the text it reads."""

    architecture: Architecture
    vocabulary: Vocabulary
    layout: Layout
    inside: Scheme | None  # the scheme of the classes, for spans
    thresholds: Floats | None  # (K,) probability above which a label is given; sigmoid output
    provenance: Mapping[str, str]  # sha256 of the training files and of the config
    parameters: Mapping[str, Floats]
    cache_mb: float = 64.0  # for rows of P of frequent tokens


def model_bytes(model: Model) -> bytes:
    """The file of a model; equal models give equal bytes."""
    a, v = model.architecture, model.vocabulary
    header = {
        "task": model.layout.task,
        "layout": asdict(model.layout),
        "inside": model.inside,
        "features": [asdict(feature) for feature in a.features],
        "columns": v.columns,
        "tables": list(v.values),
        "model": {
            "window": a.window,
            "activation": a.activation,
            "units": a.units,
            "directions": a.directions,
            "truncate": a.truncate,
            "output": a.output,
            "classes": a.classes,
        },
        "provenance": dict(model.provenance),
        "prediction": {"cache_mb": model.cache_mb},
    }
    arrays: dict[str, NDArray[Any]] = dict(model.parameters)
    arrays |= tensor_file.pack_strings("labels", v.labels)
    arrays |= tensor_file.pack_strings("seen", v.seen)
    for table, values in v.values.items():
        arrays |= tensor_file.pack_strings(f"values.{table}", values)
    if model.thresholds is not None:
        arrays["thresholds"] = model.thresholds
    return tensor_file.to_bytes("model", header, arrays)


def save_model(path: Path, model: Model) -> None:
    """Write a model so that the old file stays whole until the new one is."""
    write_whole(path, model_bytes(model))


def find_model(path: Path) -> Path:
    """The model file that `path` names: itself, or the one in the run folder it is."""
    if path.is_dir():
        if not (path / MODEL_NAME).is_file():
            raise ModelFileError(
                f"{path}: no {MODEL_NAME} in this folder; expected a run folder or a model file."
            )
        return path / MODEL_NAME
    return path


def load_model(path: Path) -> Model:
    """Read a model and check that all of its parts fit. Raises ModelFileError."""
    file = find_model(path)
    header, arrays = tensor_file.read(file, "model")
    try:
        model = _assemble(header, arrays)
        _check_parameters(model)
    except ModelFileError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelFileError(f"{file}: damaged, its parts do not fit ({error}).") from error
    return model


def _assemble(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Model:
    features = tuple(Feature(**feature) for feature in header["features"])
    layout = dict(header["layout"])
    layout["slots"] = tuple(layout["slots"])
    vocabulary = Vocabulary(
        features=features,
        columns=tuple(header["columns"]),
        values={
            table: tensor_file.unpack_strings(f"values.{table}", arrays)
            for table in header["tables"]
        },
        labels=tensor_file.unpack_strings("labels", arrays),
        seen=tensor_file.unpack_strings("seen", arrays),
    )
    architecture = Architecture(
        features=features, table_sizes=vocabulary.table_sizes(), **header["model"]
    )
    return Model(
        architecture=architecture,
        vocabulary=vocabulary,
        layout=Layout(**layout),
        inside=header["inside"],
        thresholds=arrays.get("thresholds"),
        provenance=header["provenance"],
        parameters={name: arrays[name] for name in architecture.shapes()},
        cache_mb=float(header["prediction"]["cache_mb"]),
    )


def _check_parameters(model: Model) -> None:
    """Shapes, dtypes and finiteness of every parameter, and labels against the output layer."""
    dtypes = {array.dtype for array in model.parameters.values()}
    if len(dtypes) != 1 or dtypes.pop() not in (np.dtype("float32"), np.dtype("float64")):
        raise ValueError("its parameters are not all float32 or all float64")
    for name, shape in model.architecture.shapes().items():
        array = model.parameters[name]
        if array.shape != shape:
            raise ValueError(f"{name} has shape {array.shape}, expected {shape}")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} has numbers that are not finite")
    labels, K = len(model.vocabulary.labels), model.architecture.classes
    single_logit = model.architecture.output == "sigmoid" and labels == 2 and K == 1
    if labels != K and not single_logit:
        raise ValueError(f"{labels} labels for {K} output columns")
