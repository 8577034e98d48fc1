"""Training: what is learnt, logged, kept and refused."""

from __future__ import annotations

import itertools
import json
import math
import re
from pathlib import Path

import corpora
import numpy as np
import pytest
from heard import Heard

import windowclf
from windowclf.arrays import RowGradient
from windowclf.config.reading import make_config
from windowclf.errors import TrainingDiverged
from windowclf.network import members
from windowclf.network.architecture import initialize
from windowclf.network.optimizer import Optimizer, values_of
from windowclf.network.reports import EpochReport, Report, StepReport
from windowclf.network.trainer import Trainer
from windowclf.pipeline.assembly import architecture_of, settings_of
from windowclf.pipeline.reading import layout_of
from windowclf.pipeline.texts import texts_of
from windowclf.pipeline.training_data import training_data
from windowclf.system import tensor_file
from windowclf.tagging.model_file import load_model
from windowclf.text.features import BOUNDARY, UNKNOWN


def reports_of(config: dict, *settings: str, **how) -> tuple[list[StepReport], list[EpochReport]]:
    found: list[Report] = []
    windowclf.train(config, settings, listener=Heard(report=found.append), **how)
    steps = [report for report in found if isinstance(report, StepReport)]
    return steps, [report for report in found if isinstance(report, EpochReport)]


def trainer_of(config: dict, *settings: str) -> Trainer:
    """The trainer of a config, without a run folder and without dev."""
    resolved = make_config(config, settings)
    texts = texts_of(resolved)
    data = training_data(resolved, layout_of(resolved, texts["train"]), texts)
    architecture = architecture_of(resolved, data)
    return Trainer(architecture, data.corpus, data.slots, settings_of(resolved, data), None)


def test_twenty_sentences_of_chance_are_learnt_by_heart(tmp_path):
    """Labels drawn at random for words that occur once: only memory can give them."""
    rng = np.random.default_rng(3)
    labels = rng.choice(list("ABCD"), (20, 7)).tolist()
    sentences = [[(f"w{i}.{j}", la) for j, la in enumerate(row)] for i, row in enumerate(labels)]
    config = corpora.tagging(tmp_path)
    path = corpora.write(tmp_path / "few.conll", corpora.conll(sentences))
    result = windowclf.train(
        config,
        [
            f"data={{train: {path}, dev: {path}}}",
            "training={epochs: 60, batch_tokens: 40, dropout: 0, input_dropout: 0, "
            "word_dropout: 0, early_stopping: null, optimizer: {learning_rate: 0.01}}",
            "features.use=[{kind: word, dim: 16, min_count: 1}]",
            "model.hidden.units=32",
        ],
    )
    assert result.evaluations["dev"]["accuracy"] == 1.0


def test_one_step_moves_the_rows_that_it_read(tmp_path):
    """One sentence of sgd: its words and the boundary move, every other row stays to the bit."""
    config = corpora.tagging(tmp_path)
    sentences = [[("cat", "A"), ("cat", "A"), ("dog", "B")], [("fish", "B")] * 2]
    path = corpora.write(tmp_path / "one.conll", corpora.conll(sentences))
    trainer = trainer_of(
        config,
        f"data={{train: {path}}}",
        "features={window: 1, use: [{kind: word, dim: 4, min_count: 1}]}",
        "training={batch_tokens: 2, word_dropout: 0, dropout: 0, input_dropout: 0, average: null, "
        "optimizer: {name: sgd}}",
    )
    before = trainer.parameters["L.word"].copy()
    batch, _ = trainer.next_batch()
    words = len(batch.labels)
    next(trainer.run())
    moved = (trainer.parameters["L.word"] != before).any(axis=1)
    values = ["boundary", "unknown", "cat", "fish", "dog"]  # the most frequent first
    read = {"boundary", "cat", "dog"} if words == 3 else {"boundary", "fish"}
    assert {value for value, was in zip(values, moved, strict=True) if was} == read
    assert (BOUNDARY, UNKNOWN) == (0, 1)


def test_the_boundary_takes_the_gradient_of_its_own_slots(tmp_path):
    """With a window of nothing no boundary is read, and its row gets no gradient."""

    for window, present in ((0, False), (1, True)):
        trainer = trainer_of(corpora.tagging(tmp_path), f"features.window={window}")
        batch, masks = trainer.next_batch()
        _, gradients = members.loss_and_gradients(
            trainer.architecture, trainer.parameters, batch, trainer.settings.objective, masks
        )
        gradient = gradients["L.word"]
        assert isinstance(gradient, RowGradient)
        moved = set(gradient.rows[np.abs(gradient.values).max(axis=1) > 0].tolist())
        assert (BOUNDARY in moved) == present


def test_early_stopping_keeps_the_best_epoch(tmp_path):
    """The kept model is that of a run which ended at the best epoch (constant learning rate)."""
    config = corpora.tagging(tmp_path)
    settings = [
        "training={batch_tokens: 40, epochs: 40, early_stopping: {patience: 2}, "
        "schedule: {name: constant}, optimizer: {learning_rate: 0.02}, average: null}"
    ]
    result = windowclf.train(config, settings)
    rows = corpora.log(result.model_path.parent)
    scores = [row["score"] for row in rows]
    assert result.best_epoch == 1 + scores.index(max(scores))  # the first of equals
    assert len(rows) == result.best_epoch + 2 < 40
    assert [row["epoch"] for row in rows if row["last"]] == [len(rows)]
    assert rows[result.best_epoch - 1]["best"]
    assert not rows[-1]["best"]
    assert result.evaluations["dev"]["accuracy"] == result.best_score == max(scores)
    shorter = [*settings, f"training.epochs={result.best_epoch}", f"output={tmp_path}/shorter"]
    short = windowclf.train(config, shorter)
    for name, p in load_model(result.model_path).parameters.items():
        np.testing.assert_array_equal(p, load_model(short.model_path).parameters[name])


def test_without_dev_the_final_average_is_kept(tmp_path):
    config = corpora.tagging(tmp_path)
    notices: list[str] = []
    result = windowclf.train(config, ["data.dev=null"], listener=Heard(notice=notices.append))
    assert notices == ["no dev data: the final averaged model is kept and early stopping is off."]
    assert (result.best_score, result.evaluations) == (None, {})
    trainer = trainer_of(config, "data.dev=null")
    for _report in trainer.run():
        pass
    final, averaged = trainer.parameters, trainer.averaged()
    for name, p in load_model(result.model_path).parameters.items():
        np.testing.assert_array_equal(p, averaged[name])
        assert not np.array_equal(p, final[name])
    assert [row["best"] for row in corpora.log(tmp_path / "run")] == [False, False, True]


def test_the_log_says_what_happened(tmp_path):
    config = corpora.tagging(tmp_path)
    steps, epochs = reports_of(config)
    text = (tmp_path / "run" / "metrics.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines()]
    assert len(rows) == len(epochs) == 3
    tokens = sum(len(s) for s in corpora.tagged_sentences(40, 1))
    for row, report in zip(rows, epochs, strict=True):
        assert row["epoch"] == report.epoch
        assert row["tokens"] == report.epoch * tokens
        assert row["score"] == row["accuracy"]
        assert row["seconds"] > 0
        assert row["tokens_per_second"] == pytest.approx(tokens / row["seconds"])
    assert [step.step for step in steps] == list(range(1, rows[-1]["step"] + 1))
    assert rows[-1]["last"]
    assert rows[-1]["learning_rate"] == pytest.approx(0.0, abs=1e-12)  # linear, at its end


def test_the_loss_of_an_epoch_weighs_batches_by_their_tokens(tmp_path):
    steps, epochs = reports_of(corpora.tagging(tmp_path), "training.epochs=1")
    ends = np.array([0, *(step.tokens for step in steps)])
    sizes = np.diff(ends)
    assert len(set(sizes.tolist())) > 1
    J = np.array([step.loss for step in steps])
    assert epochs[0].loss == pytest.approx(float((sizes * J).sum() / sizes.sum()))
    assert not math.isclose(epochs[0].loss, float(J.mean()), rel_tol=1e-9)


@pytest.mark.parametrize(
    ("setting", "array"),
    [("features.window=2", r"(W|U|b1|b2|L\.\w+)"), ("model.hidden={activation: none}", "U")],
)
def test_divergence_names_step_rate_and_array(tmp_path, setting, array):
    config = corpora.tagging(tmp_path)
    optimizer = "training.optimizer={name: sgd, learning_rate: 1e30}"
    schedule = "training.schedule={name: constant}"
    pattern = (
        rf"training diverged at step \d+ \(epoch 1\) with learning rate 1e\+30: "
        rf"(the gradient of )?{array}"
    )
    with pytest.raises(TrainingDiverged, match=pattern):
        windowclf.train(config, [optimizer, schedule, "training.clip_norm=null", setting])
    with pytest.raises(TrainingDiverged):  # the folder is free again, and nothing was torn
        windowclf.train(config, [optimizer, "training.clip_norm=null", setting], overwrite=True)


def spoilt_gradient(name: str, value: float):
    """A network whose gradients, from the fifth step on, hold a number that they should not."""
    real, calls = members.loss_and_gradients, itertools.count(1)

    def spoilt(*arguments, workers):
        J, gradients = real(*arguments, workers=workers)
        if next(calls) >= 5:
            values_of(gradients[name]).flat[-1] = value
        return J, gradients

    return members, "loss_and_gradients", spoilt


def spoilt_loss(value: float):
    real, calls = members.loss_and_gradients, itertools.count(1)

    def spoilt(*arguments, workers):
        J, gradients = real(*arguments, workers=workers)
        return (value if next(calls) >= 5 else J), gradients

    return members, "loss_and_gradients", spoilt


def spoilt_update(name: str, value: float):
    """An update that leaves a number in a parameter, of a table in a row that the batch has."""
    real, calls = Optimizer.step, itertools.count(1)

    def spoilt(self, gradients, learning_rate, workers):
        real(self, gradients, learning_rate, workers)
        if next(calls) >= 5:
            rows = gradients[name].rows if isinstance(gradients[name], RowGradient) else [0]
            self.parameters[name][rows[-1]] = value

    return Optimizer, "step", spoilt


SPOILT = {
    "loss": (lambda: spoilt_loss(math.nan), "the loss"),
    "infinite loss": (lambda: spoilt_loss(math.inf), "the loss"),
    "norm": (lambda: spoilt_gradient("W", 1e30), "the norm of the gradients"),
    "dense gradient": (lambda: spoilt_gradient("b1", math.nan), "the gradient of b1"),
    "row gradient": (lambda: spoilt_gradient("L.word", -math.inf), r"the gradient of L\.word"),
    "dense array": (lambda: spoilt_update("U", math.nan), "U"),
    "dense array, infinite": (lambda: spoilt_update("W", -math.inf), "W"),
    "touched row": (lambda: spoilt_update("L.suffix2", math.nan), r"L\.suffix2"),
}


@pytest.mark.parametrize("rows", ["lazy", "dense"])
@pytest.mark.parametrize(("spoil", "what"), SPOILT.values(), ids=SPOILT)
def test_what_is_not_finite_stops_within_the_step(tmp_path, monkeypatch, spoil, what, rows):
    """In the fifth step of nine, with a state of every step before it and a model of epoch 1."""
    config = corpora.tagging(tmp_path)
    settings = [
        "training.batch_tokens=70",
        "training.checkpoint={steps: 1}",
        f"training.optimizer={{rows: {rows}}}",
    ]
    pattern = (
        rf"^training diverged at step 5 \(epoch 2\) with learning rate 0\.00\d+: {what} is no "
        r"longer finite; lower training\.optimizer\.learning_rate or set training\.clip_norm"
    )
    with monkeypatch.context() as patched:
        patched.setattr(*spoil())
        with pytest.raises(TrainingDiverged, match=pattern):
            windowclf.train(config, settings)
    header, arrays, _ = tensor_file.read(tmp_path / "run" / "state.safetensors", "state")
    assert header["progress"]["step"] == 4
    assert all(np.isfinite(array).all() for array in arrays.values())
    load_model(tmp_path / "run")
    windowclf.train(config, settings, resume=True)
    windowclf.train(config, [*settings, f"output={tmp_path}/whole"])
    assert corpora.digest(tmp_path / "run") == corpora.digest(tmp_path / "whole")


def test_large_numbers_are_not_taken_for_infinite_ones(tmp_path):
    """Their squares overflow, they do not."""
    trainer = trainer_of(corpora.tagging(tmp_path))
    trainer.parameters["b2"][:] = 3e38
    gradients = {"b2": np.zeros_like(trainer.parameters["b2"])}
    with np.errstate(over="ignore"):  # as around the whole step
        trainer._check_updated(gradients, 0.1)
        trainer.parameters["b2"][0] = math.inf
        with pytest.raises(TrainingDiverged, match="b2 is no longer finite"):
            trainer._check_updated(gradients, 0.1)


@pytest.mark.parametrize("name", ["m.W", "lag.U", "folded.L.word"])
def test_a_state_that_is_not_finite_is_not_saved(tmp_path, name):
    trainer = trainer_of(corpora.tagging(tmp_path))
    trainer.optimizer.state()[name].flat[0] = math.nan
    with pytest.raises(TrainingDiverged, match=f"{name} is no longer finite"):
        trainer.state()


def without(tree: dict, key: str) -> dict:
    return {k: value for k, value in tree.items() if k != key}


UNFIT = {
    "lacks step": lambda n, a: (without(n, "step"), a),
    "has an unknown key 'steps'": lambda n, a: ({**n, "steps": 1}, a),
    "step cannot be 2.0": lambda n, a: ({**n, "step": 2.0}, a),
    "batch is 9": lambda n, a: ({**n, "batch": 9}, a),
    "tokens is 1, expected": lambda n, a: ({**n, "tokens": 1}, a),
    "epoch is -1": lambda n, a: ({**n, "epoch": -1}, a),
    "best_epoch is 2": lambda n, a: ({**n, "best_epoch": 2}, a),
    "parameter.W is missing": lambda n, a: (n, without(a, "parameter.W")),
    "folded is missing": lambda n, a: (n, without(a, "folded")),
    "more is not expected": lambda n, a: (n, {**a, "more": a["m.W"]}),
    "m.W has shape (8,)": lambda n, a: (n, {**a, "m.W": a["m.W"][0]}),  # would be broadcast
    "parameter.b1 has shape (1,)": lambda n, a: (n, {**a, "parameter.b1": a["m.b1"][:1]}),
    "v.U is float64": lambda n, a: (n, {**a, "v.U": a["v.U"].astype(np.float64)}),
    "m.U has numbers": lambda n, a: (n, {**a, "m.U": np.full_like(a["m.U"], np.nan)}),
}


@pytest.mark.parametrize(("sentence", "change"), UNFIT.items(), ids=UNFIT)
def test_a_state_of_another_run_is_refused_and_changes_nothing(tmp_path, sentence, change):
    trainer = trainer_of(corpora.tagging(tmp_path))
    for _ in zip(trainer.run(), range(2), strict=False):
        pass
    numbers, arrays = trainer.state()
    kept = {name: array.copy() for name, array in arrays.items()}
    with pytest.raises(ValueError, match=re.escape(sentence)):
        trainer.restore(*change(numbers, kept))
    again, found = trainer.state()
    assert again == numbers
    for name, array in found.items():
        np.testing.assert_array_equal(array, kept[name])
    trainer.restore(numbers, kept)


def test_averages_that_are_not_finite_are_neither_scored_nor_kept(tmp_path):
    trainer = trainer_of(corpora.tagging(tmp_path))
    trainer.optimizer.state()["lag.U"].flat[0] = math.inf
    with pytest.raises(TrainingDiverged, match="the average of U is no longer finite"):
        list(trainer.run())


def test_balanced_weights_are_counts_turned_round(tmp_path):
    """A: 6, B: 2, of 8 tokens and 2 labels: 8/(2·6) and 8/(2·2). Unlabelled tokens count not."""
    sentence = [("x", "A")] * 6 + [("y", "B")] * 2 + [("z", "-")] * 5
    path = corpora.write(tmp_path / "w.conll", corpora.conll([sentence]))
    config = corpora.tagging(tmp_path)
    data = f"data={{train: {path}}}"
    weights = trainer_of(config, data, "training.class_weights=balanced").settings.objective
    assert weights.class_weights is not None
    np.testing.assert_allclose(weights.class_weights, [8 / 12, 8 / 4])
    weights = trainer_of(config, data, "training.class_weights={B: 5.0}").settings.objective
    assert weights.class_weights is not None
    np.testing.assert_allclose(weights.class_weights, [1.0, 5.0])


def test_equal_weights_are_no_weights(tmp_path):
    config = corpora.tagging(tmp_path)
    equal = "training.class_weights={DET: 2.0, NOUN: 2.0, VERB: 2.0, ADJ: 2.0, PUNCT: 2.0}"
    _, weighted = reports_of(config, equal, "training.dtype=float64")
    _, plain = reports_of(config, "training.dtype=float64", overwrite=True)
    assert weighted[-1].loss == pytest.approx(plain[-1].loss, rel=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_are_of_the_wanted_kind_to_the_end(tmp_path, dtype):
    result = windowclf.train(corpora.tagging(tmp_path), [f"training.dtype={dtype}"])
    for p in load_model(result.model_path).parameters.values():
        assert p.dtype == dtype


def test_a_batch_without_a_label_changes_nothing_but_the_counts(tmp_path):
    """Sentences without labels are batches of their own here; J is 0 and no parameter moves."""
    sentences = [[("the", "-")] * 4, [("cat", "N"), ("runs", "V")] * 2, [("dog", "-")] * 4]
    path = corpora.write(tmp_path / "u.conll", corpora.conll(sentences))
    trainer = trainer_of(
        corpora.tagging(tmp_path),
        f"data={{train: {path}}}",
        "training={batch_tokens: 4, epochs: 1, optimizer: {name: sgd}, average: null}",
    )
    before = {name: p.copy() for name, p in trainer.parameters.items()}
    losses = []
    for report in trainer.run():
        if isinstance(report, StepReport):
            losses.append(report.loss)
            moved = any((p != before[name]).any() for name, p in trainer.parameters.items())
            assert moved == (report.loss > 0)
            before = {name: p.copy() for name, p in trainer.parameters.items()}
        else:
            assert report.loss == pytest.approx(max(losses))  # of the labelled tokens alone
    assert len(losses) == 3
    assert sum(loss == 0 for loss in losses) == 2


@pytest.mark.parametrize(("share", "held"), [(0.1, 4), (0.5, 20), (0.001, 1)])
def test_holdout_is_the_end_of_the_training_sentences(tmp_path, share, held):
    config = corpora.tagging(tmp_path)
    result = windowclf.train(config, [f"data.dev={{holdout: {share}}}"])
    sentences = corpora.tagged_sentences(40, 1)
    assert result.evaluations["dev"]["sentences"] == held
    assert result.evaluations["dev"]["tokens"] == sum(len(s) for s in sentences[-held:])
    rows = corpora.log(tmp_path / "run")
    assert rows[0]["tokens"] == sum(len(s) for s in sentences[:-held])


def test_a_class_absent_from_dev_is_no_fault(tmp_path):
    config = corpora.tagging(tmp_path)
    dev = corpora.write(tmp_path / "d.conll", "cat\tNOUN\n")
    notices: list[str] = []
    result = windowclf.train(config, [f"data.dev={dev}"], listener=Heard(notice=notices.append))
    assert notices == []
    assert result.evaluations["dev"]["tokens"] == 1


def test_nothing_is_learnt_from_dev_or_test(tmp_path):
    """Other dev and test files give the same steps."""
    config = corpora.tagging(tmp_path)
    first, _ = reports_of(config)
    other = corpora.write(tmp_path / "o.conll", corpora.conll(corpora.tagged_sentences(5, 99)))
    second, _ = reports_of(config, f"data.dev={other}", f"data.test={other}", overwrite=True)
    assert first == second


def test_initial_parameters_come_from_the_seed_alone(tmp_path):
    config = corpora.tagging(tmp_path)
    first = trainer_of(config, "seed=3")
    again = initialize(first.architecture, 3, "float32")
    for name, p in first.parameters.items():
        np.testing.assert_array_equal(p, again[name])
    assert not np.array_equal(first.parameters["W"], trainer_of(config, "seed=4").parameters["W"])
    assert Path(config["output"]).exists() is False
