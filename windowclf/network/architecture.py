"""What fixes the names and shapes of a network's parameters, and their initial values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np

from windowclf.arrays import Floats
from windowclf.network.kernels.activations import Activation
from windowclf.network.kernels.initialize import embedding_table, weight_matrix
from windowclf.text.features import Feature

Parameters: TypeAlias = Mapping[str, Floats]


@dataclass(frozen=True)
class Architecture:
    """All that fixes the names and shapes of the parameters."""

    features: tuple[Feature, ...]
    table_sizes: Mapping[str, int]  # V of every table
    window: int  # k
    activation: Activation | Literal["none"]
    units: int  # H; 0 for none
    directions: int  # of the recurrence: 0 without one, 1 or 2
    truncate: int | None  # tokens in a block of back-propagation through time; None: no blocks
    output: Literal["softmax", "sigmoid", "crf"]
    classes: int  # K, the columns of theta
    members: int = 1  # M networks of this form, whose theta is averaged

    @cached_property
    def token_width(self) -> int:
        """D, the width of one token's features."""
        return sum(feature.filters or feature.dim for feature in self.features)

    @cached_property
    def hidden_width(self) -> int:
        """G, the columns of h: H, 2H with two directions, 0 without a hidden layer."""
        return self.units * max(self.directions, 1)

    @property
    def needs_whole_sentences(self) -> bool:
        """True where a token's scores or label depend on all of its sentence."""
        return self.directions > 0 or self.output == "crf"

    def of_one_member(self) -> Architecture:
        """The architecture of one of the members: this one, but for their number."""
        return self if self.members == 1 else replace(self, members=1)

    def tables(self) -> frozenset[str]:
        """The names of the parameters that get their gradient by rows."""
        return frozenset(name for name in self.shapes() if name.startswith("L.")) - self.frozen()

    def frozen(self) -> frozenset[str]:
        """The names of the parameters without a gradient, which stay and which members share."""
        return frozenset(f"L.{feature.table}" for feature in self.features if feature.frozen)

    def weight_matrices(self) -> tuple[str, ...]:
        """The parameters that L2 acts on: W, U, R and filters, not L, biases and CRF scores."""
        return tuple(
            name for name in self.shapes() if not name.startswith(("L.", "b1", "b2", "c.", "crf."))
        )

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name -> shape of every parameter of every member."""
        own, frozen = self._own_shapes, self.frozen()
        return {
            with_member(name, i): shape
            for i in range(self.members)
            for name, shape in own.items()
            if i == 0 or name not in frozen
        }

    @cached_property
    def _own_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name -> shape of every parameter of one member, by their plain names."""
        widths = {feature.table: feature.dim for feature in self.features}
        shapes: dict[str, tuple[int, ...]] = {
            f"L.{table}": (V, widths[table]) for table, V in self.table_sizes.items()
        }
        for feature in self.features:
            if feature.kind == "char_cnn":
                shapes |= {
                    f"C.{feature.table}": (feature.width * feature.dim, feature.filters),
                    f"c.{feature.table}": (feature.filters,),
                }
        inputs = (2 * self.window + 1) * self.token_width
        chain: dict[str, tuple[int, ...]] = {}
        if self.output == "crf":
            K = self.classes
            chain = {"crf.start": (K,), "crf.transitions": (K, K), "crf.end": (K,)}
        if self.activation == "none":
            return shapes | {"U": (inputs, self.classes), "b2": (self.classes,)} | chain
        shapes |= {"W": (inputs, self.hidden_width), "b1": (self.hidden_width,)}
        for name in recurrent_names(self.directions):
            shapes[name] = (self.units, self.units)
        return shapes | {"U": (self.hidden_width, self.classes), "b2": (self.classes,)} | chain


def recurrent_names(directions: int) -> tuple[str, ...]:
    """The name of R for each direction."""
    return ("R.forward", "R.backward")[:directions]


def with_member(name: str, member: int) -> str:
    """The name of a parameter of member 0, 1, …: plain for the first, then with @2, @3, …"""
    return f"{name}@{member + 1}" if member else name


def parameters_of(own: Architecture, parameters: Parameters, member: int) -> Parameters:
    """The parameters of a member by their plain names, `own` being the network of one member."""
    frozen = own.frozen()
    return {
        name: parameters[name if name in frozen else with_member(name, member)]
        for name in own.shapes()
    }


def initialize(
    architecture: Architecture, seed: int, dtype: str, given: Parameters | None = None
) -> dict[str, Floats]:
    """Initial parameters by name, in the dtype and each of the shape that the architecture says.

    Each array has a generator of its own, from (seed, its name). Those that are `given` are taken
    as they are, by every member, copied unless they are frozen.
    """
    parameters: dict[str, Floats] = {}
    frozen = architecture.frozen()
    members = range(architecture.members)
    given = {with_member(name, i): L for name, L in (given or {}).items() for i in members}
    for name, shape in architecture.shapes().items():
        rng = np.random.default_rng([seed, *name.encode()])
        if name in given:
            parameters[name] = given[name].astype(dtype, copy=name not in frozen)
        elif name.startswith("L."):
            parameters[name] = embedding_table(rng, shape[0], shape[1], dtype)
        elif len(shape) == 1 or name.startswith("crf."):
            parameters[name] = np.zeros(shape, dtype)
        else:
            gain = 2.0 if name.split("@")[0] == "W" and architecture.activation == "relu" else 1.0
            parameters[name] = weight_matrix(rng, shape[0], shape[1], gain, dtype)
    return parameters
