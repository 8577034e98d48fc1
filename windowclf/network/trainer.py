"""The loop: batches, steps, evaluations on dev; a generator of reports with a state to resume from.

All randomness comes from generators made of (seed, purpose, epoch, step), so that a step needs no
history and a run goes on from any state as if it had never stopped.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import islice
from typing import Any, Literal, TypeAlias

import numpy as np

from windowclf.arrays import Bools, Bytes, Floats, Gradients, Ints, RowGradient
from windowclf.errors import TrainingDiverged
from windowclf.network import gradients as network
from windowclf.network import members as ensemble
from windowclf.network.architecture import Architecture, Parameters, initialize
from windowclf.network.kernels.dropout import dropout_mask
from windowclf.network.optimizers import (
    Optimizer,
    Rule,
    clip_by_global_norm,
    global_norm,
    schedule_factor,
    values_of,
)
from windowclf.system.checked import build, in_range
from windowclf.system.threads import ALONE, Workers
from windowclf.text.batches import (
    Batch,
    Pieces,
    Places,
    lay_out,
    make_batch,
    pack,
    pools,
)
from windowclf.text.corpus import NO_CLASS, Corpus
from windowclf.text.vocabulary import SlotRows, with_dropped_variants


class Purpose(IntEnum):
    """What a random generator is for; part of its seed."""

    SHUFFLE = 1
    WORD_DROPOUT = 2
    DROPOUT = 3
    INPUT_DROPOUT = 4


def generator(seed: int, purpose: Purpose, epoch: int, step: int = 0) -> np.random.Generator:
    """The generator of one purpose at one step."""
    return np.random.Generator(np.random.SFC64([seed, purpose, epoch, step]))


@dataclass(frozen=True)
class Settings:
    """How to train: values only."""

    seed: int
    epochs: int
    batch_tokens: int
    rule: Rule
    learning_rate: float
    rows: Literal["lazy", "dense"]
    average: float | None
    schedule: Literal["constant", "linear", "cosine"]
    warmup: float
    objective: network.Objective
    word_dropout: float
    clip_norm: float | None
    patience: int | None
    dtype: Literal["float32", "float64"]


@dataclass(frozen=True)
class StepReport:
    """After one update of the parameters."""

    epoch: int  # from 1
    step: int  # in the run, from 1
    tokens: int  # trained on so far
    total_tokens: int  # of the whole run
    loss: float  # J of the batch
    learning_rate: float


@dataclass(frozen=True)
class EpochReport:
    """After an epoch and its evaluation on dev."""

    epoch: int
    step: int
    tokens: int
    loss: float  # Σ B·J / Σ B over the epoch
    learning_rate: float
    score: float | None  # the task's metric on dev; None without dev
    metrics: Mapping[str, float]  # figures of the evaluation for the log
    best: bool  # the model to keep so far
    last: bool  # the run ends here
    seconds: float
    tokens_per_second: float
    threads: int  # that share a step


Report: TypeAlias = StepReport | EpochReport


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


@dataclass
class Trainer:
    """Trains one network on one corpus; `evaluate` gives score and figures on dev."""

    architecture: Architecture
    corpus: Corpus
    slots: tuple[SlotRows, ...]  # of the corpus's distinct tokens
    settings: Settings
    evaluate: Callable[[Parameters], tuple[float, Mapping[str, float]]] | None
    given: Parameters = field(default_factory=dict)  # initial values that come from files
    progress: Progress = field(default_factory=Progress)
    workers: Workers = ALONE

    def __post_init__(self) -> None:
        a, s = self.architecture, self.settings
        self.parameters = initialize(a, s.seed, s.dtype, self.given)
        self._trained = {n: p for n, p in self.parameters.items() if n not in a.frozen()}
        self.optimizer = Optimizer(s.rule, self._trained, a.tables(), s.rows, s.average)
        self._total_tokens = s.epochs * len(self.corpus.tokens)
        self._train_slots = self.slots
        if s.word_dropout > 0:
            self._train_slots = with_dropped_variants(a.features, self.slots)

    def run(self) -> Iterator[Report]:
        """Train from where `progress` stands to the end, with a report per step and per epoch."""
        while not self.progress.finished:
            began, tokens = time.perf_counter(), self.progress.tokens
            for number, pieces, chosen in self._batches_ahead():
                yield self._step(number, pieces, chosen)
            yield self._end_epoch(began, self.progress.tokens - tokens)

    def next_batch(self) -> tuple[Batch, network.Masks]:
        """The batch that comes next, and its dropout masks."""
        number, pieces, chosen = next(self._batches_ahead())
        batch = self._batch(number, pieces, chosen)
        return batch, self._masks(number, batch)

    def averaged(self) -> dict[str, Floats]:
        """The parameters to evaluate and to keep."""
        return self.parameters | self.optimizer.averaged()

    def state(self) -> tuple[dict[str, Any], dict[str, Floats]]:
        """(numbers, arrays) that `restore` takes; raw values, nothing is changed by looking.

        Frozen parameters are not among them: they come from their files again.
        """
        parameters = {f"parameter.{name}": p for name, p in self._trained.items()}
        arrays = parameters | self.optimizer.state()
        if bad := _first_not_finite(arrays):
            raise self._diverged(bad, self._learning_rate())
        return dict(vars(self.progress)), arrays

    def restore(self, numbers: Mapping[str, Any], arrays: Mapping[str, Floats]) -> None:
        """Go back to a state. Raises ValueError unless it is one that this run can have had."""
        progress = build(Progress, numbers, "progress", whole=True)
        self._check_progress(progress)
        _check_arrays(self.state()[1], arrays)
        self.progress = progress
        for name, p in self._trained.items():
            p[...] = arrays[f"parameter.{name}"]
        self.optimizer.restore(arrays, progress.step)

    def _check_progress(self, progress: Progress) -> None:
        """Numbers within what the corpus and the settings allow. Raises ValueError."""
        in_range(progress.epoch, 0, self.settings.epochs, "progress.epoch")
        in_range(progress.batch, 0, 0 if progress.finished else 1 << 62, "progress.batch")
        sizes = [
            int(pieces.sizes()[chosen].sum())
            for pieces, chosen in islice(self._batches(progress.epoch), progress.batch)
        ]
        in_range(progress.batch, 0, len(sizes), "progress.batch")
        behind = sum(sizes)
        tokens = progress.epoch * len(self.corpus.tokens) + behind
        in_range(progress.tokens, tokens, tokens, "progress.tokens")
        in_range(progress.step, progress.epoch + progress.batch, tokens, "progress.step")
        in_range(progress.loss_tokens, 0, tokens, "progress.loss_tokens")
        in_range(progress.best_epoch, 0, progress.epoch, "progress.best_epoch")
        if progress.epoch == self.settings.epochs and not progress.finished:
            raise ValueError("progress.finished is false after the last epoch")

    def _batches_ahead(self) -> Iterator[tuple[int, Pieces, Ints]]:
        """The batches of this epoch that are not behind us, with their numbers."""
        for number, (pieces, chosen) in enumerate(self._batches(self.progress.epoch)):
            if number >= self.progress.batch:
                yield number, pieces, chosen

    def _batches(self, epoch: int) -> Iterator[tuple[Pieces, Ints]]:
        """The pieces of every batch of an epoch, in order."""
        a, s = self.architecture, self.settings
        longest = None if a.needs_whole_sentences else s.batch_tokens
        rng = generator(s.seed, Purpose.SHUFFLE, epoch)
        for pieces in pools(self.corpus.starts, a.window, longest, rng):
            sizes = pieces.sizes()
            for chosen in pack(sizes, rng.permutation(len(sizes)), s.batch_tokens):
                yield pieces, chosen

    def _step(self, number: int, pieces: Pieces, chosen: Ints) -> StepReport:
        progress, objective = self.progress, self.settings.objective
        batch = self._batch(number, pieces, chosen)
        masks = self._masks(number, batch)
        lr = self._learning_rate()
        with np.errstate(over="ignore", invalid="ignore"):  # looked for by _check_and_clip
            J, gradients = ensemble.loss_and_gradients(
                self.architecture, self.parameters, batch, objective, masks, workers=self.workers
            )
            self._check_and_clip(J, gradients, lr)
            self.optimizer.step(gradients, lr, self.workers)
            self._check_updated(gradients, lr)
        labelled = int(np.count_nonzero(batch.labels != NO_CLASS))
        progress.step += 1
        progress.batch = number + 1
        progress.tokens += len(batch.labels)
        progress.loss_sum += labelled * J
        progress.loss_tokens += labelled
        epoch, total = progress.epoch + 1, self._total_tokens
        return StepReport(epoch, progress.step, progress.tokens, total, J, lr)

    def _batch(self, number: int, pieces: Pieces, chosen: Ints) -> Batch:
        s, k = self.settings, self.architecture.window
        places: Places = lay_out(self.corpus.tokens, pieces, chosen, k)
        dropped: Bools | None = None
        if s.word_dropout > 0:
            rng = generator(s.seed, Purpose.WORD_DROPOUT, self.progress.epoch, number)
            dropped = rng.random(len(places.tokens), np.float32) < s.word_dropout
        return make_batch(places, self.corpus.labels, self._train_slots, k, dropped)

    def _masks(self, number: int, batch: Batch) -> network.Masks:
        a, objective = self.architecture, self.settings.objective
        T, B = batch.slots[0].tokens(), len(batch.labels)
        return network.Masks(
            self._mask(number, Purpose.INPUT_DROPOUT, T, a.token_width, objective.input_dropout),
            self._mask(number, Purpose.DROPOUT, B, a.hidden_width, objective.dropout),
        )

    def _mask(
        self, number: int, purpose: Purpose, rows: int, width: int, rate: float
    ) -> Bytes | None:
        """A mask (rows, width), or one for each of several members; None where all is kept."""
        if rate == 0 or width == 0:
            return None
        M = self.architecture.members
        rng = generator(self.settings.seed, purpose, self.progress.epoch, number)
        mask = dropout_mask(rng, (M * rows, width), rate)
        return mask if M == 1 else mask.reshape(M, rows, width)

    def _learning_rate(self) -> float:
        s = self.settings
        done = self.progress.tokens / self._total_tokens
        return s.learning_rate * schedule_factor(s.schedule, s.warmup, done)

    def _check_and_clip(self, J: float, gradients: Gradients, lr: float) -> None:
        norm = global_norm(gradients)
        if not (math.isfinite(J) and math.isfinite(norm)):
            by_name = {name: values_of(gradient) for name, gradient in gradients.items()}
            if name := _first_not_finite(by_name):
                bad = f"the gradient of {name}"
            else:
                bad = "the loss" if math.isfinite(norm) else "the norm of the gradients"
            raise self._diverged(bad, lr)
        if self.settings.clip_norm is not None:
            clip_by_global_norm(gradients, self.settings.clip_norm, norm)

    def _check_updated(self, gradients: Gradients, lr: float) -> None:
        """What the step changed must be finite, before anybody saves or scores it."""
        for name, gradient in gradients.items():
            p = self.parameters[name]
            if isinstance(gradient, RowGradient) and self.settings.rows == "lazy":
                p = np.take(p, gradient.rows, axis=0, mode="clip")
            flat = p.ravel()
            # One product is cheap; that of finite numbers may overflow, so look again.
            if not math.isfinite(float(np.dot(flat, flat))) and not np.isfinite(flat).all():
                raise self._diverged(name, lr)

    def _diverged(self, array: str, lr: float) -> TrainingDiverged:
        return TrainingDiverged(
            f"training diverged at step {self.progress.step + 1} (epoch {self.progress.epoch + 1}) "
            f"with learning rate {lr:.3g}: {array} is no longer finite; lower "
            "training.optimizer.learning_rate or set training.clip_norm. "
            "The last saved state and the best model are kept."
        )

    def _end_epoch(self, began: float, tokens: int) -> EpochReport:
        progress, s = self.progress, self.settings
        lr = self._learning_rate()
        seconds = time.perf_counter() - began
        loss = progress.loss_sum / max(progress.loss_tokens, 1)
        progress.epoch += 1
        progress.batch, progress.loss_sum, progress.loss_tokens = 0, 0.0, 0
        score, metrics = None, dict[str, float]()
        averaged = self.optimizer.averaged()
        if bad := _first_not_finite(averaged):
            raise self._diverged(f"the average of {bad}", lr)
        if self.evaluate:
            score, found = self.evaluate(self.parameters | averaged)
            metrics.update(found)
        better = score is None or progress.best_score is None or score > progress.best_score
        if better:
            progress.best_score, progress.best_epoch = score, progress.epoch
        out_of_patience = (
            s.patience is not None
            and score is not None
            and progress.epoch - progress.best_epoch >= s.patience
        )
        progress.finished = progress.epoch >= s.epochs or out_of_patience
        return EpochReport(
            epoch=progress.epoch,
            step=progress.step,
            tokens=progress.tokens,
            loss=loss,
            learning_rate=lr,
            score=score,
            metrics=metrics,
            best=better if score is not None else progress.finished,
            last=progress.finished,
            seconds=seconds,
            tokens_per_second=tokens / max(seconds, 1e-9),
            threads=self.workers.count,
        )


def _check_arrays(expected: Mapping[str, Floats], found: Mapping[str, Floats]) -> None:
    """The same names, shapes and dtypes, all numbers finite. Raises ValueError."""
    if odd := sorted(expected.keys() ^ found.keys()):
        raise ValueError(f"{odd[0]} is {'missing' if odd[0] in expected else 'not expected'}")
    for name, array in found.items():
        if array.shape != expected[name].shape:
            raise ValueError(f"{name} has shape {array.shape}, expected {expected[name].shape}")
        if array.dtype != expected[name].dtype:
            raise ValueError(f"{name} is {array.dtype}, expected {expected[name].dtype}")
    if bad := _first_not_finite(found):
        raise ValueError(f"{bad} has numbers that are not finite")


def _first_not_finite(arrays: Mapping[str, Floats]) -> str | None:
    """The name of the first array that holds a NaN or an infinity."""
    return next((name for name, array in arrays.items() if not np.isfinite(array).all()), None)
