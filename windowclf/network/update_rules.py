"""Update rules: from the gradient of some numbers to what is taken from them.

With p the parameter, g its gradient, lr the learning rate and t the global step from 1:

    SGD        p −= lr·g
    Momentum   v = μ v + g;                          p −= lr·v
    Adagrad    a = a + g²;                           p −= lr·g / (√a + ε)
    RMSProp    a = ρ a + (1 − ρ) g²;                 p −= lr·g / (√a + ε)
    Adam       m = β₁ m + (1 − β₁) g, v = β₂ v + (1 − β₂) g²;
               p −= lr · m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε)

The accumulators v, a and m have the shape of p and start at 0. Arrays may be whole ones or rows.
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

    def step(self, g: Floats, accumulators: Accumulators, lr: float, t: int) -> Floats:
        """What to take from p; g is overwritten."""
        g *= lr
        return g


@dataclass(frozen=True)
class Momentum:
    """v = μ v + g; p −= lr·v."""

    momentum: float = 0.9
    accumulators = ("v",)
    zero_gradient_is_no_step = False

    def step(self, g: Floats, accumulators: Accumulators, lr: float, t: int) -> Floats:
        """What to take from p; changes v in place."""
        (v,) = accumulators
        v *= self.momentum
        v += g
        return np.multiply(v, lr, out=g)


@dataclass(frozen=True)
class Adagrad:
    """a += g²; p −= lr·g / (√a + ε)."""

    epsilon: float = 1e-8
    accumulators = ("a",)
    zero_gradient_is_no_step = True

    def step(self, g: Floats, accumulators: Accumulators, lr: float, t: int) -> Floats:
        """What to take from p; changes a in place."""
        (a,) = accumulators
        a += g * g
        return _over_root(g, a, lr, self.epsilon)


@dataclass(frozen=True)
class RmsProp:
    """a = ρ a + (1 − ρ) g²; p −= lr·g / (√a + ε)."""

    decay: float = 0.9
    epsilon: float = 1e-8
    accumulators = ("a",)
    zero_gradient_is_no_step = False

    def step(self, g: Floats, accumulators: Accumulators, lr: float, t: int) -> Floats:
        """What to take from p; changes a in place."""
        (a,) = accumulators
        a *= self.decay
        a += (1 - self.decay) * (g * g)
        return _over_root(g, a, lr, self.epsilon)


@dataclass(frozen=True)
class Adam:
    """m, v: decayed means of g and g², corrected for their start at 0 by the global step.

    Held are m/(1 − β₁) and v/(1 − β₂), the decayed sums, and the factors join the learning
    rate and ε: a quarter of the passes over the numbers less.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    accumulators = ("m", "v")
    zero_gradient_is_no_step = False

    def step(self, g: Floats, accumulators: Accumulators, lr: float, t: int) -> Floats:
        """What to take from p; changes m and v in place, and g."""
        m, v = accumulators
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
