"""Arrays in few bytes: what a row of int8 holds, and streams of strings that promise too much."""

from __future__ import annotations

import functools
import lzma

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from windowclf.system.tensor_file import pack_strings
from windowclf.tagging import compact
from windowclf.tagging.compact import pack_lists, pack_parameters, quantised, unpack_lists
from windowclf.tagging.compact import unpack_parameters as unpack

LISTS = {"labels": ["N", "V"], "values.word": ["", "a", "ü🙂", "\ud800", "x" * 300], "empty": []}


def test_rows_of_int8_by_hand():
    """The largest entry becomes ±127: 7.9375 = 127/16, so that s = 1/16 and 0.1 is 1.6 of it."""
    p = np.array([[7.9375, -0.5, 0.1], [0.0, 0.0, 0.0], [-254.0, 2.0, 3.0]], np.float32)
    q, s = quantised(p)
    assert (q.dtype, s.dtype) == (np.int8, np.float16)
    assert q.tolist() == [[127, -8, 2], [0, 0, 0], [-127, 1, 2]]  # 1.5 goes to the even number
    assert s.tolist() == [1 / 16, 2**-14, 2.0]


finite = st.floats(-8e6, 8e6, width=32) | st.floats(-(2.0**-9), 2.0**-9, width=32)


@given(
    arrays_of.arrays(np.float32, st.tuples(st.integers(0, 3), st.integers(0, 4)), elements=finite)
)
def test_a_row_is_off_by_half_a_step_and_stays_so(p):
    parameters = {"W": p}
    packed = pack_parameters(parameters, "int8")
    again = unpack(packed, "int8")["W"]
    step = packed["scale.W"].astype(np.float64)[:, None]
    assert again.shape == p.shape
    assert again.dtype == np.float32
    assert (np.abs(again - p.astype(np.float64)) <= 0.501 * step).all()
    for name, array in pack_parameters({"W": again}, "int8").items():
        np.testing.assert_array_equal(array, packed[name])


@pytest.mark.parametrize("dtype", ["int8", "float16", "float32"])
def test_only_matrices_become_coarser(dtype):
    given = {
        "L.word": np.array([[0.1, 0.2], [1.0, 3.0]]),  # float64
        "b1": np.array([0.1, 0.7], np.float32),
        "crf.transitions": np.array([[0.1, 0.7], [0.3, 0.9]], np.float32),
    }
    packed = pack_parameters(given, dtype)
    assert packed["L.word"].dtype == dtype
    found = unpack(packed, dtype)
    assert found.keys() == given.keys()
    for name, p in given.items():
        assert found[name].dtype == np.float32
        np.testing.assert_allclose(found[name], p, atol=0.012 if name == "L.word" else 1e-7)


@pytest.mark.parametrize(("dtype", "number"), [("int8", 1e7), ("float16", 7e4), ("float32", 1e39)])
def test_a_number_that_is_too_large_is_named(dtype, number):
    with pytest.raises(ValueError, match=f"W has numbers that are too large for {dtype}"):
        pack_parameters({"W": np.array([[number]])}, dtype)


def good() -> dict[str, np.ndarray]:
    return pack_parameters({"W": np.array([[1.0, 2.0], [3.0, 4.0]])}, "int8")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"W": np.zeros((2, 2), np.float32)}, "W is stored as float32, expected int8"),
        ({"W": np.full((2, 2), -128, np.int8)}, "W has numbers below -127"),
        ({"scale.W": np.ones(3, np.float16)}, "the scales of W do not fit"),
        ({"scale.W": np.ones((2, 1), np.float16)}, "the scales of W do not fit"),
        ({"scale.W": np.ones(2, np.float32)}, "the scales of W do not fit"),
        ({"scale.W": np.array([1, np.inf], np.float16)}, "not all positive numbers"),
        ({"scale.W": np.array([1, np.nan], np.float16)}, "not all positive numbers"),
        ({"scale.W": np.array([1, 0], np.float16)}, "not all positive numbers"),
        ({"scale.W": np.array([1, -1], np.float16)}, "not all positive numbers"),
    ],
)
def test_scales_and_values_that_do_not_fit(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        unpack({**good(), **change}, "int8")


def test_scales_that_are_missing():
    packed = good()
    del packed["scale.W"]
    with pytest.raises(ValueError, match="the scales of W do not fit"):
        unpack(packed, "int8")


def test_scales_of_what_needs_none_are_left_to_be_refused():
    """Every array that is not a parameter is refused by name later on."""
    scale = {"scale.b1": np.ones(2, np.float16)}
    assert "scale.b1" in unpack({**good(), "b1": np.ones(2, np.float32), **scale}, "int8")
    assert "scale.W" in unpack({**good(), "W": np.ones((2, 2), np.float16)}, "float16")


@given(
    st.dictionaries(
        st.sampled_from(["labels", "seen", "values.a", "values.b"]),
        st.lists(st.text("a\0\nü🙂\ud800")),
        min_size=1,
    )
)
def test_lists_there_and_back(lists):
    arrays, sizes = pack_lists(lists)
    found = unpack_lists({**arrays, "W": np.ones(2)}, sizes)
    assert found.pop("W").tolist() == [1, 1]
    plain = {k: v for name, own in lists.items() for k, v in pack_strings(name, own).items()}
    assert found.keys() == plain.keys()
    for name, array in plain.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_a_stream_is_small_and_the_same_whatever_the_order():
    words = {"values.word": [f"word{i}" for i in range(5000)], "seen": ["word7", "a"]}
    arrays, sizes = pack_lists(words)
    assert sizes == {"seen": (2, 6), "values.word": (5000, 38890)}
    assert len(arrays["strings"]) < 10_000
    again, _ = pack_lists(dict(reversed(words.items())))
    np.testing.assert_array_equal(again["strings"], arrays["strings"])


def test_strings_that_are_all_the_same_are_not_packed():
    """What would unpack to a thousand times its bytes would be refused when it is read."""
    arrays, sizes = pack_lists({"seen": ["a" * 1_000_000]})
    assert sizes == {}
    assert arrays.keys() == {"seen.text", "seen.ends"}


@functools.cache
def bomb(size: int) -> np.ndarray:
    raw = lzma.compress(bytes(size), lzma.FORMAT_RAW, filters=compact._filters())
    return np.frombuffer(raw, np.uint8)


@pytest.mark.parametrize(
    ("stream", "sizes", "sentence"),
    [
        (lambda: bomb(50_000_000), {"seen": (0, 50_000_000)}, "far too many"),
        (lambda: bomb(50_000_000), {"seen": (12_500_000, 0)}, "far too many"),
        (lambda: bomb(50_000_000), {"seen": (1, 1000)}, "do not unpack to 1004 bytes"),
        (lambda: bomb(100), {"seen": (25, 1)}, "do not unpack to 101 bytes"),
        (lambda: bomb(100)[:-1], {"seen": (25, 0)}, "do not unpack|damaged"),
        (lambda: np.append(bomb(100), np.uint8(0)), {"seen": (25, 0)}, "do not unpack"),
        (lambda: np.full(9, 0xFF, np.uint8), {"seen": (25, 0)}, "damaged"),
        (lambda: np.zeros(0, np.uint8), {"seen": (25, 0)}, "do not unpack|damaged"),
        (lambda: None, {"seen": (25, 0)}, "missing"),
        (lambda: bomb(100).astype(np.int64), {"seen": (25, 0)}, "no stream"),
        (lambda: bomb(100), {"seen": (25,)}, "sizes of the lists are none"),
        (lambda: bomb(100), {"seen": (-1, 104)}, "sizes of the lists are none"),
        (lambda: bomb(100), {"seen": (2**62, 2**62)}, "far too many"),
    ],
)
def test_streams_that_lie_are_refused(stream, sizes, sentence):
    found = stream()
    given = {} if found is None else {"strings": found}
    with pytest.raises(ValueError, match=sentence):
        unpack_lists(given, sizes)


def test_a_list_is_there_once():
    arrays, sizes = pack_lists(LISTS)
    with pytest.raises(ValueError, match="labels is there twice"):
        unpack_lists({**arrays, **pack_strings("labels", ["A"])}, sizes)
