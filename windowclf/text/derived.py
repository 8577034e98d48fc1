"""Derived columns: what a token's sentence says of it, made from the tokens before their keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from windowclf.text.clusters import Clusters
from windowclf.text.features import POSITION, Feature
from windowclf.text.gazetteer import Gazetteer
from windowclf.text.sentence import Sentence

Derive: TypeAlias = Callable[[Sequence[str]], Sequence[str]]
"""From the tokens of a sentence to one value for each."""
Lexicons: TypeAlias = Mapping[str, Gazetteer | Clusters]
"""What features look tokens up in, by Feature.source."""


def derived_columns(features: Iterable[Feature], lexicons: Lexicons) -> dict[str, Derive]:
    """Name -> how to make it, of the columns that features read and no file has."""
    found: dict[str, Derive] = {}
    for feature in features:
        if feature.kind == "gazetteer":
            gazetteer = lexicons[feature.source]
            assert isinstance(gazetteer, Gazetteer)
            found[feature.reads] = gazetteer.marks
        elif feature.position:
            found[POSITION] = positions
    return found


def with_derived(
    sentences: Iterable[Sentence], derived: Mapping[str, Derive]
) -> Iterable[Sentence]:
    """The sentences with the derived columns besides their own, if there are any."""
    return (_derived(sentence, derived) for sentence in sentences) if derived else sentences


def _derived(sentence: Sentence, derived: Mapping[str, Derive]) -> Sentence:
    """A sentence with the derived columns besides its own."""
    own = {name: derive(sentence.tokens) for name, derive in derived.items()}
    return replace(sentence, columns={**sentence.columns, **own})


def positions(tokens: Sequence[str]) -> list[str]:
    """Where each token of a sentence stands in it: first, inside, last or only."""
    if len(tokens) < 2:
        return ["only"] * len(tokens)
    return ["first", *["inside"] * (len(tokens) - 2), "last"]
