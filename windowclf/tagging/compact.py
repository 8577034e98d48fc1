"""A model's arrays in few bytes, and back: matrices by rows as int8 or as halves, packed strings.

Matrices are the parameters of two dimensions but for CRF scores; all others stay float32. A row of
int8 is q · s with q in −127 … 127 and a positive half s, its scale. Lists of strings become one
LZMA stream, whose size once unpacked is known, and refused where it is out of proportion, before
any memory is taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from windowclf.arrays import Bytes, Floats
from windowclf.system.tensor_file import pack_strings

LARGEST_Q = 127
SMALLEST_SCALE = 2.0**-14  # the least half with all its digits
STREAM = "strings"  # the array that holds the lists
EXPANSION, FREE_BYTES = 16, 1 << 16  # a stream unpacks to so many times its bytes, and so many

Arrays = Mapping[str, NDArray[Any]]  # by name, of any shape (…,)
Sizes = Mapping[str, tuple[int, ...]]  # of each list: strings, bytes of their text


def pack_parameters(parameters: Mapping[str, Floats], dtype: str) -> dict[str, NDArray[Any]]:
    """The arrays to store for parameters whose matrices become `dtype`: int8, float16 or float32.

    A matrix (rows, d) of int8 has scales (rows,) beside it; all others keep their shape. Raises
    ValueError where a number is too large for the dtype.
    """
    packed: dict[str, NDArray[Any]] = {}
    for name, array in parameters.items():
        with np.errstate(over="ignore"):  # what became infinite is named below
            if dtype == "int8" and _is_matrix(name, array):
                packed[name], own = quantised(array.astype(np.float32))
                packed[_scale_of(name)] = own
            else:
                packed[name] = own = array.astype(dtype if _is_matrix(name, array) else np.float32)
        if not np.isfinite(own).all():
            raise ValueError(f"{name} has numbers that are too large for {dtype}")
    return packed


def unpack_parameters(arrays: Arrays, dtype: str) -> dict[str, NDArray[Any]]:
    """The parameters that `pack_parameters` packed, matrices (rows, d) as float32.

    Any other array stays as it is; the scales (rows,) of int8 are used up. Raises ValueError where
    they do not fit.
    """
    found = dict(arrays)
    for name, array in arrays.items():
        if not _is_matrix(name, array):
            continue
        if array.dtype != dtype:
            raise ValueError(f"{name} is stored as {array.dtype}, expected {dtype}")
        if dtype == "int8":
            found[name] = _dequantised(name, array, found.pop(_scale_of(name), None))
        else:
            found[name] = array.astype(np.float32, copy=False)
    return found


def quantised(matrix: Floats) -> tuple[NDArray[np.int8], Floats]:
    """A matrix by rows as q and s with q · s ≈ the row: s is the scale of the row.

    matrix (rows, d) float32  ->  q (rows, d) int8, s (rows,) float16. The largest entry of a row
    becomes ±127, so that a row that was q · s before gives q and s again; rows below 127 · 2⁻¹⁴
    share the scale 2⁻¹⁴. s is infinite where no half will do.
    """
    largest = np.abs(matrix).max(axis=1, initial=0.0)
    s = np.maximum(largest / LARGEST_Q, SMALLEST_SCALE).astype(np.float16)
    q = np.rint(matrix / s.astype(np.float32)[:, None])
    return q.astype(np.int8), s


def _dequantised(name: str, q: NDArray[Any], s: NDArray[Any] | None) -> Floats:
    """The matrix `name` again, q · s.   q (rows, d), s (rows,)  ->  (rows, d) float32.

    Raises ValueError where the scales do not fit or q has −128.
    """
    if s is None or s.dtype != np.float16 or s.shape != (len(q),):
        raise ValueError(f"the scales of {name} do not fit")
    if not (np.isfinite(s) & (s >= SMALLEST_SCALE)).all():
        raise ValueError(f"the scales of {name} are not all positive numbers")
    if (q < -LARGEST_Q).any():
        raise ValueError(f"{name} has numbers below -{LARGEST_Q}")
    values: Floats = q * s.astype(np.float32)[:, None]
    return values


def _is_matrix(name: str, array: NDArray[Any]) -> bool:
    """Whether a parameter of any shape (…,) is a matrix: of two dimensions, and no CRF scores."""
    return array.ndim == 2 and not name.startswith("crf.")


def _scale_of(name: str) -> str:
    """The name under which the scales of a matrix are stored."""
    return f"scale.{name}"


def pack_lists(lists: Mapping[str, Sequence[str]]) -> tuple[dict[str, NDArray[Any]], Sizes]:
    """Lists of strings by name as one stream (bytes,) of LZMA, and the size of each list.

    Where the stream would be refused as out of proportion: plain arrays as `pack_strings` makes
    them, and no sizes.
    """
    import lzma  # not for the models that have no stream

    plain: dict[str, NDArray[Any]] = {}
    parts: list[bytes] = []
    sizes: dict[str, tuple[int, ...]] = {}
    for name, strings in sorted(lists.items()):
        packed = pack_strings(name, strings)
        text, ends = packed[f"{name}.text"], packed[f"{name}.ends"]
        parts += [_planes(np.diff(ends, prepend=0)), text.tobytes()]
        sizes[name] = (len(ends), len(text))
        plain |= packed
    raw = b"".join(parts)
    stream = lzma.compress(raw, lzma.FORMAT_RAW, filters=_filters())
    if not _in_proportion(len(raw), len(stream)):
        return plain, {}
    return {STREAM: np.frombuffer(stream, np.uint8)}, sizes


def unpack_lists(arrays: Arrays, sizes: Sizes) -> dict[str, NDArray[Any]]:
    """From the stream (bytes,) among the arrays, those that `pack_strings` makes of its lists.

    Any other array stays as it is; `sizes` are those of the lists. Raises ValueError where stream
    and sizes do not fit.
    """
    found = dict(arrays)
    if not sizes:
        return found
    if any(len(size) != 2 or min(size) < 0 for size in sizes.values()):
        raise ValueError("the sizes of the lists are none")
    whole = sum(4 * count + size for count, size in sizes.values())
    raw = _decompressed(found.pop(STREAM, None), whole)
    begin = 0
    for name, (count, size) in sorted(sizes.items()):
        middle, end = begin + 4 * count, begin + 4 * count + size
        ends = np.cumsum(_from_planes(raw[begin:middle]), dtype=np.int64)
        own: dict[str, NDArray[Any]] = {f"{name}.text": raw[middle:end], f"{name}.ends": ends}
        if own.keys() & found.keys():
            raise ValueError(f"{name:.40} is there twice")
        found |= own
        begin = end
    return found


def _decompressed(stream: NDArray[Any] | None, size: int) -> Bytes:
    """What the stream (bytes,) holds: (size,) bytes. Raises ValueError where it holds no such."""
    import lzma

    if stream is None or stream.dtype != np.uint8 or stream.ndim != 1:
        raise ValueError(f"{STREAM} are missing or no stream")
    if not _in_proportion(size, len(stream)):
        raise ValueError(f"{STREAM} would become {size} bytes, far too many")
    decompressor = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=_filters())
    try:
        raw = decompressor.decompress(stream.tobytes(), size + 1)
    except (lzma.LZMAError, EOFError) as error:
        raise ValueError(f"{STREAM} are damaged") from error
    if len(raw) != size or not decompressor.eof or decompressor.unused_data:
        raise ValueError(f"{STREAM} do not unpack to {size} bytes")
    return np.frombuffer(raw, np.uint8)


def _filters() -> list[dict[str, int]]:
    """How the stream is compressed; fixed, so that no file chooses how much memory it takes."""
    import lzma

    return [{"id": lzma.FILTER_LZMA2, "preset": 9, "dict_size": 1 << 20}]


def _in_proportion(size: int, packed: int) -> bool:
    """Whether a stream of `packed` bytes may become `size` bytes."""
    return size <= EXPANSION * packed + FREE_BYTES


def _planes(lengths: NDArray[np.int64]) -> bytes:
    """lengths (strings,) as bytes: the lowest of every number, then the second of every number …

    Most of the others are zero, which packs well.
    """
    return np.ascontiguousarray(lengths.astype("<u4").view(np.uint8).reshape(-1, 4).T).tobytes()


def _from_planes(planes: Bytes) -> NDArray[np.uint32]:
    """The numbers that `_planes` wrote.   planes (4·strings,)  ->  (strings,)."""
    return np.ascontiguousarray(planes.reshape(4, -1).T).view("<u4").ravel()
