"""Writes that a crash or a full disk cannot tear: the file is the old one or the new one, whole."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from windowclf.errors import RunFolderError

_BLOCK = 1 << 20  # bytes compared at a time


def write_whole(path: Path, data: bytes) -> None:
    """Put `data` at `path`: temporary file, fsync, read back, rename, fsync of the folder.

    The old file goes only once the new one is known to hold every byte. Raises RunFolderError with
    the system's reason; `path` then holds what it held before, or all of `data`.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        _write_and_prove(temporary, data)
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise RunFolderError(
            f"{path}: cannot write, {reason(error)}; nothing was lost, mend that and try again."
        ) from error
    try:
        sync_folder(path.parent)
    except OSError as error:
        raise RunFolderError(
            f"{path}: written, but the system does not say that it would outlive a power cut, "
            f"{reason(error)}; mend that and try again."
        ) from error


def make_folder(path: Path) -> None:
    """`path` with its parents, their names on the disk before this returns. Raises OSError."""
    new = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in reversed(new):
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """The names in a folder, on the disk before this returns. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def reason(error: OSError) -> str:
    """The system's words for what went wrong, in lower case as part of a sentence."""
    return (error.strerror or str(error)).lower()


def _write_and_prove(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    if not _holds(path, data):
        raise OSError(errno.EIO, "what was written does not read back")


def _holds(path: Path, data: bytes) -> bool:
    """True where the file has exactly these bytes."""
    place = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            if block != data[place : place + len(block)]:
                return False
            place += len(block)
    return place == len(data)
