"""Writes that a crash or a full disk cannot tear: the file is the old one or the new one, whole."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from windowclf.errors import RunFolderError


def write_whole(path: Path, data: bytes) -> None:
    """Put `data` at `path`: temporary file beside it, flush, fsync, rename, fsync of the folder.

    Raises RunFolderError with the system's reason; `path` then holds what it held before.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise RunFolderError(f"{path}: cannot write, {reason(error)}; nothing was lost.") from error


def reason(error: OSError) -> str:
    """The system's words for what went wrong, in lower case as part of a sentence."""
    return (error.strerror or str(error)).lower()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
