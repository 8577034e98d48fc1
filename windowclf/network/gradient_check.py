"""Central differences against the hand-derived gradients, on any network and batch.

For each parameter array n_i = (J(p_i + ε) − J(p_i − ε)) / 2ε, ε = 1e-5 in float64, over entries
drawn at random; the figure is ‖a − n‖ / (‖a‖ + ‖n‖). J has kinks where a relu, a hard_tanh or a
max pooling changes sides: an entry whose two ends lie on different sides is drawn anew and counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from windowclf.arrays import Bools, Floats, Ints, RowGradient
from windowclf.network import members
from windowclf.network.architecture import Architecture
from windowclf.network.gradients import Masks, Objective
from windowclf.text.batches import Batch

STEP = 1e-5
ENTRIES = 200
LIMIT = 1e-6
SECONDS = 10.0
ENOUGH = 0.2  # of the entries wanted, below which an array counts as unchecked


@dataclass(frozen=True)
class ArrayCheck:
    """The figure of one parameter array."""

    name: str
    shape: tuple[int, ...]
    wanted: int  # entries to compare
    checked: int  # entries compared
    kinks: int  # entries redrawn because a kink lay between the two ends
    error: float  # ‖a − n‖ / (‖a‖ + ‖n‖), 0 where both are 0

    @property
    def passed(self) -> bool:
        """True where enough entries were compared and the figure is at most 1e-6."""
        return self.error <= LIMIT and self.checked >= ENOUGH * self.wanted


@dataclass(frozen=True)
class GradientProblem:
    """A network in float64, a batch, and what is fixed while entries move."""

    architecture: Architecture
    parameters: dict[str, Floats]
    batch: Batch
    objective: Objective
    masks: Masks

    def forward(self, frozen: Floats | None) -> tuple[float, list[Floats | Ints | Bools]]:
        """J at the present parameters, and on which side of every kink the network is."""
        a, p = self.architecture, self.parameters
        done = members.forward(a, p, self.batch, self.objective, self.masks, frozen)
        sides: list[Floats | Ints | Bools] = [*done.winners]
        if done.h is not None and a.activation == "relu":
            sides.append(done.h > 0)
        if done.h is not None and a.activation == "hard_tanh":
            sides.append(np.abs(done.h) < 1)
        return done.J, sides


def check_gradients(
    problem: GradientProblem,
    rng: np.random.Generator,
    entries: int = ENTRIES,
    seconds: float = SECONDS,
    progress: Callable[[str], None] | None = None,
) -> list[ArrayCheck]:
    """One ArrayCheck per parameter array, within about `seconds` in all."""
    p = problem.parameters
    frozen = members.forward(
        problem.architecture, p, problem.batch, problem.objective, problem.masks
    ).h
    _, gradients = members.loss_and_gradients(
        problem.architecture, p, problem.batch, problem.objective, problem.masks, frozen
    )
    end = time.monotonic() + seconds
    checks = []
    for done, (name, gradient) in enumerate(sorted(gradients.items())):
        if progress:
            progress(name)
        share = max(end - time.monotonic(), 0.1) / (len(gradients) - done)
        rows = gradient.rows if isinstance(gradient, RowGradient) else None
        values = gradient.values if isinstance(gradient, RowGradient) else gradient
        order = rng.permutation(values.size)
        checks.append(
            _check_array(
                problem, name, values, rows, order, entries, frozen, time.monotonic() + share
            )
        )
    return checks


def _check_array(
    problem: GradientProblem,
    name: str,
    values: Floats,
    rows: Ints | None,
    order: Ints,
    entries: int,
    frozen: Floats | None,
    deadline: float,
) -> ArrayCheck:
    p = problem.parameters[name]
    wanted = min(entries, values.size)
    analytic: list[float] = []
    numeric: list[float] = []
    kinks = 0
    for flat in order.tolist():
        if len(numeric) == wanted or time.monotonic() > deadline:
            break
        place = np.unravel_index(flat, values.shape)
        target = place if rows is None else (rows[place[0]], *place[1:])
        difference = _central_difference(problem, p, target, frozen)
        if difference is None:
            kinks += 1
        else:
            analytic.append(float(values[place]))
            numeric.append(difference)
    a, n = np.array(analytic), np.array(numeric)
    scale = float(np.linalg.norm(a) + np.linalg.norm(n))
    error = float(np.linalg.norm(a - n)) / scale if scale > 0 else 0.0
    return ArrayCheck(name, p.shape, wanted, len(n), kinks, error)


def _central_difference(
    problem: GradientProblem, p: Floats, target: tuple[Ints, ...], frozen: Floats | None
) -> float | None:
    """(J(p + ε) − J(p − ε)) / 2ε at one entry, None where a kink lies between the ends."""
    kept = p[target]
    p[target] = kept + STEP
    above, above_sides = problem.forward(frozen)
    p[target] = kept - STEP
    below, below_sides = problem.forward(frozen)
    p[target] = kept
    if any(not np.array_equal(x, y) for x, y in zip(above_sides, below_sides, strict=True)):
        return None
    return (above - below) / (2 * STEP)
