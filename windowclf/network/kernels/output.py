"""Output layers: theta -> (J, delta1), loss and gradient as one pair.

`weights` (B,) is the weight of each window's term: the class weight of its label, and 0 for a
token without a label, which thus leaves J and B. `total` is Σ w over the batch, for rows that are a
part of it; their J is then their share in that of the batch.
"""

from __future__ import annotations

import numpy as np

from windowclf.arrays import Bytes, Floats, Ints
from windowclf.network.kernels.activations import logistic


def softmax(theta: Floats) -> Floats:
    """y_hat = e^theta / Σ e^theta, row by row.   theta (B, K)  ->  y_hat (B, K)."""
    y_hat: Floats = theta - theta.max(axis=1, keepdims=True)
    np.exp(y_hat, out=y_hat)
    y_hat /= y_hat.sum(axis=1, keepdims=True)
    return y_hat


def softmax_cross_entropy(
    theta: Floats,
    labels: Ints,
    weights: Floats,
    total: float | None = None,
    smoothing: float = 0.0,
) -> tuple[float, Floats]:
    """J = Σ_b w_b (logsumexp(theta_b) − theta_b[y_b]) / Σ_b w_b   and   delta1 = w (y_hat − y)/Σ w.

    theta (B, K); labels (B,) class indices (any valid index where the weight is 0); weights (B,)
    w  ->  J and delta1 = dJ/dtheta (B, K). With w = 1 this is the mean cross-entropy and delta1 =
    (y_hat − y)/B. logsumexp is shifted by the row's maximum and no probability is clipped.
    `smoothing` ε gives every class ε/K of y, the label's own 1 − ε on top.
    """
    total = float(weights.sum()) if total is None else total
    if total == 0.0:
        return 0.0, np.zeros_like(theta)
    rows = np.arange(len(labels))
    shifted = theta - theta.max(axis=1, keepdims=True)
    wanted = shifted[rows, labels]
    if smoothing:
        wanted = (1 - smoothing) * wanted + smoothing * shifted.mean(axis=1)
    np.exp(shifted, out=shifted)
    sums = shifted.sum(axis=1)
    J = float(np.dot(weights, np.log(sums) - wanted)) / total
    delta1 = np.multiply(
        shifted, (weights / (sums * theta.dtype.type(total)))[:, None], out=shifted
    )
    share = weights / theta.dtype.type(total)
    if smoothing:
        delta1 -= (share * theta.dtype.type(smoothing / theta.shape[1]))[:, None]
        share *= theta.dtype.type(1 - smoothing)
    delta1[rows, labels] -= share
    return J, delta1


def sigmoid_cross_entropy(
    theta: Floats, targets: Bytes, weights: Floats, total: float | None = None
) -> tuple[float, Floats]:
    """J = Σ_b w_b Σ_j [max(θ, 0) − yθ + log1p(e^−|θ|)] / Σ_b w_b, delta1 = w (y_hat − y)/Σ w.

    theta (B, K), a logit θ for each label j; targets (B, K) uint8, y of 0 and 1; weights (B,) w  ->
    J and delta1 = dJ/dtheta (B, K), with y_hat = logistic(theta).
    """
    total = float(weights.sum()) if total is None else total
    if total == 0.0:
        return 0.0, np.zeros_like(theta)
    terms = np.maximum(theta, 0) - targets * theta + np.log1p(np.exp(-np.abs(theta)))
    J = float(np.dot(weights, terms.sum(axis=1))) / total
    delta1 = logistic(theta)
    delta1 -= targets
    delta1 *= (weights / theta.dtype.type(total))[:, None]
    return J, delta1
