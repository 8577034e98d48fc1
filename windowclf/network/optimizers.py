"""Update rules on named arrays and on row gradients, clipping, schedules, averaged parameters.

With p the parameter, g its gradient, lr the learning rate and t the global step from 1:

    SGD        p −= lr·g
    Momentum   v = μ v + g;                          p −= lr·v
    Adagrad    a = a + g²;                           p −= lr·g / (√a + ε)
    RMSProp    a = ρ a + (1 − ρ) g²;                 p −= lr·g / (√a + ε)
    Adam       m = β₁ m + (1 − β₁) g, v = β₂ v + (1 − β₂) g²;
               p −= lr · m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε)

The accumulators start at 0. Tables get their gradient as rows: `lazy` applies the rule to those
rows and lets the moments of the others wait, `dense` is the textbook rule with zeros elsewhere. For
SGD and Adagrad, which leave a row with a zero gradient alone, the two are the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from windowclf.arrays import Floats, Gradients, Ints, RowGradient
from windowclf.system.threads import ALONE, Workers

Slots: TypeAlias = list[Floats]


@dataclass(frozen=True)
class Sgd:
    """p −= lr·g."""

    slots = ()
    zero_gradient_is_no_step = True

    def step(self, g: Floats, slots: Slots, lr: float, t: int) -> Floats:
        """What to take from p; g is overwritten."""
        g *= lr
        return g


@dataclass(frozen=True)
class Momentum:
    """v = μ v + g; p −= lr·v."""

    momentum: float = 0.9
    slots = ("v",)
    zero_gradient_is_no_step = False

    def step(self, g: Floats, slots: Slots, lr: float, t: int) -> Floats:
        """What to take from p; changes its slot v in place."""
        (v,) = slots
        v *= self.momentum
        v += g
        return np.multiply(v, lr, out=g)


@dataclass(frozen=True)
class Adagrad:
    """a += g²; p −= lr·g / (√a + ε)."""

    epsilon: float = 1e-8
    slots = ("a",)
    zero_gradient_is_no_step = True

    def step(self, g: Floats, slots: Slots, lr: float, t: int) -> Floats:
        """What to take from p; changes its slot a in place."""
        (a,) = slots
        a += g * g
        return _over_root(g, a, lr, self.epsilon)


@dataclass(frozen=True)
class RmsProp:
    """a = ρ a + (1 − ρ) g²; p −= lr·g / (√a + ε)."""

    decay: float = 0.9
    epsilon: float = 1e-8
    slots = ("a",)
    zero_gradient_is_no_step = False

    def step(self, g: Floats, slots: Slots, lr: float, t: int) -> Floats:
        """What to take from p; changes its slot a in place."""
        (a,) = slots
        a *= self.decay
        a += (1 - self.decay) * (g * g)
        return _over_root(g, a, lr, self.epsilon)


@dataclass(frozen=True)
class Adam:
    """m, v: decayed means of g and g², corrected for their start at 0 by the global step.

    The slots hold m/(1 − β₁) and v/(1 − β₂), the decayed sums, and the factors join the learning
    rate and ε: a quarter of the passes over the numbers less.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    slots = ("m", "v")
    zero_gradient_is_no_step = False

    def step(self, g: Floats, slots: Slots, lr: float, t: int) -> Floats:
        """What to take from p; changes its slots m and v in place, and g."""
        m, v = slots
        m *= self.beta1
        m += g
        v *= self.beta2
        g *= g
        v += g
        first = (1 - self.beta1) / (1 - self.beta1**t)
        root = math.sqrt((1 - self.beta2) / (1 - self.beta2**t))
        return _over_root(m, v, lr * first / root, self.epsilon / root, out=g)


Rule: TypeAlias = Sgd | Momentum | Adagrad | RmsProp | Adam


def _over_root(
    g: Floats, a: Floats, lr: float, epsilon: float, out: Floats | None = None
) -> Floats:
    """lr·g / (√a + ε)."""
    step = np.sqrt(a, out=out)
    step += epsilon
    np.divide(g, step, out=step)
    step *= lr
    return step


def values_of(gradient: Floats | RowGradient) -> Floats:
    """The numbers of a gradient, dense or by rows."""
    return gradient.values if isinstance(gradient, RowGradient) else gradient


def global_norm(gradients: Gradients) -> float:
    """√(Σ g²) over every array, rows coalesced."""
    squares = (values_of(g).ravel() for g in gradients.values())
    return math.sqrt(sum(float(np.dot(g, g)) for g in squares))


def clip_by_global_norm(gradients: Gradients, limit: float, norm: float) -> None:
    """Scale all gradients in place by limit/norm where norm > limit (Pascanu et al. 2013)."""
    if norm > limit:
        for gradient in gradients.values():
            values = values_of(gradient)
            values *= limit / norm


def schedule_factor(
    name: Literal["constant", "linear", "cosine"], warmup: float, progress: float
) -> float:
    """Factor of the learning rate at `progress` in [0, 1] of the training.

    Rises linearly from 0 to 1 over the first `warmup`, then stays, falls linearly to 0, or falls
    as (1 + cos πs)/2 over the rest s.
    """
    if progress < warmup:
        return progress / warmup
    rest = min((progress - warmup) / (1 - warmup), 1.0)
    match name:
        case "constant":
            return 1.0
        case "linear":
            return 1.0 - rest
        case "cosine":
            return 0.5 * (1 + math.cos(math.pi * rest))


def _take(table: Floats, rows: Ints) -> Floats:
    """A copy of some rows; `clip` spares the check of indices that are known to be right."""
    return np.take(table, rows, axis=0, mode="clip")


def _put(table: Floats, rows: Ints, values: Floats) -> None:
    """table[rows] = values in half the time: whole rows move as single items."""
    row = np.dtype((np.void, table.itemsize * table.shape[1]))
    np.put(table.view(row), rows, values.view(row))


class Average:
    """Exponential moving average of every parameter: a ← d_t a + (1 − d_t) p after step t.

    d_t = min(decay, (1 + t)/(10 + t)), and a starts at the initial p. Kept is the lag e = a − p,
    for which a step p ← p − s means e ← d_t (e + s), and s missed steps of a row that no batch
    touched e ← D e with D the product of their d, made up at once when the row is next read.
    Log-products since the start are kept, one number for now and one per row, so that
    D = exp(now − then) needs no history.
    """

    def __init__(self, parameters: Mapping[str, Floats], decay: float, by_row: frozenset[str]):
        self.decay = decay
        self.lags = {name: np.zeros_like(p) for name, p in parameters.items()}
        self.log_product = 0.0
        self.row_log_product = {name: np.zeros(len(parameters[name])) for name in by_row}

    def d(self, t: int) -> float:
        """d_t."""
        return min(self.decay, (1 + t) / (10 + t))

    def begin_step(self, t: int) -> None:
        """Account for step t before its arrays are folded in."""
        self.log_product += math.log(max(self.d(t), 1e-300))

    def fold(self, name: str, piece: slice, step: Floats, t: int) -> None:
        """e ← d_t (e + s) for a piece of a dense array that took the step s."""
        e = self.lags[name][piece]
        e += step
        e *= self.d(t)

    def fold_rows(self, name: str, rows: Ints, step: Floats, t: int) -> None:
        """The same for touched rows, which may have missed steps before this one."""
        then = self.row_log_product[name]
        before = self.log_product - math.log(max(self.d(t), 1e-300))
        e = _take(self.lags[name], rows)
        e *= np.exp(before - then[rows]).astype(e.dtype)[:, None]
        e += step
        e *= self.d(t)
        _put(self.lags[name], rows, e)
        then[rows] = self.log_product

    def catch_up(self, parameters: Mapping[str, Floats]) -> dict[str, Floats]:
        """Make up what every row missed, and return the averages, new arrays."""
        for name, then in self.row_log_product.items():
            behind = then != self.log_product
            D = np.exp(self.log_product - then[behind])
            self.lags[name][behind] *= D.astype(self.lags[name].dtype)[:, None]
            then[:] = self.log_product
        return {name: p + self.lags[name] for name, p in parameters.items()}


class Optimizer:
    """Applies a rule to every parameter array in place, and folds the result into the average."""

    def __init__(
        self,
        rule: Rule,
        parameters: dict[str, Floats],
        tables: frozenset[str],
        rows: Literal["lazy", "dense"] = "lazy",
        average: float | None = None,
    ):
        self.rule = rule
        self.parameters = parameters
        self.t = 0
        self._lazy = rows == "lazy" or rule.zero_gradient_is_no_step
        self._slots = {
            name: [np.zeros_like(p) for _ in rule.slots] for name, p in parameters.items()
        }
        by_row = tables if self._lazy else frozenset[str]()
        self.average = None if average is None else Average(parameters, average, by_row)

    def step(self, gradients: Gradients, learning_rate: float, workers: Workers = ALONE) -> None:
        """One update of every parameter from `gradients`, whose arrays may be overwritten."""
        self.t += 1
        if self.average:
            self.average.begin_step(self.t)
        applied = {name: self._as_applied(name, g) for name, g in gradients.items()}

        def update(part: tuple[str, slice]) -> None:
            name, piece = part
            gradient = applied[name]
            if isinstance(gradient, RowGradient):
                rows, values = gradient.rows[piece], gradient.values[piece]
                self._step_rows(name, rows, values, learning_rate)
            else:
                self._step_piece(name, piece, gradient[piece], learning_rate)

        parts = []
        for name, gradient in applied.items():
            values = values_of(gradient)
            width = values.size // max(len(values), 1)
            parts += [(name, piece) for piece in workers.pieces(len(values), width)]
        numbers = sum(values_of(gradient).size for gradient in applied.values())
        workers.for_many(len(parts), numbers).map(update, parts)

    def averaged(self) -> dict[str, Floats]:
        """The parameters to evaluate and to keep: the averages, or the parameters themselves."""
        return self.average.catch_up(self.parameters) if self.average else self.parameters

    def _as_applied(self, name: str, gradient: Floats | RowGradient) -> Floats | RowGradient:
        """By rows only where the others need no update."""
        if self._lazy or not isinstance(gradient, RowGradient):
            return gradient
        whole = np.zeros_like(self.parameters[name])
        whole[gradient.rows] = gradient.values
        return whole

    def _step_piece(self, name: str, piece: slice, gradient: Floats, lr: float) -> None:
        step = self.rule.step(gradient, [slot[piece] for slot in self._slots[name]], lr, self.t)
        self.parameters[name][piece] -= step
        if self.average:
            self.average.fold(name, piece, step, self.t)

    def _step_rows(self, name: str, rows: Ints, values: Floats, lr: float) -> None:
        table, slots = self.parameters[name], self._slots[name]
        taken = [_take(slot, rows) for slot in slots]
        step = self.rule.step(values, taken, lr, self.t)
        for slot, new in zip(slots, taken, strict=True):
            _put(slot, rows, new)
        _put(table, rows, _take(table, rows) - step)
        if self.average:
            self.average.fold_rows(name, rows, step, self.t)

    def state(self) -> dict[str, Floats]:
        """Every array that a later run needs to go on as if never stopped, by name."""
        arrays: dict[str, Floats] = {}
        for name, slots in self._slots.items():
            for slot, array in zip(self.rule.slots, slots, strict=True):
                arrays[f"{slot}.{name}"] = array
        if self.average:
            arrays |= {f"lag.{name}": e for name, e in self.average.lags.items()}
            arrays |= {f"folded.{name}": a for name, a in self.average.row_log_product.items()}
            arrays["folded"] = np.array([self.average.log_product])
        return arrays

    def restore(self, arrays: Mapping[str, Floats], t: int) -> None:
        """Take back what `state` gave after step t."""
        self.t = t
        for name, kept in self.state().items():
            kept[...] = arrays[name]
        if self.average:
            self.average.log_product = float(arrays["folded"][0])
