"""The text of a config that a guess leads to, with a word on every key."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from windowclf.config.plain_yaml import write_inline
from windowclf.errors import DataError, Fault, legible
from windowclf.pipeline.guess import Guess

FEW_TOKENS = 8_000  # of which the default batches and epochs make too few steps
FEW_SENTENCES = 20  # of which none are held out: a score on one or two says nothing
HOLDOUT = 0.1
FURTHER = "# Further keys: take the # away from those that you change."
_COLUMN = 36  # where comments begin
_SMALL = {"epochs": 30, "batch_tokens": 64, "early_stopping": {"patience": 10}}


@dataclass(frozen=True)
class Plan:
    """What stands in a config besides what was guessed of its training file."""

    run: Path
    dev: str | None
    test: str | None


def config_text(guess: Guess, plan: Plan) -> str:
    """The whole config. Raises DataError for a name that no config can hold."""
    layout, counts = guess.layout, guess.counts
    unit = "row" if layout.task == "slots" else "sentence"
    lines = [
        "# Paths are relative to the folder that commands are run from. Every key that is not here",
        "# has a default: `windowclf plan` shows them all, and what a run will take.",
        _line("task", layout.task, "tagging | spans | segmentation | slots"),
        _line("output", os.fspath(plan.run), "the run folder"),
        "",
        "data:",
        _line(
            "  train", guess.path, f"{counted(counts.sentences, unit)}; a path, a glob or a list"
        ),
        _line("  dev", dev_of(guess, plan.dev), _on_dev(guess, plan.dev)),
        _line("  test" if plan.test else "  # test", plan.test or "FILE", "scored at the end"),
        *(_line(f"  {key}", value, why) for key, value, why in _reading(guess)),
    ]
    if guess.found.further:
        more = "further columns that features may use; raw text has none"
        lines.append(_line("  # extra", dict(guess.found.further), more))
    if layout.task == "slots":
        lines += ["", "features:", "  use:"]
        lines += [f"    - {write_inline({'kind': 'column', 'column': s})}" for s in layout.slots]
    if is_small(guess):
        lines += ["", f"training:  # for few {unit}s: more and smaller steps"]
        lines += [_line(f"  {key}", value, _ON[key]) for key, value in _SMALL.items()]
    return "\n".join([*lines, "", FURTHER, *(f"# {line}" for line in _further(guess)), ""])


def counted(number: int, unit: str) -> str:
    """A number of things, as 1 sentence or 2,000 sentences."""
    return f"{number:,} {unit}{'' if number == 1 else 's'}"


def is_small(guess: Guess) -> bool:
    """Whether a file is so small that the default settings would not learn from it."""
    return guess.counts.tokens < FEW_TOKENS


def dev_of(guess: Guess, given: str | None) -> Any:
    """The value of data.dev: a file, a share of train, or None where that is too small."""
    held = guess.held_out(HOLDOUT)
    if given is not None or held is None or guess.counts.sentences < FEW_SENTENCES:
        return given
    sentences = sum(guess.counts.sizes[-held[0] :])
    return {"holdout": HOLDOUT} if 2 * sentences <= guess.counts.sentences else None


def _on_dev(guess: Guess, given: str | None) -> str:
    """What there is to say of data.dev."""
    if given is not None:
        return "scored after every epoch"
    dev, held = dev_of(guess, given), guess.held_out(HOLDOUT)
    if dev is None or held is None:
        return "a file, or {holdout: 0.2}, for a score; too little text to hold any out"
    what = "documents" if guess.counts.is_marked else "sentences"
    return f"the last {held[0]:,} of {held[1]:,} {what} of train, or a file"


def _reading(guess: Guess) -> Iterator[tuple[str, Any, str]]:
    """The keys that say how the files are read: key, value, and what it is."""
    layout = guess.layout
    words, labels = _PLACES.get(layout.format, ("", ""))
    yield "format", layout.format, guess.reasons["format"][1]
    if layout.format == "conll" or (
        layout.format in ("jsonl", "token-csv") and isinstance(layout.token, str)
    ):
        yield "token", layout.token, words
    if layout.task != "segmentation" and layout.format in _PLACES:
        yield "label", layout.label, labels
    if guess.found.in_scheme:
        yield "scheme", layout.scheme, "BIO | IOB1 | IO | BIOES | BILOU | BMES | BMEWO"
    for key in ("tokenizer", "misaligned"):
        if key in guess.reasons:
            yield key, *guess.reasons[key]


def _further(guess: Guess) -> Iterator[str]:
    """Lines of YAML with keys that one may want to change."""
    task = guess.layout.task
    if task != "slots":
        window = 3 if task == "segmentation" else 2
        yield "features:"
        yield _line("  window", window, "tokens on either side that are seen")
    yield "model:"
    yield _line("  hidden", {"units": 256}, "more for much text")
    if task != "slots":
        yield _line("  output", "crf", "in place of softmax: the labels of a sentence as a whole")
    if not is_small(guess):
        yield "training:"
        for key, value in _DEFAULTS.items():
            yield _line(f"  {key}", value, _ON[key])


_PLACES: Mapping[str, tuple[str, str]] = {  # what words and labels stand in
    "conll": ("the column of the words, from 0 on", "that of the labels; -1 is the last"),
    "conllu": ("", "upos | xpos | feats | misc.KEY"),
    "jsonl": ("the key of the words", "the key of the labels or spans"),
    "token-csv": ("the column of the words", "the column of the labels"),
    "csv": ("", "the column of the class"),
    "tsv": ("", "the column of the class"),
    "text": ("", ""),
}
_DEFAULTS: Mapping[str, Any] = {
    "epochs": 10,
    "batch_tokens": 256,
    "early_stopping": {"patience": 3},
}
_ON = {
    "epochs": "rounds over train; --resume may raise it",
    "batch_tokens": "of each step; 1024 is faster with much text",
    "early_stopping": "epochs without a better score on dev",
}


def _line(key: str, value: Any, comment: str) -> str:
    """A key and its value, with a comment at the column where all stand."""
    return f"{f'{key}: {inline(value)}':<{_COLUMN}} # {comment}"


def inline(value: Any) -> str:
    """A value as YAML in one line. Raises DataError for text that no file in UTF-8 holds."""
    try:
        str(value).encode()
    except UnicodeEncodeError:
        raise DataError(
            Fault("expected a name in UTF-8, which a config can hold; rename it.", legible(value))
        ) from None
    return write_inline(value)
