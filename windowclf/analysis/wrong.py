"""Wrong answers as people look at them: the first sentences that have one, and a word for each."""

from __future__ import annotations

from collections.abc import Sequence

from windowclf.analysis.results import SentenceRecord, Wrong, WrongSentence
from windowclf.text.sentence import Sentence


class WrongAnswers:
    """Counts the sentences with a wrong label, and keeps the first `most` of them.

    Beside them the first token for each pair of a gold and a wrong label.
    """

    def __init__(self, most: int):
        self._most = most
        self._sentences = 0
        self._examples: dict[tuple[str, str], str] = {}
        self._first: list[WrongSentence] = []

    def add(self, sentence: Sentence, gold: Sequence[str | None], predicted: Sequence[str]) -> None:
        """Note a sentence if a label is wrong; tokens whose gold label is None are none."""
        rows = zip(sentence.tokens, gold, predicted, strict=True)
        wrong = [(token, old, new) for token, old, new in rows if old is not None and old != new]
        if not wrong:
            return
        self._sentences += 1
        for token, old, new in wrong:
            self._examples.setdefault((old, new), token)
        if len(self._first) < self._most:
            record: WrongSentence = {
                **sentence_record(sentence),
                "gold": list(gold),
                "predicted": list(predicted),
            }
            self._first.append(record)

    def report(self) -> Wrong:
        """How many sentences are wrong, the first ones, and a token for each pair of labels."""
        examples: dict[str, dict[str, str]] = {}
        for (gold, predicted), token in sorted(self._examples.items()):
            examples.setdefault(gold, {})[predicted] = token
        return {"sentences": self._sentences, "examples": examples, "first": self._first}


def sentence_record(sentence: Sentence) -> SentenceRecord:
    """A sentence as JSON has it: its place, lines, tokens and further columns."""
    record: SentenceRecord = {
        "place": sentence.place(),
        "lines": list(sentence.lines),
        "tokens": list(sentence.tokens),
    }
    if sentence.columns:
        record["columns"] = {name: list(column) for name, column in sentence.columns.items()}
    return record
