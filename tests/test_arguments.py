"""Every public function, with every argument of a wrong kind: an error of ours, or a TypeError that
names the argument."""

from __future__ import annotations

import inspect
import json
import warnings
from dataclasses import fields
from pathlib import Path

import pytest

import windowclf
from windowclf import Listener, Sentence, TagOptions
from windowclf.config.reading import read_config
from windowclf.errors import ConfigError, WindowclfError
from windowclf.pipeline import benchmark, rehearsal
from windowclf.system.machine import Ended
from windowclf.tagging.tagger import Tagger


class Strange:
    pass


WRONG = [
    None, 3, -1, 1.5, float("nan"), float("inf"), True, b"x", "nowhere", "\0", "\ud800", [], {},
    [3], {"a": 3}, ["x", None], [["a"]], [[3]], {3: 4}, set(), range(3), object(), Strange, len,
    Path("nowhere"), Sentence(["a"]), [Sentence(["a"], 3)], [Sentence(3)], [Sentence("ab")],
]  # fmt: skip


def verbs(config: dict, run: Path, folder: Path):
    """Public functions by name, with arguments that they take."""
    dev, out = config["data"]["dev"][0], str(folder / "out.conll")
    listener, options, tagger = Listener(), TagOptions(), windowclf.load(run)
    tuned = {**config, "tune": {"trials": 1, "rungs": [1]}}
    how = {"format_": None, "overrides": (), "options": options, "listener": listener}
    again = {"resume": False, "overwrite": True, "overrides": (), "listener": listener}
    return {
        "train": (windowclf.train, {"config": config, "data": None, **again}),
        "cross_validate": (
            windowclf.cross_validate,
            {"config": config, "data": None, "folds": 2, "output": f"{out}-folds", **again},
        ),
        "init": (
            windowclf.init,
            {"folder": folder / "new", "data": dev, "task": "tagging", "dev": dev, "test": dev}
            | {"listener": listener},
        ),
        "tune": (windowclf.tune, {"config": tuned, "jobs": 1, "time_budget": None, **again}),
        "evaluate": (windowclf.evaluate, {"model": run, "data": dev, **how}),
        "compare": (
            windowclf.compare,
            {"model": run, "against": run, "data": dev, "most_sentences": None, **how},
        ),
        "predict_file": (
            windowclf.predict_file,
            {"model": run, "input_": dev, "output": out, "format_": None, "jobs": 1}
            | {"options": options, "listener": listener},
        ),
        "gradcheck": (
            windowclf.gradcheck,
            {"config": config, "overrides": (), "listener": listener},
        ),
        "check": (
            windowclf.check,
            {"config": config, "overrides": (), "data": None, "test": False, "listener": listener},
        ),
        "plan": (windowclf.plan, {"config": config, "overrides": (), "listener": listener}),
        "info": (windowclf.info, {"model": run}),
        "benchmark": (
            windowclf.benchmark,
            {"model": run, "data": dev, "format_": None, "listener": listener},
        ),
        "overrides_from_environment": (windowclf.overrides_from_environment, {"environ": {}}),
        "compress": (
            windowclf.compress,
            {"model": run, "output": out, "dtype": "int8", "size": None, "data": None}
            | {"listener": listener},
        ),
        "convert": (
            windowclf.convert,
            {"input_": dev, "output": out, "from_": None, "to": "jsonl", "scheme": None}
            | {"overrides": (), "overwrite": True, "listener": listener},
        ),
        "load": (windowclf.load, {"path": run, "options": options}),
        "Tagger": (Tagger, {"model": tagger.model, "options": options}),
        "predict": (tagger.predict, {"sentences": [["a"]], "keep_labels": True}),
        "predict_proba": (tagger.predict_proba, {"sentences": [["a"]], "inside": False}),
        "n_best": (tagger.n_best, {"sentences": [["a"]], "n": 1}),
        "predict_text": (tagger.predict_text, {"text": "a"}),
        "predict_texts": (tagger.predict_texts, {"texts": ["a"]}),
        "tag": (lambda **given: list(tagger.tag(**given)), {"sentences": [], "options": options}),
    }


NAMES = [
    "init", "check", "train", "cross_validate", "tune", "evaluate", "compare", "predict_file",
    "gradcheck", "info", "compress", "load", "overrides_from_environment", "plan", "benchmark",
    "Tagger", "predict", "predict_proba", "n_best", "predict_text", "predict_texts", "tag",
    "convert",
]  # fmt: skip


def answer_of(function, **given) -> str:
    """What comes of a call: nothing, or the first line of the error that a user is to see."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            function(**given)
        except (WindowclfError, TypeError) as error:
            ours = isinstance(error, WindowclfError)
            return f"{'ours' if ours else 'TypeError'}: {str(error).splitlines()[0]}"
    return ""


def test_every_public_function_is_tried():
    functions = {name for name in windowclf.__all__ if inspect.isroutine(getattr(windowclf, name))}
    methods = {name for name in vars(Tagger) if inspect.isroutine(getattr(Tagger, name))}
    assert set(NAMES) == functions | {"Tagger"} | {each for each in methods if each[0] != "_"}


@pytest.mark.parametrize("name", NAMES)
def test_an_argument_of_a_wrong_kind_is_named(name, learnt, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(rehearsal, "STEP_SECONDS", 0.01)
    monkeypatch.setattr(benchmark, "SECONDS", 0.01)
    monkeypatch.setattr(benchmark, "run_python", lambda *_, **__: Ended(0.1, "1"))
    run = learnt["spans"]
    settings = [f"output={json.dumps(str(tmp_path / 'run'))}", "training.epochs=1"]
    config = read_config(run / "config.yaml", settings).model_dump(mode="json")
    function, good = verbs(config, run, tmp_path)[name]
    assert name == "n_best" or answer_of(function, **good) == ""
    # A search that begins takes processes and time: numbers that tune takes are left out.
    wrong = [each for each in WRONG if name != "tune" or not isinstance(each, int | float | None)]
    for argument, value in ((argument, value) for argument in good for value in wrong):
        said = answer_of(function, **{**good, argument: value})
        assert said.startswith(("ours: ", f"TypeError: {argument}: expected ")) or not said, value


@pytest.mark.parametrize("name", [field.name for field in fields(TagOptions)])
def test_an_option_of_a_wrong_kind_is_named(name, learnt):
    model = windowclf.load(learnt["spans"]).model

    def tag_with(**given) -> None:
        list(Tagger(model, TagOptions(**given)).tag([Sentence(["a"])]))

    for value in WRONG:
        said = answer_of(tag_with, **{name: value})
        assert said.startswith(("ours: ", f"TypeError: {name}: expected ")) or not said, value


@pytest.mark.parametrize("name", [field.name for field in fields(Sentence)])
def test_a_sentence_with_a_field_of_a_wrong_kind_is_refused_or_tagged(name, learnt):
    tagger = windowclf.load(learnt["spans"])
    for value in WRONG:
        sentence = Sentence(**{"tokens": ["a"], name: value})
        for function, given in (
            (tagger.predict, {"sentences": [sentence]}),
            (tagger.predict, {"sentences": [sentence], "keep_labels": True}),
            (windowclf.evaluate, {"model": tagger, "data": [sentence]}),
        ):
            said = answer_of(function, **given)
            assert said.startswith("ours: ") or not said, value


def test_the_message_says_what_is_taken():
    with pytest.raises(
        TypeError, match=r"^model: expected str or PathLike or Tagger, found int\.$"
    ):
        windowclf.evaluate(3, "x")
    with pytest.raises(TypeError, match=r"^overrides: expected a list of str, found str\.$"):
        windowclf.train({}, "training.epochs=2")
    with pytest.raises(ConfigError, match=r"^--jobs: expected a number from 1 on, found 0\.$"):
        windowclf.tune({}, jobs=0)
    with pytest.raises(TypeError, match=r"^time_budget: expected float or None, found str\.$"):
        windowclf.tune({}, time_budget="1h")
    with pytest.raises(TypeError, match=r"^texts: expected a list of texts, found str\.$"):
        windowclf.Tagger.predict_texts(None, "text")
