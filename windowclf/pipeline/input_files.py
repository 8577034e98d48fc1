"""The files that a config names: which they are, and what they hold to the byte."""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Sequence
from pathlib import Path

from windowclf.errors import DataError


def files_of(where: str | Sequence[str], key: str) -> list[str]:
    """Paths of a config entry: a path, a glob or a list of them; globs sorted."""
    patterns = [where] if isinstance(where, str) else list(where)
    paths: list[str] = []
    for pattern in patterns:
        if glob.has_magic(pattern) and not Path(pattern).exists():
            found = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 — keeps relative paths
            if not found:
                raise DataError(f"{key}: no file matches {pattern!r}.")
            paths += found
        else:
            paths.append(pattern)
    return paths


def digest_of(paths: Sequence[str]) -> str:
    """sha256 over the bytes of the files, in order."""
    digest = hashlib.sha256()
    for path in paths:
        with Path(path).open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def place_of(name: str) -> str:
    """Where the config names files that have a digest: train, dev, …, or a feature's place."""
    return name if name.startswith("features.") else f"data.{name}"
