"""A large training text encoded once, in a folder beside the run, for this run and later ones."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from windowclf.errors import ModelFileError, RunFolderError
from windowclf.system import tensor_file
from windowclf.system.durable import make_folder, reason, write_whole
from windowclf.text.corpus import Corpus
from windowclf.text.features import Key

FOLDER_NAME = ".windowclf-corpora"
_HEADER_NAME = "corpus.safetensors"
_ARRAYS = {"tokens": np.int32, "labels": np.int32, "starts": np.int64}


class Encoded(NamedTuple):
    """A text as numbers."""

    corpus: Corpus
    digest: str  # sha256 of the files
    remarks: Sequence[str]  # what there is to say of the files, a sentence each


@dataclass(frozen=True)
class Source:
    """The files that a text is encoded from, and how: equal sources are not encoded again."""

    files: Sequence[str]
    how: Mapping[str, Any]  # JSON: the layout, the columns, the scheme of the labels

    @property
    def name(self) -> str:
        """The name of the folder in which the encoded text lies: a hash of the paths and `how`."""
        paths = [str(Path(file).resolve()) for file in self.files]
        return hashlib.sha256(json.dumps([paths, self.how]).encode()).hexdigest()[:16]

    def stamps(self) -> list[list[int]]:
        """Size in bytes and time of the last change in ns of every file."""
        stats = [Path(file).stat() for file in self.files]
        return [[stat.st_size, stat.st_mtime_ns] for stat in stats]

    def megabytes(self) -> float:
        """The size of all files together, in units of 2^20 bytes."""
        return sum(size for size, _ in self.stamps()) / (1 << 20)


@dataclass
class Hashed:
    """A binary stream whose bytes are hashed as they are read."""

    file: BinaryIO
    digest: Any  # a hash of hashlib, which every read updates
    on_bytes: Callable[[int], None]  # is told at every read how many bytes it gave

    def read1(self, size: int) -> bytes:
        """The next bytes of the file, at most `size`; none at its end."""
        data: bytes = self.file.read1(size)  # type: ignore[attr-defined]  # files have it
        self.digest.update(data)
        self.on_bytes(len(data))
        return data


def find_or_make(
    beside: Path, source: Source, make: Callable[[Path], Encoded]
) -> tuple[Encoded, bool]:
    """A source as numbers, and whether it had been encoded before.

    It is kept in a folder in `beside`; `make` encodes the text into a folder that it is given.
    Raises RunFolderError where that cannot be written.
    """
    folder = beside / FOLDER_NAME / source.name
    stamps = source.stamps()
    if (found := _read(folder, stamps)) is not None:
        return found, True
    building = folder.with_name(f"{folder.name}.{os.getpid()}.tmp")
    _clear_leftovers(folder.parent)
    try:
        make_folder(building)
        encoded = make(building)
        _write_header(building, stamps, encoded)
        shutil.rmtree(folder, ignore_errors=True)
        building.rename(folder)
    except OSError as error:
        raise RunFolderError(
            f"{folder}: cannot keep the encoded training text, {reason(error)}; make room, or "
            "raise data.cache_above_mb to hold it in memory."
        ) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return encoded, False


def bytes_kept(corpus: Corpus) -> int:
    """About how many bytes a corpus takes that is kept."""
    arrays = tensor_file.pack_strings("labels", corpus.label_names)
    arrays |= tensor_file.pack_strings("keys", _flat(corpus.keys))
    numbers = (corpus.tokens, corpus.labels, corpus.starts, *arrays.values())
    return sum(each.nbytes for each in numbers)


def _clear_leftovers(folder: Path) -> None:
    """Remove the unfinished folders of processes that run no more."""
    for leftover in folder.glob("*.tmp"):
        process = leftover.name.split(".")[-2]
        if process.isdecimal() and not _is_running(int(process)):
            shutil.rmtree(leftover, ignore_errors=True)


def _is_running(process: int) -> bool:
    """Whether there is a process of this number."""
    try:
        os.kill(process, 0)  # asks, and sends nothing
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def _write_header(folder: Path, stamps: list[list[int]], encoded: Encoded) -> None:
    """Write what the folder's arrays do not say: keys, labels, and what they were made from."""
    corpus = encoded.corpus
    columns = len(corpus.keys[0]) if corpus.keys and isinstance(corpus.keys[0], tuple) else 0
    header = {
        "stamps": stamps,
        "data": encoded.digest,
        "remarks": list(encoded.remarks),
        "columns": columns,
        "rare": corpus.rare,
        "arrays": {name: _digest(folder / name) for name in _ARRAYS},
    }
    arrays = tensor_file.pack_strings("labels", corpus.label_names)
    arrays |= tensor_file.pack_strings("keys", _flat(corpus.keys))
    write_whole(folder / _HEADER_NAME, tensor_file.to_bytes("corpus", header, arrays))


def _read(folder: Path, stamps: list[list[int]]) -> Encoded | None:
    """What is kept in a folder.

    None where the folder holds none that is whole and of files with these stamps.
    """
    if not (folder / _HEADER_NAME).exists():
        return None
    try:
        header, arrays, _ = tensor_file.read(folder / _HEADER_NAME, "corpus")
        digests = {name: _digest(folder / name) for name in _ARRAYS}
        if header["stamps"] != stamps or header["arrays"] != digests:
            return None
        mapped = {name: np.memmap(folder / name, dtype, "r") for name, dtype in _ARRAYS.items()}
        strings = list(tensor_file.unpack_strings("keys", arrays))
        columns = header["columns"]
        keys: list[Key] = list(strings)
        if columns:
            keys = [tuple(strings[i : i + columns]) for i in range(0, len(strings), columns)]
        labels = list(tensor_file.unpack_strings("labels", arrays))
        corpus = Corpus(**mapped, keys=keys, label_names=labels, rare=header["rare"])
        return Encoded(corpus, header["data"], header["remarks"])
    except (ModelFileError, OSError, ValueError, KeyError, TypeError):
        return None  # it is made again from the files themselves


def _flat(keys: Sequence[Key]) -> list[str]:
    """The strings of all keys one after another, as many of each."""
    return [part for key in keys for part in ((key,) if isinstance(key, str) else key)]


def _digest(path: Path) -> str:
    """sha256 of the bytes of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
