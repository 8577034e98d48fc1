"""Text that is odd: read rightly and lined up with its answer, or refused with its line."""

from __future__ import annotations

import io
import json
import tracemalloc
from pathlib import Path

import corpora
import numpy as np
import pytest
from command_line import run
from heard import Heard

import windowclf
from windowclf.errors import DataError
from windowclf.pipeline.predict import layout_for
from windowclf.tagging import blocks
from windowclf.text.formats import read_sentences
from windowclf.text.formats.lines import LONGEST_LINE

SUFFIXES = ("conll", "conllu", "jsonl", "txt", "csv", "tsv")
ODD = {
    "nul": "a\0b",
    "line separator": "a\u2028b",
    "next line": "a\u0085b",
    "paragraph separator": "\u2029",
    "form feed": "a\fb",
    "zero width": "\u200ba\u200c\u200d\ufeffb",
    "right to left": "שלום\u200f\u202eabc\u202c",
    "emoji": "👨\u200d👩\u200d👧\u200d👦🏳\ufe0f\u200d🌈🇳🇴👍🏽",
    "marks": "e\u0301\u0302\u20dd",
    "beyond the first plane": "𝔄\U0010ffff",
    "no character": "\ufffe\uffff",
    "escape": "\x1b[31mred",
}
DAMAGED = {
    "half a surrogate pair": b"\xed\xa0\x80",
    "a lone continuation": b"a\x80b",
    "Latin-1": b"caf\xe9",
    "overlong": b"\xc0\xaf",
    "UTF-16": "the cat".encode("utf-16"),
}


@pytest.fixture(scope="module")
def recurrent(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("recurrent")
    setting = "model.recurrence={directions: 2}"
    return windowclf.train(corpora.tagging(folder), [setting]).model_path


def file_with(odd: bytes, suffix: str, folder: Path) -> str:
    """Two lines of two units; the second one holds the odd text."""
    escaped = json.dumps(odd.decode(), ensure_ascii=False).encode() if _is_utf8(odd) else b'"%s"'
    rows = {
        "conll": b"the\tX\n%s\tX\n",
        "conllu": b"1\tthe\t_\t_\t_\t_\t_\t_\t_\t_\n2\t%s\t_\t_\t_\t_\t_\t_\t_\t_\n",
        "jsonl": b'{"tokens": ["the"]}\n{"text": %s}\n',
        "txt": b"the\ncat %s sees\n",
        "csv": b"a,b\nx,%s\n",
        "tsv": b"a\tb\nx\t%s\n",
    }
    content = rows[suffix].replace(b"%s", escaped if suffix == "jsonl" else odd)
    path = folder / f"x.{suffix}"
    path.write_bytes(content.replace(b"%s", odd))
    return str(path)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def model_for(learnt: dict[str, Path], suffix: str) -> Path:
    return learnt["slots" if suffix in ("csv", "tsv") else "tagging"]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_odd_characters_are_tagged_in_their_place(learnt, tmp_path, suffix, odd):
    path = file_with(odd.encode(), suffix, tmp_path)
    model = model_for(learnt, suffix)
    code, out, err = run(["predict", str(model), path])
    assert (code, err) == (0, "")
    given = Path(path).read_bytes().decode()
    assert out.count("\n") == given.count("\n")
    if suffix == "txt":
        assert [line.split(" ", 1)[0] for line in out.split("\n")[:2]] == ["the/DET", "cat/NOUN"]
        for character in odd:
            assert character.isspace() or out.count(character) == given.count(character)
        return
    layout = layout_for(windowclf.load(model).model.spec.layout, path, None)
    before, after = (
        [(s.tokens, s.columns, list(s.lines)) for s in read_sentences(io.BytesIO(data), layout)]
        for data in (given.encode(), out.encode())
    )
    assert after == before
    assert any(odd in [*s[0], *s[1].get("b", [])] for s in before) or suffix == "jsonl"


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("odd", DAMAGED.values(), ids=DAMAGED)
def test_bytes_that_are_no_utf8_are_refused_with_their_line(learnt, tmp_path, suffix, odd):
    path = file_with(odd, suffix, tmp_path)
    code, out, err = run(["predict", str(model_for(learnt, suffix)), path])
    assert code == 1
    assert err.startswith(f"{path}:2: expected UTF-8, found the byte 0x")
    assert all(line.startswith(f"{path}:2: ") for line in err.splitlines())
    assert out.count("\n") <= 1  # what came before that line


@pytest.mark.parametrize("suffix", ["conll", "conllu"])
def test_cr_alone_ends_no_line_and_is_refused(learnt, tmp_path, suffix):
    path = file_with(b"a\rb", suffix, tmp_path)
    code, _, err = run(["predict", str(learnt["tagging"]), path])
    assert code == 1
    assert err.startswith(f"{path}:2: expected LF or CRLF to end a line, found CR: ")


def test_mixed_line_ends_are_kept(learnt, tmp_path):
    text = "the X\r\ncat X\n\r\n\nsees X\r\n \na X"
    path = corpora.write(tmp_path / "x.conll", text)
    code, out, err = run(["predict", str(learnt["tagging"]), path])
    assert (code, err) == (0, "")
    expected = text
    for token, label in (("the", "DET"), ("cat", "NOUN"), ("sees", "VERB"), ("a", "DET")):
        expected = expected.replace(f"{token} X", f"{token} X {label}")
    assert out == expected
    code, out, err = run(["predict", str(learnt["tagging"])], "the\rcat\r\n\r\nsees\n")
    assert (code, out, err) == (0, "the/DET cat/NOUN\r\n\r\nsees/VERB\n", "")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_line_over_16_mib_is_refused_with_its_line(learnt, tmp_path, suffix):
    path = file_with(b"x" * (LONGEST_LINE + 1), suffix, tmp_path)
    code, _, err = run(["predict", str(model_for(learnt, suffix)), path])
    assert (code, err) == (1, f"{path}:2: expected a line of at most 16 MiB.\n")
    task = "slots" if suffix in ("csv", "tsv") else "tagging"
    if suffix != "txt":
        config = corpora.TASKS[task](tmp_path) | {"output": str(tmp_path / "new")}
        config["data"] = {"train": path}
        with pytest.raises(DataError) as caught:
            windowclf.train(config, ["data.label=b"] if task == "slots" else [])
        assert f"{path}:2: expected a line of at most 16 MiB." in str(caught.value)


def test_odd_tokens_through_python(learnt, recurrent):
    """Also what no file can hold: half a surrogate pair, line ends, a token of white space."""
    odd = [*ODD.values(), "\ud800", "a\nb", " ", "x" * 100_000]
    for path in (learnt["tagging"], recurrent):
        tagger = windowclf.load(path)
        (labels,) = tagger.predict([odd])
        assert len(labels) == len(odd)
        assert set(labels) <= set(tagger.classes)
        (scores,) = tagger.predict_proba([odd])
        assert scores.shape == (len(odd), len(tagger.classes))
        assert np.isfinite(scores).all()
    table = windowclf.load(learnt["slots"])
    assert len(table.predict([{"a": each, "b": each} for each in odd])) == len(odd)


@pytest.mark.parametrize("odd", [*ODD.values(), "\ud800", "a\r\rb"])
def test_odd_text_through_python_has_an_answer_for_each_character(learnt, odd):
    text = f"the {odd} cat.\n{odd}{odd} \t"
    spans = windowclf.load(learnt["tagging"]).predict_text(text)
    covered = [i for span in spans for i in range(span.start, span.end)]
    assert covered == [i for i, character in enumerate(text) if not character.isspace()]


def in_pieces(tagger: windowclf.Tagger, tokens: list[str], k: int, size: int) -> list[str]:
    """The labels of stretches of `size` tokens, each tagged with k tokens more on both sides."""
    labels: list[str] = []
    for first in range(0, len(tokens), size):
        begin = max(first - k, 0)
        (own,) = tagger.predict([tokens[begin : first + size + k]])
        labels += own[first - begin : first - begin + size]
    return labels


def long_sentence(length: int) -> list[str]:
    """Known words, with words that no other place has among them."""
    rng = np.random.default_rng(length)
    words = rng.choice([*corpora.TAGS, "?"], length).tolist()
    return [f"new{i}" if word == "?" else word for i, word in enumerate(words)]


def peak_of_tagging(tagger: windowclf.Tagger, tokens: list[str]) -> int:
    """Bytes that tagging takes at its peak, beyond what there was before."""
    tracemalloc.start()
    tagger.predict([tokens])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_a_long_sentence_is_tagged_exactly_in_flat_memory(learnt):
    tagger = windowclf.load(learnt["tagging"])
    tokens = long_sentence(60_000)
    assert tagger.predict([tokens])[0] == in_pieces(tagger, tokens, k=2, size=997)
    short = peak_of_tagging(tagger, tokens[:20_000])
    long = peak_of_tagging(tagger, tokens)
    assert long - short < 40_000 * 32  # the lists of labels


SPELLING = "features.use=[{kind: ngrams, buckets: 99}, {kind: char_cnn, filters: 4}]"


@pytest.fixture(scope="module")
def spelling(tmp_path_factory) -> windowclf.Tagger:
    """A tagger that looks at characters alone."""
    folder = tmp_path_factory.mktemp("spelling")
    settings = [SPELLING, "training.dtype=float64"]
    return windowclf.load(windowclf.train(corpora.tagging(folder), settings).model_path)


@pytest.mark.parametrize("limit", [1, 7, 20, 200])
def test_long_tokens_are_tagged_in_parts_to_the_same_scores(spelling, monkeypatch, limit):
    sentences = [["the", "x" * 30, "cat"], ["a"], [], ["y" * 9, "sees"] * 5, ["z" * 99]]
    whole = spelling.predict_proba(sentences)
    monkeypatch.setattr(blocks, "CHARACTERS_AT_ONCE", limit)
    for cut, expected in zip(spelling.predict_proba(sentences), whole, strict=True):
        np.testing.assert_allclose(cut, expected, rtol=1e-12)


def test_long_tokens_take_little_memory(spelling, monkeypatch):
    monkeypatch.setattr(blocks, "CHARACTERS_AT_ONCE", 1 << 14)
    few = peak_of_tagging(spelling, [f"{i}{'x' * 2000}" for i in range(9)])
    many = peak_of_tagging(spelling, [f"{i}{'x' * 2000}" for i in range(60)])
    assert many < 1.5 * few
    assert peak_of_tagging(spelling, ["x" * (16 << 20)]) < 48 << 20  # the token itself is 16


@pytest.mark.slow
def test_a_sentence_of_a_million_tokens_is_tagged_exactly_in_flat_memory(learnt):
    tagger = windowclf.load(learnt["tagging"])
    tokens = long_sentence(1_000_000)
    assert tagger.predict([tokens])[0] == in_pieces(tagger, tokens, k=2, size=9973)
    assert peak_of_tagging(tagger, tokens) < 40 << 20


@pytest.mark.slow
def test_a_million_tokens_through_the_command(learnt, tmp_path):
    tokens = long_sentence(1_000_000)
    path = corpora.write(tmp_path / "x.conll", "".join(f"{token}\n" for token in tokens))
    out = tmp_path / "out.conll"
    assert run(["predict", str(learnt["tagging"]), path, "-o", str(out)]) == (0, "", "")
    rows = [line.split(" ") for line in out.read_text(encoding="utf-8").splitlines()]
    assert [token for token, _ in rows] == tokens
    tagger = windowclf.load(learnt["tagging"])
    assert [label for _, label in rows] == in_pieces(tagger, tokens, k=2, size=9973)


TOO_LONG = (
    "expected a sentence of at most 5 tokens for a network with recurrence or a CRF, found 6; "
    "split it, or raise prediction.longest_sentence (TagOptions.longest_sentence)."
)


def test_a_network_with_recurrence_refuses_a_longer_sentence(recurrent):
    tagger = windowclf.load(recurrent, options=windowclf.TagOptions(longest_sentence=5))
    assert len(tagger.predict([["cat"] * 5])[0]) == 5
    with pytest.raises(DataError) as caught:
        tagger.predict([["cat"], ["cat"] * 6])
    assert str(caught.value) == f"sentence 2: {TOO_LONG}"
    with pytest.raises(DataError) as caught:
        windowclf.load(recurrent).predict([["cat"] * 100_001])
    assert "at most 100,000 tokens" in str(caught.value)


def test_files_are_refused_with_its_line(recurrent, learnt, tmp_path):
    text = "the\tDET\n\n" + "cat\tNOUN\n" * 6
    path = corpora.write(tmp_path / "x.conll", text)
    five, six = (windowclf.TagOptions(longest_sentence=n) for n in (5, 6))
    for use in (
        lambda model, options: windowclf.evaluate(model, path, options),
        lambda model, options: windowclf.predict_file(
            model, path, str(tmp_path / "out"), options=options
        ),
    ):
        with pytest.raises(DataError) as caught:
            use(recurrent, five)
        assert str(caught.value) == f"{path}:3: {TOO_LONG}"
        use(recurrent, six)
        use(learnt["tagging"], five)


@pytest.mark.parametrize("part", ["train", "dev", "test"])
def test_training_refuses_it_with_its_line(tmp_path, part):
    config = corpora.tagging(tmp_path)
    short = corpora.conll(corpora.tagged_sentences(20, 5, longest=5))
    for name in ("train", "dev", "test"):
        text = short + (corpora.conll([[("cat", "NOUN")] * 6]) if name == part else "")
        config["data"][name] = corpora.write(tmp_path / f"{name}.conll", text)
    limit = "prediction.longest_sentence=5"
    with pytest.raises(DataError) as caught:
        windowclf.train(config, ["model.recurrence={directions: 1}", limit])
    line = short.count("\n") + 1
    assert str(caught.value) == f"{config['data'][part]}:{line}: {TOO_LONG}"
    windowclf.train(config, [limit, "training.epochs=1"])


def test_the_limit_may_change_between_stopping_and_resuming(tmp_path):
    config = corpora.tagging(tmp_path)
    settings = ["model.recurrence={directions: 1}", "training.epochs=1"]
    stopped = windowclf.train(config, settings, listener=Heard(stop=lambda: True))
    assert stopped.stopped
    again = windowclf.train(config, [*settings, "prediction.longest_sentence=9"], resume=True)
    assert not again.stopped


def test_labels_are_shown_short_and_without_control_characters(learnt, tmp_path):
    odd = ["\x1b[31mred", "\u202eright", "x" * 1000, *(f"new{i}" for i in range(30))]
    rows = [[("the", "DET"), ("cat", label)] for label in odd]
    path = corpora.write(tmp_path / "x.conll", corpora.conll(rows))
    code, out, err = run(["evaluate", str(learnt["tagging"]), path])
    assert code == 0
    assert "\x1b" not in out + err
    assert "\u202e" not in out + err
    assert max(map(len, out.splitlines())) < 200
    assert err.endswith(" and 13 more.\n")
    config = corpora.tagging(tmp_path) | {"output": str(tmp_path / "new")}
    config["data"] = {"train": path, "dev": path}
    config_path = corpora.write(tmp_path / "c.yaml", json.dumps(config))
    code, out, err = run(["train", config_path])
    assert code == 0, err
    assert "\x1b" not in out + err
    assert "\x1b" not in run(["info", str(tmp_path / "new")])[1]
    weights = {"training": {"class_weights": {"\x1b[1mno": 2.0}}}
    config_path = corpora.write(tmp_path / "c.yaml", json.dumps(config | weights))
    code, _, err = run(["train", config_path, "--overwrite"])
    assert code == 1
    assert err.startswith(r"training.class_weights.'\x1b[1mno': no training token has this label")
    assert "\x1b" not in err
