"""What fuzzing tries: for each kind of input its valid seeds and the check of any bytes at all.

A check raises AssertionError, or lets any other exception through, where the bytes were neither
read rightly nor refused with sentences that begin with their place.
"""

from __future__ import annotations

import io
import json
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

from windowclf.config.reading import dump_config, read_config
from windowclf.errors import ConfigError, DataError
from windowclf.text.formats import Layout, make_writer, read_sentences
from windowclf.text.sentence import Sentence
from windowclf.text.spans import from_spans, to_spans

NAME = "x.file"
PLACE = re.compile(rf"{re.escape(NAME)}(?::[1-9][0-9]*)?: .*[.?]")
LONGEST_SENTENCE_OF_A_FAULT = 2000
BIO = ("B-X", "I-X", "O", "O", "B-Yé", "I-Yé", "I-X")
TAGS = ("N", "_", "Ä|b", "O'", "x=1", "ns:y")


@dataclass(frozen=True)
class Target:
    """A kind of input: valid examples, pieces that mean something in it, and the check."""

    name: str
    seeds: tuple[bytes, ...]
    pieces: tuple[bytes, ...]
    check: Callable[[bytes], bool]
    """True: read and given back; False: refused."""


def refused_well(told: str, place: re.Pattern[str] = PLACE) -> None:
    """Every line of a refusal is a sentence that begins with its place, or counts the rest."""
    lines = told.split("\n")
    assert len(lines) <= 21, told[:300]
    for line in lines:
        assert len(line) <= LONGEST_SENTENCE_OF_A_FAULT, line[:300]
        assert line.isprintable(), line
        counted = line is lines[-1] and re.fullmatch("… and [0-9]+ more faults?[.]", line)
        assert counted or place.fullmatch(line), line


def read(data: bytes, layout: Layout) -> list[Sentence]:
    return list(read_sentences(io.BytesIO(data), layout, NAME))


def labels_for(sentences: Sequence[Sentence], layout: Layout) -> list[list[str]]:
    """An answer that depends on nothing but the number of tokens."""
    known: Sequence[str] = TAGS
    if layout.task == "spans":
        known = BIO
    elif layout.task == "segmentation":
        known = "BESMBE"
    elif layout.task == "slots":
        known = ("yes", 'a,"b"', "c\td")
    number = count()
    return [[known[next(number) % len(known)] for _ in s.tokens] for s in sentences]


def written(sentences: Sequence[Sentence], labels: list[list[str]], layout: Layout) -> str:
    out = io.StringIO(newline="")
    writer = make_writer(layout, out)
    for sentence, answer in zip(sentences, labels, strict=True):
        writer.write(sentence, answer)
    writer.close()
    return out.getvalue()


def tokens_of(sentences: Sequence[Sentence]) -> list[str]:
    return [token for sentence in sentences for token in sentence.tokens]


def check_text(data: bytes, layout: Layout, compare: Callable[..., None]) -> bool:
    """Read as training does and as prediction does; write the answer; read that again."""
    accepted = True
    for read_labels in sorted({layout.read_labels, False}):
        own = replace(layout, read_labels=read_labels)
        try:
            sentences = read(data, own)
            for s in sentences:
                size = len(s.tokens)
                assert len(s.lines) == size
                assert "" not in s.tokens or own.task == "slots"
                assert s.labels is None or len(s.labels) == size
                assert all(len(column) == size for column in s.columns.values())
            labels = labels_for(sentences, own)
            out = written(sentences, labels, own)
        except DataError as fault:
            refused_well(str(fault))
            accepted = False
            continue
        compare(data.decode(), out, sentences, labels, own)
    return accepted


def compare_conll(
    given: str, out: str, sentences: list[Sentence], labels: list[list[str]], layout: Layout
) -> None:
    """One more column in the lines of tokens, every other line as it was."""
    before, after = given.split("\n"), out.split("\n")
    answer = {
        line: label
        for s, own in zip(sentences, labels, strict=True)
        for line, label in zip(s.lines, own, strict=True)
    }
    for number, (old, new) in enumerate(zip(before, after, strict=True), 1):
        if number in answer:
            crlf = old.endswith("\r") and number < len(before)
            end = "\r" if crlf else ""
            text = old[:-1] if crlf else old
            separator = "\t" if "\t" in text else " "
            assert new == text + separator + answer[number] + end
        else:
            assert new == old
    again = read(out.encode(), replace(layout, label=-1, read_labels=True))
    assert tokens_of(again) == tokens_of(sentences)
    assert [len(s.tokens) for s in again] == [len(s.tokens) for s in sentences]
    assert [s.labels for s in again if s.tokens] == [own for own in labels if own]


def compare_conllu(
    given: str, out: str, sentences: list[Sentence], labels: list[list[str]], layout: Layout
) -> None:
    """The trained field of the words is the answer, all else as it was."""
    lines = {line for s in sentences for line in s.lines}
    column = {"upos": 3, "xpos": 4}.get(str(layout.label), 9)
    for number, (old, new) in enumerate(zip(given.split("\n"), out.split("\n"), strict=True), 1):
        if number in lines:
            old_fields, new_fields = old.split("\t"), new.split("\t")
            ends = [fields[9].endswith("\r") for fields in (old_fields, new_fields)]
            assert ends[0] == ends[1] or "\r" not in new
            del old_fields[column], new_fields[column]
            assert old_fields == new_fields
        else:
            assert new == old
    again = read(out.encode(), replace(layout, read_labels=True))
    assert tokens_of(again) == tokens_of(sentences)
    wanted = [[None if label == "_" else label for label in own] for own in labels if own]
    assert [s.labels for s in again if s.tokens] == wanted


def compare_jsonl(
    given: str, out: str, sentences: list[Sentence], labels: list[list[str]], layout: Layout
) -> None:
    """A record for a record, with the answer in it and everything else as it was."""
    for old, new in zip(given.split("\n"), out.split("\n"), strict=True):
        if not old.strip().strip("\ufeff"):
            assert new == old
            continue
        record = json.loads(old.removeprefix("\ufeff"))
        answer = json.loads(new.removeprefix("\ufeff"))
        key = "words" if layout.task == "segmentation" else "spans"
        if isinstance(record.get("tokens"), list) and layout.task != "segmentation":
            key = "labels" if all(isinstance(t, str) for t in record["tokens"]) else "spans"
        added = answer.pop(key)
        assert isinstance(added, list)
        if key in record and f"gold_{key}" not in record:
            record[f"gold_{key}"] = record[key]
        record.pop(key, None)
        assert answer == record
    again = read(out.encode(), replace(layout, read_labels=False))
    assert tokens_of(again) == tokens_of(sentences)
    if layout.task == "spans":
        gold = read(out.encode(), replace(layout, read_labels=True))
        wanted = [
            label
            for own in labels
            for label in from_spans(to_spans(own, layout.scheme), len(own), layout.scheme)
        ]
        assert tokens_of(gold) == tokens_of(sentences)
        in_text = all("tokens" not in json.loads(x) for x in out.split("\n") if x[:1] == "{")
        if in_text:
            assert [label for s in gold for label in s.labels or ()] == wanted


def compare_table(
    given: str, out: str, sentences: list[Sentence], labels: list[list[str]], layout: Layout
) -> None:
    """One more column; the others as they were."""
    again = read(out.encode(), replace(layout, label="predicted", read_labels=True))
    assert [s.columns for s in again] == [s.columns for s in sentences]
    assert [s.labels for s in again if s.tokens] == [own for own in labels if own]
    assert [list(s.lines) for s in again] == [list(s.lines) for s in sentences]
    assert given.count("\n") == out.count("\n")
    assert given[:1] != "\ufeff" or out[:1] == "\ufeff"


def compare_text(
    given: str, out: str, sentences: list[Sentence], labels: list[list[str]], layout: Layout
) -> None:
    """A line for a line; without spans the file itself; segmentation moves white space alone."""
    assert given.count("\n") == out.count("\n")
    assert given.count("\r\n") == out.count("\r\n")
    if layout.task == "spans":
        nothing = [["O"] * len(own) for own in labels]
        assert written(sentences, nothing, layout) == given
        marks = [span for own in labels for span in to_spans(own, layout.scheme)]
        assert len(out) == len(given) + sum(4 + len(span.type) for span in marks)
    elif layout.task == "segmentation":
        assert [line.split() for line in out.split("\n")] == [
            line.split() for line in re.sub(" +", " ", out).split("\n")
        ]
        assert "".join(out.split()) == "".join(given.split())
        if given[:1] == out[:1] or out[:1] != "\ufeff":  # not white space, then U+FEFF
            assert tokens_of(read(out.encode(), layout)) == tokens_of(sentences)
    else:
        assert len(out.split("/")) == len(given.split("/")) + len(tokens_of(sentences))


def text_check(layout: Layout, compare: Callable[..., None]) -> Callable[[bytes], bool]:
    return lambda data: check_text(data, layout, compare)


def all_of(*checks: Callable[[bytes], bool]) -> Callable[[bytes], bool]:
    return lambda data: [check(data) for check in checks] == [True] * len(checks)


class ConfigCheck:
    """Reads bytes as a config file; what is read is written and read to the same config."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "c.yaml"
        self.place = re.compile(rf"{re.escape(str(self.path))}(?::[1-9][0-9]*){{0,2}}: .*[.?]")

    def __call__(self, data: bytes) -> bool:
        self.path.write_bytes(data)
        try:
            config = read_config(self.path)
        except ConfigError as fault:
            refused_well(str(fault), self.place)
            return False
        self.path.write_text(dump_config(config), encoding="utf-8", newline="")
        assert read_config(self.path) == config
        return True


def lines_of(*records: Any) -> bytes:
    return "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records).encode()


CONLL = (
    b"Anna\tB-X\nlives\tO\n\nin O\nNew B-X\nTown I-X\n\n-DOCSTART- -X- O\n\nx O\r\n\r\n",
    "\ufeff-DOCSTART-\n\nÄnna y B-X\n# z O\n\n\n猫 n I-Y\n".encode(),
)
CONLLU = tuple(
    text.encode()
    for text in (
        "# sent_id = 1\n1-2\tLet's\t_\t_\t_\t_\t_\t_\t_\t_\n"
        "1\tLet\tlet\tVERB\tVB\tMood=Imp\t0\troot\t_\tNER=O\n"
        "2\t's\twe\tPRON\tPRP\t_\t1\tobj\t_\t_\n2.1\tgone\tgo\tVERB\t_\t_\t_\t_\t_\t_\n\n"
        "1\tOslo\t_\tPROPN\t_\t_\t0\troot\t_\tSpaceAfter=No|NER=B-X\r\n\r\n# end\n",
        "1\té\t_\t_\tX\t_\t_\t_\t_\tA=1|B\n\n1\tNew York\t_\tX\tY\t_\t_\t_\t_\t_",
    )
)
TOKENS = (
    lines_of(
        {"tokens": ["Anna", "lives", "é"], "labels": ["B-X", "O", None], "id": 7},
        {"tokens": ["猫"], "labels": ["-"], "more": {"a": [1.5, None, True]}},
        {"tokens": [], "labels": []},
    ),
    b'\n{"labels": ["O"], "tokens": ["a\\u2028\\ud83d\\ude00b"], "gold_labels": [1e3]}\r\n \n',
)
TEXTS = (
    lines_of(
        {"text": "Anna Berg came. She left Oslo!", "spans": [[0, 9, "X"], [25, 29, "Y"]]},
        {"text": "😀 𝔄nna\n\nx 3.5", "spans": [{"start": 2, "end": 6, "label": "X"}], "id": "a"},
        {"text": "", "spans": []},
    ),
    lines_of({"text": "don't go to e.g. http://x.yz/ab?c.", "label": [], "tokens": [{"id": 0}]}),
)
CSV = (
    b'a,b,label,z\nx,"y, ""q""",yes,1\n\n"two\r\nlines",,no,\n',
    '\ufeffb,a,label\r\né,1,yes\r\n2,"3",\r\n\r\n'.encode(),
)
TSV = tuple(seed.replace(b",", b"\t") for seed in CSV)
TEXT = tuple(
    text.encode()
    for text in (
        'Anna Berg came. She isn\'t 3.5 m, e.g. "tall"!\n\n'
        "Ona e\u0301 😀👨\u200d👩\u200d👧 x@y.zz\r\n",
        "\ufeff 天氣 真的很 好\u3000\n 嗎？\tשלום \u200fab\u202e www.a.b :-) 1,000\n",
    )
)
CONFIG = (
    b"""# a run
seed: 1
task: spans
data: {train: [a.conll, 'b*.conll'], dev: {holdout: 0.1}, label: -1, extra: {pos: 1}}
features:
  window: 2
  use:
    - {kind: word, dim: 8}
    - kind: column
      column: pos
model: {hidden: {activation: tanh, units: 5}, recurrence: {directions: 2}, output: softmax}
""",
    b"""task: tagging
output: "runs/\\u00e9 x"
data:
  train: &t x.jsonl
  dev: *t
training:
  optimizer: {name: rmsprop, learning_rate: 1e-3}
  class_weights: {"NO": 2.0, A: .5}
  early_stopping: null
  l2: 1.e-2
  threads: auto
""",
    b'{"task": "slots", "data": {"train": "x.csv", "label": "c"}, "features": {"use": '
    b'[{"kind": "column", "column": "a", "table": "w", "dim": 3}]}}\n',
)

LINE_PIECES = (b"\n", b"\r\n", b"\r", b"\t", b" ", b"\n\n", b"\xc2\xa0", b"-DOCSTART-", b"O", b"#")
JSON_PIECES = (
    *(b'"', b"{", b"}", b"[", b"]", b",", b":", b"null", b"true", b"NaN", b"-Infinity", b"1e999"),
    *(b"\\ud800", b"\\udfff", b"\\u0000", b"\\u2028", b"\\n", b"\\", b"-0", b"1.0E+2", b'"": '),
    *(b'"tokens": ', b'"text": ', b'"spans": ', b'"labels": ', b'"label": ', b'"gold_spans": '),
    *(b'"words": ', b"[0, 1, ", b'{"start": 0, "end": 1, "label": "L\\u0085"}', b"[" * 120),
    b"\n",
)
TABLE_PIECES = (b'"', b'""', b",", b"\t", b"\n", b"\r\n", b"\r", b'"\n"', b"predicted", b"label")
TEXT_PIECES = (
    *(b". ", b"! ", b"\n", b"\r\n", b"\t", b"[", b"](", b")", b"/", b"'s", b"n't", b"11-", b"@"),
    *(b"http://", b"www.", b"..", b"1,", b"e.g.", b"cannot", "e\u0301".encode(), "。".encode()),
    *("\u3000".encode(), "🇳🇴".encode(), "👩\u200d".encode(), b"a.", b"'"),
)
YAML_PIECES = (
    *(b"&a ", b"*a", b"<<: *a\n", b"*t", b"? ", b": ", b"- ", b"[", b"]", b"{", b"}", b"|\n"),
    *(b"!!int ", b"!!bool ", b"!!float ", b"!!binary ", b"!!set ", b"!!omap ", b"!!timestamp "),
    *(b"!!python/object/apply:os.system ", b"!!null ", b"!x ", b"!", b"%YAML 1.1\n---\n", b">\n"),
    *(b"...\n", b"---\n", b'"', b"'", b"#", b"yes", b"NO", b"~", b"null", b"0x1F", b"010", b"1:30"),
    *(b"._", b".inf", b".nan", b"1e999", b"2024-13-45", b"2024-01-01", b"=", b"\\ud800", b"\\0"),
    *(b"[*a, *a, *a, *a, *a, *a, *a, *a]", b"[a]", b"1", b"-1", b"1_0", b"seed: ", b"task: "),
    *(b"data: ", b"kind: ", b"\n", b"\n  ", b"\n    ", b"@", b"`", b"%", b"\t"),
)  # fmt: skip

CONLL_LAYOUT = Layout("conll", "spans", label=-1)
TARGETS = {
    target.name: target
    for target in (
        Target(
            "conll",
            CONLL,
            LINE_PIECES,
            all_of(
                text_check(CONLL_LAYOUT, compare_conll),
                text_check(replace(CONLL_LAYOUT, task="tagging", label=1), compare_conll),
            ),
        ),
        Target(
            "conllu",
            CONLLU,
            (*LINE_PIECES, b"1-2", b"1.1", b"2\tx" + b"\t_" * 8, b"|", b"=", b"NER=", b"_"),
            all_of(
                text_check(Layout("conllu", "tagging", label="upos"), compare_conllu),
                text_check(Layout("conllu", "spans", label="misc.NER"), compare_conllu),
            ),
        ),
        Target(
            "jsonl",
            TOKENS,
            JSON_PIECES,
            all_of(
                text_check(Layout("jsonl", "tagging"), compare_jsonl),
                text_check(Layout("jsonl", "segmentation"), compare_jsonl),
            ),
        ),
        Target(
            "jsonl-text",
            TEXTS,
            (*JSON_PIECES, *TEXT_PIECES),
            all_of(
                text_check(Layout("jsonl", "spans"), compare_jsonl),
                text_check(
                    Layout("jsonl", "spans", misaligned="skip", tokenizer="ptb"), compare_jsonl
                ),
            ),
        ),
        Target(
            "csv",
            CSV,
            TABLE_PIECES,
            text_check(Layout("csv", "slots", label="label", slots=("a", "b")), compare_table),
        ),
        Target(
            "tsv",
            TSV,
            TABLE_PIECES,
            text_check(Layout("tsv", "slots", label=2, slots=("a", "b")), compare_table),
        ),
        Target(
            "text",
            TEXT,
            TEXT_PIECES,
            all_of(
                text_check(Layout("text", "spans", read_labels=False), compare_text),
                text_check(
                    Layout("text", "tagging", tokenizer="ptb", read_labels=False), compare_text
                ),
                text_check(Layout("text", "segmentation"), compare_text),
            ),
        ),
        Target("config", CONFIG, YAML_PIECES, ConfigCheck()),
    )
}
