"""Small CRFs with random scores, labels for them, and lists of labels by scheme."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from windowclf.network.kernels.crf import crf_cross_entropy

MIXED = (3, 1, 0, 5, 2, 1, 4, 0)
LABEL_LISTS = {
    "BIO": ["O", "B-A", "I-A", "B-B", "I-B"],
    "IOB1": ["I-B", "O", "B-A", "I-A", "B-B"],
    "IO": ["O", "I-A", "I-B"],
    "BIOES": ["E-A", "O", "B-A", "I-A", "S-A", "B-B", "E-B", "S-B", "I-B"],
    "BMES": ["B", "E", "M", "S"],
}


class Chain(NamedTuple):
    """Arguments of every kernel but the labels, in their order."""

    theta: np.ndarray
    lengths: np.ndarray
    start: np.ndarray
    transitions: np.ndarray
    end: np.ndarray

    def sentences(self):
        """The rows of each sentence."""
        ends = np.cumsum(self.lengths)
        return [slice(e - n, e) for e, n in zip(ends, self.lengths, strict=True)]

    def loss(self, labels):
        return crf_cross_entropy(self.theta, self.lengths, labels, *self[2:])

    def cast(self, dtype):
        return Chain(*(array if array.dtype == int else array.astype(dtype) for array in self))


def chain(lengths=MIXED, K=3, size=1.0, seed=0, integers=False) -> Chain:
    rng = np.random.default_rng([seed, K, len(lengths)])

    def scores(*shape):
        if integers:
            return rng.integers(-2, 3, shape).astype(float)
        return rng.normal(0, size, shape)

    return Chain(
        scores(sum(lengths), K), np.array(lengths, int), scores(K), scores(K, K), scores(K)
    )


def labels_of(c: Chain, kind: str, seed=0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    B, K = c.theta.shape
    labels = rng.integers(0, K, B).astype(np.int32)
    if kind == "some":
        labels[rng.random(B) < 0.4] = -1
    if kind == "whole sentences":
        for i, rows in enumerate(c.sentences()):
            if i % 2:
                labels[rows] = -1
    return labels


def mask_of(c: Chain) -> np.ndarray:
    rng = np.random.default_rng(3)
    allowed = rng.random(c.theta.shape) < 0.6
    allowed[np.arange(len(allowed)), rng.integers(0, c.theta.shape[1], len(allowed))] = True
    return allowed


def within(c: Chain, allowed: np.ndarray | None) -> Chain:
    """The chain whose tokens may only have the labels that `allowed` (B, K) marks."""
    if allowed is None:
        return c
    return c._replace(theta=np.where(allowed, c.theta, -np.inf))
