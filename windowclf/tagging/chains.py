"""The chain of a CRF over the states of a decoder, with and without what is legal."""

from __future__ import annotations

from functools import cached_property
from typing import TypeAlias

import numpy as np

from windowclf.arrays import Floats, Ints
from windowclf.network import members
from windowclf.network.kernels.crf import path_log_probabilities
from windowclf.network.kernels.decoding import forbid
from windowclf.network.kernels.trellis import NoPath
from windowclf.tagging.model import Model
from windowclf.text.legality import Legal, States

Chain: TypeAlias = tuple[Floats, Floats, Floats]
"""start (states,), transitions (states, states), end (states,) of a CRF; states may be classes."""


class Chains:
    """The chain of a model over its classes, or over states between them and labels."""

    def __init__(self, model: Model, states: States | None, legal: Legal | None):
        """`legal` says which state, or without states which class, may follow which."""
        self._model, self._states, self._legal = model, states, legal

    @cached_property
    def free(self) -> Chain:
        """The chain, whatever is legal.   (states,), (states, states), (states,)."""
        model = self._model
        start, transitions, end = members.chain(model.spec.architecture, model.parameters)
        if self._states is not None:
            own = list(self._states.classes)
            start, transitions, end = start[own], transitions[np.ix_(own, own)], end[own]
        return start, transitions, end

    @cached_property
    def legal(self) -> Chain:
        """The same, −inf where labels forbid it.   (states,), (states, states), (states,)."""
        if self._legal is None:
            return self.free
        start, transitions, end = map(forbid, self._legal, self.free)
        return start, transitions, end

    def log_probabilities(self, theta: Floats, lengths: Ints, classes: Ints) -> Floats:
        """ln p of a path of each sentence among the legal ones, calibrated.   ->  (S,).

        theta (N, K), lengths (S,), classes (N,). Where no path is legal, among all.
        """
        spec, temperature = self._model.spec, self._model.temperature
        free = members.chain(spec.architecture, self._model.parameters)
        chain = free if spec.legal is None else map(forbid, spec.legal, free)
        cool = [np.divide(part, temperature, dtype=np.float64) for part in (*chain, theta)]
        *barred, unary = cool
        try:
            return path_log_probabilities(unary, lengths, classes, *barred)
        except NoPath as none:
            lost = np.isin(np.arange(len(lengths)), none.sentences)
        rows, found = np.repeat(lost, lengths), np.empty(len(lengths))
        every = [np.divide(part, temperature, dtype=np.float64) for part in free]
        for own, at, scores in ((lost, rows, every), (~lost, ~rows, barred)):
            found[own] = path_log_probabilities(unary[at], lengths[own], classes[at], *scores)
        return found
