"""Cross-validation: every sentence scored once by a model that has not seen it, stopped or not."""

from __future__ import annotations

import itertools
import json
import os
import shlex
import signal
from pathlib import Path

import corpora
import pytest
from command_line import run
from heard import Heard

import windowclf
from windowclf import Sentence
from windowclf.analysis.spread import spreads
from windowclf.commands import folds_display
from windowclf.errors import ConfigError, DataError, RunFolderError
from windowclf.network.reports import StepReport
from windowclf.text.units import folds_of, units_of

QUICK = "training={epochs: 1, batch_tokens: 40}"


def after(steps: int):
    """Says True from the given number of steps on."""
    count = itertools.count(1)
    return lambda: next(count) >= steps


def quick(config: dict, *overrides: str, folds: int = 3, **how) -> windowclf.CrossValidation:
    return windowclf.cross_validate(config, [QUICK, *overrides], folds=folds, **how)


def written(result: windowclf.CrossValidation) -> dict:
    return json.loads(result.path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[dict, windowclf.CrossValidation]:
    folder = tmp_path_factory.mktemp("whole")
    config = corpora.tagging(folder)
    return config, quick(config)


def test_folds_are_dealt_evenly_by_the_seed():
    units = [[Sentence(["a"])] * size for size in (1, 9, 2, 3, 1, 1, 4, 1, 2, 6)]
    dealt = folds_of(units, 3, seed=1)
    assert sorted(itertools.chain.from_iterable(dealt)) == list(range(10))
    sizes = [sum(len(units[i]) for i in fold) for fold in dealt]
    assert max(sizes) - min(sizes) <= 9
    assert dealt == folds_of(units, 3, seed=1) != folds_of(units, 3, seed=2)
    assert all(len(fold) == 1 for fold in folds_of(units, 10, seed=3))


def test_the_interval_is_students():
    """By hand: mean 0.8, deviation 0.1, t(2 degrees) = 4.3027."""
    rows = [{"f1": 0.7, "unseen": 0.5}, {"f1": 0.8}, {"f1": 0.9}]
    found = spreads(rows)
    far = 4.302652729 * 0.1 / 3**0.5
    assert found["f1"]["mean"] == pytest.approx(0.8)
    assert found["f1"]["interval"] == pytest.approx([0.8 - far, 0.8 + far])
    two = spreads([{"f1": 0.7}, {"f1": 0.9}])["f1"]  # t(1 degree) = 12.706, deviation 0.1414
    assert two["interval"] == pytest.approx([0.8 - 1.2706, 0.8 + 1.2706], abs=1e-4)
    assert found["unseen"] == {"mean": 0.5, "interval": [0.5, 0.5], "folds": [0.5, None, None]}


def test_every_sentence_is_scored_once_and_never_by_a_model_that_has_seen_it(whole):
    config, result = whole
    layout = windowclf.load(result.path.parent / "fold-1").model.spec.layout
    from windowclf.config.reading import make_config
    from windowclf.pipeline.texts import texts_of

    sentences = list(texts_of(make_config(config))["train"].read(layout))
    dealt = folds_of(units_of(sentences), 3, seed=1)
    assert [fold.fold for fold in result.folds] == [1, 2, 3]
    for fold, own in zip(result.folds, dealt, strict=True):
        left = [sentences[i] for i in range(len(sentences)) if i not in own]
        out = [sentences[i] for i in sorted(own)]
        assert (fold.sentences, fold.tokens) == (len(out), sum(len(s.tokens) for s in out))
        alone = windowclf.train(
            config, [QUICK, f"output={result.path.parent}/../alone"],
            data={"train": left, "test": out}, overwrite=True,
        )  # fmt: skip
        same = result.path.parent / f"fold-{fold.fold}"
        assert corpora.digest(same) == corpora.digest(alone.model_path.parent)
        assert fold.evaluation == alone.evaluations["test"]
        assert fold.figures["accuracy"] == alone.evaluations["test"]["accuracy"]


def test_the_file_has_all(whole):
    _, result = whole
    found = written(result)
    assert found.keys() == {"folds", "units", "config", "data", "figures", "results"}
    assert (found["folds"], found["units"]) == (3, "sentences")
    assert found["figures"] == json.loads(json.dumps(result.figures))
    values = [each["figures"]["accuracy"] for each in found["results"]]
    assert found["figures"]["accuracy"]["folds"] == values
    assert found["figures"]["accuracy"]["mean"] == pytest.approx(sum(values) / 3)
    assert found["results"][1]["evaluation"]["labels"]
    names = {path.name for path in result.path.parent.iterdir()}
    assert names == {".lock", "folds.json", "fold-1", "fold-2", "fold-3"}


@pytest.mark.parametrize("task", corpora.TASKS)
def test_sentences_in_memory_are_those_of_their_file(task, tmp_path):
    config = corpora.TASKS[task](tmp_path)
    from windowclf.config.reading import make_config
    from windowclf.pipeline.reading import layout_of
    from windowclf.pipeline.texts import texts_of

    resolved = make_config(config)
    texts = texts_of(resolved)
    layout = layout_of(resolved, texts["train"])
    data = {"train": iter(list(texts["train"].read(layout)))}
    one = quick(config, folds=2)
    other = quick(config, f"data.format={layout.format}", folds=2, data=data, output=tmp_path / "m")
    assert other.path == tmp_path / "m" / "folds.json"
    assert one.figures == other.figures
    assert one.folds == other.folds
    assert set(one.figures) & {"accuracy", "f1", "word f1"}


def test_documents_stay_whole_and_dev_is_held_out_of_what_is_learnt_from(tmp_path):
    config = corpora.small_config(tmp_path, "tagging", {"dev": {"holdout": 0.2}})
    sentences = [Sentence(["a", f"w{i // 4}"], ["N", "V"], document=i // 4) for i in range(24)]
    said: list[str] = []
    result = quick(config, data={"train": sentences}, listener=Heard(notice=said.append))
    assert written(result)["units"] == "documents"
    assert [fold.sentences for fold in result.folds] == [8, 8, 8]
    for number in (1, 2, 3):
        assert "unseen" in result.folds[number - 1].figures  # its documents' own words
    held_out = "dev: the last 1 of the 4 documents of train are held out, 4 of 16 sentences."
    assert said == [held_out]  # once, not three times
    assert written(result)["data"].keys() == {"train"}


@pytest.mark.parametrize("stop", [1, 4, 6, 10])
def test_stopped_anywhere_it_goes_on_to_the_same_scores(whole, tmp_path, stop):
    config, first = whole
    output = tmp_path / "again"
    stopped = quick(config, output=output, listener=Heard(stop=after(stop)))
    assert stopped.stopped
    assert stopped.figures == {}
    assert stopped.folds == first.folds[: len(stopped.folds)]
    assert written(stopped)["figures"] == {}
    said, trained, fractions = [], [], []
    result = quick(
        config, output=output, resume=True,
        listener=Heard(notice=said.append, fold=trained.append, searched=fractions.append),
    )  # fmt: skip
    assert not result.stopped
    assert result.folds == first.folds
    assert len(trained) == 3 - len(stopped.folds)
    if stopped.folds:
        assert said[0] == f"folds that had ended before and are kept: {len(stopped.folds)}."
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    now, before = written(result), written(first)
    assert now["results"] == before["results"]
    for number in (1, 2, 3):
        model = corpora.digest(output / f"fold-{number}")
        assert model == corpora.digest(first.path.parent / f"fold-{number}")


def test_the_listener_hears_steps_and_folds(tmp_path):
    heard: list[str] = []
    quick(
        corpora.tagging(tmp_path), folds=2,
        listener=Heard(
            report=lambda r: heard.append("step" if isinstance(r, StepReport) else "epoch"),
            fold=lambda fold: heard.append(f"fold {fold.fold}"),
        ),
    )  # fmt: skip
    assert [key for key, _ in itertools.groupby(heard)] == [
        "step", "epoch", "fold 1", "step", "epoch", "fold 2",
    ]  # fmt: skip


WRONG = {
    1: (ConfigError, r"^--folds: expected a number from 2 on, found 1\.$"),
    -3: (ConfigError, r"^--folds: expected a number from 2 on, found -3\.$"),
    41: (ConfigError, r"--folds: expected a number from 2 to 40, as many as .*conll has sentences, "
         r"found 41\.$"),
}  # fmt: skip


@pytest.mark.parametrize("folds", WRONG)
def test_too_few_or_too_many_folds(tmp_path, folds):
    kind, said = WRONG[folds]
    with pytest.raises(kind, match=said):
        quick(corpora.tagging(tmp_path), folds=folds)
    assert not (tmp_path / "run-folds" / "folds.json").exists()


def test_as_many_folds_as_sentences(tmp_path):
    config = corpora.small_config(tmp_path, "tagging", {})
    result = quick(config, folds=3, data={"train": [Sentence(["a", "b"], ["N", "V"])] * 3})
    assert [fold.sentences for fold in result.folds] == [1, 1, 1]


def test_what_cannot_be_divided_or_scored_is_known_before_the_first_fold(tmp_path):
    config = corpora.small_config(tmp_path, "tagging", {})
    with pytest.raises(DataError, match="<train>: expected at least 2 documents or sentences"):
        quick(config, data={"train": [Sentence(["a"], ["N"])]})
    some = [Sentence(["a"], ["N"]), Sentence(["a"], [None]), Sentence(["a"], [None])]
    with pytest.raises(DataError, match=r"<train>: no token of fold \d has a label; label more"):
        quick(config, data={"train": some})
    with pytest.raises(DataError, match="<train>: no token has a label"):
        quick(config, data={"train": some[1:]}, folds=2)
    with pytest.raises(TypeError, match="expected the keys train, dev, replay, found 'test'"):
        quick(config, data={"train": some, "test": some})
    config = corpora.tagging(tmp_path)
    corpora.write(tmp_path / "dev.conll", "one-column\n\n")
    with pytest.raises(DataError, match=r"dev\.conll:1: "):
        quick(config)
    assert not any((tmp_path / "run-folds").glob("fold*"))


def test_the_test_file_is_not_read(tmp_path):
    config = corpora.tagging(tmp_path)
    said: list[str] = []
    quick(config, f"data.test={tmp_path}/none", folds=2, listener=Heard(notice=said.append))
    assert said == ["data.test is not read: every fold is scored on its part of train."]


def test_other_folds_data_or_configs_are_not_gone_on_with(whole):
    config, result = whole
    before = result.path.read_bytes()
    for settings, folds, said in (
        ([], 4, r"\(folds: 3 before, 4 now\)"),
        (["seed=2"], 3, r"\(seed: 1 before, 2 now\)"),
        (["training.epochs=2"], 3, r"\(training\.epochs: 1 before, 2 now\)"),
        (["data.dev={holdout: 0.1}"], 3, r"data\.dev"),
    ):
        with pytest.raises(RunFolderError, match=said):
            quick(config, *settings, folds=folds, resume=True)
    path = Path(config["data"]["dev"])
    text = path.read_text(encoding="utf-8")
    corpora.write(path, text.replace("cat\tNOUN", "cat\tVERB"))
    with pytest.raises(RunFolderError, match=r"data\.dev: the files have changed"):
        quick(config, resume=True)
    corpora.write(path, text)
    with pytest.raises(
        RunFolderError, match=r"not empty \(it holds folds\.json\); continue that cross"
    ):
        quick(config)
    assert result.path.read_bytes() == before
    assert quick(config, resume=True).folds == result.folds


def test_overwriting_is_a_fresh_start_and_touches_nothing_else(tmp_path):
    config = corpora.tagging(tmp_path)
    first = quick(config, folds=3)
    mine = first.path.parent / "fold-1" / "mine.txt"
    mine.write_text("mine", encoding="utf-8")
    two = quick(config, "seed=2", folds=2, overwrite=True, listener=Heard(stop=after(1)))
    assert two.stopped
    assert not (first.path.parent / "fold-3" / "model.safetensors").exists()
    assert len(quick(config, "seed=2", folds=2, resume=True).folds) == 2
    again = quick(config, folds=3, overwrite=True)
    assert again.folds == first.folds
    assert mine.read_text(encoding="utf-8") == "mine"


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    config = corpora.tagging(tmp_path)
    windowclf.train(config, [QUICK])
    before = corpora.digest(tmp_path / "run")
    for how in ({}, {"resume": True}, {"overwrite": True}):
        with pytest.raises(RunFolderError, match=r"no folds\.json, so it is not from a cross-val"):
            quick(config, output=tmp_path / "run", **how)
    assert corpora.digest(tmp_path / "run") == before


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"folds": 3}', "\0", '{"results": 3}'])
def test_a_damaged_file_is_one_sentence(tmp_path, text):
    config = corpora.tagging(tmp_path)
    corpora.write(tmp_path / "folds.json", text)
    with pytest.raises(RunFolderError, match=r"folds\.json: damaged, or not from a cross-valid"):
        quick(config, output=tmp_path, resume=True)


def test_folds_start_from_a_model_that_lies_elsewhere(tmp_path):
    config = corpora.tagging(tmp_path)
    first = quick(config, folds=2)
    start = f"training.start_from={first.path.parent}/fold-1"
    with pytest.raises(ConfigError, match=r"training\.start_from: .* lies in the folder of these"):
        windowclf.cross_validate(config, [start], folds=2, overwrite=True)
    replay = f"data.replay={config['data']['train']}"
    more = ["training.epochs=1", start, replay, f"output={tmp_path}/on"]
    result = windowclf.cross_validate(config, more, folds=2)
    assert written(result)["data"].keys() == {"train", "dev", "replay", "training.start_from"}


def test_the_command(tmp_path):
    config = corpora.write(tmp_path / "c.yaml", json.dumps(corpora.tagging(tmp_path)))
    code, out, err = run(["train", config, "--folds", "2", "--set", QUICK])
    assert code == 0, err
    head, *rows, mean, interval, how, where = out.splitlines()
    assert head.split() == ["fold", "sentences", "tokens", "accuracy"]
    assert [row.split()[0] for row in rows] == ["1", "2"]
    assert mean.split()[0] == "mean"
    assert interval.startswith("95 % interval")
    assert "…" in interval
    assert "Student's t" in how
    assert where.startswith(f"scores: {tmp_path}/run-folds/folds.json; ")
    assert err.splitlines()[0].split() == ["fold", "sentences", "tokens", "accuracy"]
    assert len(err.splitlines()) == 3
    code, out, err = run(["train", config, "--folds", "1"])
    assert (code, out) == (1, "")
    assert err.strip() == "--folds: expected a number from 2 on, found 1."


def test_the_words_after_ctrl_c_are_a_command_that_works(tmp_path, monkeypatch):
    config = corpora.write(tmp_path / "c.yaml", json.dumps(corpora.tagging(tmp_path)))

    class Signalling(folds_display.FoldsDisplay):
        def fold(self, fold):
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patched:
        patched.setattr(folds_display, "FoldsDisplay", Signalling)
        command = ["train", config, "--folds", "2", "--output", f"{tmp_path}/it's here"]
        code, out, err = run([*command, "--set", QUICK])
    assert (code, out) == (130, "")
    last = err.splitlines()[-1]
    assert last.startswith("Stopped; folds that are kept: 1, and the one that was begun. Go on ")
    _, *arguments = shlex.split(last.partition("Go on with: ")[2])
    code, out, err = run(arguments)
    assert code == 0
    assert "note: folds that had ended before and are kept: 1." in err
    assert (tmp_path / "it's here" / "folds.json").exists()
