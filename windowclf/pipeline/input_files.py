"""The files that a config names: which they are, and what they hold to the byte."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from windowclf.errors import DataError

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
                raise DataError(f"{key}: no file matches {pattern!r}.")
            paths += found
        else:
            paths.append(pattern)
    return list(dict.fromkeys(part for path in paths for part in _parts_of(path)))


def _parts_of(path: str) -> list[str]:
    """The files that a path stands for: of brat's folder, or of an .ann, the .txt too."""
    file = Path(path)
    if file.is_dir():
        marks = sorted(each for each in file.glob("*.ann"))
        texts = sorted(each for each in file.glob("*.txt")) if marks else []
        return sorted(map(str, [*marks, *texts])) or [path]
    if file.suffix.lower() == ".ann" and file.with_suffix(".txt").is_file():
        return [path, str(file.with_suffix(".txt"))]
    return [path]


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
