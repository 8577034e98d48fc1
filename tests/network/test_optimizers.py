"""Every rule against its published formula, lazy and dense rows, averages, clipping, schedules."""

from __future__ import annotations

import math

import numpy as np
import plain
import pytest

from windowclf.arrays import RowGradient
from windowclf.network.optimizer import Optimizer, clip_by_global_norm, global_norm
from windowclf.network.schedule import schedule_factor
from windowclf.network.update_rules import Adagrad, Adam, Momentum, RmsProp, Sgd

RULES = {
    "sgd": (Sgd(), {}),
    "momentum": (Momentum(0.8), {"momentum": 0.8}),
    "adagrad": (Adagrad(1e-6), {"epsilon": 1e-6}),
    "rmsprop": (RmsProp(0.85, 1e-6), {"decay": 0.85, "epsilon": 1e-6}),
    "adam": (Adam(0.9, 0.99, 1e-6), {"beta1": 0.9, "beta2": 0.99, "epsilon": 1e-6}),
}
TOUCHED = [[0, 2], [2], [1, 2, 4], [0], [4], [2, 4], [0, 1], [4], [0, 3], [1]]


def start(seed=0):
    rng = np.random.default_rng(seed)
    return {"W": rng.standard_normal((3, 2)), "L.word": rng.standard_normal((5, 2))}


def gradients_of(step, rng):
    rows = np.array(TOUCHED[step])
    return {
        "W": rng.standard_normal((3, 2)),
        "L.word": RowGradient(rows, rng.standard_normal((len(rows), 2))),
    }


def dense_of(gradient, shape):
    if not isinstance(gradient, RowGradient):
        return gradient.copy()
    whole = np.zeros(shape)
    whole[gradient.rows] = gradient.values
    return whole


@pytest.mark.parametrize("rows", ["lazy", "dense"])
@pytest.mark.parametrize("name", RULES)
def test_ten_steps_of_the_published_formula(name, rows):
    rule, constants = RULES[name]
    parameters, rng = start(), np.random.default_rng(1)
    optimizer = Optimizer(rule, parameters, frozenset({"L.word"}), rows)
    wanted, state = start(), {"W": {}, "L.word": {}, **{i: {} for i in range(5)}}
    for step in range(10):
        gradients, t = gradients_of(step, rng), step + 1
        lr = 0.1 / t
        plain.update(name, wanted["W"], gradients["W"].copy(), state["W"], lr, t, **constants)
        L, row_gradient = wanted["L.word"], gradients["L.word"]
        if rows == "dense":
            whole = dense_of(row_gradient, L.shape)
            plain.update(name, L, whole, state["L.word"], lr, t, **constants)
        else:
            for row, values in zip(row_gradient.rows, row_gradient.values, strict=True):
                plain.update(name, L[row], values.copy(), state[int(row)], lr, t, **constants)
        optimizer.step(gradients, lr)
    for key, array in wanted.items():
        np.testing.assert_allclose(parameters[key], array, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ["sgd", "adagrad"])
def test_lazy_and_dense_are_the_same_where_no_gradient_is_no_step(name):
    results = []
    for rows in ("lazy", "dense"):
        parameters, rng = start(), np.random.default_rng(2)
        optimizer = Optimizer(RULES[name][0], parameters, frozenset({"L.word"}), rows)
        for step in range(10):
            optimizer.step(gradients_of(step, rng), 0.1)
        results.append(parameters["L.word"])
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("rows", ["lazy", "dense"])
@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("read_at", [(), (3, 4, 7)])
def test_averages_equal_the_step_by_step_loop(name, rows, read_at):
    parameters, rng = start(), np.random.default_rng(3)
    optimizer = Optimizer(RULES[name][0], parameters, frozenset({"L.word"}), rows, average=0.7)
    wanted = start()
    for step in range(10):
        optimizer.step(gradients_of(step, rng), 0.1)
        t = step + 1
        d = min(0.7, (1 + t) / (10 + t))
        for key, array in wanted.items():
            array[...] = d * array + (1 - d) * parameters[key]
        if step in read_at:
            for key, array in optimizer.averaged().items():
                np.testing.assert_allclose(array, wanted[key], rtol=1e-12, atol=1e-14)
    for key, array in optimizer.averaged().items():
        np.testing.assert_allclose(array, wanted[key], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("rows", ["lazy", "dense"])
@pytest.mark.parametrize("name", RULES)
def test_restoring_a_state_continues_bit_for_bit(name, rows):
    def fresh(parameters):
        return Optimizer(RULES[name][0], parameters, frozenset({"L.word"}), rows, average=0.9)

    whole, rng = start(), np.random.default_rng(4)
    steps = [gradients_of(step, rng) for step in range(10)]
    copies = [
        {k: RowGradient(g.rows, g.values.copy()) if isinstance(g, RowGradient) else g.copy()
         for k, g in step.items()}
        for step in steps
    ]  # fmt: skip
    unbroken = fresh(whole)
    for step in steps:
        unbroken.step(step, 0.1)
    part = start()
    first = fresh(part)
    for step in copies[:4]:
        first.step(step, 0.1)
    kept = {key: array.copy() for key, array in first.state().items()}
    resumed_parameters = {key: array.copy() for key, array in part.items()}
    resumed = fresh(resumed_parameters)
    resumed.restore(kept, first.steps)
    for step in copies[4:]:
        resumed.step(step, 0.1)
    for key in whole:
        np.testing.assert_array_equal(resumed_parameters[key], whole[key])
        np.testing.assert_array_equal(resumed.averaged()[key], unbroken.averaged()[key])


def test_looking_at_the_state_changes_nothing():
    parameters, rng = start(), np.random.default_rng(5)
    optimizer = Optimizer(Adam(), parameters, frozenset({"L.word"}), "lazy", average=0.9)
    optimizer.step(gradients_of(0, rng), 0.1)
    before = {key: array.copy() for key, array in optimizer.state().items()}
    for key, array in optimizer.state().items():
        np.testing.assert_array_equal(array, before[key])


@pytest.mark.parametrize("name", RULES)
def test_approaches_the_minimum_of_a_quadratic(name):
    lr = {"adagrad": 0.5}.get(name, 0.02)
    parameters = {"p": np.array([3.0, -2.0])}
    optimizer = Optimizer(RULES[name][0], parameters, frozenset())
    for step in range(2000):
        slope = np.array([1.0, 4.0]) * (parameters["p"] - np.array([1.0, 0.5]))
        optimizer.step({"p": slope}, lr * (1 - step / 2000))
    np.testing.assert_allclose(parameters["p"], [1.0, 0.5], atol=1e-3)


def test_clipping_by_the_global_norm():
    gradients = {"a": np.array([3.0]), "L.w": RowGradient(np.array([1]), np.array([[0.0, 4.0]]))}
    norm = global_norm(gradients)
    assert norm == 5.0
    clip_by_global_norm(gradients, 5.0, norm)
    assert gradients["a"][0] == 3.0
    clip_by_global_norm(gradients, 1.0, norm)
    assert global_norm(gradients) == pytest.approx(1.0)
    assert gradients["L.w"].values[0, 1] == pytest.approx(0.8)


@pytest.mark.parametrize("name", ["constant", "linear", "cosine"])
def test_schedules_at_their_corners(name):
    end = 1.0 if name == "constant" else 0.0
    assert schedule_factor(name, 0.0, 0.0) == 1.0
    assert schedule_factor(name, 0.0, 1.0) == pytest.approx(end, abs=1e-15)
    assert schedule_factor(name, 0.2, 0.0) == 0.0
    assert schedule_factor(name, 0.2, 0.1) == 0.5
    assert schedule_factor(name, 0.2, 0.2) == 1.0
    middle = {"constant": 1.0, "linear": 0.5, "cosine": 0.5}[name]
    assert schedule_factor(name, 0.2, 0.6) == pytest.approx(middle)
    assert schedule_factor("cosine", 0.0, 0.25) == pytest.approx((1 + math.cos(math.pi / 4)) / 2)


def test_float32_stays_float32():
    parameters = {key: array.astype(np.float32) for key, array in start().items()}
    for rule, _ in RULES.values():
        optimizer = Optimizer(rule, parameters, frozenset({"L.word"}), "lazy", average=0.9)
        gradient = RowGradient(np.array([1]), np.ones((1, 2), np.float32))
        optimizer.step({"W": np.ones((3, 2), np.float32), "L.word": gradient}, 0.1)
        for key, array in optimizer.state().items():
            assert array.dtype == (np.float64 if key.startswith("folded") else np.float32)
        assert all(array.dtype == np.float32 for array in optimizer.averaged().values())
