"""The files that a config names: which they are, and what they hold to the byte."""

from __future__ import annotations

import functools
import glob
import hashlib
import inspect
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ParamSpec, TypeAlias, TypeVar

from windowclf.errors import DataError, Fault, MissingFile, WindowclfError, looked_for
from windowclf.system.durable import reason
from windowclf.system.paths import kind_at
from windowclf.text.formats import Format
from windowclf.text.formats.shapes.brat import text_beside

P = ParamSpec("P")
R = TypeVar("R")
Paths: TypeAlias = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
"""A path, a glob or several of them."""


def files_of(where: Paths, key: str) -> list[str]:
    """The paths that an entry of the config names: a path, a glob or a list of them; globs sorted.

    `key` is what messages call the entry. Raises DataError for no path, also for a glob of none.
    """
    given = [where] if isinstance(where, str | os.PathLike) else where
    patterns = [os.fspath(pattern) for pattern in given]
    if not patterns:
        raise DataError(f"{key}: expected at least one path.")
    paths: list[str] = []
    for pattern in patterns:
        if glob.has_magic(pattern) and not Path(pattern).exists():
            found = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 — keeps relative paths
            if not found:
                where = looked_for(pattern)
                fault = f"{key}: no file matches {pattern!r}{where}."
                raise DataError(MissingFile(fault, key=key, wanted=pattern))
            paths += found
        else:
            paths.append(pattern)
    return _with_parts(paths)


def _with_parts(paths: Sequence[str]) -> list[str]:
    """The files that paths stand for; one that belongs to another, as brat's do, once."""
    found: list[str] = []
    beside: set[str] = set()
    for path in paths:
        parts = _parts_of(path)
        found += [part for part in parts if part not in beside]
        if len(parts) > 1:
            beside.update(parts)
    return found


def _parts_of(path: str) -> list[str]:
    """The files that a path stands for: of brat's folder, or of an .ann, the .txt too.

    Raises DataError where such a folder has something else under such a name.
    """
    file = Path(path)
    if file.is_dir():
        marks = sorted(each for each in file.glob("*.ann"))
        texts = sorted(each for each in file.glob("*.txt")) if marks else []
        for each in (*marks, *texts):
            _refuse_no_file(each)
        return sorted(map(str, [*marks, *texts])) or [path]
    if file.suffix.lower() == ".ann" and file.with_suffix(".txt").is_file():
        return [path, str(file.with_suffix(".txt"))]
    return [path]


def with_marks(paths: Sequence[str]) -> list[str]:
    """Files of brat's; with a .txt the .ann beside it, if there is one, which comes first."""
    marks = [str(Path(path).with_suffix(".ann")) for path in paths]
    is_text = [Path(path).suffix.lower() == ".txt" for path in paths]
    return _with_parts(
        [
            mark if of_text and Path(mark).is_file() else path
            for path, mark, of_text in zip(paths, marks, is_text, strict=True)
        ]
    )


def without_texts(paths: Sequence[str]) -> list[str]:
    """The files without the texts of brat's whose .ann is among them."""
    marked = {str(Path(path).with_suffix(".txt")) for path in paths if path.endswith(".ann")}
    return [path for path in paths if str(Path(path)) not in marked]


def _refuse_no_file(path: Path) -> None:
    """Raise DataError for a pipe, which may never end, or what else a folder holds beside files."""
    try:
        found = kind_at(path, follow=True) or "a link to nothing"
    except OSError as error:
        raise DataError(Fault(f"cannot be read, {reason(error)}.", str(path))) from None
    if found != "a file":
        raise DataError(Fault(f"expected a file, found {found}.", str(path)))


def files_read(files: Sequence[str], format_: Format) -> list[str]:
    """All files that are opened to read these of a format; of brat's the texts beside them too."""
    paths = [path for path in files if path != "-"]
    beside = [str(text_beside(Path(path))) for path in paths] if format_ == "brat" else []
    return [*paths, *beside]


def looks_beside_config(function: Callable[P, R]) -> Callable[P, R]:
    """The function, whose faults of missing files say where the `config` lies beside such a one.

    Paths in a config are those of the working directory, whatever folder it is in.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def helped(*args: P.args, **kwargs: P.kwargs) -> R:
        """The function itself, with more to say."""
        try:
            return function(*args, **kwargs)
        except WindowclfError as error:
            config = signature.bind(*args, **kwargs).arguments.get("config")
            faults = [_beside(fault, config) for fault in error.faults]
            if faults == list(error.faults):
                raise
            raise type(error)(*faults, more=error.more) from error

    return helped


def _beside(fault: Fault, config: object) -> Fault:
    """A fault of a missing file with the one beside the config, if there is one; others as is."""
    if not isinstance(fault, MissingFile) or not isinstance(config, str | os.PathLike):
        return fault
    folder = Path(os.fspath(config)).parent
    place = str(folder / fault.wanted)
    if Path(fault.wanted).is_absolute() or not glob.glob(place):  # noqa: PTH207 — a path or a glob
        return fault
    found = f"{fault.sentence.removesuffix('.')}; beside the config there is {place}"
    return replace(fault, sentence=f"{found}: name it so, or run the command in {folder}.")


def digest_of(paths: Sequence[str]) -> str:
    """sha256 over the bytes of the files, one after another."""
    digest = hashlib.sha256()
    for path in paths:
        with Path(path).open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def config_key(name: str) -> str:
    """The key of the config for files whose digest is kept as `name`: data.train for train."""
    return name if name.startswith(("features.", "training.")) else f"data.{name}"
