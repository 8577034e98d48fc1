"""How much text is tagged at a time: blocks of sentences, and stretches of very long ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from windowclf.text.sentence import Sentence

TOKENS_AT_ONCE = 8192
CHARACTERS_AT_ONCE = 1 << 18  # n-grams take some 300 bytes for each


def blocks_of(sentences: Iterable[Sentence], tokens: int) -> Iterator[list[Sentence]]:
    """Lists of sentences with about so many tokens each."""
    iterator = iter(sentences)
    while block := list(islice(iterator, 1)):
        size = len(block[0].tokens)
        while size < tokens and (more := list(islice(iterator, 16))):
            block += more
            size += sum(len(sentence.tokens) for sentence in more)
        yield block


def is_light(block: Sequence[Sentence], spells: bool) -> bool:
    """Whether a block is small enough to be tagged at once; `spells`: characters matter."""
    if max(len(sentence.tokens) for sentence in block) > TOKENS_AT_ONCE:
        return False
    if not spells:
        return True
    return sum(sum(map(len, sentence.tokens)) for sentence in block) <= CHARACTERS_AT_ONCE


def cuts_of(tokens: Sequence[str]) -> list[int]:
    """Where to cut a long sentence into stretches that can be tagged at once, 0 and its end too."""
    cuts, characters = [0], 0
    for end, token in enumerate(tokens, 1):
        characters += len(token)
        if end - cuts[-1] == TOKENS_AT_ONCE or characters >= CHARACTERS_AT_ONCE:
            cuts.append(end)
            characters = 0
    return cuts if cuts[-1] == len(tokens) else [*cuts, len(tokens)]
