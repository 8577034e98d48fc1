"""Asking: what a client wants labelled, from the bytes of its request to those of its answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, TypeAlias, get_args
from urllib.parse import parse_qsl

from windowclf.errors import DataError
from windowclf.service.problems import Problem
from windowclf.tagging.answers import Prediction, TextSpan
from windowclf.tagging.inputs import as_sentences
from windowclf.tagging.raw_text import TokenisedText, split_text
from windowclf.tagging.spec import Spec
from windowclf.text.sentence import Sentence

Offsets: TypeAlias = Literal["codepoint", "utf16", "byte"]
Kind: TypeAlias = Literal["text", "texts", "sentences", "rows"]
_KINDS = get_args(Kind)
_WIDTHS: dict[Offsets, Callable[[str], int]] = {
    "codepoint": len,
    "utf16": lambda text: len(text.encode("utf-16-le", "surrogatepass")) // 2,
    "byte": lambda text: len(text.encode("utf-8", "surrogatepass")),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be labelled, and how the answer is to be given."""

    kind: Kind
    given: Sequence[Any]
    offsets: Offsets = "codepoint"
    min_score: float = 0.0


@dataclass(frozen=True, slots=True)
class Target:
    """The model that is asked: that of an alias, or a version."""

    alias: str = "production"
    version: int | None = None


def parsed(query: bytes, body: bytes) -> tuple[Target, Asked]:
    """What a request asks for. Raises Problem 400 or 422."""
    target, how = _queried(query) if query else (Target(), {})
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        raise Problem(400, "no-json", "the body is no JSON.") from None
    if not isinstance(given, dict) or len(given) != 1 or not given.keys() <= set(_KINDS):
        raise _fault("", f"expected an object with one of the keys {', '.join(_KINDS)}.")
    ((kind, value),) = given.items()
    if kind not in ("text", "texts") and how:
        raise _fault(f"/{kind}", f"{' and '.join(how)} are for spans of texts; leave it out.")
    _check(kind, value)
    return target, Asked(kind, [value] if kind == "text" else value, **how)


def _queried(query: bytes) -> tuple[Target, dict[str, Any]]:
    """(the model that is asked, how to answer) from a query. Raises Problem 422."""
    try:
        pairs = parse_qsl(query.decode(), keep_blank_values=True, max_num_fields=10)
    except ValueError:
        raise _fault("?", "expected a query of a few keys in UTF-8.") from None
    how: dict[str, Any] = {}
    target: dict[str, Any] = {}
    for name, value in pairs:
        match name:
            case "alias":
                target["alias"] = value
            case "version" if value.isascii() and value.isdecimal() and len(value) < 19:
                target["version"] = int(value)
            case "offsets" if value in _WIDTHS:
                how["offsets"] = value
            case "min_score" if (score := _share(value)) is not None:
                how["min_score"] = score
            case _:
                expected = _QUERY.get(name, f"one of {', '.join(_QUERY)}")
                raise _fault(f"?{name}", f"expected {expected}, found {value!r:.40}.")
    if len(target) > 1:
        raise _fault("?version", "expected an alias or a version, found both.")
    return Target(**target), how


_QUERY = {
    "alias": "an alias",
    "version": "the number of a version",
    "offsets": f"one of {', '.join(_WIDTHS)}",
    "min_score": "a number from 0 to 1",
}


def _share(value: str) -> float | None:
    """A number from 0 to 1; None for anything else."""
    try:
        number = float(value)
    except ValueError:
        return None
    return number if 0 <= number <= 1 else None


def _check(kind: str, value: Any) -> None:
    """Raise Problem 422 at the first thing that is not what its key expects."""
    if kind == "text":
        if not isinstance(value, str):
            raise _fault("/text", "expected a string.")
        return
    if not isinstance(value, list):
        raise _fault(f"/{kind}", "expected a list.")
    for i, each in enumerate(value):
        if fault := _FAULTS[kind](each):
            raise _fault(f"/{kind}/{i}", fault)


def _fault_of_text(value: Any) -> str:
    return "" if isinstance(value, str) else "expected a string."


def _fault_of_sentence(value: Any) -> str:
    whole = isinstance(value, list) and all(isinstance(token, str) for token in value)
    return "" if whole else "expected a list of tokens, each a string."


def _fault_of_row(value: Any) -> str:
    whole = isinstance(value, dict) and all(isinstance(each, str) for each in value.values())
    return "" if whole else "expected an object with a string for each column."


_FAULTS: dict[str, Callable[[Any], str]] = {
    "texts": _fault_of_text,
    "sentences": _fault_of_sentence,
    "rows": _fault_of_row,
}


def _fault(pointer: str, sentence: str) -> Problem:
    """The problem of a request that is not what this route expects."""
    faults = [{"pointer": pointer, "sentence": sentence}]
    return Problem(422, "invalid-request", f"{pointer}: {sentence}".lstrip(": "), faults=faults)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a request asks for, as sentences of a model."""

    asked: Asked
    sentences: list[Sentence]
    documents: list[TokenisedText]  # none where tokens or rows are given
    tokens: int

    def body(self, answers: Iterator[Prediction], spec: Spec) -> bytes:
        """The list of results as JSON, from the answers for the sentences, which come next."""
        if not self.documents:
            own = islice(answers, len(self.sentences))
            return json.dumps([_labels(answer) for answer in own]).encode()
        results = [
            {"spans": _spans(document, document.spans(answers, spec), self.asked)}
            for document in self.documents
        ]
        return json.dumps(results).encode()


def prepared(asked: Asked, spec: Spec) -> Prepared:
    """A request in the sentences of a model. Raises DataError where the model reads no such."""
    if (asked.kind == "rows") != (spec.layout.task == "slots"):
        expected = "rows" if spec.layout.task == "slots" else "texts or sentences"
        raise DataError(f"expected {expected} for {spec.layout.task}, found {asked.kind}.")
    documents: list[TokenisedText] = []
    if asked.kind in ("text", "texts"):
        documents = [split_text(text, spec.layout, i) for i, text in enumerate(asked.given, 1)]
        sentences = [each for document in documents for each in document.sentences()]
    else:
        sentences = list(as_sentences(asked.given))
    tokens = sum(len(sentence.tokens) for sentence in sentences)
    return Prepared(asked, sentences, documents, tokens)


def _labels(answer: Prediction) -> Mapping[str, Any]:
    """The labels of a sentence, each with its certainty."""
    sure = [] if answer.certainty is None else answer.certainty.tolist()
    return {"labels": answer.labels, "certainty": sure}


def _spans(
    document: TokenisedText, spans: Sequence[TextSpan], asked: Asked
) -> list[Mapping[str, Any]]:
    """The spans of a text that are sure enough, with the offsets that are wanted."""
    kept = [span for span in spans if span.score >= asked.min_score]
    if asked.offsets != "codepoint" and not document.text.isascii():
        places = _places(document.text, kept, asked.offsets)
    else:
        places = [(span.start, span.end) for span in kept]
    return [
        {"start": start, "end": end, "label": each.label, "text": each.text, "score": each.score}
        for each, (start, end) in zip(kept, places, strict=True)
    ]


def _places(text: str, spans: Sequence[TextSpan], offsets: Offsets) -> list[tuple[int, int]]:
    """Start and end of spans that follow one another, in other units than code points."""
    width, seen, at = _WIDTHS[offsets], 0, 0
    found = []
    for span in spans:
        start = at + width(text[seen : span.start])
        at = start + width(text[span.start : span.end])
        seen = span.end
        found.append((start, at))
    return found


def whole(version: int, digest: str, results: bytes) -> bytes:
    """The body of an answer."""
    return b'{"model": {"version": %d, "digest": "%s"}, "results": %s}' % (
        version,
        digest.encode(),
        results,
    )
