"""A model's arrays in few bytes, and back: matrices by rows as int8 or as halves, packed strings.

Matrices are the parameters of two dimensions but for CRF scores; all others stay float32. A row of
int8 is q · s with q in −127 … 127 and a positive half s of its own. Lists of strings become one
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

Arrays = Mapping[str, NDArray[Any]]
Sizes = Mapping[str, tuple[int, ...]]  # of each list: strings, bytes of their text


def pack_parameters(parameters: Mapping[str, Floats], dtype: str) -> dict[str, NDArray[Any]]:
    """The arrays to store as `dtype`: int8, float16 or float32.

    Raises ValueError where a number is too large for it.
    """
    packed: dict[str, NDArray[Any]] = {}
    for name, p in parameters.items():
        with np.errstate(over="ignore"):  # what became infinite is named below
            if dtype == "int8" and _is_matrix(name, p):
                packed[name], own = quantised(p.astype(np.float32))
                packed[_scale_of(name)] = own
            else:
                packed[name] = own = p.astype(dtype if _is_matrix(name, p) else np.float32)
        if not np.isfinite(own).all():
            raise ValueError(f"{name} has numbers that are too large for {dtype}")
    return packed


def unpack_parameters(arrays: Arrays, dtype: str) -> dict[str, NDArray[Any]]:
    """The parameters as float32, with any other arrays as they are. Raises ValueError."""
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


def quantised(p: Floats) -> tuple[NDArray[np.int8], Floats]:
    """p (n, d) float32 by rows -> q (n, d) int8 and s (n,) float16 with p ≈ q · s.

    The largest entry of a row becomes ±127, so that a row that was q · s before gives q and s
    again; rows below 127 · 2⁻¹⁴ share the scale 2⁻¹⁴. s is infinite where no half will do.
    """
    largest = np.abs(p).max(axis=1, initial=0.0)
    s = np.maximum(largest / LARGEST_Q, SMALLEST_SCALE).astype(np.float16)
    q = np.rint(p / s.astype(np.float32)[:, None])
    return q.astype(np.int8), s


def _dequantised(name: str, q: NDArray[Any], s: NDArray[Any] | None) -> Floats:
    """q · s (n, d) float32. Raises ValueError."""
    if s is None or s.dtype != np.float16 or s.shape != (len(q),):
        raise ValueError(f"the scales of {name} do not fit")
    if not (np.isfinite(s) & (s >= SMALLEST_SCALE)).all():
        raise ValueError(f"the scales of {name} are not all positive numbers")
    if (q < -LARGEST_Q).any():
        raise ValueError(f"{name} has numbers below -{LARGEST_Q}")
    values: Floats = q * s.astype(np.float32)[:, None]
    return values


def _is_matrix(name: str, array: NDArray[Any]) -> bool:
    return array.ndim == 2 and not name.startswith("crf.")


def _scale_of(name: str) -> str:
    return f"scale.{name}"


def pack_lists(lists: Mapping[str, Sequence[str]]) -> tuple[dict[str, NDArray[Any]], Sizes]:
    """Lists of strings as one stream, and their sizes; plain arrays where it would be refused."""
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
    """The arrays that `pack_strings` makes of the lists, with all others. Raises ValueError."""
    found = dict(arrays)
    if not sizes:
        return found
    if any(len(size) != 2 or min(size) < 0 for size in sizes.values()):
        raise ValueError("the sizes of the lists are none")
    raw = _decompressed(found.pop(STREAM, None), sum(4 * n + size for n, size in sizes.values()))
    place = 0
    for name, (count, size) in sorted(sizes.items()):
        middle, end = place + 4 * count, place + 4 * count + size
        ends = np.cumsum(_lengths(raw[place:middle]), dtype=np.int64)
        own: dict[str, NDArray[Any]] = {f"{name}.text": raw[middle:end], f"{name}.ends": ends}
        if own.keys() & found.keys():
            raise ValueError(f"{name:.40} is there twice")
        found |= own
        place = end
    return found


def _decompressed(stream: NDArray[Any] | None, size: int) -> Bytes:
    """What the stream holds, if that is `size` bytes. Raises ValueError."""
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
    """Fixed, so that no file chooses how much memory its reading takes."""
    import lzma

    return [{"id": lzma.FILTER_LZMA2, "preset": 9, "dict_size": 1 << 20}]


def _in_proportion(size: int, packed: int) -> bool:
    return size <= EXPANSION * packed + FREE_BYTES


def _planes(lengths: NDArray[np.int64]) -> bytes:
    """First the lowest bytes of all numbers, then the second …: most of the others are zero."""
    return np.ascontiguousarray(lengths.astype("<u4").view(np.uint8).reshape(-1, 4).T).tobytes()


def _lengths(planes: Bytes) -> NDArray[np.uint32]:
    """The numbers again."""
    return np.ascontiguousarray(planes.reshape(4, -1).T).view("<u4").ravel()
