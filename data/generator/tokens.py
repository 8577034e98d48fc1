"""Words as `tokenizer: ptb` splits them, so that a model sees in raw text what it has learnt."""

from __future__ import annotations

import re

ADDRESS = re.compile(r"@|://|^www\.|\w\.[a-z]{2}")
TO_SPLIT = re.compile(r"\w[-/]|[-/]\w|^\d+[^\W\d_]")
PIECE = re.compile(
    r"\+?\d{2,}(?:-\d{2,})+(?!\w)"
    r"|\d+(?:[.,:/]\d+)*(?:st|nd|rd|th|s)?(?!\w)"
    r"|\d+(?:[.,:/]\d+)*"
    r"|\w+|\S"
)


def is_address(word: str) -> bool:
    """True for e-mail addresses, URLs and names of files."""
    return ADDRESS.search(word) is not None


def ptb_tokens(word: str) -> list[str]:
    """A word at its hyphens and slashes: Lee - Campbell, 2 AB; 555-0142 and 2024-05-01 are whole.

    Telephone numbers that begin with + are left as they are written.
    """
    if is_address(word) or word.startswith("+") or not TO_SPLIT.search(word):
        return [word]
    return PIECE.findall(word)
