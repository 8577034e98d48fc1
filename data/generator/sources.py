"""Reading data/sources, and the one rule of English spelling that filling slots needs."""

from __future__ import annotations

import re
from pathlib import Path

ARTICLE = re.compile(r"\b(?P<letter>[Aa])\(n\)(?P<gap>\S*\s+)(?P<next>\S+)")
SOUNDS_LIKE_CONSONANT = re.compile(r"(?i)(uni|use|usu|eu|one\b|once|ukr)")
SOUNDS_LIKE_VOWEL = re.compile(r"(?i)(hour|honest|heir|8|11\b|18\b|[aefhilmnorsx]-|MRI\b|X-ray)")


def read(path: Path) -> str:
    """The text of a source file."""
    return path.read_text(encoding="utf-8")


def hand_written(path: Path) -> list[str]:
    """The sentences of a source file, one a line; blank lines and `# …` are left out."""
    lines = (line.strip() for line in read(path).splitlines())
    return [line for line in lines if line and not line.startswith("# ")]


def indefinite_article(text: str) -> str:
    """Each a(n) as `a` or `an`, by the sound that follows."""

    def chosen(found: re.Match[str]) -> str:
        article = found["letter"] + ("n" if _begins_with_vowel(found["next"]) else "")
        return article + found["gap"] + found["next"]

    return ARTICLE.sub(chosen, text)


def _begins_with_vowel(word: str) -> bool:
    if SOUNDS_LIKE_VOWEL.match(word):
        return True
    return word[0].lower() in "aeiou" and not SOUNDS_LIKE_CONSONANT.match(word)
