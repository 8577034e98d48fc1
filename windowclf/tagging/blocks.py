"""How much text is tagged at a time: blocks of sentences, and stretches of very long ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from windowclf.text.sentence import Sentence

TOKENS_AT_ONCE = 8192
CHARACTERS_AT_ONCE = 1 << 18  # n-grams take some 300 bytes for each


def blocks_of(sentences: Iterable[Sentence], tokens: int) -> Iterator[list[Sentence]]:
    """The sentences in order, as lists with about `tokens` tokens each."""
    iterator = iter(sentences)
    while block := list(islice(iterator, 1)):
        size = len(block[0].tokens)
        while size < tokens and (more := list(islice(iterator, 16))):
            block += more
            size += sum(len(sentence.tokens) for sentence in more)
        yield block


def is_light(block: Sequence[Sentence], spells: bool) -> bool:
    """Whether a block of sentences is small enough to be tagged at once.

    `spells`: a feature reads characters, so that their number matters too.
    """
    if max(len(sentence.tokens) for sentence in block) > TOKENS_AT_ONCE:
        return False
    if not spells:
        return True
    return sum(sum(map(len, sentence.tokens)) for sentence in block) <= CHARACTERS_AT_ONCE


def cuts_of(tokens: Sequence[str]) -> list[int]:
    """Where to cut the tokens of a long sentence, so that a stretch can be tagged at once.

    0 and the sentence's end are among the cuts.
    """
    cuts, characters = [0], 0
    for end, token in enumerate(tokens, 1):
        characters += len(token)
        if end - cuts[-1] == TOKENS_AT_ONCE or characters >= CHARACTERS_AT_ONCE:
            cuts.append(end)
            characters = 0
    return cuts if cuts[-1] == len(tokens) else [*cuts, len(tokens)]
