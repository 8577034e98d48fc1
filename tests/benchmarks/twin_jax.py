"""The network of the benchmarks in JAX: one jitted step with dense Adam, its arrays donated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from stream import LEARNING_RATE

State = dict[str, dict[str, jax.Array]]
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


def loss_of(p: dict[str, jax.Array], ids: jax.Array, labels: jax.Array) -> jax.Array:
    """Mean cross-entropy of relu(x W + b1) U + b2."""
    x = p["L.all"][ids].reshape(len(ids), -1)
    theta = jax.nn.relu(x @ p["W"] + p["b1"]) @ p["U"] + p["b2"]
    chosen = jnp.take_along_axis(jax.nn.log_softmax(theta), labels[:, None], axis=1)
    return -chosen.mean()


@partial(jax.jit, donate_argnums=0)
def train_step(
    state: State, t: jax.Array, ids: jax.Array, labels: jax.Array
) -> tuple[State, jax.Array]:
    """One step of Adam (Kingma and Ba 2015) on every parameter."""
    loss, gradients = jax.value_and_grad(loss_of)(state["p"], ids, labels)
    new: State = {"p": {}, "m": {}, "v": {}}
    for name, g in gradients.items():
        m = BETA1 * state["m"][name] + (1 - BETA1) * g
        v = BETA2 * state["v"][name] + (1 - BETA2) * g * g
        step = (m / (1 - BETA1**t)) / (jnp.sqrt(v / (1 - BETA2**t)) + EPSILON)
        new["p"][name] = state["p"][name] - LEARNING_RATE * step
        new["m"][name], new["v"][name] = m, v
    return new, loss


def make_step(
    parameters: Mapping[str, NDArray[np.float32]],
    windows: NDArray[np.int64],
    labels: NDArray[np.int64],
    batch: int,
) -> Callable[[int], float]:
    """`step(i)` trains on the i-th batch and returns its loss; batches are cut beforehand."""
    state: State = {
        "p": {name: jnp.array(p) for name, p in parameters.items()},
        "m": {name: jnp.zeros_like(p) for name, p in parameters.items()},
        "v": {name: jnp.zeros_like(p) for name, p in parameters.items()},
    }
    cuts = np.arange(batch, len(labels), batch)
    ids = [jnp.array(part.astype(np.int32)) for part in np.split(windows, cuts)]
    classes = [jnp.array(part.astype(np.int32)) for part in np.split(labels, cuts)]
    done = 0

    def step(i: int) -> float:
        nonlocal state, done
        done += 1
        state, loss = train_step(state, jnp.float32(done), ids[i], classes[i])
        return float(loss)

    return step
