"""guess_file: what a labelled file is, from its beginning, and then from all that it holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from windowclf.errors import DataError, Fault, legible, quoted
from windowclf.pipeline.guess_counts import Counting, Counts, count, read
from windowclf.pipeline.guess_tools import guess_of_tool, tool_format
from windowclf.pipeline.listener import SILENT, Listener
from windowclf.system.paths import kind_at
from windowclf.text.formats import Layout, Task, open_bytes
from windowclf.text.guess import Found, Look, guess_layout
from windowclf.text.guess.values import is_span_label
from windowclf.text.schemes import LabelSurvey, advice_on
from windowclf.text.sentence import Sentence
from windowclf.text.spans import Scheme
from windowclf.text.tokenizer import Tokenizer
from windowclf.text.units import held_out

LOOKED_AT = 1 << 20  # bytes of a file that say what it is
OR_IOB1 = "labels that are I- throughout may be IOB1 as well: set data.scheme: IOB1 if they are."
TOKENIZERS: tuple[Tokenizer, ...] = ("unicode", "ptb", "whitespace")
MOST_CUT = 0.1  # of the spans: where more cut a token they are wrong, or the tokenizer is
CUT_SHOWN = 3
MISALIGNED = "spans that cut a token are passed over"


@dataclass(frozen=True)
class Guess:
    """What a file seems to be, why, and what it holds when it is read so."""

    path: str
    found: Found
    layout: Layout
    counts: Counts
    sample: Sentence
    remarks: tuple[str, ...] = ()  # of the reader, on what is no fault

    @property
    def reasons(self) -> dict[str, tuple[str, str]]:
        """Each key that was guessed -> its value, and what in the file says so."""
        layout, why = self.layout, dict(self.found.why)
        values: dict[str, Any] = {"task": layout.task, "format": layout.format}
        values |= {"token": layout.token, "label": layout.label, "scheme": layout.scheme}
        values |= {"tokenizer": layout.tokenizer, "misaligned": layout.misaligned}
        return {key: (str(values[key]), why[key]) for key in values if key in why}

    def held_out(self, share: float) -> tuple[int, int] | None:
        """How many documents, else sentences, of how many a holdout of a share takes.

        None where there is nothing to share out.
        """
        units = [range(size) for size in self.counts.sizes]
        return None if len(units) < 2 else (held_out(units, share), len(units))


def guess_file(path: str, task: Task | None = None, listener: Listener = SILENT) -> Guess:
    """What a labelled file is. Raises DataError where no model can learn from it as it is."""
    found = _found(path, task)
    if found.layout.task == "spans" and not found.in_scheme:
        found, counting = _tokenized(path, found, listener)
        layout = found.layout
    else:
        layout = found.layout
        unchecked = replace(layout, task="tagging") if found.in_scheme else layout
        counting = count(path, unchecked, listener)
    survey = counting.survey
    if found.in_scheme:
        layout = replace(layout, scheme=_scheme(survey))
        for _ in () if survey.scheme() else read(path, layout, listener):
            pass  # which says what is wrong with its labels
        found = replace(found, why={**found.why, "scheme": _why_scheme(survey, layout)})
    found = replace(found, doubts=(*found.doubts, *_doubts(survey, layout)))
    if counting.sample is None:
        raise DataError(Fault("no sentence found; expected labelled text.", path))
    if len(counting.labels) < 2:
        raise DataError(Fault(_too_few(counting.labels, found), path))
    if "label" in found.why:
        kinds = f"{found.why['label']}, {len(counting.labels):,} different ones"
        found = replace(found, why={**found.why, "label": kinds})
    remarks = counting.remarks_in(layout, "train")
    return Guess(path, found, layout, counting.counts(), counting.sample, remarks)


def _tokenized(path: str, found: Found, listener: Listener) -> tuple[Found, Counting]:
    """What was found with the tokenizer that the fewest spans by offsets cut, and the counts so.

    Raises DataError where they are many.
    """
    tried: dict[Tokenizer, Counting] = {}
    for tokenizer in TOKENIZERS:
        layout = replace(found.layout, tokenizer=tokenizer, misaligned="skip")
        tried[tokenizer] = count(path, layout, listener)
        if not tried[tokenizer].skipped:
            break
    best = min(tried, key=lambda name: tried[name].skipped)
    counting = tried[best]
    layout = replace(found.layout, tokenizer=best)
    cut = ", ".join(f"{name} {own.skipped:,}" for name, own in tried.items())
    why = {"tokenizer": f"spans that cut a token: {cut}; of {counting.spans:,}"}
    if counting.skipped:
        layout = _skipping(path, layout, counting, f" ({cut})", listener)
        why["misaligned"] = MISALIGNED
    return replace(found, layout=layout, why={**found.why, **why}), counting


def _skipping(
    path: str, layout: Layout, counting: Counting, more: str, listener: Listener
) -> Layout:
    """The layout for a file of which some spans cut tokens.

    Raises DataError for too many of them, with the first ones.
    """
    if counting.skipped <= MOST_CUT * counting.spans:
        return replace(layout, misaligned="skip")
    fault = Fault(
        f"{counting.skipped:,} of {counting.spans:,} spans cut a token or overlap another, with "
        f"the tokenizer {layout.tokenizer}{more}; mend them, as below.",
        path,
    )
    try:
        for _ in read(path, layout, listener):
            pass
    except DataError as error:
        raise DataError(fault, *error.faults[:CUT_SHOWN]) from None
    raise DataError(fault)


def with_dev(guess: Guess, path: str, listener: Listener = SILENT) -> tuple[Guess, Counts]:
    """The guess for a further file too, and what that holds. Raises DataError.

    The file is read as the guess says, and what cuts a token in it passed over where that is few.
    """
    same_format(path, guess, to_be_read=True)
    by_offsets = "tokenizer" in guess.found.why
    layout = replace(guess.layout, misaligned="skip") if by_offsets else guess.layout
    counting = count(path, layout, listener)
    if counting.sample is None:
        raise DataError(Fault("no sentence found; expected labelled text.", path))
    if counting.skipped:
        layout = _skipping(path, guess.layout, counting, "", listener)
        found = replace(guess.found, why={**guess.found.why, "misaligned": MISALIGNED})
        guess = replace(guess, found=found, layout=layout)
    guess = replace(guess, remarks=(*guess.remarks, *counting.remarks_in(layout, "dev")))
    return guess, counting.counts()


def _found(path: str, task: Task | None) -> Found:
    """What the beginning of a file says. Raises DataError where that is nothing to learn from."""
    _refuse_pipe(path)
    format_ = tool_format(path)
    return (
        guess_layout(look_at(path, task)) if format_ is None else guess_of_tool(path, format_, task)
    )


def _refuse_pipe(path: str) -> None:
    """Raise DataError for what a config cannot name, as it can be read only once."""
    kind = kind_at(Path(path), follow=True)
    if kind in ("a pipe", "a character device"):
        raise DataError(
            Fault(f"expected a file, found {kind}; a config names files, so put it in one.", path)
        )


def look_at(path: str, task: Task | None) -> Look:
    """The beginning of a file, for guessers. Raises DataError for what is no file of text."""
    with open_bytes(path) as file:
        head = file.read(LOOKED_AT)
        if len(head) == LOOKED_AT and b"\n" in head:
            head = head[: head.rindex(b"\n") + 1]
    return Look(path, head.decode("utf-8", "replace").lstrip("\ufeff"), task)


def same_format(path: str, guess: Guess, to_be_read: bool = False) -> None:
    """Raise DataError unless a file begins in the format of another one, which was guessed.

    What is `to_be_read` in that format may also begin in none, for its reader to tell.
    """
    _refuse_pipe(path)
    try:
        format_ = _found(path, guess.layout.task).layout.format
    except DataError:
        if to_be_read:
            return
        raise
    if format_ != guess.layout.format:
        raise DataError(
            Fault(
                f"expected {guess.layout.format} as in {legible(guess.path)}, found {format_}; "
                "write both in one format.",
                path,
            )
        )


def _scheme(survey: LabelSurvey) -> Scheme:
    """The scheme of some labels, whatever those are that no scheme has."""
    return survey.respelt(lambda label: label if is_span_label(label) else "O").scheme() or "BIO"


def _doubts(survey: LabelSurvey, layout: Layout) -> Iterator[str]:
    """What else the labels of a file may be."""
    if layout.task == "spans" and layout.scheme == "IO":
        yield OR_IOB1
    if layout.task == "tagging" and "O" in survey.labels:
        label = min(survey.labels - {"O"}, default="O")
        advice = advice_on(survey, "BIO", "set data.scheme: {}")(label)
        if "write it as" in advice:
            yield f"{quoted(label)} beside O may be a span: {advice}, and task: spans."


def _why_scheme(survey: LabelSurvey, layout: Layout) -> str:
    """What the labels of a file say of their scheme."""
    spans, unlike = survey.spans(), survey.unlike(layout.scheme)
    if not unlike:
        return f"all labels of {spans:,} spans follow one another so"
    return f"of {spans:,} spans all but {unlike:,} labels follow one another so"


def _too_few(labels: Counter[str], found: Found) -> str:
    """A sentence about a file with one label or none."""
    if not labels:
        return "no token has a label; expected two labels at least."
    if found.layout.task == "segmentation":
        return "every character is a word; expected words of several, between spaces."
    said = f"found {quoted(next(iter(labels)))} at all of {labels.total():,} tokens"
    advice = "".join(f" {doubt[0].upper()}{doubt[1:]}" for doubt in found.doubts[:1])
    return f"expected two labels at least, {said}; there is nothing to learn.{advice}"
