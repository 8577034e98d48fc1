"""Where a training stands, and whether a saved state is one that it can have had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np

from windowclf.arrays import Floats
from windowclf.network.feed import Feed
from windowclf.system.checked import in_range


@dataclass
class Progress:
    """Where a run stands; with the arrays of the parameters and the optimizer, its whole state."""

    epoch: int = 0  # whole epochs behind us
    step: int = 0  # steps behind us, in the run
    batch: int = 0  # batches behind us, in the epoch
    tokens: int = 0
    loss_sum: float = 0.0  # Σ B·J of the epoch so far
    loss_tokens: int = 0  # Σ B of the epoch so far
    best_score: float | None = None
    best_epoch: int = 0
    finished: bool = False
    waits_from: int = 0  # epoch from which early stopping counts, once the run was lengthened


def check_progress(progress: Progress, feed: Feed, epochs: int) -> None:
    """Numbers within what the corpus and the settings allow. Raises ValueError."""
    in_range(progress.epoch, 0, epochs, "progress.epoch")
    in_range(progress.batch, 0, 0 if progress.finished else 1 << 62, "progress.batch")
    sizes = [planned.windows() for planned in islice(feed.plan(progress.epoch), progress.batch)]
    in_range(progress.batch, 0, len(sizes), "progress.batch")
    behind = sum(sizes)
    tokens = feed.tokens_before(progress.epoch) + behind
    in_range(progress.tokens, tokens, tokens, "progress.tokens")
    in_range(progress.step, progress.epoch + progress.batch, tokens, "progress.step")
    in_range(progress.loss_tokens, 0, tokens, "progress.loss_tokens")
    in_range(progress.best_epoch, 0, progress.epoch, "progress.best_epoch")
    in_range(progress.waits_from, 0, progress.epoch, "progress.waits_from")
    if progress.epoch == epochs and not progress.finished:
        raise ValueError("progress.finished is false after the last epoch")


def check_arrays(expected: Mapping[str, Floats], found: Mapping[str, Floats]) -> None:
    """See that the arrays found have the names, shapes and dtypes expected, all numbers finite.

    Each by name, of any shape. Raises ValueError.
    """
    if odd := sorted(expected.keys() ^ found.keys()):
        raise ValueError(f"{odd[0]} is {'missing' if odd[0] in expected else 'not expected'}")
    for name, array in found.items():
        if array.shape != expected[name].shape:
            raise ValueError(f"{name} has shape {array.shape}, expected {expected[name].shape}")
        if array.dtype != expected[name].dtype:
            raise ValueError(f"{name} is {array.dtype}, expected {expected[name].dtype}")
    if bad := first_not_finite(found):
        raise ValueError(f"{bad} has numbers that are not finite")


def first_not_finite(arrays: Mapping[str, Floats]) -> str | None:
    """The name of the first array, of any shape, that holds a NaN or an infinity."""
    return next((name for name, array in arrays.items() if not np.isfinite(array).all()), None)
