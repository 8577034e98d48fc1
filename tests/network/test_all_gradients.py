"""Every hand-derived gradient against central differences in float64, entry by entry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
from small import SMALLEST, problem

from windowclf.arrays import RowGradient
from windowclf.network import members
from windowclf.network.gradient_check import GradientProblem

STEP = 1e-5
LIMIT = 1e-7
RECURRENCES = {"none": (0, None), "one": (1, None), "two": (2, None), "truncated": (2, 3)}

NETWORKS = [
    (activation, output, char_cnn, recurrence)
    for activation, output, char_cnn, recurrence in product(
        ("none", "relu", "sigmoid", "tanh", "hard_tanh"),
        ("softmax", "one", "many", "crf"),
        (False, True),
        RECURRENCES,
    )
    if activation != "none" or recurrence == "none"
]
CASES = [(*network, plain) for network in NETWORKS for plain in (False, True)]


def combinations_in(case: tuple) -> set[tuple]:
    """Every pair of the factors, and the three by which the way back is wired."""
    activation, output, _, recurrence, _ = case
    return {*combinations(enumerate(case), 2), (activation, output, recurrence)}


def covering(cases: Sequence[tuple], combinations_in: Callable[[tuple], set]) -> list[tuple]:
    """Cases that have every combination that is in any: greedily, the first of the best."""
    found = {case: combinations_in(case) for case in cases}
    missing, chosen = set().union(*found.values()), []
    while missing:
        chosen.append(max(cases, key=lambda case: len(found[case] & missing)))
        missing -= found[chosen[-1]]
    return chosen


def rest_is_slow(cases: Sequence[tuple], quick: Sequence[tuple]) -> list[Any]:
    """All cases as parameters of a test, those that are not in `quick` for the slow tests."""
    return [pytest.param(*c, marks=() if c in quick else pytest.mark.slow) for c in cases]


QUICK = covering(CASES, combinations_in)


def dense(p, gradients) -> dict[str, np.ndarray]:
    """Gradients as whole arrays: rows that a batch did not touch have none."""
    whole = {name: np.zeros_like(array) for name, array in p.parameters.items()}
    for name, gradient in gradients.items():
        if isinstance(gradient, RowGradient):
            assert (np.diff(gradient.rows) > 0).all()
            whole[name][gradient.rows] = gradient.values
        else:
            whole[name][...] = gradient
    return whole


def figures(p) -> dict[str, float]:
    """‖a − n‖ / (‖a‖ + ‖n‖) of every array, over every entry that no kink makes meaningless."""
    a = p.architecture
    frozen = members.forward(a, p.parameters, p.batch, p.objective, p.masks).h
    _, gradients = members.loss_and_gradients(
        a, p.parameters, p.batch, p.objective, p.masks, frozen
    )
    measured = GradientProblem(a, p.parameters, p.batch, p.objective, p.masks)
    errors = {}
    for name, analytic in dense(p, gradients).items():
        numeric = np.full_like(analytic, np.nan)
        array = p.parameters[name]
        for i in np.ndindex(*array.shape):
            kept = array[i]
            array[i] = kept + STEP
            above, above_sides = measured.forward(frozen)
            array[i] = kept - STEP
            below, below_sides = measured.forward(frozen)
            array[i] = kept
            if all(map(np.array_equal, above_sides, below_sides)):
                numeric[i] = (above - below) / (2 * STEP)
        known = ~np.isnan(numeric)
        assert known.mean() > 0.98, f"{name}: too many kinks, draw another network"
        difference = np.linalg.norm((analytic - numeric)[known])
        scale = np.linalg.norm(analytic[known]) + np.linalg.norm(numeric[known])
        assert scale > 0, f"{name}: nothing to compare"
        errors[name] = difference / scale
    return errors


def test_quick_cases_have_every_pair_and_every_wiring():
    for a, b in combinations(range(5), 2):
        assert {(c[a], c[b]) for c in QUICK} == {(c[a], c[b]) for c in CASES}
    assert {(c[0], c[1], c[3]) for c in QUICK} == {(c[0], c[1], c[3]) for c in CASES}
    assert len(QUICK) < len(CASES) / 3


@pytest.mark.parametrize(
    ("activation", "output", "char_cnn", "recurrence", "plain"), rest_is_slow(CASES, QUICK)
)
def test_gradients(activation, output, char_cnn, recurrence, plain):
    directions, truncate = RECURRENCES[recurrence]
    p = problem(activation, output, char_cnn, directions, truncate, plain=plain, **SMALLEST)
    errors = figures(p)
    assert set(errors) == set(p.architecture.shapes())
    assert max(errors.values()) < LIMIT, errors


@pytest.mark.parametrize("window", [0, 1, 2])
@pytest.mark.parametrize("text", [[("one", "A"), ("two", "B")], [("a b", "A B"), ("c", "A")]])
def test_small_sizes(window, text):
    errors = figures(problem(window=window, text=text, char_cnn=True, **SMALLEST))
    assert max(errors.values()) < LIMIT, errors
