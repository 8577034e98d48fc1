"""Named arrays and a JSON header in one safetensors file, under one digest.

`__metadata__` has the one key `windowclf`: canonical JSON with sorted keys, whose field `digest` is
the sha256 of the whole file with that field's 64 digits as zeros. Equal content gives equal bytes.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from windowclf.durable import reason
from windowclf.errors import ModelFileError

FORMAT_VERSION = 1
LARGEST_HEADER = 16 << 20  # bytes
_KEY = "windowclf"
_NO_DIGEST = "0" * 64
_DIGEST_FIELD = b'\\"digest\\":\\"'  # as it stands in the file: JSON inside JSON


class TensorFile(NamedTuple):
    """What a file holds: the header's fields and the arrays by name."""

    header: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


def to_bytes(kind: str, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """The file as bytes. `kind` ("model", "state") guards against mixing them up."""
    fields = {**header, "kind": kind, "version": FORMAT_VERSION, "digest": _NO_DIGEST}
    text = json.dumps(fields, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    data = save(contiguous, metadata={_KEY: text})
    place = data.index(_DIGEST_FIELD) + len(_DIGEST_FIELD)
    digest = hashlib.sha256(data).hexdigest()
    return data[:place] + digest.encode() + data[place + len(digest) :]


def read(path: Path, kind: str) -> TensorFile:
    """Read and check a file: size, header, version, kind, digest. Raises ModelFileError."""
    data = _bytes_of(path)
    header = _header(path, data)
    if header.get("kind") != kind:
        raise ModelFileError(f"{path}: expected a {kind} file, found a {header.get('kind')} file.")
    if header.get("version") != FORMAT_VERSION:
        raise ModelFileError(
            f"{path}: expected format version {FORMAT_VERSION}, found {header.get('version')!r}; "
            "read it with the windowclf that wrote it."
        )
    _check_digest(path, data, header)
    try:
        return TensorFile(header, load(data))
    except (SafetensorError, ValueError, KeyError) as error:
        raise ModelFileError(f"{path}: damaged, {error}.") from error


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ModelFileError(f"{path}: no such file.") from error
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read, {reason(error)}.") from error


def _header(path: Path, data: bytes) -> dict[str, Any]:
    """The JSON under our key; nothing is allocated from sizes that the file only claims."""
    stranger = f"{path}: not a windowclf file; expected a safetensors file written by windowclf."
    if len(data) < 8:
        raise ModelFileError(stranger)
    (length,) = struct.unpack("<Q", data[:8])
    if length > min(LARGEST_HEADER, len(data) - 8):
        raise ModelFileError(f"{path}: cut short or not a windowclf file.")
    try:
        header = json.loads(json.loads(data[8 : 8 + length])["__metadata__"][_KEY])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelFileError(stranger) from error
    if not isinstance(header, dict):
        raise ModelFileError(stranger)
    return header


def _check_digest(path: Path, data: bytes, header: Mapping[str, Any]) -> None:
    digest = header.get("digest")
    place = data.find(_DIGEST_FIELD) + len(_DIGEST_FIELD)
    checked = hashlib.sha256(data[:place])
    checked.update(_NO_DIGEST.encode())
    checked.update(memoryview(data)[place + len(_NO_DIGEST) :])
    if checked.hexdigest() != digest:
        raise ModelFileError(
            f"{path}: damaged, its content does not match its digest; use another copy."
        )


def pack_strings(name: str, strings: Sequence[str]) -> dict[str, NDArray[Any]]:
    """A list of strings as two arrays: UTF-8 bytes, and where each ends in code points."""
    ends = np.cumsum([len(string) for string in strings], dtype=np.int64)
    text = "".join(strings).encode("utf-8", "surrogatepass")
    return {f"{name}.text": np.frombuffer(text, np.uint8), f"{name}.ends": ends.astype(np.int64)}


def unpack_strings(name: str, arrays: Mapping[str, NDArray[Any]]) -> tuple[str, ...]:
    """The list that `pack_strings` packed. Raises ValueError where the arrays do not fit."""
    text = arrays[f"{name}.text"].tobytes().decode("utf-8", "surrogatepass")
    ends = arrays[f"{name}.ends"].tolist()
    starts = [0, *ends[:-1]]
    if (ends[-1] if ends else 0) != len(text) or any(
        a > b for a, b in zip(starts, ends, strict=False)
    ):
        raise ValueError(f"the ends of {name} do not fit its text")
    return tuple([text[a:b] for a, b in zip(starts, ends, strict=False)])
