"""The loop's own arithmetic: rates, the loss of an epoch, which epoch is the best."""

from __future__ import annotations

from collections.abc import Iterator

import corpora
import numpy as np
import pytest

from windowclf.config.reading import make_config
from windowclf.network.reports import EpochReport, StepReport
from windowclf.network.schedule import schedule_factor
from windowclf.network.trainer import Trainer
from windowclf.pipeline.assembly import architecture_of, settings_of
from windowclf.pipeline.reading import layout_of
from windowclf.pipeline.texts import texts_of
from windowclf.pipeline.training_data import training_data
from windowclf.text.corpus import NO_CLASS


def trainer_of(config: dict, *settings: str, scores: Iterator[float] | None = None) -> Trainer:
    """The trainer of a config; `scores` are what its epochs score on dev."""
    resolved = make_config(config, settings)
    texts = texts_of(resolved)
    data = training_data(resolved, layout_of(resolved, texts["train"]), texts)
    architecture = architecture_of(resolved, data)
    evaluate = None if scores is None else lambda _parameters: (next(scores), {})
    how = settings_of(resolved, data)
    return Trainer(architecture, data.corpus, data.slots, how, evaluate)


def test_the_rate_of_a_step_is_that_of_the_tokens_before_it(tmp_path):
    """So the first of a warmup changes nothing, and the last of a linear fall still something."""
    trainer = trainer_of(
        corpora.tagging(tmp_path),
        "training={epochs: 2, batch_tokens: 40, schedule: {name: linear, warmup: 0.2}}",
    )
    before = {name: array.copy() for name, array in trainer.parameters.items()}
    steps, done = 0, 0
    for report in trainer.run():
        if not isinstance(report, StepReport):
            continue
        factor = schedule_factor("linear", 0.2, done / report.total_tokens)
        assert report.learning_rate == pytest.approx(trainer.settings.learning_rate * factor)
        if steps == 0:
            assert report.learning_rate == 0
            for name, array in trainer.parameters.items():
                np.testing.assert_array_equal(array, before[name])
        steps, done = steps + 1, report.tokens
    assert steps > 8
    assert done == trainer.progress.tokens


def test_the_loss_of_an_epoch_weighs_batches_by_their_labelled_tokens(tmp_path):
    """A batch with few labels counts little, whatever its number of tokens."""
    lines = [f"w{n}\t{'A' if n % 7 == 0 or n < 30 else '-'}\n" for n in range(120)]
    lines = ["".join(lines[i : i + 10]) + "\n" for i in range(0, 120, 10)]
    config = corpora.tagging(tmp_path)
    config["data"] = {"train": corpora.write(tmp_path / "some.conll", "".join(lines) + "b\tB\n\n")}
    trainer = trainer_of(config, "training.epochs=1", "training.batch_tokens=20")
    labelled = [
        int(np.count_nonzero(trainer._feed.batch(planned)[0].labels != NO_CLASS))
        for planned in trainer._ahead()
    ]
    reports = list(trainer.run())
    J = [report.loss for report in reports if isinstance(report, StepReport)]
    (epoch,) = [report for report in reports if isinstance(report, EpochReport)]
    assert len(set(labelled)) > 2
    assert epoch.loss == pytest.approx(np.dot(labelled, J) / sum(labelled))


def test_of_equal_scores_the_first_is_the_best(tmp_path):
    scores = iter([0.5, 0.5, 0.4, 0.7, 0.7, 0.7])
    trainer = trainer_of(
        corpora.tagging(tmp_path), "training={epochs: 6, early_stopping: null}", scores=scores
    )
    epochs = [report for report in trainer.run() if isinstance(report, EpochReport)]
    assert [report.best for report in epochs] == [True, False, False, True, False, False]
    assert (trainer.progress.best_epoch, trainer.progress.best_score) == (4, 0.7)


def test_equal_scores_use_up_patience(tmp_path):
    trainer = trainer_of(
        corpora.tagging(tmp_path),
        "training={epochs: 9, early_stopping: {patience: 2}}",
        scores=iter([0.5, 0.5, 0.5, 0.9]),
    )
    epochs = [report for report in trainer.run() if isinstance(report, EpochReport)]
    assert len(epochs) == 3
    assert epochs[-1].last
