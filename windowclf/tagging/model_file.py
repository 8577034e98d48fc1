"""A model as one self-contained file: what tagging and inspection need, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from windowclf.errors import Fault, ModelFileError
from windowclf.network.architecture import Architecture
from windowclf.system import tensor_file
from windowclf.system.durable import write_whole
from windowclf.tagging import compact
from windowclf.tagging.model import Model
from windowclf.tagging.model_header import (
    check_config,
    header_of,
    lexicon_kinds,
    read_architecture,
    read_header,
    value_tables,
)
from windowclf.tagging.spec import Spec
from windowclf.text import lexicon
from windowclf.text.clusters import Clusters
from windowclf.text.derived import Lexicons
from windowclf.text.features import Feature
from windowclf.text.gazetteer import Gazetteer
from windowclf.text.vocabulary import Vocabulary

MODEL_NAME = "model.safetensors"


def model_bytes(model: Model) -> bytes:
    """The file of a model; equal models give equal bytes.

    Raises ValueError where a parameter is too large for what it is to be stored as.
    """
    spec, v = model.spec, model.spec.vocabulary
    tables = value_tables(v.features)
    header = header_of(model)
    lists: dict[str, Sequence[str]] = {"labels": v.labels}
    if v.seen is not None:
        lists["seen"] = v.seen
    lists |= {f"values.{table}": v.values[table] for table in tables}
    for source, entries in v.lexicons.items():
        lists[f"lexicon.{source}"] = lexicon.packed(entries.groups)
    if spec.dictionary:
        lists["dictionary.words"] = list(spec.dictionary)
        lists["dictionary.labels"] = [" ".join(own) for own in spec.dictionary.values()]
    arrays: dict[str, NDArray[Any]] = dict(model.parameters)
    if model.compressed is None:
        for name, strings in lists.items():
            arrays |= tensor_file.pack_strings(name, strings)
    else:
        arrays = compact.pack_parameters(model.parameters, model.compressed)
        packed, sizes = compact.pack_lists(lists)
        arrays |= packed
        arrays |= {f"buckets.{t}": np.frombuffer(bits, np.uint8) for t, bits in v.kept.items()}
        header["compressed"] = {"dtype": model.compressed, "lists": sizes}
    if model.thresholds is not None:
        arrays["thresholds"] = model.thresholds
    return tensor_file.to_bytes("model", header, arrays)


def save_model(path: Path, model: Model) -> None:
    """Write the file of a model; the old one at `path` stays until the new one is whole."""
    write_whole(path, model_bytes(model))


def find_model(path: Path) -> Path:
    """The model file that `path` names: `path` itself, or the one in the run folder `path`.

    Raises ModelFileError for a folder that has none.
    """
    if path.is_dir():
        if not (path / MODEL_NAME).is_file():
            raise ModelFileError(
                Fault(
                    f"no {MODEL_NAME} in this folder; expected a run folder or a model file.",
                    str(path),
                )
            )
        return path / MODEL_NAME
    return path


def load_model(path: Path, data: bytes | None = None) -> Model:
    """Read the model at `path`, a file or run folder, and check that all of its parts fit.

    With `data` it is the model of these bytes, and `path` says what they are. Raises
    ModelFileError.
    """
    file = find_model(path) if data is None else path
    header, arrays, version = tensor_file.read(file, "model", data)
    try:
        if version == 1 and "config" in header:
            raise ValueError("version 1 has no config")
        return _assemble(header, dict(arrays))
    except ValueError as error:
        raise ModelFileError(
            Fault(f"damaged, its parts do not fit ({error!s:.300}); use another copy.", str(file))
        ) from error


def _assemble(header: Mapping[str, Any], arrays: dict[str, NDArray[Any]]) -> Model:
    """The model from the header and the arrays (…,) of its file, each of which is used once.

    Raises ValueError where the parts do not fit.
    """
    parts = read_header(header)
    kept: dict[str, bytes] = {}
    if parts.compressed is not None:
        arrays = compact.unpack_lists(arrays, parts.compressed.lists)
        arrays = compact.unpack_parameters(arrays, parts.compressed.dtype)
        kept = _take_kept(parts.features, arrays)
    without_seen = parts.compressed is not None and "seen.ends" not in arrays
    vocabulary = Vocabulary(
        features=parts.features,
        columns=tuple(header["columns"]),
        values={
            table: _take_unique(f"values.{table}", arrays) for table in value_tables(parts.features)
        },
        labels=tuple(_take_unique("labels", arrays)),
        seen=None if without_seen else _take_strings("seen", arrays),
        kept=kept,
        lexicons=_take_lexicons(parts.features, arrays),
    )
    architecture = read_architecture(parts, vocabulary.table_sizes())
    check_config(parts.config, parts.layout, architecture)
    thresholds = arrays.pop("thresholds", None)
    dictionary = _take_dictionary(arrays)
    _check_parameters(architecture, arrays)
    _check_output(architecture, vocabulary, thresholds)
    spec = Spec(architecture, vocabulary, parts.layout, parts.inside, dictionary)
    _check_dictionary(spec)
    return Model(
        spec=spec,
        parameters={name: arrays[name] for name in architecture.shapes()},
        thresholds=thresholds,
        temperature=parts.temperature,
        provenance=parts.provenance,
        compressed=parts.compressed.dtype if parts.compressed else None,
        config=parts.config,
    )


def _take_kept(features: Sequence[Feature], arrays: dict[str, NDArray[Any]]) -> dict[str, bytes]:
    """Table -> a bit for each of its buckets, set where it has a row; of pruned hashed tables.

    Takes the arrays `buckets.TABLE` (bytes,) out of `arrays`. Raises ValueError where one does not
    fit its feature.
    """
    kept: dict[str, bytes] = {}
    for feature in features:
        name = f"buckets.{feature.table}"
        if feature.kind == "ngrams" and name in arrays:
            bits = arrays.pop(name)
            if bits.dtype != np.uint8 or bits.shape != (-(-feature.buckets // 8),):
                raise ValueError(f"{name} are not {feature.buckets} bits")
            if np.unpackbits(bits)[feature.buckets :].any():
                raise ValueError(f"{name} has bits beyond the last bucket")
            kept[feature.table] = bits.tobytes()
    return kept


def _take_strings(name: str, arrays: dict[str, NDArray[Any]]) -> Sequence[str]:
    """The list of strings packed as `name`.text (bytes,) and `name`.ends (strings,).

    Takes these out of `arrays`. Raises ValueError where they are missing or do not fit.
    """
    needed = (f"{name}.text", f"{name}.ends")
    if not arrays.keys() >= set(needed):
        raise ValueError(f"{name} is missing")
    return tensor_file.unpack_strings(name, {key: arrays.pop(key) for key in needed})


def _take_unique(name: str, arrays: dict[str, NDArray[Any]]) -> Sequence[str]:
    """The list of strings packed as `name`.text (bytes,) and `name`.ends (strings,), all different.

    Takes these out of `arrays`. Raises ValueError also where a string stands twice.
    """
    strings = _take_strings(name, arrays)
    if len(set(strings)) != len(strings):
        raise ValueError(f"{name} holds a string twice")
    return strings


def _take_dictionary(arrays: dict[str, NDArray[Any]]) -> Mapping[str, tuple[str, ...]]:
    """The dictionary, empty where the file has none: each word -> its labels.

    Takes its lists, `dictionary.words` and `.labels`, each packed as .text (bytes,) and .ends
    (words,), out of `arrays`. Raises ValueError.
    """
    if not any(name.startswith("dictionary.") for name in arrays):
        return {}
    words = _take_unique("dictionary.words", arrays)
    labels = _take_strings("dictionary.labels", arrays)
    if not words or len(words) != len(labels):
        raise ValueError(f"{len(words)} words of the dictionary for {len(labels)} lists of labels")
    return {word: tuple(own.split(" ")) for word, own in zip(words, labels, strict=True)}


def _check_dictionary(spec: Spec) -> None:
    """Raise ValueError unless a model's dictionary has labels that the model gives, one a token."""
    if not spec.dictionary:
        return
    if spec.layout.task == "slots" or spec.is_multilabel:
        raise ValueError("a dictionary does not go with slots or several labels a token")
    known = spec.states.labels
    for own in set(spec.dictionary.values()):
        if len(set(own)) != len(own) or not set(own) <= set(known):
            raise ValueError(f"the dictionary has the labels {' '.join(own)!r:.40}")


def _take_lexicons(features: Sequence[Feature], arrays: dict[str, NDArray[Any]]) -> Lexicons:
    """The phrase lists and clusters that features read, by their source.

    Takes the lists `lexicon.SOURCE`, each packed as .text (bytes,) and .ends (groups,), out of
    `arrays`. Raises ValueError.
    """
    found: dict[str, Gazetteer | Clusters] = {}
    for source, kind, lower in lexicon_kinds(features):
        try:
            groups = lexicon.unpacked(_take_strings(f"lexicon.{source}", arrays))
        except ValueError as error:
            raise ValueError(f"lexicon.{source:.40}: {error}") from error
        found[source] = Gazetteer(groups, lower) if kind == "gazetteer" else Clusters(groups)
    return found


def _check_parameters(architecture: Architecture, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Raise ValueError unless the arrays are the network's parameters and nothing else.

    Each has the shape (…,) that the architecture gives its name, all the same dtype, and finite
    numbers.
    """
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
    """Raise ValueError unless labels and thresholds (K,) fit the K columns of the output."""
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
