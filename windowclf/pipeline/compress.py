"""compress: a trained model in fewer bytes, by coarser numbers and by rows left out."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import NotRequired, TypedDict, get_args

import numpy as np

from windowclf.analysis.evaluation import main_figures
from windowclf.errors import ConfigError, Fault, ModelFileError
from windowclf.pipeline.evaluate import evaluate
from windowclf.pipeline.input_files import Paths, files_of
from windowclf.pipeline.listener import SILENT, Listener
from windowclf.system.arguments import checked_arguments
from windowclf.system.durable import write_whole
from windowclf.system.paths import is_at
from windowclf.tagging.model import Model, Stored
from windowclf.tagging.model_file import find_model, load_model, model_bytes
from windowclf.tagging.pruning import Rows, ranked_rows, with_rows
from windowclf.tagging.tagger import Tagger

UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9}


class Held(TypedDict):
    """What a model file holds."""

    bytes: int
    rows: dict[str, int]  # of each table
    seen_words: int | None  # None: not kept
    scores: NotRequired[dict[str, float]]  # the main figures


class Compression(TypedDict):
    """What compressing a model has changed."""

    file: str
    stored_as: Stored
    before: Held
    after: Held


@checked_arguments
def compress(
    model: str | os.PathLike[str],
    output: str | os.PathLike[str],
    dtype: str = "int8",
    size: int | str | None = None,
    data: Paths | None = None,
    listener: Listener = SILENT,
) -> Compression:
    """Write a smaller model file that load, predict and evaluate read as any other.

    `dtype` is what the matrices are stored as: int8 with a scale for each row, float16 or float32;
    they are computed with as float32. `size` is the most that the file may have, as bytes or as
    "900kB" or "1.5MB" (powers of ten): where it is needed the forms seen in training are left out
    first, then the rows of the tables that matter least. `data`, a labelled file, is scored before
    and after. Returns the bytes, rows and scores of both.
    Raises ConfigError, DataError, ModelFileError or RunFolderError (the file cannot be written).
    """
    file, target = find_model(Path(model)), Path(output)
    stored, most = _stored(dtype), _bytes(size)
    loaded = _uncompressed(file)
    _refuse_same(target, file, "the model itself")
    for read in () if data is None else files_of(data, "--data"):
        _refuse_same(target, Path(read), "the data")
    before = _facts(loaded, file.stat().st_size, data)
    try:
        small = _fitted(replace(loaded, compressed=stored), most)
        content = model_bytes(small)
    except ValueError as error:
        raise ModelFileError(Fault(f"cannot be stored so, {error}.", str(file))) from error
    write_whole(target, content)
    if small.spec.vocabulary.seen is None:
        listener.notice(
            "the forms seen in training are left out; evaluate will not tell seen words from "
            "unseen ones."
        )
    after = _facts(load_model(target, content), len(content), data)
    return {"file": str(target), "stored_as": stored, "before": before, "after": after}


def _stored(dtype: str) -> Stored:
    """What --dtype asks for. Raises ConfigError."""
    for stored in get_args(Stored):
        if dtype == stored:
            return stored  # type: ignore[no-any-return]
    raise ConfigError(
        f"--dtype: expected one of {', '.join(get_args(Stored))}, found {dtype!r:.40}."
    )


def _bytes(size: int | str | None) -> int | None:
    """How many bytes --size allows; None for any number. Raises ConfigError."""
    if size is None:
        return None
    match = re.fullmatch(
        r"(\d{1,15}(?:\.\d{1,9})?) ?([kmg]?b)?", str(size).strip().lower(), re.ASCII
    )
    if match is None:
        raise ConfigError(f"--size: expected bytes such as 900kB or 1.5MB, found {size!r:.40}.")
    return int(Decimal(match[1]) * UNITS[match[2] or ""])


def _uncompressed(file: Path) -> Model:
    """The model of a file. Raises ModelFileError where it is compressed already."""
    loaded = load_model(file)
    if loaded.compressed is not None:
        raise ModelFileError(
            Fault(
                "expected a model as train wrote it, found one that is compressed already; "
                "compress the model that it was made from.",
                str(file),
            )
        )
    return loaded


def _fitted(model: Model, most: int | None) -> Model:
    """The model with as much of its rows and its seen words as `most` bytes hold; None: all.

    Raises ConfigError where they do not hold what it cannot do without.
    """
    whole = with_rows(model, {})
    if _fits(whole, most):
        return whole
    without_seen = _without_seen(whole)
    if _fits(without_seen, most):
        return without_seen
    itemsize = np.dtype(model.compressed).itemsize
    rows, rest = ranked_rows(model, itemsize), _without_seen(model)
    fewest = with_rows(rest, rows.first(0))
    if not _fits(fewest, most):
        raise ConfigError(
            f"--size: expected at least {len(model_bytes(fewest)):,} bytes, what the model takes "
            f"without any listed value, found {most:,}; ask for more, or train fewer hidden units."
        )
    return with_rows(rest, rows.first(_most_rows(rest, rows, most)))


def _most_rows(model: Model, rows: Rows, most: int | None) -> int:
    """How many of the ranked rows fit into `most` bytes; found by halving."""
    fit, too_many = 0, len(rows.row)  # so many do, and so many do not
    while too_many - fit > 1:
        middle = (fit + too_many) // 2
        if _fits(with_rows(model, rows.first(middle)), most):
            fit = middle
        else:
            too_many = middle
    return fit


def _fits(model: Model, most: int | None) -> bool:
    """Whether the file of a model has at most so many bytes; None for any number."""
    return most is None or len(model_bytes(model)) <= most


def _without_seen(model: Model) -> Model:
    """The model without the forms seen in training."""
    vocabulary = replace(model.spec.vocabulary, seen=None)
    return replace(model, spec=replace(model.spec, vocabulary=vocabulary))


def _refuse_same(target: Path, read: Path, what: str) -> None:
    """Raise ConfigError where the file to be written is one that is read, which `what` names."""
    with contextlib.suppress(OSError):  # whoever reads or writes them says it better
        if is_at(target, read):
            raise ConfigError(f"--output: expected another file than {what}, {read}.")


def _facts(model: Model, size: int, data: Paths | None) -> Held:
    """What is shown of a model of `size` bytes: rows, seen words, and with `data` the scores."""
    v = model.spec.vocabulary
    facts: Held = {
        "bytes": size,
        "rows": dict(model.spec.architecture.table_sizes),
        "seen_words": None if v.seen is None else len(v.seen),
    }
    if data is not None:
        facts["scores"] = main_figures(model.spec, evaluate(Tagger(model), data))
    return facts
