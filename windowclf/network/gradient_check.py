"""Central differences against the hand-derived gradients, on any network and batch.

For entries of each parameter array, drawn at random, measured = (J(p + ε) − J(p − ε)) / 2ε where ε
= 1e-5 moves that entry of p alone, in float64; the figure is ‖derived − measured‖ / (‖derived‖ +
‖measured‖). J has kinks where a relu, a hard_tanh or a max pooling changes sides: an entry whose
two ends lie on different sides is drawn anew and counted.
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
    error: float  # ‖derived − measured‖ / (‖derived‖ + ‖measured‖), 0 where both are 0

    @property
    def passed(self) -> bool:
        """True where enough entries were compared and the figure is at most 1e-6."""
        return self.error <= LIMIT and self.checked >= ENOUGH * self.wanted


@dataclass(frozen=True)
class GradientProblem:
    """A network in float64, a batch, and what is fixed while entries move."""

    architecture: Architecture
    parameters: dict[str, Floats]  # by name, moved in place and put back
    batch: Batch
    objective: Objective
    masks: Masks

    def forward(self, held: Floats | None) -> tuple[float, list[Floats | Ints | Bools]]:
        """J at the present parameters, and on which side of every kink the network is.

        held (M, B, G) is the h whose states enter the truncated blocks of a recurrence. The sides
        are the winners (T, filters) of every max pooling and where h (M, B, G) lies.
        """
        a, p = self.architecture, self.parameters
        done = members.forward(a, p, self.batch, self.objective, self.masks, held)
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
    held = members.forward(
        problem.architecture, p, problem.batch, problem.objective, problem.masks
    ).h
    _, gradients = members.loss_and_gradients(
        problem.architecture, p, problem.batch, problem.objective, problem.masks, held
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
                problem, name, values, rows, order, entries, held, time.monotonic() + share
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
    held: Floats | None,
    deadline: float,
) -> ArrayCheck:
    """Compare up to `entries` entries of one parameter's gradient `values`, in the given order.

    values have the parameter's own shape, or are (rows, d) for the rows (rows,) of a table; order
    (values.size,) are flat indices into them; held (M, B, G) is as in GradientProblem.forward.
    """
    array = problem.parameters[name]
    wanted = min(entries, values.size)
    derived: list[float] = []
    measured: list[float] = []
    kinks = 0
    for flat in order.tolist():
        if len(measured) == wanted or time.monotonic() > deadline:
            break
        entry = np.unravel_index(flat, values.shape)
        moved = entry if rows is None else (rows[entry[0]], *entry[1:])
        difference = _central_difference(problem, array, moved, held)
        if difference is None:
            kinks += 1
        else:
            derived.append(float(values[entry]))
            measured.append(difference)
    ours, theirs = np.array(derived), np.array(measured)
    scale = float(np.linalg.norm(ours) + np.linalg.norm(theirs))
    error = float(np.linalg.norm(ours - theirs)) / scale if scale > 0 else 0.0
    return ArrayCheck(name, array.shape, wanted, len(theirs), kinks, error)


def _central_difference(
    problem: GradientProblem, array: Floats, entry: tuple[Ints, ...], held: Floats | None
) -> float | None:
    """(J(p + ε) − J(p − ε)) / 2ε at one entry, None where a kink lies between the ends.

    array, of any shape, is the parameter that the entry is of; held (M, B, G) is as in
    GradientProblem.forward.
    """
    before = array[entry]
    array[entry] = before + STEP
    above, above_sides = problem.forward(held)
    array[entry] = before - STEP
    below, below_sides = problem.forward(held)
    array[entry] = before
    if any(not np.array_equal(*both) for both in zip(above_sides, below_sides, strict=True)):
        return None
    return (above - below) / (2 * STEP)
