"""Hand-written features of a token for a conditional random field, as CRFsuite takes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from windowclf.text.features import shape
from windowclf.text.sentence import Sentence

WINDOW = range(-2, 3)
LONGEST_AFFIX = 4
EDGE = "\0"  # what stands beyond the ends of a sentence


def features_of(sentence: Sentence, task: str) -> list[list[str]]:
    """The names of what holds at each token."""
    template = _characters if task == "segmentation" else _words
    return [["bias", *template(sentence, i)] for i in range(len(sentence.tokens))]


def _words(sentence: Sentence, i: int) -> Iterator[str]:
    """Words, lower case and shapes of the window, columns, affixes, pairs of neighbours."""
    tokens = sentence.tokens
    for j in WINDOW:
        token = _at(tokens, i + j)
        yield f"word{j}={token}"
        yield f"lower{j}={token.lower()}"
        yield f"shape{j}={shape(token)}"
    for j in (-1, 0):
        yield f"pair{j}={_at(tokens, i + j).lower()}|{_at(tokens, i + j + 1).lower()}"
    for length in range(1, LONGEST_AFFIX + 1):
        yield f"prefix={tokens[i][:length]}"
        yield f"suffix={tokens[i][-length:]}|{length}"
    for name, values in sentence.columns.items():
        for j in WINDOW:
            yield f"{name}{j}={_at(values, i + j)}"
        for j in range(-2, 2):
            yield f"{name}s{j}={_at(values, i + j)}|{_at(values, i + j + 1)}"


def _characters(sentence: Sentence, i: int) -> Iterator[str]:
    """Single characters and pairs of them in the window, the pair around, and the kinds."""
    tokens = sentence.tokens
    for j in WINDOW:
        yield f"one{j}={_at(tokens, i + j)}"
        yield f"kind{j}={shape(_at(tokens, i + j))}"
    for j in range(-2, 2):
        yield f"two{j}={_at(tokens, i + j)}|{_at(tokens, i + j + 1)}"
    yield f"around={_at(tokens, i - 1)}|{_at(tokens, i + 1)}"


def _at(values: Sequence[str], i: int) -> str:
    return values[i] if 0 <= i < len(values) else EDGE
