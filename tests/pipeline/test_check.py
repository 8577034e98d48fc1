"""check: the figures of a config's texts, what is odd in them, and every fault at once."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import corpora as tiny
import pytest
from heard import Heard

import windowclf
from windowclf.errors import SHOWN_FAULTS
from windowclf.text.spans import from_spans

LINE = "Anna\tB-PER\nBerg\tI-PER\nmet\tO\n\n"


def spans(folder: Path, train: str = LINE * 3, dev: str = "Ben\tB-PER\nleft\tO\n", **data: Any):
    """A config of spans whose files have these texts."""
    files = {
        "train": tiny.write(folder / "train.conll", train),
        "dev": tiny.write(folder / "dev.conll", dev),
    }
    return tiny.small_config(folder, "spans", {**files, **data})


def warnings(found: windowclf.Check) -> list[str]:
    return [str(warning) for warning in found["warnings"]]


def several(count: int) -> str:
    """Sentences of which no two are the same."""
    return "".join(f"Anna{i}\tB-PER\nmet{i}\tO\n\n" for i in range(count))


@pytest.mark.parametrize("task", sorted(tiny.TASKS))
def test_a_sound_config_has_neither_faults_nor_warnings(tmp_path, task):
    found = windowclf.check(tiny.TASKS[task](tmp_path))
    assert (found["faults"], found["more_faults"]) == ([], 0)
    allowed = re.compile("repeat earlier ones|are in train too|look like words")
    assert all(allowed.search(warning) for warning in warnings(found))
    assert list(found["texts"]) == ["train", "dev"]
    assert found["task"] == task
    assert not list(tmp_path.glob("run*"))  # nothing is written


def test_the_figures_of_both_texts(tmp_path):
    found = windowclf.check(spans(tmp_path))
    train, dev = found["texts"]["train"], found["texts"]["dev"]
    assert (train["sentences"], train["tokens"], train["files"]) == (
        3,
        9,
        [str(tmp_path / "train.conll")],
    )
    assert train["spans"] == {"PER": 3}
    assert train["labels"] == {"B-PER": 3, "I-PER": 3, "O": 3}
    assert train["scheme"] == "BIO"
    assert dev["unseen"] == {"count": 2, "share": 1.0}
    assert dev["in_train"] == {"count": 0, "share": 0.0}
    assert found["rare"] == {"PER": 3}


def test_every_fault_of_every_file_comes_at_once(tmp_path):
    config = spans(
        tmp_path,
        train=f"{LINE}x\n\ny\tX-Y\n\n{LINE}",
        dev="z\tB-\n",
        test=str(tmp_path / "none.conll"),
        dictionary=tiny.write(tmp_path / "words.tsv", "Anna\tB-PER\nBen\n"),
    )
    config["features"]["use"] += [
        {"kind": "gazetteer", "path": str(tmp_path / "no*.txt")},
        {"kind": "cluster", "path": str(tmp_path / "none.tsv")},
    ]
    found = windowclf.check(config)
    places = [(fault.path and Path(fault.path).name, fault.line) for fault in found["faults"]]
    assert places == [
        ("train.conll", 5),
        ("train.conll", 7),
        ("dev.conll", 1),
        ("none.conll", None),
        (None, None),  # a glob of no file
        ("none.tsv", None),
        ("words.tsv", 2),
    ]
    assert all(isinstance(fault, windowclf.Fault) for fault in found["faults"])
    assert found["texts"]["train"]["sentences"] == 2  # those without faults
    assert found["texts"]["train"]["faults"] == 2


def test_faults_of_a_missing_glob_do_not_hide_the_others(tmp_path):
    config = spans(tmp_path, dev="x\n")
    config["data"]["train"] = str(tmp_path / "no*.conll")
    first, second = windowclf.check(config)["faults"]
    assert "no file matches" in str(first)
    assert second.line == 1


def test_what_cannot_be_trained_on_is_a_fault(tmp_path):
    (fault,) = windowclf.check(spans(tmp_path, train="\n"))["faults"]
    assert "no sentence found" in str(fault)
    assert fault.key == "data.train"
    with pytest.raises(windowclf.DataError, match="no sentence found"):
        windowclf.train(spans(tmp_path, train="\n"))


def test_files_in_formats_that_do_not_go_with_the_task(tmp_path):
    config = spans(tmp_path)
    config["data"]["train"] = tiny.write(tmp_path / "train.csv", "a,b\n1,2\n")
    (fault,) = windowclf.check(config)["faults"]
    assert "csv holds rows of slots" in str(fault)


def test_a_wrong_label_column_is_one_fault_that_names_the_right_one(tmp_path):
    rows = "".join(f"w{i}\tNN{i % 9}\t{'B-X' if i % 3 else 'O'}\n" for i in range(60))
    config = spans(tmp_path, train=rows, dev=rows)
    found = windowclf.check(config)
    assert [fault.line for fault in found["faults"]] == [1, 1]
    sentence = found["faults"][0].sentence
    assert "found 'NN0' and 59 more in this file" in sentence
    assert sentence.endswith("is data.label the right column? Column 2 looks like labels.")
    with pytest.raises(windowclf.DataError) as error:
        windowclf.train(config)
    assert len(str(error.value).splitlines()) == 1 < SHOWN_FAULTS
    assert windowclf.check(config, ["data.label=2"])["faults"] == []


def test_labels_that_are_words_are_one_warning_that_names_the_column(tmp_path):
    rows = "".join(f"w{i}\tl{i}\tT{'AB'[i % 2]}\n" + "\n" * (i % 7 == 0) for i in range(1500))
    config = spans(tmp_path, train=rows, dev=rows[:200]) | {"task": "tagging"}
    (warning,) = warnings(windowclf.check(config))
    assert "the 1,500 different labels look like words" in warning
    assert warning.endswith("is data.label the right column? Column 2 looks like labels.")
    said = warnings(windowclf.check(config, ["data.label=2"]))
    assert not any("words" in each for each in said)


def test_tokens_that_are_numbers_or_tags(tmp_path):
    rows = "".join(f"{i}\tDET\tw{i}\tT\n" + "\n" * (i % 9 == 0) for i in range(1200))
    config = spans(tmp_path, train=rows) | {"task": "tagging"}
    (warning,) = warnings(windowclf.check(config, ["data.dev=null"]))
    assert "1,200 of 1,200 different tokens are numbers" in warning
    said = warnings(windowclf.check(config, ["data.dev=null", "data.token=3"]))
    assert (
        "train: the different tokens are 1 in 1,200 (such as 'T'); is data.token the right column?"
    ) in said


def test_one_file_for_train_dev_and_test(tmp_path):
    config = spans(tmp_path)
    path = config["data"]["train"]
    data = {"train": path, "dev": f"{tmp_path}/./train.conll", "test": [path]}
    said = warnings(windowclf.check(config | {"data": data}))
    assert [each.split(": ")[0] for each in said[:3]] == ["dev", "test", "test"]
    assert "is a file of train too" in said[0]
    assert "set data.dev: {holdout: 0.1}" in said[0]
    assert "is a file of dev too" in said[2]


def test_a_copy_of_train_as_dev_and_a_file_that_is_named_twice(tmp_path):
    said = warnings(windowclf.check(spans(tmp_path, several(40), several(40))))
    assert said == [
        "dev: it is the same as train, so its scores say nothing of other text; name other files, "
        "or set data.dev: {holdout: 0.1}."
    ]
    config = spans(tmp_path, several(40))
    config["data"]["train"] = [config["data"]["train"]] * 2
    assert "train.conll is named twice" in warnings(windowclf.check(config))[0]


def test_sentences_that_dev_shares_with_train(tmp_path):
    mixed = several(4) + "Zoe\tB-PER\nleft\tO\n\n" * 6
    found = windowclf.check(spans(tmp_path, several(40), mixed))
    assert found["texts"]["dev"]["in_train"] == {"count": 4, "share": 0.4}
    assert warnings(found)[0].startswith("dev: 4 of its sentences (40 %) are in train too")


def test_labels_that_leave_nothing_to_learn(tmp_path):
    outside = several(30).replace("B-PER", "O")
    first, second = warnings(windowclf.check(spans(tmp_path, outside, "Ben\tO\n")))
    assert first.startswith("train: every label is O, so there is no span to learn;")
    assert second.startswith("dev: every label is O, so F1 is 0")
    config = spans(tmp_path, outside) | {"task": "tagging"}
    (warning,) = warnings(windowclf.check(config, ["data.dev=null"]))
    assert warning.startswith("train: every label is 'O', so there is nothing to tell apart;")


@pytest.mark.parametrize(("written", "read"), [("IO", "BIO"), ("IOB1", "BIO"), ("BIO", "IOB1")])
def test_a_scheme_that_is_read_as_another(tmp_path, written, read):
    marked = from_spans([(0, 1, "PER"), (1, 3, "PER"), (4, 5, "LOC")], 6, written)
    text = "".join("".join(f"w{i}\t{label}\n" for label in marked) + "\n" for i in range(30))
    config = spans(tmp_path, text, text, scheme=read)
    found = windowclf.check(config)
    assert found["texts"]["train"]["scheme"] == written
    warning = next(each for each in warnings(found) if each.startswith("train"))
    assert f"as in {read}" in warning
    assert f"but as in {written}; set data.scheme: {written}" in warning
    mended = windowclf.check(config, [f"data.scheme={written}"])
    assert not any("set data.scheme" in each for each in warnings(mended))


def test_spans_that_are_to_be_tagged_and_labels_that_train_lacks(tmp_path):
    config = spans(tmp_path, several(40), "Oslo\tB-LOC\n") | {"task": "tagging"}
    first, second = warnings(windowclf.check(config))
    assert first.startswith("train: its labels mark spans (BIO); with task: spans answers")
    assert second.startswith("dev: it has labels that train lacks, counted as errors: B-LOC;")


@pytest.mark.parametrize(
    ("train", "said"),
    [
        (
            several(500).replace("\n\n", "\n") + "\nb\tO\n",
            r"train.conll:1 has 1,000 tokens; are the empty",
        ),
        (several(50).replace("\n", "\n\n"), r"100 of 100 sentences have one token; is there an"),
        (LINE * 30, r"29 sentences \(97 %\) repeat earlier ones; keep each once"),
        (several(50) + "Ben\tB-PRE\n\n", None),
        (several(50) + "Ben\tB-per\n\n", r"the type 'per' \(once\) looks like 'PER' \(50 times\)"),
    ],
)
def test_what_is_odd_in_train(tmp_path, train, said):
    found = warnings(windowclf.check(spans(tmp_path, train)))
    assert len(found) == (said is not None)
    assert said is None or re.search(said, found[0])


def test_segmentation_of_what_are_no_lines_of_words(tmp_path):
    config = spans(tmp_path, several(20)) | {"task": "segmentation"}
    (warning,) = warnings(windowclf.check(config, ["data.dev=null"]))
    assert "words are taken from its tokens and no label is read" in warning
    lines = "".join(f"图书馆{i}\n" for i in range(20))
    config["data"] = {"train": tiny.write(tmp_path / "train.txt", lines)}
    (warning,) = warnings(windowclf.check(config))
    assert "every sentence is one word" in warning


def test_a_part_of_train_as_dev_is_what_training_holds_out(tmp_path):
    train = "-DOCSTART- O\n\n".join(several(3).replace("A", name) for name in "ABCDEF")
    config = spans(tmp_path, train)
    config["data"]["dev"] = {"holdout": 0.3}
    found = windowclf.check(config)
    heard: list[Any] = []
    windowclf.train(config, ["training.epochs=1"], listener=Heard(texts=heard.append))
    for name, own in (("train", heard[0].train), ("dev", heard[0].dev)):
        assert found["texts"][name]["sentences"] == own.sentences
        assert found["texts"][name]["tokens"] == own.tokens
    assert found["texts"]["dev"]["documents"] == 2
    assert found["texts"]["dev"]["unseen"]["count"] == heard[0].dev.unseen > 0
    assert found["faults"] == []


def test_test_files_show_their_labels_only_when_asked(tmp_path):
    config = spans(tmp_path, several(20))
    config["data"]["test"] = tiny.write(tmp_path / "test.conll", LINE)
    figures = windowclf.check(config)["texts"]["test"]
    assert "labels" not in figures
    assert "spans" not in figures
    assert (figures["sentences"], figures["unseen"]["count"]) == (1, 3)
    assert windowclf.check(config, test=True)["texts"]["test"]["spans"] == {"PER": 1}


def test_equal_sentences_with_different_labels_have_their_places(tmp_path):
    found = windowclf.check(spans(tmp_path, several(20) + "Anna0\tO\nmet0\tO\n\n"))["conflicts"]
    assert (found["texts"], found["sentences"]) == (1, 2)
    path = str(tmp_path / "train.conll")
    assert found["examples"] == [[{"path": path, "line": 1}, {"path": path, "line": 61}]]


def test_sentences_in_memory(tmp_path):
    config = tiny.small_config(tmp_path, "spans", {})
    labelled = [windowclf.Sentence(["Anna", "met"], ["B-PER", "O"])] * 3
    found = windowclf.check(config, data={"train": labelled, "dev": labelled})
    assert found["texts"]["train"]["sentences"] == 3
    assert found["texts"]["train"]["longest"] == {"path": "<train>", "line": 1, "tokens": 2}
    assert "dev: it is the same as train" in warnings(found)[0]
    wrong = [windowclf.Sentence(["Anna"], ["B-PER", "O"])]
    (fault,) = windowclf.check(config, data={"train": labelled, "dev": wrong})["faults"]
    assert (fault.path, fault.line) == ("<dev>", 1)


def test_sentences_that_are_too_long_for_the_network(tmp_path):
    config = spans(tmp_path, several(20))
    settings = ["model.output=crf", "prediction.longest_sentence=1"]
    faults = windowclf.check(config, settings)["faults"]
    assert len(faults) == 20 + 1  # all of train and dev
    assert "expected a sentence of at most 1 tokens" in str(faults[0])


def test_what_is_read_is_told(tmp_path):
    heard: list[float] = []
    windowclf.check(spans(tmp_path, several(9000)), listener=Heard(reading=heard.append))
    assert heard == sorted(heard)
    assert heard[-1] == pytest.approx(1, abs=0.01)


def test_a_training_tells_what_it_has_read(tmp_path):
    said: list[str] = []
    heard: list[Any] = []
    config = spans(tmp_path, several(40), several(40))
    listener = Heard(texts=heard.append, notice=said.append)
    windowclf.train(config, ["training.epochs=1"], listener=listener)
    (summary,) = heard
    assert (summary.train.sentences, summary.train.tokens) == (40, 80)
    assert summary.shares == {"PER": 1.0}
    assert (summary.dev.tokens, summary.dev.unseen) == (80, 0)
    assert said[: len(summary.warnings)] == [str(each) for each in summary.warnings]
    assert said[0] == warnings(windowclf.check(config))[0]


@pytest.mark.parametrize("inside", ["BIOES", "BIO", "BMES"])
def test_the_shares_of_a_training_are_those_of_the_spans(tmp_path, inside):
    text = tiny.conll(tiny.span_sentences(100, 1))
    config = spans(tmp_path, text, text, inside=inside)
    heard: list[Any] = []
    windowclf.train(config, ["training.epochs=1"], listener=Heard(texts=heard.append))
    counts = windowclf.check(config)["texts"]["train"]["spans"]
    total = sum(counts.values())
    assert heard[0].shares == pytest.approx({kind: n / total for kind, n in counts.items()})


@pytest.mark.parametrize(
    ("task", "folder", "format_", "data", "expected"),
    [
        (
            "tagging",
            "ud_en_ewt",
            "conllu",
            {"train": "en_ewt-ud-train.conllu", "dev": "en_ewt-ud-dev.conllu"},
            {"sentences": (12544, 2001), "tokens": (204577, 25147), "unseen": 8.3, "shared": 3.4},
        ),
        (
            "spans",
            "wnut17",
            "conll",
            {"train": "wnut17train.conll", "dev": "emerging.dev.conll"},
            {"sentences": (3394, 1009), "tokens": (62730, 15733), "spans": (1975, 836)},
        ),
        (
            "segmentation",
            "ud_zh_gsd",
            "conllu",
            {"train": "zh-ud-train.conllu", "dev": "zh-ud-dev.conllu"},
            {"sentences": (3997, 500), "words": (98608, 12663), "unseen": 12.1},
        ),
    ],
)
def test_the_figures_of_public_corpora(corpora, task, folder, format_, data, expected):
    paths = {name: str(corpora / folder / file) for name, file in data.items()}
    found = windowclf.check({"task": task, "data": {**paths, "format": format_}})
    texts = found["texts"]["train"], found["texts"]["dev"]
    for name in expected.keys() & {"sentences", "tokens", "words"}:
        assert tuple(own[name] for own in texts) == expected[name]
    if "spans" in expected:
        assert tuple(sum(own["spans"].values()) for own in texts) == expected["spans"]
    if "unseen" in expected:
        assert round(100 * texts[1]["unseen"]["share"], 1) == expected["unseen"]
    if "shared" in expected:
        assert round(100 * texts[1]["in_train"]["share"], 1) == expected["shared"]
    assert found["faults"] == found["warnings"] == []
    json.dumps({**found, "faults": [], "warnings": []})


@pytest.mark.parametrize("mark", ["", "-DOCSTART-\tO\n\n"])
def test_documents_that_are_held_out_whole_are_not_to_be_divided(tmp_path, mark):
    config = spans(tmp_path)
    text = "".join(mark + several(6) for _ in range(10))
    (tmp_path / "train.conll").write_text(text, encoding="utf-8")
    config["data"]["dev"] = {"holdout": 0.1}
    (said,) = [w for w in warnings(windowclf.check(config)) if "are in train too" in w]
    end = "take them out of train." if mark else "take them out of train, or divide by documents."
    assert said.endswith(end)
