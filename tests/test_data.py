"""The corpora below data/: made as they say, well formed, nothing of dev or test in train."""

from __future__ import annotations

import csv
import importlib
import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest

from windowclf.text.tokenizer import tokenize

DATA = Path(__file__).resolve().parent.parent / "data"
PORTIONS = ("train", "dev", "test")
SIZES = {
    "spans": (3400, 400, 400),
    "tagging": (1500, 200, 200),
    "segmentation": (1500, 200, 200),
    "slots": (2000, 300, 300),
}
SUFFIXES = {"spans": "conll", "tagging": "conllu", "segmentation": "txt", "slots": "csv"}
TYPES = {"PERSON", "PLACE", "ORG", "DATE", "AMOUNT", "EMAIL", "PHONE", "URL", "ID"}
UPOS = {
    *("ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM"),
    *("PART", "PRON", "PROPN", "PUNCT", "SCONJ", "SYM", "VERB", "X"),
}
UNSEEN_TOKENS = (0.10, 0.25)  # documented share of unseen tokens in dev and test

Rows = list[list[str]]


def text_of(corpus: str, portion: str) -> str:
    data = (DATA / corpus / f"{portion}.{SUFFIXES[corpus]}").read_bytes()
    assert b"\r" not in data
    return data.decode("utf-8")


def blocks(text: str) -> list[list[str]]:
    assert text.endswith("\n\n")
    return [block.split("\n") for block in text[:-2].split("\n\n")]


def conll(portion: str) -> list[Rows]:
    return [[line.split("\t") for line in block] for block in blocks(text_of("spans", portion))]


def words_of_conllu(block: list[str]) -> Rows:
    rows = [line.split("\t") for line in block if not line.startswith("#")]
    return [row for row in rows if row[0].isdigit()]


def token_lists(corpus: str, portion: str) -> list[list[str]]:
    """Each sentence (or row without its class) as a list of strings."""
    text = text_of(corpus, portion)
    match corpus:
        case "spans":
            return [[row[0] for row in sentence] for sentence in conll(portion)]
        case "tagging":
            return [[row[1] for row in words_of_conllu(block)] for block in blocks(text)]
        case "segmentation":
            return [line.split(" ") for line in text.splitlines()]
        case _:
            return [row[:-1] for row in csv.reader(io.StringIO(text))][1:]


def entities(sentence: Rows) -> Iterator[tuple[str, str]]:
    forms: list[str] = []
    kind = ""
    for form, label in [*sentence, ["", "O"]]:
        if forms and not label.startswith("I-"):
            yield " ".join(forms).lower(), kind
            forms = []
        if label != "O":
            forms.append(form)
            kind = label[2:]


def generate(*arguments: str, script: Path = DATA / "generate.py", seed: str = "0") -> int:
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, str(script), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """`generator.slots`, imported as data/generate.py does."""
    monkeypatch.syspath_prepend(str(DATA))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield importlib.import_module("generator.slots")
    for name in [name for name in sys.modules if name.split(".")[0] == "generator"]:
        del sys.modules[name]


def test_the_files_are_what_generate_writes(tmp_path: Path) -> None:
    assert generate("--check", seed="1") == 0
    assert generate("--output", str(tmp_path), seed="2") == 0
    written = {path.relative_to(tmp_path) for path in tmp_path.rglob("*.*")}
    assert len(written) == 12
    for name in written:
        assert (tmp_path / name).read_bytes() == (DATA / name).read_bytes()


@pytest.mark.slow
def test_check_notices_a_changed_and_a_missing_file(tmp_path: Path) -> None:
    for corpus in SIZES:
        shutil.copytree(DATA / corpus, tmp_path / corpus)
    assert generate("--check", "--output", str(tmp_path)) == 0
    changed = tmp_path / "spans" / "dev.conll"
    changed.write_bytes(changed.read_bytes().replace(b"B-PERSON", b"B-PLACE", 1))
    assert generate("--check", "--output", str(tmp_path)) == 1
    shutil.copy(DATA / "spans" / "dev.conll", changed)
    (tmp_path / "slots" / "test.csv").unlink()
    assert generate("--check", "--output", str(tmp_path)) == 1


def test_all_of_data_stays_small() -> None:
    files = [path for path in DATA.rglob("*") if path.is_file() and "cache" not in str(path)]
    assert sum(path.stat().st_size for path in files) < 1_500_000


@pytest.mark.parametrize("corpus", SIZES)
def test_sizes(corpus: str) -> None:
    assert tuple(len(token_lists(corpus, portion)) for portion in PORTIONS) == SIZES[corpus]


@pytest.mark.parametrize("corpus", SIZES)
def test_no_sentence_is_in_two_portions(corpus: str) -> None:
    def essence(tokens: list[str]) -> str:
        return " ".join(tokens).lower().rstrip(" .!?。！？")

    train, dev, test = ({essence(s) for s in token_lists(corpus, p)} for p in PORTIONS)
    assert not train & dev
    assert not train & test
    assert not dev & test


@pytest.mark.parametrize("corpus", ["spans", "tagging", "segmentation"])
def test_the_documented_share_of_tokens_is_unseen(corpus: str) -> None:
    seen = {token for sentence in token_lists(corpus, "train") for token in sentence}
    for portion in ("dev", "test"):
        tokens = [token for sentence in token_lists(corpus, portion) for token in sentence]
        low, high = UNSEEN_TOKENS
        assert low < sum(token not in seen for token in tokens) / len(tokens) < high


def test_the_ptb_tokenizer_finds_the_same_tokens_in_raw_text() -> None:
    def pieces(text: str) -> list[str]:
        return [text[start:end] for start, end in tokenize(text, "ptb")]

    for portion in PORTIONS:
        sentences = token_lists("spans", portion)
        same = sum(pieces(" ".join(tokens)) == tokens for tokens in sentences)
        assert same >= 0.98 * len(sentences)
        for block in blocks(text_of("tagging", portion)):
            tokens = [row[1] for row in words_of_conllu(block)]
            assert pieces(block[1].removeprefix("# text = ")) == tokens


@pytest.mark.parametrize("corpus", ["spans", "tagging", "segmentation"])
def test_nothing_of_the_templates_is_left_over(corpus: str) -> None:
    for portion in PORTIONS:
        for tokens in token_lists(corpus, portion):
            assert all(tokens), tokens
            joined = " ".join(tokens)
            assert not re.search(r"[{}\[\]|]|a\(n\)|/(NOUN|DET|ADJ|VERB|PROPN)\b", joined), joined
            assert not re.search(r"(^| )[.,;:，。] [.,;，。]( |$)", joined), joined


def test_articles_agree_with_the_next_word() -> None:
    consonant, vowel = ("uni", "use", "eu", "one"), ("hour", "honest")
    for corpus in ("spans", "tagging"):
        for portion in PORTIONS:
            for tokens in token_lists(corpus, portion):
                lower = [token.lower() for token in tokens]
                for article, word in pairwise(lower):
                    begins = word.startswith(tuple("aeiou")) and not word.startswith(consonant)
                    if article == "an":
                        assert begins or word.startswith(vowel), tokens
                    if article == "a" and len(word) > 1:
                        assert not begins, tokens


@pytest.mark.parametrize("portion", PORTIONS)
def test_spans_are_well_formed_bio(portion: str) -> None:
    labels = set()
    for sentence in conll(portion):
        before = "O"
        for row in sentence:
            assert len(row) == 2
            form, label = row
            assert form == form.strip() != ""
            assert " " not in form
            if label.startswith("I-"):
                assert before[2:] == label[2:], sentence
            before = label
            labels.add(label)
    assert {label[2:] for label in labels - {"O"}} == TYPES
    assert {f"B-{kind}" for kind in TYPES} < labels


@pytest.mark.parametrize("portion", PORTIONS)
def test_the_documented_share_of_sentences_has_no_entity(portion: str) -> None:
    sentences = conll(portion)
    empty = sum(all(label == "O" for _, label in sentence) for sentence in sentences)
    assert 0.20 < empty / len(sentences) < 0.25


@pytest.mark.parametrize("portion", ["dev", "test"])
def test_the_documented_share_of_mentions_is_unseen(portion: str) -> None:
    seen = {entity for sentence in conll("train") for entity in entities(sentence)}
    for kind, least in {"PERSON": 0.6, "ORG": 0.6, "PLACE": 0.3}.items():
        mentions = [e for sentence in conll(portion) for e in entities(sentence) if e[1] == kind]
        assert len(mentions) > 50
        assert sum(mention not in seen for mention in mentions) / len(mentions) >= least


def test_ambiguous_words_occur_in_more_than_one_sense() -> None:
    senses: dict[str, set[str]] = {}
    for sentence in conll("train"):
        for form, label in sentence:
            senses.setdefault(form.lower(), set()).add(label[2:])
    assert {"PERSON", "DATE", ""} <= senses["may"]
    assert {"PERSON", ""} <= senses["will"] & senses["mark"]
    assert {"PERSON", "PLACE"} <= senses["jordan"] & senses["paris"] & senses["washington"]
    assert {"ORG", ""} <= senses["apple"]


@pytest.mark.parametrize("portion", PORTIONS)
def test_tagging_is_valid_conllu(portion: str) -> None:
    identifiers, ranges = set(), 0
    for block in blocks(text_of("tagging", portion)):
        assert block[0].startswith("# sent_id = ")
        identifiers.add(block[0])
        text = block[1].removeprefix("# text = ")
        number, rebuilt, covered = 0, "", 0
        for line in block[2:]:
            row = line.split("\t")
            assert len(row) == 10
            assert row[2] == row[4] == row[5] == row[6] == row[7] == row[8] == "_"
            space = "" if row[9] == "SpaceAfter=No" else " "
            if "-" in row[0]:
                first, last = map(int, row[0].split("-"))
                assert (first, row[3]) == (number + 1, "_")
                covered, ranges = last, ranges + 1
                rebuilt += row[1] + space
                continue
            number += 1
            assert row[0] == str(number)
            assert row[3] in UPOS
            rebuilt += "" if number <= covered else row[1] + space
        assert covered <= number
        assert rebuilt.strip() == text
        assert "  " not in text
    assert len(identifiers) == len(blocks(text_of("tagging", portion)))
    assert ranges > 10


def test_every_part_of_speech_occurs_in_every_portion() -> None:
    for portion in PORTIONS:
        sentences = map(words_of_conllu, blocks(text_of("tagging", portion)))
        assert {row[3] for sentence in sentences for row in sentence} == UPOS


@pytest.mark.parametrize("portion", PORTIONS)
def test_segmentation_has_single_spaces_between_words(portion: str) -> None:
    for line in text_of("segmentation", portion).splitlines():
        assert line == " ".join(line.split()) != ""
        assert re.search(r"[\u4e00-\u9fff]", line)


def test_slots_follow_the_rule_but_for_five_percent(module: ModuleType) -> None:
    for portion in PORTIONS:
        table = text_of("slots", portion)
        assert table.startswith("from,to,size,contents,customer,speed,weekday,service\n")
        assert module.agreement_with_rule(table, DATA / "sources") == pytest.approx(0.95)
        rows = list(csv.reader(io.StringIO(table)))[1:]
        assert {len(row) for row in rows} == {8}
        assert {row[-1] for row in rows} == {"courier", "van", "rail", "sea", "air"}
        assert {row[0] for row in rows} == {row[1] for row in rows}
        assert '"glass, china"' in table
