"""Work shared among threads gives the same results as work done alone."""

from __future__ import annotations

import threading
from contextlib import closing

import numpy as np
import pytest
from small import problem
from test_all_gradients import dense

from windowclf.arrays import distinct
from windowclf.network import members, upward
from windowclf.system import threads
from windowclf.system.threads import ALONE, Workers


@pytest.mark.parametrize("count", [1, 2, 5])
def test_results_keep_the_order_of_the_items(count):
    with closing(Workers(count)) as workers:
        for items in ([], [3], list(range(40))):
            assert workers.map(lambda i: i * i, items) == [i * i for i in items]


def test_two_items_run_at_the_same_time():
    meeting = threading.Barrier(2, timeout=5)
    with closing(Workers(2)) as workers:
        workers.map(lambda _i: meeting.wait(), [1, 2])


def test_the_first_exception_comes_back_once_all_have_ended():
    ended = []

    def fail(i):
        ended.append(i)
        if i in (2, 3):
            raise ValueError(f"item {i}")

    with closing(Workers(3)) as workers:
        with pytest.raises(ValueError, match="item 2"):
            workers.map(fail, range(6))
        assert sorted(ended) == list(range(6))
        assert workers.map(str, range(3)) == ["0", "1", "2"]


def test_threads_keep_the_error_state_of_numpy():
    raised = pytest.raises(FloatingPointError)
    with closing(Workers(2)) as workers, np.errstate(over="raise"), raised:
        workers.map(lambda x: np.float32(3e38) * x, np.ones(8, np.float32) * 10)


def test_close_ends_the_threads():
    before = set(threading.enumerate())
    workers = Workers(4)
    own = set(threading.enumerate()) - before
    assert len(own) == 3
    workers.close()
    for thread in own:
        thread.join(5)
        assert not thread.is_alive()


@pytest.mark.parametrize(
    ("length", "operations", "most"),
    [(0, 1, None), (10, 1, None), (10, 1 << 20, None), (10, 1, 3), (1000, 1 << 20, 64)],
)
def test_pieces_cover_the_length_once(length, operations, most):
    with closing(Workers(3)) as workers:
        pieces = workers.pieces(length, operations, most)
    assert [i for piece in pieces for i in range(length)[piece]] == list(range(length))
    if most is not None:
        assert all(piece.stop - piece.start <= most for piece in pieces)
    sizes = [piece.stop - piece.start for piece in pieces]
    assert max(sizes) - min(sizes) <= 1
    if length * operations < threads.SMALLEST_PIECE and most is None:
        assert len(pieces) == 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("output", ["softmax", "crf"])
@pytest.mark.parametrize(("activation", "directions"), [("none", 0), ("relu", 0), ("tanh", 2)])
def test_gradients_of_shared_work(activation, directions, output, dtype, monkeypatch):
    """The sums over windows and tokens are made in pieces, which only rounds differently."""
    p = problem(activation, output, char_cnn=True, directions=directions, dtype=dtype)
    alone = members.loss_and_gradients(p.architecture, p.parameters, p.batch, p.objective, p.masks)
    monkeypatch.setattr(threads, "SMALLEST_PIECE", 1)
    monkeypatch.setattr(upward, "AT_ONCE", 12)
    with closing(Workers(3)) as workers:
        J, shared = members.loss_and_gradients(
            p.architecture, p.parameters, p.batch, p.objective, p.masks, workers=workers
        )
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    assert pytest.approx(alone[0], rel=tolerance) == J
    for (name, wanted), found in zip(
        dense(p, alone[1]).items(), dense(p, shared).values(), strict=True
    ):
        assert np.abs(wanted - found).max() <= tolerance * max(np.abs(wanted).max(), 1e-3), name


@pytest.mark.parametrize("bound", [50, 100_000])
def test_distinct_is_unique_with_its_inverse(bound):
    values = np.random.default_rng(1).integers(0, 50, 200)
    found, places = distinct(values, bound)
    assert found.tolist() == sorted(set(values.tolist()))
    assert (found[places] == values).all()
    assert distinct(np.array([], np.int32), bound)[0].size == 0


def test_alone_has_no_threads():
    here = threading.get_ident()
    assert set(ALONE.map(lambda _i: threading.get_ident(), range(4))) == {here}
