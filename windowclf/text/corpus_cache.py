"""A large training text encoded once, in a folder beside the run, for this run and later ones."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from windowclf.errors import Fault, ModelFileError, RunFolderError
from windowclf.system import tensor_file
from windowclf.system.durable import make_folder, reason, remove_folder, write_whole
from windowclf.system.paths import kind_at, open_regular
from windowclf.text.corpus import Corpus
from windowclf.text.features import Key

FOLDER_NAME = ".windowclf-corpora"
_HEADER_NAME = "corpus.safetensors"
_UNFINISHED = re.compile(r"[0-9a-f]{16}(?:\.[0-9a-f]{16})?\.([0-9]+)\.tmp")
_ENTRY = re.compile(r"[0-9a-f]{16}(?:\.[0-9a-f]{16}\.[0-9]+\.tmp)?")
_ARRAYS = {"tokens": np.int32, "labels": np.int32, "starts": np.int64}
_NAMES = (*_ARRAYS, _HEADER_NAME)


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
        """Of every file its size in bytes, the times in ns of its last changes, and its number.

        The second time is the system's own: no copying program sets it back.
        """
        stats = [Path(file).stat() for file in self.files]
        return [[s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino] for s in stats]

    def megabytes(self) -> float:
        """The size of all files together, in units of 2^20 bytes."""
        return sum(size for size, *_ in self.stamps()) / (1 << 20)


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
    _refuse_links(beside / FOLDER_NAME)
    stamps = source.stamps()
    if (found := _read(folder, stamps)) is not None:
        return found, True
    # With a name of its own: a killed process of the same number may have left a part of the text.
    building = folder.with_name(f"{folder.name}.{os.urandom(8).hex()}.{os.getpid()}.tmp")
    _clear_leftovers(folder.parent)
    try:
        make_folder(building)
        encoded = make(building)
        _write_header(building, stamps, encoded)
        remove_folder(folder, _NAMES)
        if others := sorted(folder.iterdir()) if folder.exists() else []:
            fault = "expected files of windowclf alone; move it away."
            raise RunFolderError(Fault(fault, str(others[0])))
        building.rename(folder)
    except OSError as error:
        raise RunFolderError(
            Fault(
                f"cannot keep the encoded training text, {reason(error)}; make room, or "
                "raise data.cache_above_mb to hold it in memory.",
                str(folder),
            )
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
        match = _UNFINISHED.fullmatch(leftover.name)
        if match and not _is_running(int(match[1])):
            remove_folder(leftover, _NAMES)


def remove_cache(beside: Path) -> None:
    """Remove the folder in `beside` with all that is kept in it; what others keep there stays.

    Raises OSError.
    """
    cache = beside / FOLDER_NAME
    if kind_at(cache) == "a directory":
        for entry in cache.iterdir():
            if _ENTRY.fullmatch(entry.name):
                remove_folder(entry, _NAMES)
        remove_folder(cache, ())


def _refuse_links(cache: Path) -> None:
    """Raise RunFolderError where something else than a directory has the name of ours."""
    if (kind := kind_at(cache)) not in (None, "a directory"):
        fault = f"expected a directory, found {kind}; move it away."
        raise RunFolderError(Fault(fault, str(cache)))


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
        "replayed": corpus.replayed,
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
        rare, replayed = header["rare"], header.get("replayed", 0)
        corpus = Corpus(**mapped, keys=keys, label_names=labels, rare=rare, replayed=replayed)
        return Encoded(corpus, header["data"], header["remarks"])
    except (ModelFileError, OSError, ValueError, KeyError, TypeError):
        return None  # it is made again from the files themselves


def _flat(keys: Sequence[Key]) -> list[str]:
    """The strings of all keys one after another, as many of each."""
    return [part for key in keys for part in ((key,) if isinstance(key, str) else key)]


def _digest(path: Path) -> str:
    """sha256 of the bytes of a file."""
    with os.fdopen(open_regular(path, os.O_RDONLY), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
