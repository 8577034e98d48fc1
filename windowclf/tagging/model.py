"""Model, a spec with the numbers that training has found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from windowclf.arrays import Floats
from windowclf.network.architecture import Parameters
from windowclf.tagging.spec import Spec

Stored: TypeAlias = Literal["int8", "float16", "float32"]
"""What a compressed model file keeps matrices as."""


@dataclass(frozen=True)
class Model:
    """A trained network with the vocabulary and the layout of the text that it reads."""

    spec: Spec
    parameters: Parameters
    thresholds: Floats | None = None  # (K,) probability above which a label is given: sigmoid
    temperature: float = 1.0  # divides the scores before they become probabilities
    provenance: Mapping[str, str] = field(default_factory=dict)  # sha256 of files and config
    compressed: Stored | None = None  # how its file keeps the matrices, if `compress` wrote it
    config: Mapping[str, Any] | None = None  # what it was trained with, as JSON; None: not kept
