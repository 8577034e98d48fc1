"""The temperature: one number by which scores are divided before they become probabilities.

It divides theta (and the transition scores of a CRF): the order of the classes stays as it is,
their probabilities move towards each other above 1 and apart below 1. Guo, Pleiss, Sun and
Weinberger (2017) fit it on held-out text.
"""

from __future__ import annotations

import math

import numpy as np

from windowclf.arrays import Bools, Floats, Ints
from windowclf.network import members
from windowclf.network.architecture import Architecture, Parameters
from windowclf.network.kernels.output import sigmoid_cross_entropy, softmax_cross_entropy
from windowclf.system.limits import TEMPERATURES
from windowclf.text.corpus import NO_CLASS


def fit_temperature(a: Architecture, p: Parameters, theta: Floats, lengths: Ints, y: Ints) -> float:
    """The temperature with the least surprise at the gold labels; 1 where no token has one.

    theta (N, K); lengths (S,) of the sentences; y (N,) class indices, NO_CLASS for a token without,
    or for a sigmoid output rows (N, K) of 0 and 1, NO_CLASS in all of a row without. The mean
    negative log-likelihood is that of a token's label: for a CRF of its marginal, for several
    labels of all decisions. To it comes (ln temperature)²/2 over the number of tokens with a label,
    one observation's worth of a temperature of 1, so that a few tokens, all of them right, do not
    make a model certain of everything.
    """
    from scipy.optimize import minimize_scalar

    known = (y if y.ndim == 1 else y[:, 0]) != NO_CLASS
    tokens = int(np.count_nonzero(known))
    if tokens == 0:
        return 1.0
    whole = theta.astype(np.float64)

    def surprise(log_temperature: float) -> float:
        temperature = math.exp(log_temperature)
        J = _mean_negative_log_likelihood(a, p, whole, lengths, y, known, temperature)
        return J + log_temperature * log_temperature / (2 * tokens)

    low, high = map(math.log, TEMPERATURES)
    found = minimize_scalar(surprise, bounds=(low, high), method="bounded", options={"xatol": 1e-3})
    if not found.fun < surprise(0.0):
        return 1.0
    return round(math.exp(float(found.x)), 4)


def _mean_negative_log_likelihood(
    a: Architecture,
    p: Parameters,
    theta: Floats,
    lengths: Ints,
    y: Ints,
    known: Bools,
    temperature: float,
) -> float:
    """The mean over the known tokens of −ln of the gold label's probability at a temperature.

    theta (N, K), lengths (S,), y (N,) or (N, K) as in `fit_temperature`; known (N,) marks the
    tokens with a label.
    """
    if a.output == "crf":
        y_hat = members.probabilities(a, p, theta, lengths, temperature)
        own = y_hat[np.flatnonzero(known), y[known]]
        return -float(np.log(np.maximum(own, np.finfo(np.float64).tiny)).mean())
    weights = known.astype(np.float64)
    if a.output == "softmax":
        return softmax_cross_entropy(theta / temperature, np.maximum(y, 0), weights)[0]
    targets = np.maximum(y, 0).astype(np.uint8)
    return sigmoid_cross_entropy(theta / temperature, targets, weights)[0]
