"""A model as one self-contained file: what tagging and inspection need, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from windowclf import tensor_file
from windowclf.architecture import Architecture
from windowclf.arrays import Floats
from windowclf.durable import write_whole
from windowclf.errors import ModelFileError
from windowclf.model_header import header_of, read_architecture, read_header, value_tables
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
    temperature: float = 1.0  # divides the scores before they become probabilities


def model_bytes(model: Model) -> bytes:
    """The file of a model; equal models give equal bytes."""
    a, v = model.architecture, model.vocabulary
    tables = value_tables(a.features)
    header = header_of(
        a, model.layout, model.inside, v.columns, tables, model.provenance, model.temperature
    )
    arrays: dict[str, NDArray[Any]] = dict(model.parameters)
    arrays |= tensor_file.pack_strings("labels", v.labels)
    arrays |= tensor_file.pack_strings("seen", v.seen)
    for table in tables:
        arrays |= tensor_file.pack_strings(f"values.{table}", v.values[table])
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
        return _assemble(header, dict(arrays))
    except ValueError as error:
        raise ModelFileError(
            f"{file}: damaged, its parts do not fit ({error!s:.300}); use another copy."
        ) from error


def _assemble(header: Mapping[str, Any], arrays: dict[str, NDArray[Any]]) -> Model:
    """The model, with every array used once. Raises ValueError."""
    parts = read_header(header)
    vocabulary = Vocabulary(
        features=parts.features,
        columns=tuple(header["columns"]),
        values={
            table: _take_unique(f"values.{table}", arrays) for table in value_tables(parts.features)
        },
        labels=tuple(_take_unique("labels", arrays)),
        seen=_take_strings("seen", arrays),
    )
    architecture = read_architecture(parts, vocabulary.table_sizes())
    thresholds = arrays.pop("thresholds", None)
    _check_parameters(architecture, arrays)
    _check_output(architecture, vocabulary, thresholds)
    return Model(
        architecture=architecture,
        vocabulary=vocabulary,
        layout=parts.layout,
        inside=parts.inside,
        thresholds=thresholds,
        provenance=parts.provenance,
        parameters={name: arrays[name] for name in architecture.shapes()},
        temperature=parts.temperature,
    )


def _take_strings(name: str, arrays: dict[str, NDArray[Any]]) -> Sequence[str]:
    """Unpack a list of strings. Raises ValueError."""
    needed = (f"{name}.text", f"{name}.ends")
    if not arrays.keys() >= set(needed):
        raise ValueError(f"{name} is missing")
    return tensor_file.unpack_strings(name, {key: arrays.pop(key) for key in needed})


def _take_unique(name: str, arrays: dict[str, NDArray[Any]]) -> Sequence[str]:
    """The same for strings each of which may stand there once."""
    strings = _take_strings(name, arrays)
    if len(set(strings)) != len(strings):
        raise ValueError(f"{name} holds a string twice")
    return strings


def _check_parameters(architecture: Architecture, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Names, shapes, dtypes and finiteness of every parameter. Raises ValueError."""
    shapes = architecture.shapes()
    if odd := sorted(shapes.keys() ^ arrays.keys()):
        raise ValueError(f"{odd[0]} is {'missing' if odd[0] in shapes else 'not expected'}")
    dtypes = {array.dtype for array in arrays.values()}
    if len(dtypes) != 1 or dtypes.pop() not in (np.dtype("float32"), np.dtype("float64")):
        raise ValueError("its parameters are not all float32 or all float64")
    for name, shape in shapes.items():
        array = arrays[name]
        if array.shape != shape:
            raise ValueError(f"{name} has shape {array.shape}, expected {shape}")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} has numbers that are not finite")


def _check_output(a: Architecture, v: Vocabulary, thresholds: NDArray[Any] | None) -> None:
    """Labels and thresholds against the columns of the output. Raises ValueError."""
    labels, K = len(v.labels), a.classes
    single_logit = a.output == "sigmoid" and labels == 2 and K == 1
    if labels != K and not single_logit:
        raise ValueError(f"{labels} labels for {K} output columns")
    if (thresholds is not None) != (a.output == "sigmoid"):
        raise ValueError(f"thresholds do not go with the output {a.output}")
    if thresholds is not None:
        if thresholds.dtype != np.float64 or thresholds.shape != (K,):
            raise ValueError(f"thresholds are not {K} numbers")
        if not ((thresholds >= 0) & (thresholds <= 1)).all():
            raise ValueError("thresholds lie outside 0 and 1")
