"""What a network keeps of one that was trained before it, with fewer rows and fewer classes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from windowclf.arrays import Floats, Ints
from windowclf.network.architecture import Parameters

_OF_CLASSES = ("U", "b2", "crf.start", "crf.end")  # whose last axis is that of the classes


class Learnt(NamedTuple):
    """The parameters of a trained network, to go on from."""

    parameters: Parameters
    classes: Ints  # (columns of its theta,) which column of the new theta each of them becomes


def carry_over(parameters: dict[str, Floats], learnt: Learnt) -> None:
    """Put what was learnt in the place of initial values, in parameters of any shape by name.

    The rows of a table (V, d) are its first ones. What is of a class goes to the class's column,
    and of two classes to (row, column); every other array has the same shape in both networks.
    """
    classes = learnt.classes
    for name, before in learnt.parameters.items():
        now, plain = parameters[name], name.partition("@")[0]
        if plain.startswith("L."):
            now[: len(before)] = before
        elif plain in _OF_CLASSES:
            now[..., classes] = before
        elif plain == "crf.transitions":
            now[np.ix_(classes, classes)] = before
        else:
            now[...] = before
