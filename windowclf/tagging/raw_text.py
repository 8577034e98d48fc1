"""Raw text on its way through a tagger: to sentences, and from their labels to spans."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from windowclf.errors import DataError
from windowclf.tagging.answers import Prediction, TextSpan
from windowclf.tagging.span_scores import spans_of
from windowclf.tagging.spec import Spec
from windowclf.text.formats import Layout
from windowclf.text.sentence import Sentence
from windowclf.text.tokenizer import Offsets, split_sentences, tokenize


@dataclass(frozen=True)
class TokenisedText:
    """A text and its sentences, each as the offsets of its tokens."""

    text: str
    groups: list[list[Offsets]]
    name: str  # in messages

    def sentences(self) -> Iterator[Sentence]:
        """The sentences to be tagged."""
        for group in self.groups:
            yield Sentence([self.text[begin:end] for begin, end in group], path=self.name)

    def spans(self, answers: Iterator[Prediction], spec: Spec) -> list[TextSpan]:
        """The spans of the text, from the answers for its sentences, which come next."""
        found: list[TextSpan] = []
        for group in self.groups:
            found += self._of_sentence(group, next(answers), spec)
        return found

    def _of_sentence(
        self, group: list[Offsets], answer: Prediction, spec: Spec
    ) -> Iterator[TextSpan]:
        if answer.span_scores is not None:
            spans = spans_of(spec, answer.labels)
            for (start, end, kind), score in zip(spans, answer.span_scores.tolist(), strict=True):
                yield self._span(group[start][0], group[end - 1][1], kind, score)
        elif answer.certainty is not None:
            scores = answer.certainty.tolist()
            for offsets, label, score in zip(group, answer.labels, scores, strict=True):
                yield self._span(*offsets, label, score)

    def _span(self, start: int, end: int, label: str, score: float) -> TextSpan:
        return TextSpan(start, end, label, self.text[start:end], score)


def split_text(text: str, layout: Layout, number: int) -> TokenisedText:
    """A text by the model's tokenizer. Raises DataError; `number` is that of the text."""
    if not isinstance(text, str):
        raise DataError(f"text {number}: expected a string, found {type(text).__name__}.")
    tokens = tokenize(text, "character" if layout.task == "segmentation" else layout.tokenizer)
    starts = [*split_sentences(text, tokens), len(tokens)]
    return TokenisedText(text, [tokens[a:b] for a, b in pairwise(starts)], f"text {number}")
