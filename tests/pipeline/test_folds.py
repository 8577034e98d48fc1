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
    """By hand: mean 0.5, deviation 0.1, t(2 degrees) = 4.3027."""
    rows = [{"f1": 0.4, "unseen": 0.5}, {"f1": 0.5}, {"f1": 0.6}]
    found = spreads(rows)
    far = 4.302652729 * 0.1 / 3**0.5
    assert found["f1"]["mean"] == pytest.approx(0.5)
    assert found["f1"]["interval"] == pytest.approx([0.5 - far, 0.5 + far])
    two = spreads([{"f1": 0.79}, {"f1": 0.81}])["f1"]  # t(1 degree) = 12.706, deviation 0.01414
    assert two["interval"] == pytest.approx([0.8 - 0.12706, 0.8 + 0.12706], abs=1e-5)
    assert spreads([{"f1": 0.2}, {"f1": 0.9}])["f1"]["interval"] == [0.0, 1.0]  # of what can be
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
    with pytest.raises(DataError, match="<train>: expected at least 2 documents to divide, or"):
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
    old = corpora.conll(corpora.tagged_sentences(20, seed=9))
    replay = f"data.replay={corpora.write(tmp_path / 'old.conll', old)}"
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


def test_overwriting_follows_no_link_and_erases_no_other_run(tmp_path):
    config = corpora.tagging(tmp_path)
    precious = windowclf.train(config, [QUICK]).model_path.parent
    before = corpora.digest(precious)
    top = quick(config, folds=2).path.parent
    corpora.copy(precious, top / "fold-2-with-crf")
    (top / "fold-9").symlink_to(precious)
    quick(config, folds=2, overwrite=True)
    assert corpora.digest(precious) == corpora.digest(top / "fold-2-with-crf") == before
    corpora.remove(top / "fold-2")
    (top / "fold-2").symlink_to(precious)
    scores = (top / "folds.json").read_bytes()
    with pytest.raises(RunFolderError, match="fold-2: expected a directory, found a link"):
        quick(config, folds=2, overwrite=True)
    assert corpora.digest(precious) == before
    assert (top / "folds.json").read_bytes() == scores


def test_what_is_refused_has_destroyed_nothing(tmp_path):
    """A stray file beside the folds is no matter; one that would be replaced is, at once."""
    config = corpora.tagging(tmp_path)
    top = quick(config, folds=2).path.parent
    corpora.write(top / "fold-1.notes", "mine")
    quick(config, folds=2, overwrite=True)
    names = ("folds.json", "fold-1/model.safetensors", "fold-1/metrics.jsonl", "fold-1/config.yaml")
    dev = Path(config["data"]["dev"]).read_bytes()
    (top / "fold-1" / "metrics.jsonl").write_bytes(dev)
    before = [(top / name).read_bytes() for name in names]
    own = f"data.dev={top}/fold-1/metrics.jsonl"
    for output in (None, top):
        with pytest.raises(RunFolderError, match=r"metrics\.jsonl: the run would replace this"):
            quick(config, own, "data.format=conll", folds=2, overwrite=True, output=output)
    (top / "fold-2" / "state.safetensors").write_text("mine")
    with pytest.raises(RunFolderError, match=r"state\.safetensors: not from a run of windowclf"):
        quick(config, folds=2, overwrite=True)
    assert [(top / name).read_bytes() for name in names] == before


def test_its_own_config_is_not_written_over(tmp_path):
    config = corpora.tagging(tmp_path)
    top = quick(config, folds=2).path.parent
    own = top / "fold-1" / "config.yaml"
    own.write_text("# precious\n" + own.read_text(encoding="utf-8"), encoding="utf-8")
    text = own.read_bytes()
    more = [f"data.train={config['data']['train']}", f"data.dev={config['data']['dev']}"]
    with pytest.raises(RunFolderError, match=r"config\.yaml: the run would replace this file"):
        windowclf.cross_validate(own, more, folds=2, output=top, overwrite=True)
    assert own.read_bytes() == text


@pytest.mark.parametrize("how", ["resume", "overwrite"])
def test_a_foreign_folds_json_is_left_alone(tmp_path, how):
    config = corpora.tagging(tmp_path)
    (tmp_path / "run-folds").mkdir()
    mine = Path(corpora.write(tmp_path / "run-folds" / "folds.json", '{"my own": "splits"}'))
    with pytest.raises(RunFolderError, match=r"not from a cross-validation .*; move it away"):
        quick(config, **{how: True})
    assert mine.read_text(encoding="utf-8") == '{"my own": "splits"}'


def test_a_model_without_a_state_is_not_replaced(tmp_path):
    config = corpora.tagging(tmp_path)
    first = quick(config)
    known = json.loads(first.path.read_text(encoding="utf-8"))
    known["results"] = known["results"][:2]
    first.path.write_text(json.dumps(known), encoding="utf-8")
    third = first.path.parent / "fold-3"
    (third / "state.safetensors").unlink()
    before = corpora.digest(third)
    with pytest.raises(RunFolderError, match="holds a model but no state"):
        quick(config, resume=True)
    assert corpora.digest(third) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found["results"][0].update(fold=7),
        lambda found: found["results"][0].update(fold=2),
        lambda found: found["results"][0]["figures"].update(accuracy=float("nan")),
    ],
)
def test_folds_that_cannot_be_are_damage(whole, tmp_path, change):
    config, result = whole
    found = written(result)
    change(found)
    corpora.write(tmp_path / "folds.json", json.dumps(found))
    with pytest.raises(RunFolderError, match="damaged, or not from a cross-validation"):
        quick(config, output=tmp_path, resume=True)


def test_no_fold_is_scored_on_what_its_model_has_seen(tmp_path):
    config = corpora.tagging(tmp_path)
    (tmp_path / "other").mkdir()
    other = corpora.tagging(tmp_path / "other")
    Path(other["data"]["train"]).write_text(corpora.conll(corpora.tagged_sentences(30, seed=8)))
    elsewhere = f"training.start_from={windowclf.train(other, [QUICK]).model_path}"
    start = windowclf.train(config, [QUICK]).model_path
    with pytest.raises(ConfigError, match="has learnt from this train, so that no fold would be"):
        quick(config, f"training.start_from={start}")
    with pytest.raises(DataError, match="40 of the 40 sentences that are held out stand in it too"):
        quick(config, f"data.replay={config['data']['train']}", elsewhere)
    text = Path(config["data"]["train"]).read_text(encoding="utf-8")
    some = corpora.write(tmp_path / "some.conll", "\n\n".join(text.split("\n\n")[:10]) + "\n\n")
    notices: list[str] = []
    more = [f"data.replay={some}", elsewhere]
    quick(config, *more, overwrite=True, listener=Heard(notice=notices.append))
    assert any("stand in it too; of them scores are too good" in said for said in notices)


def rare(folder: Path) -> dict:
    """A text whose label RARE has one token."""
    config = corpora.tagging(folder)
    path = Path(config["data"]["train"])
    path.write_text(path.read_text(encoding="utf-8") + "zorg\tRARE\n\n", encoding="utf-8")
    return config


def test_a_label_that_one_fold_has_alone_is_told_or_refused_beforehand(tmp_path):
    config, notices = rare(tmp_path), list[str]()
    quick(config, listener=Heard(notice=notices.append))
    told = [said for said in notices if "alone has RARE, so that its model cannot" in said]
    assert len(told) == 1
    with pytest.raises(ConfigError, match=r"training\.class_weights\.RARE: fold . alone has RARE"):
        quick(config, "training.class_weights={RARE: 3}", overwrite=True)
    words = corpora.write(tmp_path / "words.tsv", "zorg\tRARE\n")
    with pytest.raises(DataError, match=r"in fold ., .*words\.tsv:1: no training token has"):
        quick(config, f"data.dictionary={words}", overwrite=True)
    two = corpora.write(tmp_path / "two.conll", "a\tA\n\n" * 5 + "b\tB\n\n")
    own = [f"data={{train: {two}, dev: {two}}}", "model.output=sigmoid", f"output={tmp_path}/two"]
    with pytest.raises(ConfigError, match=r"alone has B, .*sigmoid needs two labels"):
        quick(config, *own)


def test_a_dash_may_be_a_label_of_conllu(tmp_path):
    line = "1\t{}\t_\t_\t{}\t_\t_\t_\t_\t_\n\n"
    text = "".join(line.format("ab"[i % 2], "-X"[i % 2]) for i in range(12))
    path = corpora.write(tmp_path / "x.conllu", text)
    config = {"task": "tagging", "output": f"{tmp_path}/run", "data": {"train": path}}
    assert len(quick(config, "data.label=xpos", folds=2).folds) == 2
