"""Writes that a crash or a full disk cannot tear: the file is the old one or the new one, whole."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from windowclf.errors import RunFolderError

_BLOCK = 1 << 20  # bytes compared at a time


@contextmanager
def whole_file(path: Path, proof: bytes | None = None) -> Iterator[BinaryIO]:
    """A file to write to that takes the name `path` once it is whole and on the disk.

    Until then, and where anything fails, `path` holds what it held before. With `proof` the file is
    read back first and must hold these bytes. Raises OSError.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if proof is not None and not _holds(temporary, proof):
            raise OSError(errno.EIO, "what was written does not read back")
        temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """Put `data` at `path`; the old file goes only once the new one is known to hold every byte.

    Raises RunFolderError with the system's reason; `path` then holds what it held before, or all
    of `data`.
    """
    try:
        with whole_file(path, data) as file:
            file.write(data)
    except OSError as error:
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
    """Make a folder and its parents, their names on the disk before this returns.

    Raises OSError.
    """
    new = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in reversed(new):
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk before this returns. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def reason(error: OSError | ValueError) -> str:
    """The system's words for what went wrong, in lower case as part of a sentence."""
    return (getattr(error, "strerror", None) or str(error)).lower()


def _holds(path: Path, data: bytes) -> bool:
    """True where the file at `path` has exactly the bytes of `data`."""
    offset = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            if block != data[offset : offset + len(block)]:
                return False
            offset += len(block)
    return offset == len(data)
