"""The kernels of a step one by one, by pytest-benchmark.

    WINDOWCLF_CORPORA=CORPORA pytest tests/benchmarks/kernels.py [--benchmark-json FILE]

Batches of 1,024 tokens of EWT, the network of training.py, one thread.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from stream import LEARNING_RATE, make_trainer, read_stream
from threadpoolctl import threadpool_limits

from windowclf.network import members
from windowclf.network.kernels.affine import affine_backward, affine_forward
from windowclf.network.kernels.dropout import dropout_mask
from windowclf.network.kernels.lookup import lookup_backward
from windowclf.network.kernels.output import softmax_cross_entropy
from windowclf.network.kernels.window import project, sum_over_positions, window_backward

CORPORA = Path(os.environ.get("WINDOWCLF_CORPORA", "../shared/data"))


@pytest.fixture(scope="module")
def work():
    trainer = make_trainer(read_stream(CORPORA, 50_000), 1024, 1)
    batch, _ = trainer.next_batch()
    with threadpool_limits(1):
        yield trainer, trainer.parameters, batch


@pytest.fixture
def E(work):
    _, p, batch = work
    return np.concatenate([p["L.all"][slot.ids] for slot in batch.slots], axis=1)


def test_make_batch(benchmark, work):
    trainer, _, _ = work
    benchmark(trainer.next_batch)


def test_project(benchmark, work, E):
    _, p, _ = work
    benchmark(project, E, p["W"], p["b1"])


def test_sum_over_positions(benchmark, work, E):
    _, p, batch = work
    P = project(E, p["W"], p["b1"])
    benchmark(sum_over_positions, P, batch.neighbours, len(p["b1"]))


def test_window_backward(benchmark, work, E):
    _, p, batch = work
    delta2 = np.ones((len(batch.labels), p["W"].shape[1]), np.float32)
    benchmark(window_backward, delta2, E, batch.neighbours, p["W"])


def test_output(benchmark, work):
    _, p, batch = work
    h, ones = np.ones((len(batch.labels), len(p["U"])), np.float32), np.ones_like(batch.labels)

    def output():
        theta = affine_forward(h, p["U"], p["b2"])
        _, delta1 = softmax_cross_entropy(theta, batch.labels, ones.astype(np.float32))
        return affine_backward(delta1, h, p["U"])

    benchmark(output)


def test_lookup_backward(benchmark, work, E):
    _, p, batch = work
    benchmark(lookup_backward, E[:, :40], batch.slots[0].ids, None, len(p["L.all"]))


def test_dropout_mask(benchmark):
    rng = np.random.Generator(np.random.SFC64(1))
    benchmark(dropout_mask, rng, (1024, 200), 0.4)


def test_loss_and_gradients(benchmark, work):
    trainer, p, batch = work
    benchmark(
        members.loss_and_gradients, trainer.architecture, p, batch, trainer.settings.objective
    )


def test_optimizer_step(benchmark, work):
    trainer, p, batch = work
    arguments = trainer.architecture, p, batch, trainer.settings.objective

    def gradients():
        return (members.loss_and_gradients(*arguments)[1], LEARNING_RATE), {}

    benchmark.pedantic(trainer.optimizer.step, setup=gradients, rounds=50)
