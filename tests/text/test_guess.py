"""What an unknown file seems to be: its format, task and columns, in whatever order they stand."""

from __future__ import annotations

import itertools
import json

import corpora
import pytest

from windowclf.errors import DataError
from windowclf.text.guess import Look, guess_layout
from windowclf.text.guess.values import Column

SENTENCES = corpora.span_sentences(60, seed=3)
POS = {"Anna": "NNP", "Ben": "NNP", "Berg": "NNP", "Oslo": "NNP", "in": "IN", "near": "IN"}


def rows(*names: str, between: str = "\t", end: str = "\n") -> str:
    """The sentences with these columns, in this order."""
    lines = []
    for sentence in SENTENCES:
        for i, (token, label) in enumerate(sentence, 1):
            known = {
                "token": token,
                "label": label,
                "pos": POS.get(token, "VBD"),
                "number": str(i),
                "dash": "-X-",
                "lemma": token.lower(),
                "type": label[2:] or "O",
            }
            lines.append(between.join(known[name] for name in names) + end)
        lines.append(end)
    return "".join(lines)


def found(text: str, name: str = "x.conll", task: str | None = None):
    return guess_layout(Look(name, text, task))


COLUMNS = [
    *itertools.permutations(("token", "label")),
    *itertools.permutations(("token", "pos", "label")),
    *itertools.permutations(("number", "token", "pos", "label")),
    ("token", "dash", "dash", "label"),
    ("number", "token", "lemma", "pos", "label"),
]


@pytest.mark.parametrize("between", ["\t", " "])
@pytest.mark.parametrize("names", COLUMNS)
def test_words_and_span_labels_wherever_they_stand(names, between):
    layout = found(rows(*names, between=between)).layout
    assert (layout.format, layout.task) == ("conll", "spans")
    assert (names[layout.token], names[layout.label]) == ("token", "label")


@pytest.mark.parametrize("names", [n for n in COLUMNS if "pos" in n])
def test_tags_where_they_are_asked_for(names):
    guess = found(rows(*names), task="tagging")
    assert guess.layout.task == "tagging"
    assert names[guess.layout.token] == "token"
    assert names[guess.layout.label] == "pos"
    spans = [doubt for doubt in guess.doubts if doubt.endswith(", for --task spans.")]
    assert [doubt.split()[1] for doubt in spans] == [str(names.index("label"))]


def test_another_column_of_labels_is_named_with_the_keys_to_set():
    guess = found(rows("token", "pos", "label"))
    (doubt,) = guess.doubts
    assert doubt.startswith("column 1 may be the label (")
    assert doubt.endswith("set data.label: 1 and task: tagging.")
    assert guess.further == {"column1": 1}


def test_tags_alone():
    layout = found(rows("pos", "token")).layout
    assert (layout.task, layout.token, layout.label) == ("tagging", 1, 0)


def test_the_suffix_does_not_matter_where_the_text_is_clear():
    for name in ("x.txt", "x.tsv", "x", "x.iob"):
        assert found(rows("token", "label"), name).layout.format == "conll"
    assert found(rows("token", "pos", "label", between=" "), "x.txt").layout.label == 2


def test_marks_and_line_ends():
    text = "-DOCSTART- -X- O\r\n\r\n" + rows("token", "dash", "label", between=" ", end="\r\n")
    assert (found(text).layout.token, found(text).layout.label) == (0, 2)


def test_rows_of_many_lengths_with_the_label_last():
    text = rows("token", "label", between=" ").replace("met ", "met x y z ")
    layout = found(text).layout
    assert (layout.token, layout.label) == (0, -1)


@pytest.mark.parametrize(
    ("comment", "names", "advice"),
    [
        ("# id 7", ("token", "label"), "grep -v '^#' FILE > x.conll"),
        ("# id 7 x=y", ("token", "dash", "dash", "label"), "grep -v '^#' FILE > x.conll"),
    ],
)
def test_comments_are_refused_with_a_command_that_removes_them(comment, names, advice):
    text = f"\n{comment}\n".join(rows(*names, between=" ").split("\n\n"))
    with pytest.raises(DataError, match="seems to be a comment") as caught:
        found(f"{comment}\n{text}")
    assert caught.value.faults[0].line == 1
    assert advice in str(caught.value)


def test_a_token_may_be_a_number_sign():
    text = rows("token", "label").replace("met\t", "#\t")
    assert found(text).layout.label == 1
    with pytest.raises(DataError, match=r"grep -v '\^# ' FILE"):
        found(f"# a comment\n{text}")


def test_conllu():
    line = "{}\t{}\t_\t{}\t{}\t_\t_\t_\t_\t{}\n"
    sentence = line.format(1, "Anna", "PROPN", "NNP", "Entity=B-PER")
    sentence += line.format(2, "runs", "VERB", "VBZ", "Entity=O")
    guess = found(f"# text = Anna runs\n{sentence}\n" * 3)
    assert (guess.layout.format, guess.layout.task, guess.layout.label) == (
        "conllu",
        "tagging",
        "upos",
    )
    assert [doubt.split()[0] for doubt in guess.doubts] == ["xpos", "misc.Entity"]
    spans = found(sentence, task="spans")
    assert (spans.layout.label, spans.in_scheme) == ("misc.Entity", True)
    bare = sentence.replace("PROPN", "_").replace("VERB", "_")
    assert found(bare).layout.label == "xpos"
    with pytest.raises(DataError, match="found CoNLL-U without any"):
        found(bare.replace("NNP", "_").replace("VBZ", "_").replace("Entity=", ""), task="spans")


def records(**keys: str) -> str:
    """The sentences as records: key -> what its list holds."""
    lines = []
    for sentence in SENTENCES:
        tokens, labels = map(list, zip(*sentence, strict=True))
        held = {"token": tokens, "label": labels, "pos": [POS.get(t, "VBD") for t in tokens]}
        lines.append(json.dumps({"id": len(lines), **{k: held[v] for k, v in keys.items()}}) + "\n")
    return "".join(lines)


@pytest.mark.parametrize(
    ("keys", "task", "expected"),
    [
        ({"tokens": "token", "labels": "label"}, None, ("spans", "tokens", "labels")),
        ({"ner_tags": "label", "words": "token"}, None, ("spans", "words", "ner_tags")),
        (
            {"tokens": "token", "pos_tags": "pos", "ner": "label"},
            None,
            ("spans", "tokens", "ner"),
        ),
        (
            {"tokens": "token", "pos_tags": "pos", "ner": "label"},
            "tagging",
            ("tagging", "tokens", "pos_tags"),
        ),
        ({"a": "token", "b": "pos"}, None, ("tagging", "a", "b")),
    ],
)
def test_records_of_tokens(keys, task, expected):
    layout = found(records(**keys), "x.jsonl", task).layout
    assert (layout.task, layout.token, layout.label) == expected


@pytest.mark.parametrize(
    ("key", "span"),
    [
        ("spans", {"start": 0, "end": 4, "label": "PER"}),
        ("label", [0, 4, "PER"]),
        ("entities", [0, 4, "PER"]),
    ],
)
def test_records_of_text_with_spans(key, span):
    text = json.dumps({"text": "Anna runs.", key: [span]}) + "\n"
    layout = found(text * 3, "x.jsonl").layout
    assert (layout.format, layout.task, layout.label) == ("jsonl", "spans", key)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"tokens": ["a", "b"], "ner_tags": [0, 1]}\n', "found numbers in 'ner_tags'"),
        ('{"text": "good", "label": "pos"}\n', "found the keys 'text', 'label'"),
        ('[{"text": "a"}]\n', "found a JSON array"),
        ('{\n "text": "a"}\n', "jq -c . FILE"),
    ],
)
def test_records_that_no_model_can_learn_from(text, said):
    with pytest.raises(DataError) as caught:
        found(text, "x.json")
    assert said in str(caught.value)


def test_a_table():
    guess = found(
        "id,a,b,class\n" + "".join(f"{i},x{i % 3},y,c{i % 2}\n" for i in range(40)), "t.csv"
    )
    assert guess.layout.slots == ("a",)  # b says nothing, and an id is no category
    assert (guess.layout.task, guess.layout.label) == ("slots", "class")
    assert guess.doubts == ("left out, as no categories: id, b; add a column to features.use.",)
    last = found("a\tb\n" + "".join(f"x{i % 3}\tc{i % 2}\n" for i in range(40)), "t.tsv")
    assert (last.layout.format, last.layout.label) == ("tsv", "b")
    assert "another column may be the class" in last.doubts[0]


def test_tables_that_are_none():
    with pytest.raises(DataError, match="it has semicolons, save it with commas"):
        found("a;b\n1;2\n", "t.csv")
    with pytest.raises(DataError, match=r"found a token a row .labels of spans in 'tag'"):
        found("word,tag\nAnna,B-PER\nruns,O\n", "t.csv")
    with pytest.raises(DataError, match="for task: slots"):
        found(rows("token", "label"), task="slots")


def test_words_between_spaces():
    text = corpora.segmented_lines(30, seed=1)
    assert found(text, "x.txt").layout.task == "segmentation"
    assert found("the cat\nsat down here\n", "x.txt", "segmentation").layout.format == "text"
    with pytest.raises(DataError, match="raw text"):
        found("the cat\nsat down here\n", "x.txt")


@pytest.mark.parametrize("text", ["", " \n\n", "\ufeff"])
def test_an_empty_file(text):
    with pytest.raises(DataError, match="no sentence found"):
        found(text.lstrip("\ufeff"))


def test_bytes_that_are_no_text():
    with pytest.raises(DataError, match="bytes that are none"):
        found("a\0b")


def test_what_a_column_is():
    assert Column([["B-PER", "O"], ["-"]]).is_spans
    assert not Column([["O", "O"]]).is_spans
    assert Column([["O", "O"]]).is_outside
    assert not Column([["NN", "B-PER"]]).is_spans
    assert Column([["1", "2"], ["1"]]).is_numbering
    assert not Column([["7", "2"], ["1"]]).is_numbering
    assert not Column([["-LRB-", "NN"]]).is_spans
