"""Guesses of lines of text: words with spaces between them, or raw text, which has no labels."""

from __future__ import annotations

from collections.abc import Iterator

from windowclf.errors import DataError
from windowclf.text.formats.beginnings import fits
from windowclf.text.formats.layout import Layout
from windowclf.text.guess.look import Found, Look

LONGEST_MEAN = 4.0  # signs of words of Chinese or Japanese, where all are between spaces
_WHY = {"format": "a sentence a line"}


def guess_words(look: Look) -> Found | None:
    """Words between spaces, where they are asked for or clear; None elsewhere."""
    layout = Layout("text", "segmentation")
    if look.task == "segmentation" and (look.suffix == ".txt" or fits(look.text.encode(), "text")):
        return Found(layout, {"task": "asked for", **_WHY})
    if look.task is None and (why := _spaced(look.text)):
        return Found(layout, {"task": why, **_WHY})
    return None


def refuse_raw(look: Look) -> DataError:
    """The error to raise for text that has no labels and is not to be cut into words."""
    return look.refuse(
        "expected labelled text, found what seems to be raw text, a sentence a line; label some of "
        "it first, a token a line with its label in a second column. For words between spaces: "
        "--task segmentation."
    )


def _spaced(text: str) -> str | None:
    """Why a text seems to be words of a script that has no spaces otherwise; else None."""
    lines = [line.split() for line in text.split("\n") if line.strip()]
    words = [word for line in lines for word in line]
    signs = "".join(words)
    cjk = sum(_cjk(signs))
    several = sum(len(line) > 1 for line in lines)
    short = len(signs) <= LONGEST_MEAN * len(words)
    if 2 * cjk <= len(signs) or not short or 2 * several < len(lines) or "\t" in text:
        return None
    return f"Chinese or Japanese with spaces, {len(signs) / len(words):.1f} signs a word"


def _cjk(text: str) -> Iterator[bool]:
    """For each sign whether it is Chinese or Japanese."""
    return ("\u3040" <= sign <= "\u9fff" for sign in text)
