"""Named arrays and a JSON header in one safetensors file, under one digest.

`__metadata__` has the one key `windowclf`: canonical JSON with sorted keys, whose field `digest` is
the sha256 of the whole file with that field's 64 digits as zeros. Equal content gives equal bytes.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from windowclf.errors import Fault, ModelFileError, no_such_file
from windowclf.system.durable import reason

VERSIONS = {"model": 2, "state": 1, "corpus": 1}  # that are written; older ones are read
LARGEST_HEADER = 16 << 20  # bytes
_KEY = "windowclf"
_OWN_FIELDS = ("kind", "version", "digest")
_NO_DIGEST = "0" * 64
_DIGEST_FIELD = b'\\"digest\\":\\"'  # as it stands in the file: JSON inside JSON
Data: TypeAlias = bytes | mmap.mmap
_DTYPES = {
    **{"F16": np.float16, "F32": np.float32, "F64": np.float64},
    **{"I8": np.int8, "I64": np.int64, "U8": np.uint8},
}


class TensorFile(NamedTuple):
    """What a file holds: the fields and the arrays that `to_bytes` was given."""

    header: dict[str, Any]
    arrays: dict[str, NDArray[Any]]
    version: int


def to_bytes(kind: str, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """The bytes of a file with these header fields and arrays (…,), each of any shape.

    `kind` ("model", "state", "corpus") stands in the header too, so that none is taken for another.
    """
    text = _canonical({**header, "kind": kind, "version": VERSIONS[kind], "digest": _NO_DIGEST})
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    data = save(contiguous, metadata={_KEY: text})
    begin = data.index(_DIGEST_FIELD) + len(_DIGEST_FIELD)
    digest = hashlib.sha256(data).hexdigest()
    whole = memoryview(data)  # files may be large: no copy but the one that is returned
    return b"".join([whole[:begin], digest.encode(), whole[begin + len(digest) :]])


def read(path: Path, kind: str, data: Data | None = None) -> TensorFile:
    """Read a file and check it: size, header, version, kind, digest, where the arrays lie.

    The arrays are views of the file, mapped into memory, and cannot be written to: processes that
    read one file share it. With `data` they are views of these bytes. Raises ModelFileError.
    """
    data = _bytes_of(path) if data is None else data
    end = 8 + _header_length(path, data, len(data))
    entries, header = _header(path, data[8:end])
    found, version = header.get("kind"), header.get("version")
    if found != kind:
        other = f"a {found:.20}" if isinstance(found, str) else "another"
        raise ModelFileError(Fault(f"expected a {kind} file, found {other} file.", str(path)))
    newest = VERSIONS[kind]
    if type(version) is not int or not 1 <= version <= newest:
        known = "1" if newest == 1 else f"1 to {newest}"
        raise ModelFileError(
            Fault(
                f"expected format version {known}, found {version!r:.20}; "
                "read it with the windowclf that wrote it.",
                str(path),
            )
        )
    _check_digest(path, data, header)
    fields = {key: value for key, value in header.items() if key not in _OWN_FIELDS}
    try:
        return TensorFile(fields, _arrays(entries, data, end), version)
    except ValueError as error:
        raise ModelFileError(
            Fault(f"damaged, {error!s:.300}; use another copy.", str(path))
        ) from error


def is_ours(path: Path) -> bool:
    """True where the header of the file at `path` says that windowclf wrote it.

    Nothing but the header is looked at, neither its kind nor the digest.

    Raises OSError where it cannot be read.
    """
    try:
        with path.open("rb") as file:
            start = file.read(8)
            _header(path, file.read(_header_length(path, start, path.stat().st_size)))
    except ModelFileError:
        return False
    return True


def _bytes_of(path: Path) -> Data:
    """The bytes of a file, mapped into memory. Raises ModelFileError."""
    try:
        if path.exists() and not path.is_file():  # a device has no end, a pipe may never answer
            raise ModelFileError(Fault("expected a file, found a folder or a device.", str(path)))
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
    except FileNotFoundError as error:
        raise ModelFileError(no_such_file(path)) from error
    except OSError as error:
        raise ModelFileError(Fault(f"cannot be read, {reason(error)}.", str(path))) from error


def _header_length(path: Path, start: Data, size: int) -> int:
    """How many bytes of JSON follow the first eight, from those: `start` is the file's beginning.

    `size` is how many bytes the file has. Raises ModelFileError where the two do not fit.
    """
    if len(start) < 8:
        raise _stranger(path)
    (length,) = struct.unpack("<Q", start[:8])
    if length > min(LARGEST_HEADER, size - 8):
        raise ModelFileError(Fault("cut short or not a windowclf file.", str(path)))
    return int(length)


def _header(path: Path, text: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """From the file's JSON: what it says of each array, by name, and the fields under our key.

    Raises ModelFileError where it is not as windowclf writes it.
    """
    try:
        entries = _strict_json(text.decode("utf-8"))
        (ours,) = entries.pop("__metadata__").items()
        fields = _strict_json(ours[1])
        if ours[0] != _KEY or type(fields) is not dict or _canonical(fields) != ours[1]:
            raise _stranger(path)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _stranger(path) from error
    return entries, fields


def _stranger(path: Path) -> ModelFileError:
    """The error to raise for a file that windowclf did not write."""
    return ModelFileError(
        Fault("not a windowclf file; expected a safetensors file written by windowclf.", str(path))
    )


def _canonical(fields: Mapping[str, Any]) -> str:
    """The one way to write these fields as JSON."""
    return json.dumps(fields, sort_keys=True, ensure_ascii=True, separators=(",", ":"))


def _strict_json(text: str) -> Any:
    """JSON without keys that stand twice, NaN and infinities. Raises ValueError."""
    return json.loads(text, object_pairs_hook=_each_once, parse_constant=_no_number)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object from its keys and values. Raises ValueError where a key stands twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_number(text: str) -> None:
    """Raise ValueError for NaN, Infinity or -Infinity, which json would read as numbers."""
    raise ValueError(f"{text} is no JSON")


def _check_digest(path: Path, data: Data, header: Mapping[str, Any]) -> None:
    """Raise ModelFileError unless the header has the digest of the file's bytes."""
    begin = data.find(_DIGEST_FIELD) + len(_DIGEST_FIELD)
    checked = hashlib.sha256(data[:begin])
    checked.update(_NO_DIGEST.encode())
    checked.update(memoryview(data)[begin + len(_NO_DIGEST) :])
    if checked.hexdigest() != header.get("digest"):
        raise ModelFileError(
            Fault("damaged, its content does not match its digest; use another copy.", str(path))
        )


def _arrays(entries: Mapping[str, Any], data: Data, begin: int) -> dict[str, NDArray[Any]]:
    """The arrays by name, each of the shape (rows, columns) or (length,) that its entry gives.

    They are views of `data`. Raises ValueError unless they fill it from the byte `begin` on.
    """
    parts = {name: _part(name, entry) for name, entry in entries.items()}
    arrays, end = {}, begin
    for name, (dtype, shape, first, last) in sorted(parts.items(), key=lambda item: item[1][2:]):
        size = prod(shape) * dtype.itemsize
        if begin + first != end or last - first != size or end + size > len(data):
            raise ValueError(f"the bytes of {name} are not where they should be")
        if end % dtype.itemsize or max(shape, default=1) > max(1, len(data)):
            raise ValueError(f"{name} cannot have the shape {shape} here")
        arrays[name] = np.frombuffer(data, dtype, prod(shape), end).reshape(shape)
        end += size
    if end != len(data):
        raise ValueError(f"{len(data) - end} bytes after the last array")
    return {name: arrays[name] for name in entries}


def _part(name: str, entry: Any) -> tuple[np.dtype[Any], tuple[int, ...], int, int]:
    """An array's dtype, shape, first byte and byte after the last, as its entry says.

    Raises ValueError where one of them is of a wrong type.
    """
    if type(entry) is not dict or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{name} is not described as an array")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if type(dtype) is not str or dtype not in _DTYPES:
        raise ValueError(f"{name} is of an unknown type")
    if not (_are_sizes(shape) and len(shape) <= 2 and _are_sizes(offsets) and len(offsets) == 2):
        raise ValueError(f"{name} has a shape or place that is none")
    return np.dtype(_DTYPES[dtype]), tuple(shape), offsets[0], offsets[1]


def _are_sizes(value: Any) -> bool:
    """True for a list of whole numbers from 0 on that a file may have as sizes or offsets."""
    return type(value) is list and all(type(size) is int and 0 <= size < 1 << 62 for size in value)


def pack_strings(name: str, strings: Sequence[str]) -> dict[str, NDArray[Any]]:
    """A list of strings as two arrays: UTF-8 bytes, and where each ends in code points.

    `name`.text (bytes,) uint8, `name`.ends (strings,) int64.
    """
    ends = np.cumsum([len(string) for string in strings], dtype=np.int64)
    text = "".join(strings).encode("utf-8", "surrogatepass")
    return {f"{name}.text": np.frombuffer(text, np.uint8), f"{name}.ends": ends.astype(np.int64)}


def unpack_strings(name: str, arrays: Mapping[str, NDArray[Any]]) -> Sequence[str]:
    """The list that `pack_strings` packed into `name`.text (bytes,) and `name`.ends (strings,).

    Raises ValueError where the two do not fit.
    """
    packed, ends = arrays[f"{name}.text"], arrays[f"{name}.ends"]
    if [packed.dtype, ends.dtype, packed.ndim, ends.ndim] != [np.uint8, np.int64, 1, 1]:
        raise ValueError(f"{name} is not a list of strings")
    text = packed.tobytes().decode("utf-8", "surrogatepass")
    last = int(ends[-1]) if len(ends) else 0
    if last != len(text) or (np.diff(ends, prepend=0) < 0).any():
        raise ValueError(f"the ends of {name} do not fit its text")
    return PackedStrings(text, ends)


class PackedStrings(Sequence[str]):
    """Many strings as one, and where each ends: they are cut out when they are first read."""

    def __init__(self, text: str, ends: NDArray[np.int64]):
        """`text` is the strings one after another, `ends` (strings,) where each ends in it."""
        self._text, self._ends = text, ends

    @cached_property
    def _strings(self) -> list[str]:
        ends = self._ends.tolist()
        return [self._text[begin:end] for begin, end in zip([0, *ends[:-1]], ends, strict=False)]

    def __len__(self) -> int:
        return len(self._ends)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and [*self] == [*other]

    __hash__ = None  # type: ignore[assignment]  # as for any other list

    def __iter__(self) -> Iterator[str]:
        return iter(self._strings)

    @overload
    def __getitem__(self, i: int) -> str: ...
    @overload
    def __getitem__(self, i: slice) -> list[str]: ...
    def __getitem__(self, i: int | slice) -> str | list[str]:
        return self._strings[i]
