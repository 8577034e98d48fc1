"""What people should know of the texts of a config and is no fault: its key, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path

from windowclf import config as cfg
from windowclf.analysis import text_warnings as say
from windowclf.analysis.figures import Check
from windowclf.errors import DataError, Fault
from windowclf.pipeline.survey import Surveyed
from windowclf.pipeline.texts import Text
from windowclf.text.formats import Layout, open_bytes
from windowclf.text.formats.containers import beginning_of
from windowclf.text.formats.label_columns import columns_in, like_labels, named_columns
from windowclf.text.schemes import remark_on

SCORED = ("dev", "test")


def warnings_of(
    config: cfg.Config, layout: Layout, found: Mapping[str, Surveyed], checked: Check
) -> Iterator[Fault]:
    """All warnings."""
    texts = {name: own.text for name, own in found.items()}
    digests = {name: own.digest for name, own in found.items() if own.profile.sentences}
    yield from same_texts(texts, digests)
    for name, own in found.items():
        for sentence in _in_text(name, own, layout, checked):
            yield _about(name, sentence)
        new = checked["texts"][name].get("new_labels")
        if name in SCORED and new and config.training.start_from is None:
            yield Fault(say.lacking(name, new), key=f"data.{name}")
    for sentence in say.slips(checked["alike"], config.task == "spans"):
        yield _about("train", sentence)


def same_texts(texts: Mapping[str, Text], digests: Mapping[str, str]) -> Iterator[Fault]:
    """Warnings about texts that are one and the same, or have a file in common."""
    for other, name in combinations([n for n in ("train", *SCORED) if n in texts], 2):
        known = {_resolved(file) for file in texts[other].files}
        both = [file for file in texts[name].files if _resolved(file) in known]
        if both or (name in digests and digests[name] == digests.get(other)):
            yield _about(name, say.same_as(name, other, both))


def _in_text(name: str, own: Surveyed, layout: Layout, checked: Check) -> Iterator[str]:
    """Sentences about one text."""
    figures, profile, task = checked["texts"][name], own.profile, layout.task
    advice = own.text.advice
    if remark := remark_on(profile.survey, layout.scheme, "set data.scheme: {}"):
        yield remark
    yield from say.odd_sentences(figures, task)
    if task == "segmentation" and layout.format == "conll":
        yield (
            "words are taken from its tokens and no label is read; expected lines of words with "
            "spaces between them, or task: tagging or spans for labelled columns."
        )
    if name not in SCORED:
        if sentence := say.no_choice(profile.labels, task, advice):
            yield sentence
        yield from say.odd_tokens(list(profile.words), profile.tokens, task)
        if task in ("tagging", "slots") and (odd := _as_words(own, layout)):
            yield odd
        if sentence := say.as_spans(profile.labels, task):
            yield sentence
        return
    is_scored = name == "dev" and profile.sentences and task != "segmentation"
    if is_scored and (sentence := say.no_span(profile.labels, task)):
        yield sentence
    shared = figures.get("in_train")
    if shared and task != "slots" and (sentence := say.shared_with_train(shared)):
        yield sentence


def _as_words(own: Surveyed, layout: Layout) -> str | None:
    """A sentence about labels that seem to be words, with the columns that seem to be labels."""
    profile = own.profile
    odd = say.like_words(profile.words, profile.labels, profile.tokens)
    if odd is None:
        return None
    columns = _columns_like_labels(own.text, layout)
    return f"{odd}; {own.text.advice} {columns}".strip()


def _columns_like_labels(text: Text, layout: Layout) -> str:
    """Which columns at the beginning of the first file look like labels; empty for none."""
    if not text.files or not Path(text.files[0]).is_file() or layout.format in ("jsonl", "text"):
        return ""
    try:
        with open_bytes(text.files[0]) as file:
            head = beginning_of(file).decode("utf-8", "replace")
    except DataError:
        return ""
    columns = columns_in(head.splitlines()[:-1], layout.format)
    others = (layout.token, layout.label, *layout.extra.values())
    return named_columns(like_labels(columns, layout.task, others))


def _about(name: str, sentence: str) -> Fault:
    """A warning about the text of this name."""
    return Fault(f"{name}: {sentence}", key=f"data.{name}")


def _resolved(file: str) -> str:
    """One name for all names of a file."""
    return str(Path(file).resolve())
