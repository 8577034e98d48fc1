"""Vectors that were trained elsewhere: every format, what is kept of them, and runs with them."""

from __future__ import annotations

import hashlib
import io
import itertools
import struct
from pathlib import Path

import corpora
import numpy as np
import pytest
from heard import Heard

import windowclf
from windowclf.errors import ConfigError, DataError, Faults, RunFolderError
from windowclf.network.architecture import Architecture, initialize
from windowclf.system.tensor_file import read
from windowclf.tagging.model_file import load_model, save_model
from windowclf.tagging.pruning import ranked_rows, with_rows
from windowclf.text.features import BOUNDARY, FIRST_VALUE, UNKNOWN, Feature
from windowclf.text.formats.lines import open_input
from windowclf.text.vocabulary import build_vocabulary
from windowclf.text.word_vectors import read_binary_vectors, read_text_vectors, width_of

WORDS = {"the": [1.0, 2.0, -3.0], "Cat": [0.5, 0.0, 1e-3], "çay": [4.0, 4.0, 4.0]}
LINES = "".join(f"{word} {' '.join(map(str, v))}\n" for word, v in WORDS.items())
TEXTS = {
    "glove": LINES,
    "word2vec": "3 3\n" + LINES,
    "fasttext": "3 3\n" + LINES.replace("\n", " \n"),
}


def binary(words, count=None, end=b"\n") -> bytes:
    header = f"{len(words) if count is None else count} 3\n".encode()
    return header + b"".join(
        word.encode() + b" " + struct.pack("<3f", *v) + end for word, v in words.items()
    )


def read_text(text, wanted=None, width=3):
    faults = Faults()
    with open_input(io.BytesIO(text.encode()), "v.txt", faults) as source:
        found = read_text_vectors(source, width, wanted)
    return found, [str(fault) for fault in faults.kept]


def rows_of(words):
    vectors = np.array([WORDS[word] for word in words], np.float32)
    return np.vstack([np.zeros(3), vectors.mean(axis=0, dtype=np.float64), vectors])


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("wanted", [None, {"Cat", "the", "dog"}])
def test_text_formats(tmp_path, text, wanted):
    assert width_of(corpora.write(tmp_path / "v.txt", text)) == 3
    found, faults = read_text(text, wanted)
    words = [word for word in WORDS if wanted is None or word in wanted]
    assert (list(found.words), faults) == (words, [])
    np.testing.assert_allclose(found.rows, rows_of(words), rtol=1e-6)
    assert found.rows.dtype == np.float32


@pytest.mark.parametrize("end", [b"\n", b""])
@pytest.mark.parametrize("wanted", [None, {"Cat", "the", "dog"}])
def test_binary_format(tmp_path, end, wanted):
    path, faults = tmp_path / "v.bin", Faults()
    path.write_bytes(binary(WORDS, end=end))
    assert width_of(str(path)) == 3
    found = read_binary_vectors(str(path), wanted, faults, digest := hashlib.sha256())
    words = [word for word in WORDS if wanted is None or word in wanted]
    assert (list(found.words), faults.count) == (words, 0)
    assert digest.hexdigest() == hashlib.sha256(path.read_bytes()).hexdigest()
    np.testing.assert_allclose(found.rows, rows_of(words), rtol=1e-6)


def test_words_with_spaces_as_glove_has_them():
    found, faults = read_text(". . . 1 2 3\nat name@x.org 1 2 3\n\u00a0 1 2 3\n\u0085 1 2 3\n")
    assert (found.words, faults) == ((". . .", "at name@x.org", "\u00a0", "\u0085"), [])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("cat 1 2", "v.txt:2: expected a word and 3 numbers, separated by single spaces"),
        ("cat 1 2 3 4", "v.txt:2: expected a word and 3 numbers"),
        ("cat  1 2 3", "v.txt:2: expected a word and 3 numbers"),
        (" 1 2 3", "v.txt:2: expected a word and 3 numbers"),
        ("", "v.txt:2: expected a word and 3 numbers"),
        ("cat\t1\t2\t3", "v.txt:2: expected a word and 3 numbers"),
        ("cat 1 x 3", "v.txt:2: expected a number, found 'x'."),
        ("cat 1 nan 3", "v.txt:2: expected finite numbers"),
        ("cat 1 1e39 3", "v.txt:2: expected finite numbers"),
        ("the 1 2 3", "v.txt:2: the word 'the' stands in line 1 already; remove one of them."),
    ],
)
def test_a_line_that_is_no_vector(line, said):
    _, (fault,) = read_text(f"the 1 2 3\n{line}\nfine 1 2 3\n")
    assert fault.startswith(said)


def test_lines_that_are_not_wanted_have_the_right_width_too():
    text = "the 1 2 3\ncat 1 2\ndog 1 x 3\nbird 1 2 3 4\n 1 2 3\n"
    found, faults = read_text(text, {"the"})
    assert found.words == ("the",)
    assert [fault.split(" ")[0] for fault in faults] == ["v.txt:2:", "v.txt:4:", "v.txt:5:"]


@pytest.mark.parametrize("count", [0, 2, 4])
def test_another_number_of_vectors_than_promised(count):
    _, (fault,) = read_text(f"{count} 3\n{LINES}")
    assert fault == f"v.txt:1: expected {count} vectors as this line says, found 3."


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (binary(WORDS)[:-3], "v.bin: ends or is damaged in vector 3 of 3"),
        (binary(WORDS, count=4), "v.bin: ends or is damaged in vector 4 of 4"),
        (binary(WORDS, count=2), "v.bin: expected 2 vectors as its first line says, found more."),
        (binary({"": [1, 2, 3]}), "v.bin: vector 1: expected a word"),
        (binary({"a": [1, np.inf, 3]}), "v.bin: vector 1: expected finite numbers"),
        (
            binary({"a": [1, 2, 3]}).replace(b"a", b"\xff"),
            "v.bin: vector 1: expected a word in UTF-8",
        ),
        (
            binary({"a": [1, 2, 3], "b": [1, 2, 3]}).replace(b"b", b"a"),
            "is that of vector 1 already",
        ),
    ],
)
def test_binary_files_that_are_none(tmp_path, data, said):
    faults, path = Faults(), tmp_path / "v.bin"
    path.write_bytes(data)
    read_binary_vectors(str(path), None, faults, hashlib.sha256())
    (fault,) = [str(fault) for fault in faults.kept]
    assert said in fault


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("v.txt", b"", "v.txt:1: expected a word and at most 4,096 numbers"),
        ("v.txt", b"just\twords\n", "v.txt:1: expected a word and at most 4,096 numbers"),
        ("v.txt", b"2 5000\n", "v.txt:1: expected a word and at most 4,096 numbers"),
        ("v.bin", b"\xba\x16\x4f\x2f", "of fastText's own .bin use the .vec"),
    ],
)
def test_files_of_another_kind(tmp_path, name, data, said):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError) as raised:
        width_of(str(tmp_path / name))
    assert said in str(raised.value)


def test_case_back_off():
    feature = Feature("vectors", "v", 3, frozen=True)
    words = {"v": ("the", "Cat", "cat")}
    v = build_vocabulary((feature,), (), {"the": 1}, ["X"], words=words)
    (slot,) = v.encode(["THE", "Cat", "CAT", "dog", ""])
    assert slot.ids.tolist() == [BOUNDARY, 2, 3, 4, UNKNOWN, UNKNOWN]
    assert v.table_sizes() == {"v": 5}


@pytest.mark.parametrize("frozen", [True, False])
def test_given_tables_are_taken_as_they_are(frozen):
    a = Architecture(
        features=(Feature("vectors", "v", 2, frozen=frozen),),
        table_sizes={"v": 3},
        window=0,
        activation="none",
        units=0,
        directions=0,
        truncate=None,
        output="softmax",
        classes=2,
    )
    given = np.arange(6, dtype=np.float32).reshape(3, 2)
    made = initialize(a, 1, "float32", {"L.v": given})["L.v"]
    np.testing.assert_array_equal(made, given)
    assert np.shares_memory(made, given) == frozen
    assert a.tables() == (frozenset() if frozen else {"L.v"})


def embedded(folder: Path, **settings) -> dict:
    """A tagging run with vectors of half of its words, and of one that it has not."""
    rng = np.random.default_rng(1)
    words = [*sorted(corpora.TAGS)[::2], "unseen"]
    text = f"{len(words)} 5\n"
    text += "".join(f"{w} {' '.join(f'{x:.4f}' for x in rng.normal(size=5))}\n" for w in words)
    path = corpora.write(folder / "v.vec", text)
    config = corpora.tagging(folder)
    vectors = {"kind": "vectors", "path": path, **settings}
    config["features"] = {"window": 1, "use": [vectors, {"kind": "word", "dim": 4}]}
    config["training"] |= {"threads": 1, "batch_tokens": 70}
    return config


KINDS = {
    "frozen, all": {},
    "frozen, train": {"rows": "train"},
    "trained": {"trained": True},
}


@pytest.mark.parametrize("settings", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize(
    "setting", ["training.average=0.99", "training.average=null", "model.members=2"]
)
@pytest.mark.slow
def test_stopped_and_resumed(tmp_path, settings, setting):
    config = embedded(tmp_path, **settings)
    own = [setting]
    windowclf.train(config, own)
    own.append(f"output={tmp_path}/pieces")
    for stop in itertools.cycle([1, 4]):
        calls = itertools.count(1)
        result = windowclf.train(
            config,
            own,
            resume=True,
            listener=Heard(stop=lambda calls=calls, stop=stop: next(calls) >= stop),
        )
        if not result.stopped:
            break
    assert corpora.digest(tmp_path / "pieces") == corpora.digest(tmp_path / "run")
    model = load_model(tmp_path / "run")
    table, words = model.parameters["L.vectors"], model.spec.vocabulary.values["vectors"]
    assert ("unseen" in words) == (settings.get("rows") != "train")
    text = (tmp_path / "v.vec").read_text().split("\n")[1:-1]
    of_file = {line.split()[0]: np.float32(line.split()[1:]) for line in text}
    moved = any(not np.array_equal(table[2 + i], of_file[w]) for i, w in enumerate(words))
    assert moved == settings.get("trained", False)
    assert table[BOUNDARY].any() == settings.get("trained", False)
    shared = "L.vectors@2" not in model.parameters
    assert shared == ("members" not in setting or not settings.get("trained", False))
    _, state, _ = read(tmp_path / "run" / "state.safetensors", "state")
    assert any("L.vectors" in name for name in state) == settings.get("trained", False)


@pytest.mark.parametrize("settings", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("members", [1, 2])
def test_compressed(tmp_path, settings, members):
    """Rows of vectors are left out for all members together, who share them where frozen."""
    own = ["training.epochs=2", f"model.members={members}"]
    model = load_model(windowclf.train(embedded(tmp_path, **settings), own).model_path)
    windowclf.compress(tmp_path / "run", tmp_path / "small", "float32")
    text = [["the", "unseen", "cat", "zebra"]]
    (wanted,), (found,) = (
        windowclf.load(tmp_path / name).predict_proba(text) for name in ("run", "small")
    )
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    rows = ranked_rows(model, 4)
    assert len(rows.row) == sum(map(len, model.spec.vocabulary.values.values()))
    few = with_rows(model, rows.first(3))
    kept = few.spec.vocabulary.table_sizes()
    assert sum(kept.values()) == 2 * FIRST_VALUE + 3
    assert {n: len(p) for n, p in few.parameters.items() if n.startswith("L.")} == {
        n: kept[n.split("@")[0][2:]] for n in model.parameters if n.startswith("L.")
    }
    save_model(tmp_path / "few", few)
    assert windowclf.load(tmp_path / "few").predict(text)


@pytest.mark.parametrize("settings", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize(
    "model",
    [
        "{}",
        "{hidden: {activation: none}}",
        "{hidden: {activation: tanh, units: 4}, recurrence: {directions: 2}}",
        "{output: crf, hidden: {units: 5}}",
        "{output: sigmoid, hidden: {units: 5}}",
        "{members: 2, hidden: {units: 4}}",
    ],
)
def test_gradients(tmp_path, settings, model):
    checks = windowclf.gradcheck(embedded(tmp_path, **settings), [f"model={model}"])
    assert all(check.passed and check.error < 1e-7 for check in checks)
    found = {check.name for check in checks}
    assert ("L.vectors@2" in found) == (settings.get("trained", False) and "members" in model)
    assert ("L.vectors" in found) == settings.get("trained", False)
    assert "L.word" in found


def test_vectors_alone_and_the_model_without_the_file(tmp_path):
    """Nothing but frozen rows to read: the network above them learns, and tags on its own."""
    config = embedded(tmp_path)
    config["features"]["use"] = config["features"]["use"][:1]
    windowclf.train(config, ["training.epochs=2"])
    tagger = windowclf.load(tmp_path / "run")
    answers = tagger.predict_proba([["the", "unseen", "zebra"], ["Unseen"], ["yak"]])
    (tmp_path / "v.vec").unlink()
    again = windowclf.load(tmp_path / "run").predict_proba([["THE", "UNSEEN", "yeti"], ["x"]])
    np.testing.assert_array_equal(answers[0], again[0])
    assert not np.array_equal(answers[1], answers[2])


def test_a_run_is_not_continued_with_other_vectors(tmp_path):
    config = embedded(tmp_path)
    windowclf.train(config, listener=Heard(stop=lambda: True))
    path = tmp_path / "v.vec"
    path.write_text(path.read_text().replace("unseen", "unsaid"))
    with pytest.raises(RunFolderError, match=r"features\.use\.0: the files have changed"):
        windowclf.train(config, resume=True)


def test_vectors_of_no_word_of_the_text(tmp_path):
    config = embedded(tmp_path, rows="train")
    (tmp_path / "v.vec").write_text("1 2\nnothing 1 2\n")
    with pytest.raises(DataError, match=r"v\.vec: no vector found of any word of the training"):
        windowclf.train(config)


def test_binary_vectors_train_the_same_model(tmp_path):
    config = embedded(tmp_path)
    lines = (tmp_path / "v.vec").read_text().splitlines()
    data = f"{lines[0]}\n".encode()
    for line in lines[1:]:
        word, *numbers = line.split()
        data += word.encode() + b" " + np.array(numbers, "<f4").tobytes() + b"\n"
    (tmp_path / "v.bin").write_bytes(data)
    windowclf.train(config)
    config["features"]["use"][0]["path"] = str(tmp_path / "v.bin")
    windowclf.train(config, [f"output={tmp_path}/bin"])
    one, other = load_model(tmp_path / "run"), load_model(tmp_path / "bin")
    for name, p in one.parameters.items():
        np.testing.assert_array_equal(other.parameters[name], p)


def test_no_table_is_shared_with_vectors(tmp_path):
    config = embedded(tmp_path)
    config["features"]["use"][1]["table"] = "vectors"
    with pytest.raises(ConfigError, match=r"features\.use\.1: shares the table 'vectors'"):
        windowclf.train(config)
