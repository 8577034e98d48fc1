"""What people should know of the texts of a config and is no fault: its key, and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path

from windowclf import config as cfg
from windowclf.analysis import text_warnings as say
from windowclf.analysis.figures import Check, TextFigures
from windowclf.errors import DataError, Fault
from windowclf.pipeline.survey import Surveyed
from windowclf.pipeline.texts import Text
from windowclf.text.formats import Layout, open_bytes
from windowclf.text.formats.containers import beginning_of
from windowclf.text.formats.label_columns import columns_in, like_labels, named_columns
from windowclf.text.schemes import remark_on

SCORED = ("dev", "test")
COLUMNS = ("tagging", "spans")  # tasks whose tokens have a column


def warnings_of(
    config: cfg.Config, layout: Layout, found: Mapping[str, Surveyed], checked: Check
) -> Iterator[Fault]:
    """All warnings; where a column of train seems to be another one no more than that."""
    texts = {name: own.text for name, own in found.items()}
    digests = {name: own.digest for name, own in found.items() if own.profile.sentences}
    same = list(same_texts(texts, digests))
    yield from same
    if wrong := list(_wrong_columns(found["train"], layout)) if "train" in found else []:
        yield from (_about("train", sentence) for sentence in wrong)
        return
    is_held_out = isinstance(config.data.dev, cfg.Holdout)
    is_marked = "train" in found and "documents" in checked["texts"]["train"]
    known_before = config.training.start_from is not None  # labels that train may lack
    for name, own in found.items():
        figures = checked["texts"][name]
        is_same = any(each.key == f"data.{name}" for each in same)
        sentences = (
            _scored(
                own, figures, is_same, known_before, name == "dev" and is_held_out and is_marked
            )
            if name in SCORED
            else _learnt(own, figures, layout)
        )
        for sentence in (*_in_any(own, figures, layout), *sentences):
            yield _about(name, sentence)
    for sentence in say.slips(checked["alike"], config.task == "spans"):
        yield _about("train", sentence)


def same_texts(texts: Mapping[str, Text], digests: Mapping[str, str]) -> Iterator[Fault]:
    """Warnings about texts that are one and the same, or have a file in common."""
    for name, text in texts.items():
        of_name = {_resolved(file): file for file in text.files}
        times = Counter(map(_resolved, text.files))
        if both := [file for resolved, file in of_name.items() if times[resolved] > 1]:
            yield _about(name, say.twice(both))
    for other, name in combinations([n for n in ("train", *SCORED) if n in texts], 2):
        known = {_resolved(file) for file in texts[other].files}
        both = [file for file in texts[name].files if _resolved(file) in known]
        if both or (name in digests and digests[name] == digests.get(other)):
            yield _about(name, say.same_as(name, other, both))


def _wrong_columns(train: Surveyed, layout: Layout) -> Iterator[str]:
    """Sentences about tokens that seem to be no words, and labels that seem to be some."""
    profile, task = train.profile, layout.task
    if task in COLUMNS and (odd := say.like_numbers(list(profile.words), profile.tokens)):
        yield odd
    if task not in ("tagging", "slots"):
        return
    if odd := say.like_words(profile.words, profile.labels, profile.tokens):
        yield f"{odd}; {train.text.advice} {columns_like_labels(train.text, layout)}".strip()


def _in_any(own: Surveyed, figures: TextFigures, layout: Layout) -> Iterator[str]:
    """Sentences about a text whatever it is for."""
    if remark := remark_on(own.profile.survey, layout.scheme, "set data.scheme: {}"):
        yield remark
    yield from say.odd_sizes(figures, layout.task)


def _learnt(own: Surveyed, figures: TextFigures, layout: Layout) -> Iterator[str]:
    """Sentences about a text that is learnt from."""
    profile, task = own.profile, layout.task
    if task == "segmentation" and layout.format == "conll":
        yield (
            "words are taken from its tokens and no label is read; expected lines of words with "
            "spaces between them, or task: tagging or spans for labelled columns."
        )
    if task != "slots" and (odd := say.repeats(figures["repeated"])):
        yield odd
    if odd := say.no_choice(profile.labels, task, own.text.advice):
        yield odd
    if task in COLUMNS and (odd := say.few_words(list(profile.words), profile.tokens)):
        yield odd
    if odd := say.as_spans(profile.labels, task):
        yield odd


def _scored(
    own: Surveyed,
    figures: TextFigures,
    is_same: bool,
    known_before: bool,
    by_documents: bool,
) -> Iterator[str]:
    """Sentences about a text that is scored on, and need not be another one than train."""
    profile, task = own.profile, own.profile.task
    shared, new = figures.get("in_train"), figures.get("new_labels")
    if profile.sentences and task != "segmentation" and (odd := say.no_span(profile.labels, task)):
        yield odd
    if (
        shared
        and task != "slots"
        and not is_same
        and (odd := say.shared_with_train(shared, by_documents))
    ):
        yield odd
    if new and not known_before:
        yield say.lacking(new)


def columns_like_labels(text: Text, layout: Layout) -> str:
    """Which columns at the beginning of the first file look like labels; empty for none."""
    if not text.files or not Path(text.files[0]).is_file() or layout.format in ("jsonl", "text"):
        return ""
    try:
        with open_bytes(text.files[0]) as file:
            head = beginning_of(file).decode("utf-8", "replace")
    except DataError:
        return ""
    lines = head.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")[:-1]
    columns = columns_in(lines, layout.format)
    return named_columns(like_labels(columns, layout.task, [layout.label, *layout.slots]))


def _about(name: str, sentence: str) -> Fault:
    """A warning about the text of this name."""
    return Fault(f"{name}: {sentence}", key=f"data.{name}")


def _resolved(file: str) -> str:
    """One name for all names of a file."""
    return str(Path(file).resolve())
