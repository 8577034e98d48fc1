"""Update rules: from the gradient of some numbers to what is taken from them.

With p the parameters, g their gradient, lr the learning rate and `step` counted for all from 1:

    SGD        p −= lr·g
    Momentum   velocity = μ velocity + g;                   p −= lr·velocity
    Adagrad    squares = squares + g²;                      p −= lr·g / (√squares + ε)
    RMSProp    squares = ρ squares + (1 − ρ) g²;            p −= lr·g / (√squares + ε)
    Adam       mean = β₁ mean + (1 − β₁) g, squares = β₂ squares + (1 − β₂) g²;
               p −= lr · mean/(1 − β₁^step) / (√(squares/(1 − β₂^step)) + ε)

The accumulators start at 0. All is entry by entry: a rule is given an array or a part of one, g,
its accumulators and what it returns being of the same shape. `accumulators` are the letters that
saved states name them by.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from windowclf.arrays import Floats

Accumulators: TypeAlias = list[Floats]


@dataclass(frozen=True)
class Sgd:
    """p −= lr·g."""

    accumulators = ()
    zero_gradient_is_no_step = True

    def step(self, g: Floats, accumulators: Accumulators, lr: float, step: int) -> Floats:
        """What to take from p, of the same shape as g, which is overwritten."""
        g *= lr
        return g


@dataclass(frozen=True)
class Momentum:
    """velocity = μ velocity + g; p −= lr·velocity."""

    momentum: float = 0.9
    accumulators = ("v",)
    zero_gradient_is_no_step = False

    def step(self, g: Floats, accumulators: Accumulators, lr: float, step: int) -> Floats:
        """What to take from p, of the same shape as g; changes the velocity in place, and g."""
        (velocity,) = accumulators
        velocity *= self.momentum
        velocity += g
        return np.multiply(velocity, lr, out=g)


@dataclass(frozen=True)
class Adagrad:
    """squares += g²; p −= lr·g / (√squares + ε)."""

    epsilon: float = 1e-8
    accumulators = ("a",)
    zero_gradient_is_no_step = True

    def step(self, g: Floats, accumulators: Accumulators, lr: float, step: int) -> Floats:
        """What to take from p, of the same shape as g; changes the squares in place."""
        (squares,) = accumulators
        squares += g * g
        return _over_root(g, squares, lr, self.epsilon)


@dataclass(frozen=True)
class RmsProp:
    """squares = ρ squares + (1 − ρ) g²; p −= lr·g / (√squares + ε)."""

    decay: float = 0.9
    epsilon: float = 1e-8
    accumulators = ("a",)
    zero_gradient_is_no_step = False

    def step(self, g: Floats, accumulators: Accumulators, lr: float, step: int) -> Floats:
        """What to take from p, of the same shape as g; changes the squares in place."""
        (squares,) = accumulators
        squares *= self.decay
        squares += (1 - self.decay) * (g * g)
        return _over_root(g, squares, lr, self.epsilon)


@dataclass(frozen=True)
class Adam:
    """Decayed means of g and g², corrected for their start at 0 by the global step.

    Held are mean/(1 − β₁) and squares/(1 − β₂), the decayed sums, and the factors join the learning
    rate and ε: a quarter of the passes over the numbers less.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    accumulators = ("m", "v")
    zero_gradient_is_no_step = False

    def step(self, g: Floats, accumulators: Accumulators, lr: float, step: int) -> Floats:
        """What to take from p, of the same shape as g; changes both sums in place, and g."""
        mean, squares = accumulators
        mean *= self.beta1
        mean += g
        squares *= self.beta2
        g *= g
        squares += g
        first = (1 - self.beta1) / (1 - self.beta1**step)
        root = math.sqrt((1 - self.beta2) / (1 - self.beta2**step))
        return _over_root(mean, squares, lr * first / root, self.epsilon / root, out=g)


Rule: TypeAlias = Sgd | Momentum | Adagrad | RmsProp | Adam


def _over_root(
    numerator: Floats, squares: Floats, lr: float, epsilon: float, out: Floats | None = None
) -> Floats:
    """lr·numerator / (√squares + ε), of the same shape as both; `out` is an array for it."""
    move = np.sqrt(squares, out=out)
    move += epsilon
    np.divide(numerator, move, out=move)
    move *= lr
    return move
