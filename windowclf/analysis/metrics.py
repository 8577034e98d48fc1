"""Scores from counts: accuracy, P, R and F1 per label and span, confusion, seen and unseen words.

Every fraction is in [0, 1]; 0/0 is 0. `Tally` takes one sentence at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from windowclf.analysis.results import Counted, Means, Part, Scores
from windowclf.arrays import Bools, Floats
from windowclf.text.label_sets import parts_of

LabelledSpan: TypeAlias = tuple[int, int, str]


class Score(NamedTuple):
    """Precision, recall and F1, with how many were to be found."""

    precision: float
    recall: float
    f1: float
    support: int


def score(correct: int, guessed: int, gold: int) -> Score:
    """Precision correct/guessed, recall correct/gold, F1 2·correct/(guessed + gold)."""
    return Score(
        _fraction(correct, guessed),
        _fraction(correct, gold),
        _fraction(2 * correct, guessed + gold),
        gold,
    )


def _fraction(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


class Found(NamedTuple):
    """How many of one sentence's spans, words or labels were given, and how many correctly."""

    correct: int = 0
    guessed: int = 0
    gold: int = 0


class _Counts:
    """Correct, guessed and gold, by label or type."""

    def __init__(self) -> None:
        self.correct: Counter[str] = Counter()
        self.guessed: Counter[str] = Counter()
        self.gold: Counter[str] = Counter()

    def add(
        self, gold: Collection[str], guessed: Collection[str], correct: Collection[str]
    ) -> Found:
        self.gold.update(gold)
        self.guessed.update(guessed)
        self.correct.update(correct)
        return Found(len(correct), len(guessed), len(gold))

    def by_name(self) -> dict[str, Score]:
        names = sorted(self.gold.keys() | self.guessed.keys())
        return {
            name: score(self.correct[name], self.guessed[name], self.gold[name]) for name in names
        }

    def total(self) -> Score:
        return score(self.correct.total(), self.guessed.total(), self.gold.total())


def best_threshold(probabilities: Floats, gold: Bools) -> float:
    """The threshold above which giving one label scores the best F1; 0.5 where gold has none.

    probabilities (N,) that tokens have the label, gold (N,) whether they do. It lies half-way
    between the last probability that should pass and the next one below it; of equal scores the
    highest threshold is taken.
    """
    wanted = int(gold.sum())
    if wanted == 0:
        return 0.5
    order = np.argsort(-probabilities, kind="stable")
    ranked = probabilities[order].astype(np.float64)
    correct = np.cumsum(gold[order])
    f1 = 2 * correct / (np.arange(1, len(ranked) + 1) + wanted)
    f1[:-1][ranked[:-1] == ranked[1:]] = 0.0  # no threshold lies between equals
    last = int(f1.argmax())
    below = ranked[last + 1] if last + 1 < len(ranked) else 0.0
    return float((ranked[last] + below) / 2)


class Tally:
    """Counts sentences and reports every figure at the end."""

    def __init__(self) -> None:
        self._sentences = 0
        self._pairs: Counter[tuple[str, str]] = Counter()  # (gold, predicted)
        self._seen: Counter[tuple[bool, bool]] = Counter()  # (seen, correct)
        self._spans: _Counts | None = None
        self._words: _Counts | None = None

    def add_tokens(
        self, gold: Sequence[str | None], predicted: Sequence[str], seen: Sequence[bool]
    ) -> list[bool]:
        """One sentence; tokens whose gold label is None are left out. Which others are right."""
        self._sentences += 1
        known = [
            (wanted, given, before)
            for wanted, given, before in zip(gold, predicted, seen, strict=True)
            if wanted is not None
        ]
        self._pairs.update([(wanted, given) for wanted, given, _ in known])
        right = [wanted == given for wanted, given, _ in known]
        self._seen.update(zip([before for *_, before in known], right, strict=True))
        return right

    def add_spans(self, gold: Iterable[LabelledSpan], predicted: Iterable[LabelledSpan]) -> Found:
        """The spans of one sentence; one is correct where start, end and type are the same."""
        self._spans = self._spans or _Counts()
        wanted, found = set(gold), set(predicted)
        return self._spans.add(
            [span[2] for span in wanted],
            [span[2] for span in found],
            [span[2] for span in wanted & found],
        )

    def add_words(
        self, gold: Iterable[tuple[int, int]], predicted: Iterable[tuple[int, int]]
    ) -> Found:
        """The words of one sentence as (start, end) of characters."""
        self._words = self._words or _Counts()
        wanted, found = set(gold), set(predicted)
        return self._words.add([""] * len(wanted), [""] * len(found), [""] * len(wanted & found))

    def report(self, multilabel: bool = False) -> Counted:
        """The figures as JSON-ready values.

        `micro` counts all labels together, `macro` is the mean over those that occur in gold or
        prediction. Where spans or words are counted, they and their types are meant, and
        `token_micro` and `token_macro` are of the labels of tokens, O among them. For single labels
        the micro figures of tokens equal accuracy; with `multilabel` the labels of a token are the
        parts of `A|B` (`_` is none), and `exact` is the share of tokens whose whole set is right.
        """
        counts = _label_counts(self._pairs, multilabel)
        labels = counts.by_name()
        units = self._spans or self._words
        tokens = self._pairs.total()
        right = sum(times for (gold, predicted), times in self._pairs.items() if gold == predicted)
        report: Counted = {
            "tokens": tokens,
            "sentences": self._sentences,
            "accuracy": _fraction(right, tokens),
            "seen": self._part(True),
            "unseen": self._part(False),
            "labels": _by_name(labels),
            "micro": _without_support((units or counts).total()),
            "macro": _mean(units.by_name() if units else labels),
            "confusion": _confusion(self._pairs),
        }
        if units is not None:
            report["token_micro"] = _without_support(counts.total())
            report["token_macro"] = _mean(labels)
        if multilabel:
            report["exact"] = report["accuracy"]
        if self._spans is not None:
            types = _by_name(self._spans.by_name())
            report["spans"] = {**_scores(self._spans.total()), "types": types}
        if self._words is not None:
            report["words"] = _scores(self._words.total())
        return report

    def _part(self, seen: bool) -> Part:
        right, wrong = self._seen[seen, True], self._seen[seen, False]
        return {"tokens": right + wrong, "accuracy": _fraction(right, right + wrong)}


def labels_found(gold: Sequence[str | None], predicted: Sequence[str]) -> Found:
    """The labels `A|B` of one sentence's tokens, each label for itself."""
    pairs = [
        (set(parts_of(wanted)), set(parts_of(given)))
        for wanted, given in zip(gold, predicted, strict=True)
        if wanted is not None
    ]
    return Found(
        sum(len(wanted & given) for wanted, given in pairs),
        sum(len(given) for _, given in pairs),
        sum(len(wanted) for wanted, _ in pairs),
    )


def _label_counts(pairs: Mapping[tuple[str, str], int], multilabel: bool) -> _Counts:
    counts = _Counts()
    for (gold, predicted), times in pairs.items():
        wanted = set(parts_of(gold)) if multilabel else {gold}
        found = set(parts_of(predicted)) if multilabel else {predicted}
        for label in wanted:
            counts.gold[label] += times
        for label in found:
            counts.guessed[label] += times
        for label in wanted & found:
            counts.correct[label] += times
    return counts


def _scores(row: Score) -> Scores:
    return {**_without_support(row), "support": row.support}


def _by_name(rows: Mapping[str, Score]) -> dict[str, Scores]:
    return {name: _scores(row) for name, row in rows.items()}


def _without_support(row: Score) -> Means:
    return {"precision": row.precision, "recall": row.recall, "f1": row.f1}


def _mean(labels: Mapping[str, Score]) -> Means:
    count = max(len(labels), 1)
    rows = labels.values()
    return {
        "precision": sum(row.precision for row in rows) / count,
        "recall": sum(row.recall for row in rows) / count,
        "f1": sum(row.f1 for row in rows) / count,
    }


def _confusion(pairs: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    table: dict[str, dict[str, int]] = {}
    for (gold, predicted), times in sorted(pairs.items()):
        table.setdefault(gold, {})[predicted] = times
    return table
