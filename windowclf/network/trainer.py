"""The loop: batches, steps, evaluations on dev; a generator of reports with a state to resume from.

A step reads top to bottom: feed.py lays out the batch, `_step` here takes it to members.py and
gradients.py for J and its gradients (upward.py up to the scores, then down again), optimizer.py
does the update.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from windowclf.arrays import Floats, Gradients, RowGradient
from windowclf.errors import TrainingDiverged
from windowclf.network import members
from windowclf.network.architecture import Architecture, Parameters, initialize
from windowclf.network.carry import Learnt, carry_over
from windowclf.network.feed import Feed, Planned
from windowclf.network.gradients import Masks
from windowclf.network.optimizer import Optimizer, clip_by_global_norm, global_norm, values_of
from windowclf.network.progress import Progress, check_arrays, check_progress, first_not_finite
from windowclf.network.reports import EpochReport, Report, StepReport
from windowclf.network.schedule import schedule_factor
from windowclf.network.settings import Settings
from windowclf.system.checked import build
from windowclf.system.threads import ALONE, Workers
from windowclf.text.batches import Batch
from windowclf.text.corpus import NO_CLASS, Corpus
from windowclf.text.vocabulary import SlotRows


@dataclass
class Trainer:
    """Trains one model on one corpus; `evaluate` gives score and figures on dev."""

    architecture: Architecture
    corpus: Corpus
    slots: tuple[SlotRows, ...]  # of the corpus's distinct tokens
    settings: Settings
    evaluate: Callable[[Parameters], tuple[float, Mapping[str, float]]] | None
    given: Parameters = field(default_factory=dict)  # initial values that come from files
    learnt: Learnt | None = None  # by a network that this one goes on from
    progress: Progress = field(default_factory=Progress)
    workers: Workers = ALONE

    def __post_init__(self) -> None:
        a, how = self.architecture, self.settings
        self.parameters = initialize(a, how.seed, how.dtype, self.given)
        if self.learnt:
            carry_over(self.parameters, self.learnt)
        self._trained = {
            name: array for name, array in self.parameters.items() if name not in a.frozen()
        }
        self.optimizer = Optimizer(how.rule, self._trained, a.tables(), how.rows, how.average)
        self._feed = Feed(a, self.corpus, self.slots, how)
        self.total_tokens = self._feed.tokens_about(how.epochs)

    def run(self) -> Iterator[Report]:
        """Train from where `progress` stands to the end, with a report per step and per epoch."""
        while not self.progress.finished:
            began, tokens = time.perf_counter(), self.progress.tokens
            for planned in self._ahead():
                yield self._step(planned)
            yield self._end_epoch(began, self.progress.tokens - tokens)

    def next_batch(self) -> tuple[Batch, Masks]:
        """The batch that comes next, and its dropout masks."""
        return self._feed.batch(next(self._ahead()))

    def averaged(self) -> dict[str, Floats]:
        """The parameters to evaluate and to keep by name: the averages of those that are trained.

        Arrays of the same shape as the parameters.
        """
        return self.parameters | self.optimizer.averaged()

    def state(self) -> tuple[dict[str, Any], dict[str, Floats]]:
        """(numbers, arrays) that `restore` takes; raw values, nothing is changed by looking.

        The arrays, by name, are the parameters in their own shape and what the optimizer keeps of
        them. Frozen parameters are not among them: they come from their files again.
        """
        parameters = {f"parameter.{name}": array for name, array in self._trained.items()}
        arrays = parameters | self.optimizer.state()
        if bad := first_not_finite(arrays):
            raise self._diverged(bad, self._learning_rate())
        return dict(vars(self.progress)), arrays

    def restore(self, numbers: Mapping[str, Any], arrays: Mapping[str, Floats]) -> None:
        """Go back to a state: numbers, and arrays by name of the same shape as in `state`.

        Raises ValueError unless it is one that this run can have had.
        """
        older = {"waits_from": 0}  # states from before there was the number
        progress = build(Progress, {**older, **numbers}, "progress", whole=True)
        check_progress(progress, self._feed, self.settings.epochs)
        check_arrays(self.state()[1], arrays)
        self.progress = progress
        for name, array in self._trained.items():
            array[...] = arrays[f"parameter.{name}"]
        self.optimizer.restore(arrays, progress.step)

    def lengthen(self) -> None:
        """Go on after what was the end; early stopping has all of its patience again."""
        progress = self.progress
        if progress.finished:
            progress.finished, progress.waits_from = False, progress.epoch

    def _ahead(self) -> Iterator[Planned]:
        """The batches of this epoch that are not behind us."""
        return self._feed.plan(self.progress.epoch, self.progress.batch)

    def _step(self, planned: Planned) -> StepReport:
        """One update from one batch."""
        batch, masks = self._feed.batch(planned)
        lr = self._learning_rate()
        with np.errstate(over="ignore", invalid="ignore"):  # looked for by _check_and_clip
            J, gradients = members.loss_and_gradients(
                self.architecture,
                self.parameters,
                batch,
                self.settings.objective,
                masks,
                workers=self.workers,
            )
            self._check_and_clip(J, gradients, lr)
            self.optimizer.step(gradients, lr, self.workers)
            self._check_updated(gradients, lr)
        progress, labelled = self.progress, int(np.count_nonzero(batch.labels != NO_CLASS))
        progress.step += 1
        progress.batch = planned.number + 1
        progress.tokens += len(batch.labels)
        progress.loss_sum += labelled * J
        progress.loss_tokens += labelled
        epoch, total = progress.epoch + 1, max(self.total_tokens, progress.tokens)
        return StepReport(epoch, progress.step, progress.tokens, total, J, lr)

    def _learning_rate(self) -> float:
        how = self.settings
        done = self.progress.tokens / self.total_tokens
        return how.learning_rate * schedule_factor(how.schedule, how.warmup, done)

    def _check_and_clip(self, J: float, gradients: Gradients, lr: float) -> None:
        """See that J and all gradients, of any shape, are finite; then clip these in place."""
        norm = global_norm(gradients)
        if not (math.isfinite(J) and math.isfinite(norm)):
            by_name = {name: values_of(gradient) for name, gradient in gradients.items()}
            if name := first_not_finite(by_name):
                bad = f"the gradient of {name}"
            else:
                bad = "the loss" if math.isfinite(norm) else "the norm of the gradients"
            raise self._diverged(bad, lr)
        if self.settings.clip_norm is not None:
            clip_by_global_norm(gradients, self.settings.clip_norm, norm)

    def _check_updated(self, gradients: Gradients, lr: float) -> None:
        """See that what the step changed is finite, before anybody saves or scores it.

        The gradients, of any shape, say what that is: whole parameters or rows of a table.
        """
        for name, gradient in gradients.items():
            changed = self.parameters[name]
            if isinstance(gradient, RowGradient) and self.settings.rows == "lazy":
                changed = np.take(changed, gradient.rows, axis=0, mode="clip")
            flat = changed.ravel()
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
        progress, lr = self.progress, self._learning_rate()
        seconds = time.perf_counter() - began
        loss = progress.loss_sum / max(progress.loss_tokens, 1)
        progress.epoch += 1
        progress.batch, progress.loss_sum, progress.loss_tokens = 0, 0.0, 0
        score, metrics = self._evaluate(lr)
        better = self._note(score)
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

    def _evaluate(self, lr: float) -> tuple[float | None, Mapping[str, float]]:
        """Score and figures of the averaged parameters on dev."""
        averaged = self.optimizer.averaged()
        if bad := first_not_finite(averaged):
            raise self._diverged(f"the average of {bad}", lr)
        return self.evaluate(self.parameters | averaged) if self.evaluate else (None, {})

    def _note(self, score: float | None) -> bool:
        """Whether an epoch's score is the best so far; it may also be the one to end with."""
        progress, patience = self.progress, self.settings.patience
        better = score is None or progress.best_score is None or score > progress.best_score
        if better:
            progress.best_score, progress.best_epoch = score, progress.epoch
        waited = progress.epoch - max(progress.best_epoch, progress.waits_from)
        out_of_patience = patience is not None and score is not None and waited >= patience
        progress.finished = progress.epoch >= self.settings.epochs or out_of_patience
        return better
