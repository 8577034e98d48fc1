"""Two models on the same labelled text: their scores, what may be chance, where they differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import tee

from windowclf.analysis.bootstrap import differences
from windowclf.analysis.evaluation import Scorer, f1_name, gold_of, scoring
from windowclf.analysis.resampling import Resampling
from windowclf.analysis.results import Comparison, Differences, Differing, DifferingSentence
from windowclf.analysis.wrong import sentence_record
from windowclf.errors import ModelFileError, named
from windowclf.tagging.spec import Spec
from windowclf.tagging.tagger import Tagger
from windowclf.text.formats import Layout
from windowclf.text.sentence import Sentence


def shared_layout(one: Spec, other: Spec, name: str, other_name: str) -> Layout:
    """How to read text for both: as the first model does, with the columns of both.

    Raises ModelFileError where they are not for the same task and labels, or do not agree on
    where a column is or in what scheme a dictionary is written.
    """
    kinds = [_kind(spec) for spec in (one, other)]
    if kinds[0] != kinds[1]:
        raise ModelFileError(
            f"{other_name}: expected a model for {kinds[0]} as {name} is, found one for "
            f"{kinds[1]}; only models for the same task can be compared."
        )
    ours, theirs = _label_set(one), _label_set(other)
    if 2 * len(ours & theirs) < min(len(ours), len(theirs)):
        raise ModelFileError(
            f"{other_name}: expected labels such as those of {name} ({named(sorted(ours))}), found "
            f"{named(sorted(theirs))}; models with other labels cannot be compared."
        )
    own, its = one.layout, other.layout
    for column, place in its.extra.items():
        if own.extra.get(column, place) != place:
            raise ModelFileError(
                f"{other_name}: expected the column {column!r} at {own.extra[column]!r} as {name} "
                f"does, found {place!r}; train both on files of one layout."
            )
    if other.dictionary and its.scheme != own.scheme:
        raise ModelFileError(
            f"{other_name}: expected a dictionary of labels in the scheme of {name}, {own.scheme}, "
            f"found {its.scheme}; train both on files of one scheme."
        )
    slots = tuple(dict.fromkeys((*own.slots, *its.slots)))
    return replace(own, extra={**own.extra, **its.extra}, slots=slots)


def compare_taggers(
    one: Tagger, other: Tagger, sentences: Iterable[Sentence], most: int | None = None
) -> Comparison:
    """Two models' evaluations, their differences, and the sentences with different answers.

    The text is streamed. Both models have one layout; of the sentences the first `most` are kept,
    or all.
    """
    ours, theirs = Scorer(one.model.spec), Scorer(other.model.spec)
    resampling = Resampling()
    differing = _Differing(most, one.model.spec)
    text, again = tee(sentences)  # never more than a block of sentences apart
    answers = (
        one.tag(text, scoring(one)),
        other.tag(again, scoring(other)),
    )
    for answer, its in zip(*answers, strict=True):
        resampling.add(answer.sentence, (*ours.add(answer), *theirs.add(its)))
        differing.add(answer.sentence, answer.labels, its.labels)
    return {
        "model": ours.report(),
        "against": theirs.report(),
        "differences": differences(resampling.rows(), f1_name(one.model.spec)),
        **differing.report(),
    }


def _kind(spec: Spec) -> str:
    task = spec.layout.task
    return f"{task} with several labels a token" if spec.is_multilabel else task


def _label_set(spec: Spec) -> set[str]:
    """The labels that a model gives; of spans their types."""
    labels = set(spec.classes)
    if spec.inside is None:
        return labels
    return {label[2:] for label in labels if label != "O"}


class _Differing:
    """The sentences to whose labelled tokens two models give different labels."""

    def __init__(self, most: int | None, spec: Spec):
        self._most = most
        self._spec = spec
        self._sentences: Counter[str] = Counter()
        self._tokens: Counter[str] = Counter()
        self._kept: list[DifferingSentence] = []

    def add(self, sentence: Sentence, ours: Sequence[str], theirs: Sequence[str]) -> None:
        """Compare two models' labels of one sentence."""
        gold = gold_of(self._spec, sentence)
        known = [row for row in zip(gold, ours, theirs, strict=True) if row[0] is not None]
        unlike = [(wanted, our, their) for wanted, our, their in known if our != their]
        if not unlike:
            return
        self._tokens["differ"] += len(unlike)
        self._tokens["model_right"] += sum(our == wanted for wanted, our, _ in unlike)
        self._tokens["against_right"] += sum(their == wanted for wanted, _, their in unlike)
        self._sentences["differ"] += 1
        self._sentences["model_right"] += all(our == wanted for wanted, our, _ in known)
        self._sentences["against_right"] += all(their == wanted for wanted, _, their in known)
        if self._most is None or len(self._kept) < self._most:
            self._kept.append(_record(sentence, gold, ours, theirs))

    def report(self) -> Differences:
        """How many sentences and tokens differ, who is right there, and the sentences kept."""
        return {
            "sentences": _differing(self._sentences),
            "tokens": _differing(self._tokens),
            "differing": self._kept,
        }


def _differing(counts: Mapping[str, int]) -> Differing:
    return {
        "differ": counts["differ"],
        "model_right": counts["model_right"],
        "against_right": counts["against_right"],
    }


def _record(
    sentence: Sentence, gold: Sequence[str | None], ours: Sequence[str], theirs: Sequence[str]
) -> DifferingSentence:
    return {
        **sentence_record(sentence),
        "gold": list(gold),
        "model": list(ours),
        "against": list(theirs),
    }
