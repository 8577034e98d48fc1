"""init: a config for any labelled file that trains as it stands; nothing is overwritten."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import corpora
import pytest
from command_line import run
from heard import Heard

import windowclf
from windowclf.config.plain_yaml import parse_yaml
from windowclf.config.reading import read_config
from windowclf.errors import ConfigError, DataError, RunFolderError
from windowclf.pipeline.guess import guess_file
from windowclf.pipeline.init_config import FEW_SENTENCES, FURTHER
from windowclf.text.schemes import ORDER

SMALL = ["model.hidden={units: 4}", "training.epochs=1"]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def in_folder() -> list[str]:
    return sorted(path.name for path in Path().iterdir())


def tags(count: int = 40) -> list[corpora.Labelled]:
    return corpora.tagged_sentences(count, 1)


def names(count: int = 40) -> list[corpora.Labelled]:
    return corpora.span_sentences(count, 1)


def as_text(sentences: list[corpora.Labelled]) -> str:
    """Records of text with one-token spans."""
    lines = []
    for sentence in sentences:
        text, spans = "", []
        for token, label in sentence:
            if label != "O":
                spans.append(
                    {"start": len(text), "end": len(text) + len(token), "label": label[2:]}
                )
            text += f"{token} "
        lines.append(json.dumps({"text": text, "spans": spans}) + "\n")
    return "".join(lines)


FILES = {  # name -> text, task
    "tags.conll": (corpora.conll(tags()), "tagging"),
    "names.conll": (corpora.conll(names()), "spans"),
    "crlf.txt": (corpora.conll(names()).replace("\n", "\r\n"), "spans"),
    "mark.iob": ("\ufeff" + corpora.conll(names()), "spans"),
    "tags.conllu": (corpora.conllu(tags()), "tagging"),
    "names.jsonl": (corpora.jsonl(names()), "spans"),
    "other.jsonl": (
        corpora.jsonl(names()).replace("tokens", "words").replace("labels", "ner_tags"),
        "spans",
    ),
    "text.jsonl": (as_text(names()), "spans"),
    "words.txt": (corpora.segmented_lines(40, 1), "segmentation"),
    "rows.csv": (corpora.slots_rows(60, 1), "slots"),
    "rows.tsv": (corpora.slots_rows(60, 1).replace(",", "\t"), "slots"),
}


@pytest.mark.parametrize("name", FILES)
def test_what_it_writes_trains_as_it_stands(name, tmp_path):
    text, task = FILES[name]
    corpora.write(tmp_path / name, text)
    project = windowclf.init("in it", name)
    assert project.config == f"in it/{task}.yaml"
    assert project.written == (project.config,)
    assert project.guess.layout.task == task
    result = windowclf.train(project.config, SMALL)
    assert result.model_path == Path("in it/runs", task, "model.safetensors")
    assert result.evaluations["dev"]["tokens"] > 0
    check, train, predict = project.commands
    assert run(shlex.split(check)[1:])[0] == 0
    assert shlex.split(train) == ["windowclf", "train", project.config]
    given, _, after = predict.rpartition("| ")
    text = shlex.split(given)[1] if given else ""
    code, out, err = run(shlex.split(after)[1:], text)
    assert (code, err) == (0, "")
    assert out


@pytest.mark.parametrize("name", FILES)
def test_the_further_keys_are_keys(name, tmp_path):
    """All that is commented out may stand there as it is."""
    corpora.write(tmp_path / name, FILES[name][0])
    text = Path(windowclf.init(".", name).config).read_text(encoding="utf-8")
    above, _, below = text.partition(FURTHER)
    more = re.sub(r"(?m)^# ", "", below)
    given = re.sub(r"(?m)^  # (test|extra):", r"  \1:", above)
    assert more.strip()
    assert given != above
    read_config(corpora.write(tmp_path / "all.yaml", given + more))
    assert set(parse_yaml(more, "x")) <= {"features", "model", "training"}


@pytest.mark.parametrize("scheme", sorted(set(ORDER)))
def test_the_scheme_is_that_of_the_labels(scheme, tmp_path):
    adjoining = [("Anna", "B-PER"), ("Ben", "B-PER"), ("Berg", "I-PER")]
    sentences = corpora.in_scheme([*names(), adjoining], scheme)
    corpora.write(tmp_path / "x.conll", corpora.conll(sentences))
    guess = guess_file("x.conll")
    assert guess.layout.scheme == scheme
    heard: list[str] = []
    project = windowclf.init(".", "x.conll")
    windowclf.train(project.config, SMALL, listener=Heard(notice=heard.append))
    assert not [notice for notice in heard if "data.scheme" in notice]
    assert guess.reasons["scheme"][0] == scheme


def test_a_rare_label_far_down_says_the_scheme(tmp_path):
    """I- throughout is IO, until one B- stands where a span adjoins another."""
    text = corpora.conll(corpora.in_scheme(names(20), "IO"))
    corpora.write(tmp_path / "x.conll", text)
    assert guess_file("x.conll").layout.scheme == "IO"
    assert "IOB1" in guess_file("x.conll").found.doubts[0]
    far = text * 60 + "a\tI-PER\nb\tB-PER\n\n"
    corpora.write(tmp_path / "x.conll", far)
    assert guess_file("x.conll").layout.scheme == "IOB1"


def test_a_label_that_no_scheme_has_is_named_with_its_line(tmp_path):
    text = corpora.conll(names(60))
    corpora.write(tmp_path / "x.conll", f"{text}a\tPERSON\n")
    line = text.count("\n") + 1
    with pytest.raises(DataError, match=f"^x.conll:{line}: expected a BIO label") as caught:
        windowclf.init(".", "x.conll")
    assert len(caught.value.faults) == 1
    assert not Path("spans.yaml").exists()


def test_labels_beside_o_may_be_spans(tmp_path):
    text = re.sub(r"\t[BI]-", "\t", corpora.conll(names()))
    corpora.write(tmp_path / "x.conll", text)
    (note, *_) = windowclf.init(".", "x.conll").notes
    assert note == (
        "'LOC' beside O may be a span: write it as 'I-LOC', and set data.scheme: IO, and task: "
        "spans."
    )


def test_documents_are_held_out_whole(tmp_path):
    documents = [corpora.conll(names(10)) for _ in range(20)]
    corpora.write(tmp_path / "x.conll", "-DOCSTART- O\n\n".join(documents))
    config = Path(windowclf.init(".", "x.conll").config)
    assert "the last 2 of 20 documents of train" in config.read_text(encoding="utf-8")
    heard: list[str] = []
    windowclf.train(config, SMALL, listener=Heard(notice=heard.append))
    assert [n for n in heard if n.startswith("dev: the last 2 of the 20 documents")]


def test_two_documents_of_unequal_size_are_not_torn(tmp_path):
    small, large = corpora.conll(names(5)), corpora.conll(names(40))
    corpora.write(tmp_path / "x.conll", f"{small}-DOCSTART- O\n\n{large}")
    project = windowclf.init(".", "x.conll")
    assert read_config(project.config).data.dev is None
    assert project.notes[-1].startswith("no sentence is held out as dev")


@pytest.mark.parametrize("count", [1, 2, 3, FEW_SENTENCES - 1, FEW_SENTENCES, 29])
def test_few_sentences(count, tmp_path):
    sentences = [[("Anna", "B-PER"), ("runs", "O"), (f"w{i}", "O")] for i in range(count)]
    corpora.write(tmp_path / "x.conll", corpora.conll(sentences))
    project = windowclf.init(".", "x.conll")
    config = read_config(project.config)
    assert (config.data.dev is None) == (count < FEW_SENTENCES)
    assert (config.training.epochs, config.training.batch_tokens) == (30, 64)
    assert "there is little to learn from (" in project.notes[0]
    assert windowclf.train(project.config, SMALL).model_path.exists()


@pytest.mark.slow
def test_what_is_few_learns_more_than_by_the_defaults(tmp_path):
    """Which make hardly a step of so little text."""
    corpora.write(tmp_path / "x.conll", corpora.conll(names(4)))
    corpora.write(tmp_path / "new.conll", corpora.conll(corpora.span_sentences(20, 2)))
    project = windowclf.init(".", "x.conll", dev="new.conll")
    few = windowclf.train(project.config).evaluations["dev"]["spans"]["f1"]
    plain = {"task": "spans", "data": {"train": "x.conll", "dev": "new.conll"}, "output": "plain"}
    assert few > windowclf.train(plain).evaluations["dev"]["spans"]["f1"] + 0.2


def test_dev_and_test_are_given(tmp_path):
    for name, count in (("train", 40), ("dev", 9), ("test", 5)):
        corpora.write(tmp_path / f"{name}.conll", corpora.conll(names(count)))
    project = windowclf.init(".", "train.conll", dev="dev.conll", test="test.conll")
    assert project.dev.sentences == 9
    result = windowclf.train(project.config, SMALL)
    assert set(result.evaluations) == {"dev", "test"}


def test_a_dev_file_that_cannot_be_read_is_refused(tmp_path):
    corpora.write(tmp_path / "x.conll", corpora.conll(names()))
    corpora.write(tmp_path / "dev.jsonl", corpora.jsonl(names()))
    with pytest.raises(DataError, match=r"^dev.jsonl: expected conll as in x.conll, found jsonl"):
        windowclf.init(".", "x.conll", dev="dev.jsonl")
    corpora.write(tmp_path / "dev.conll", "Anna\tB-PER\nruns\tQ\n")
    with pytest.raises(DataError, match=r"^dev.conll:2: "):
        windowclf.init(".", "x.conll", dev="dev.conll")
    with pytest.raises(DataError, match=r"^none.conll: no such file"):
        windowclf.init(".", "x.conll", test="none.conll")
    assert in_folder() == ["dev.conll", "dev.jsonl", "x.conll"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (corpora.conll([[("a", "O"), ("b", "O")]] * 9), "found 'O' at all of 18 tokens"),
        (corpora.conll([[("a", "NN"), ("b", "NN")]] * 9), "found 'NN' at all of 18 tokens"),
        ("", "no sentence found"),
        ("a b c d\ne f\n\nThe end of it.\n", "found what seems to be raw text"),
        ("a\tO\nb\tB-X\n" * 20 + "c\n", "expected at least 2 columns"),
    ],
)
def test_a_file_that_no_model_can_learn_from(content, said, tmp_path):
    corpora.write(tmp_path / "x.conll", content)
    code, out, err = run(["init", "--data", "x.conll"])
    assert (code, out) == (1, "")
    assert said in err
    assert err.startswith("x.conll:")
    assert err.count("\n") == 1
    assert in_folder() == ["x.conll"]


def test_what_is_no_file(tmp_path):
    os.mkfifo("pipe")
    Path("folder").mkdir()
    for name, said in (
        ("pipe", "expected a file, found a pipe"),
        ("folder", "expected a file, found a directory"),
        ("/dev/null", "expected a file, found a character device"),
        ("nothing", "no such file"),
    ):
        with pytest.raises(DataError, match=f"^{name}: {said}"):
            windowclf.init(".", name)


def test_one_sentence_of_everything(tmp_path):
    corpora.write(tmp_path / "x.conll", corpora.conll(names(200)).replace("\n\n", "\n"))
    notes = windowclf.init(".", "x.conll").notes
    assert [n for n in notes if n.endswith("are the empty lines between sentences missing?")]


def test_tokens_without_labels_are_counted(tmp_path):
    text = corpora.conll(names()).replace("met\tO", "met\t-")
    corpora.write(tmp_path / "x.conll", text)
    count = text.count("met\t-")
    assert any(n.startswith(f"{count} of ") for n in windowclf.init(".", "x.conll").notes)


@pytest.mark.parametrize(
    "name", ["a: b#c", "it's", '"x"', "[x]*", "- y", "é 日本", "true", "\u2028"]
)
def test_any_name_of_a_file(name, tmp_path):
    folder = tmp_path / name
    folder.mkdir()
    corpora.write(folder / f"{name}.conll", corpora.conll(names()))
    project = windowclf.init(name, f"{name}/{name}.conll")
    config = read_config(project.config)
    assert config.data.train == (f"{name}/{name}.conll",)
    assert config.output == f"{name}/runs/spans"
    code, _, err = run([*shlex.split(project.commands[1])[1:], "--set", SMALL[1]])
    assert code == 0, err


def test_a_name_that_no_config_holds_is_refused(tmp_path):
    name = os.fsdecode(b"\xff.conll")
    corpora.write(tmp_path / name, corpora.conll(names()))
    with pytest.raises(DataError, match="expected a name in UTF-8"):
        windowclf.init(".", name)


@pytest.mark.parametrize("task", corpora.TASKS)
@pytest.mark.parametrize("folder", [".", "a: b/#c"])
def test_the_quickstart_of_a_task(task, folder):
    project = windowclf.init(folder, task=task)
    config = read_config(project.config)
    assert config.task == task
    assert all(Path(path).is_file() for path in (*config.data.train, *config.data.test))
    assert {Path(path).parts[0] for path in project.written} <= {"a: b", "data", project.config}
    assert Path(config.output).parts[-2] == "runs"
    assert shlex.split(project.commands[0])[-1] == project.config


def test_the_quickstart_is_that_of_the_repository():
    project = windowclf.init()
    repository = Path(windowclf.__file__).parents[1]
    assert (
        Path("quickstart.yaml").read_bytes()
        == (repository / "configs" / "quickstart.yaml").read_bytes()
    )
    assert len(project.written) == 4
    for name in ("train", "dev", "test"):
        own = Path("data", "spans", f"{name}.conll")
        assert own.read_bytes() == (repository / own).read_bytes()


def test_again_is_no_fault_and_writes_nothing():
    first = windowclf.init("x")
    times = [path.stat().st_mtime_ns for path in sorted(Path("x").rglob("*"))]
    again = windowclf.init("x")
    assert again.written == ()
    assert again.commands == first.commands
    assert times == [path.stat().st_mtime_ns for path in sorted(Path("x").rglob("*"))]


def test_other_files_of_a_folder_stay(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine").write_text("kept")
    windowclf.init()
    assert (tmp_path / "data" / "mine").read_text() == "kept"


@pytest.mark.parametrize("place", ["quickstart.yaml", "data/spans/dev.conll", "data"])
def test_a_foreign_file_is_never_overwritten(place, tmp_path):
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(RunFolderError) as caught:
        windowclf.init()
    assert str(caught.value).startswith("data" if place == "data" else f"{place}: another file is")
    assert path.read_text() == "mine"
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_what_is_no_file_is_not_written_to(kind, tmp_path):
    path = tmp_path / "quickstart.yaml"
    {
        "link": lambda: path.symlink_to("nowhere"),
        "pipe": lambda: os.mkfifo(path),
        "folder": path.mkdir,
    }[kind]()
    with pytest.raises(RunFolderError, match="is there already, and nothing is overwritten"):
        windowclf.init()
    assert in_folder() == ["quickstart.yaml"]


def test_a_changed_config_is_kept(tmp_path):
    corpora.write(tmp_path / "x.conll", corpora.conll(names()))
    config = Path(windowclf.init(".", "x.conll").config)
    config.write_text(config.read_text(encoding="utf-8") + "seed: 7\n", encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"spans.yaml: another file is there already"):
        windowclf.init(".", "x.conll")
    assert config.read_text(encoding="utf-8").endswith("seed: 7\n")


def test_arguments_that_go_with_data_alone():
    with pytest.raises(ConfigError, match="--dev: expected --data too"):
        windowclf.init(dev="x")
    with pytest.raises(ConfigError, match="--task: expected one of tagging, spans"):
        windowclf.init(task="ner")


def test_what_people_see(tmp_path):
    corpora.write(tmp_path / "x.conll", "日本\tB-LOC\nis\tO\nfar\tO\n.\tO\n\n" * 30)
    code, out, err = run(["init", "--data", "x.conll"])
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split() == ["guessed", "because", "of"]
    column = lines[0].index("because")
    assert {line[column - 1] for line in lines[:7]} == {" "}
    assert "scheme  BIO" in out
    assert "日本    B-LOC" in out  # below `line 1  label`, as wide as on the screen
    assert "line 1  label" in out
    assert lines[-4] == "Next, from this folder, to which all paths are relative:"
    assert lines[-3:] == [
        "  windowclf check spans.yaml",
        "  windowclf train spans.yaml",
        '  echo "日本 is far ." | windowclf predict runs/spans',
    ]


@pytest.mark.parametrize(
    ("path", "task", "columns"),
    [
        ("conll2000/train.txt", "spans", ("conll", 0, 2, "BIO")),
        ("wnut17/wnut17train.conll", "spans", ("conll", 0, 1, "BIO")),
        ("wikigold/wikigold.train.conll", "spans", ("conll", 0, 1, "IO")),
        ("ud_en_ewt/en_ewt-ud-dev.conllu", "tagging", ("conllu", 0, "upos", "BIO")),
        ("ud_zh_gsd/zh-ud-dev.conllu", "tagging", ("conllu", 0, "upos", "BIO")),
    ],
)
@pytest.mark.slow
def test_real_files(corpora, path, task, columns):
    guess = guess_file(str(corpora / path))
    layout = guess.layout
    assert layout.task == task
    assert (layout.format, layout.token, layout.label, layout.scheme) == columns


TOOLS = {
    "labelstudio": "x.json",
    "labelstudio-min": "x.json",
    "doccano": "x.jsonl",
    "doccano-relations": "x.jsonl",
    "prodigy": "x.jsonl",
    "spacy": "x.spacy",
    "spacy-json": "x.json",
    "brat": "folder",
    "webanno": "x.tsv",
    "token-csv": "x.csv",
    "parquet": "x.parquet",
    "arrow": "x.arrow",
    "brackets": "x.txt",
}


@pytest.mark.parametrize("format_", TOOLS)
def test_files_of_tools_train_as_they_stand(format_):
    """From equal spans, in whatever shape they come."""
    if format_ in ("parquet", "arrow", "spacy"):
        pytest.importorskip({"spacy": "spacy"}.get(format_, "pyarrow"))
    corpora.write(Path("in.conll"), corpora.conll(names()))
    windowclf.convert("in.conll", TOOLS[format_], to=format_)
    project = windowclf.init("made", TOOLS[format_])
    assert project.guess is not None
    assert project.guess.layout.task == "spans"
    assert project.guess.layout.format == format_
    windowclf.train(project.config, SMALL)


def test_tags_of_a_token_csv_are_tags():
    corpora.write(Path("in.conll"), corpora.conll(tags()))
    windowclf.convert("in.conll", "x.csv", to="token-csv")
    assert guess_file("x.csv").layout.task == "tagging"
    with pytest.raises(DataError, match="expected task: spans or tagging"):
        guess_file("x.csv", "segmentation")


@pytest.mark.parametrize(
    ("text", "task", "said"),
    [
        ('[{"data": {"text": "a b"}, "annotations": [{"result": []}]}]', None, "found none"),
        ('[{"data": {"text": "a b"}, "annotations": [{"result": []}]}]', "tagging", "task: spans"),
    ],
)
def test_files_of_tools_that_no_model_can_learn_from(text, task, said):
    corpora.write(Path("x.json"), text)
    with pytest.raises(DataError, match=said):
        guess_file("x.json", task)


def marked(text: str, *names: str) -> str:
    """A record of a text in which these names are marked."""
    spans = [{"start": text.index(n), "end": text.index(n) + len(n), "label": "PER"} for n in names]
    return json.dumps({"text": text, "spans": spans}) + "\n"


@pytest.mark.parametrize(
    ("odd", "tokenizer", "misaligned"),
    [
        ("", "unicode", "error"),
        (marked("I saw David's dog.", "David"), "ptb", "error"),
        (marked("I saw David's dog.", "Davi"), "unicode", "skip"),
    ],
)
def test_the_tokenizer_is_the_one_that_spans_cut_least(odd, tokenizer, misaligned):
    text = marked("Anna and Peter know Mary well.", "Anna", "Peter", "Mary") * 30
    corpora.write(Path("x.jsonl"), text + odd)
    project = windowclf.init(".", "x.jsonl")
    layout = project.guess.layout
    assert (layout.tokenizer, layout.misaligned) == (tokenizer, misaligned)
    data = read_config(project.config).data
    assert (data.tokenizer, data.misaligned) == (tokenizer, misaligned)
    assert "spans that cut a token: unicode " in Path(project.config).read_text(encoding="utf-8")
    windowclf.train(project.config, SMALL)


def test_spans_that_cut_tokens_in_dev_alone_are_passed_over():
    text = marked("Anna and Peter know Mary well.", "Anna", "Peter", "Mary") * 30
    corpora.write(Path("x.jsonl"), text)
    corpora.write(Path("dev.jsonl"), text + marked("I saw David's dog.", "Davi"))
    project = windowclf.init(".", "x.jsonl", dev="dev.jsonl")
    assert project.guess.layout.misaligned == "skip"
    windowclf.train(project.config, SMALL)


def test_many_spans_that_cut_tokens_are_refused_with_the_first():
    corpora.write(Path("x.jsonl"), marked("I saw Davids dog.", "David") * 30)
    with pytest.raises(DataError) as caught:
        windowclf.init(".", "x.jsonl")
    first, *others = str(caught.value).splitlines()
    assert first == (
        "x.jsonl: 30 of 30 spans cut a token or overlap another, with the tokenizer unicode "
        "(unicode 30, ptb 30, whitespace 30); mend them, as below."
    )
    assert len(others) == 3
    assert others[0].startswith("x.jsonl:1: the span 6–11 'David' (PER) cuts the token 6–12")
    assert in_folder() == ["x.jsonl"]


def test_what_the_reader_passes_over_is_said_as_in_training():
    text = marked("Anna and Peter know Mary well.", "Anna", "Peter", "Mary") * 30
    refused = '{"text": "No.", "spans": [], "answer": "reject"}\n'
    corpora.write(Path("x.jsonl"), text + marked("I saw David's dog.", "Davi") + refused)
    project = windowclf.init(".", "x.jsonl")
    notices: list[str] = []
    windowclf.train(project.config, SMALL, listener=Heard(notice=notices.append))
    said = [note for note in notices if "passed over" in note]
    assert said == [
        "train: passed over 1 record whose answer is reject or ignore.",
        "train: passed over 1 span that cut a token or overlap another.",
    ]
    assert [note for note in project.notes if "passed over" in note] == said
    assert windowclf.check(project.config)["notes"] == said
    assert f"note: {said[1]}" in run(["check", project.config])[1]


KAGGLE = "Sentence #,Word,POS,Tag\n" + "".join(
    f"Sentence: {i},Anna,NNP,B-per\n,sees,VBZ,O\n,Oslo,NNP,B-geo\n,today,NN,O\n" for i in range(40)
)


@pytest.mark.parametrize(
    ("task", "label", "note"),
    [
        (None, "Tag", "the column 'POS' has labels too (NNP, VBZ, NN): --task tagging."),
        ("spans", "Tag", "the column 'POS' has labels too (NNP, VBZ, NN): --task tagging."),
        ("tagging", "POS", "the column 'Tag' has labels too (B-per, B-geo, O): --task spans."),
    ],
)
def test_the_column_of_a_token_csv_is_that_of_the_task(task, label, note):
    corpora.write(Path("x.csv"), KAGGLE)
    project = windowclf.init(".", "x.csv", task)
    data = read_config(project.config).data
    assert (data.token, data.label) == ("Word", label)
    assert note in project.notes
    windowclf.train(project.config, SMALL)
    corpora.write(Path("in.jsonl"), '{"tokens": ["Anna", "sees"]}\n')
    code, out, _ = run(["predict", f"runs/{project.guess.layout.task}", "in.jsonl"])
    assert (code, len(json.loads(out)["labels"])) == (0, 2)


def test_a_list_of_labels_a_row_is_said_with_what_makes_text_of_it():
    rows = """Sentence: 1,Anna sees Oslo,"['NNP', 'VBZ', 'NNP']","['B-per', 'O', 'B-geo']"\n"""
    corpora.write(Path("ner.csv"), "Sentence #,Sentence,POS,Tag\n" + rows * 30)
    with pytest.raises(DataError) as caught:
        windowclf.init(".", "ner.csv")
    said = str(caught.value)
    assert said.startswith(
        "ner.csv: expected a category in each field, found a list as Python writes it in 'Tag': a "
        "sentence a row, with a label for each of its words; write it as "
    )
    command = said.rpartition("of jsonl: ")[2].replace("FILE", "ner.csv")
    subprocess.run(command, shell=True, check=True)
    guess = guess_file("x.jsonl")
    assert (guess.layout.task, guess.counts.sentences) == ("spans", 30)


def test_types_of_spans_are_shown_and_not_their_labels():
    corpora.write(Path("x.conll"), "Anna\tB-PER\nBerg\tI-PER\nruns\tO\n\nOslo\tB-LOC\n\n" * 30)
    out = run(["init", "--data", "x.conll"])[1]
    assert "PER 50 %, LOC 50 %" in out
