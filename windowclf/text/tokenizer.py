"""Raw text to tokens and sentences, as offsets in code points: text[start:end] is the token.

Every code point that is not white space belongs to exactly one token. The patterns only look
ahead by bounded distances, so that time grows with the length of the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Literal, TypeAlias

Tokenizer: TypeAlias = Literal["unicode", "ptb", "whitespace", "character"]
Offsets: TypeAlias = tuple[int, int]  # of a token in its text, in code points; the end exclusive

_IDEOGRAPH = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_EMOJI = "[\u2190-\u21ff\u2600-\u27bf\u2b00-\u2bff\U0001f300-\U0001faff]"
_LETTER = f"[^\\W{_IDEOGRAPH}]"  # letters, digits and _ of scripts that put spaces between words
_APOSTROPHE = "['\u2019]"

# What both tokenizers for running text keep whole, most particular first. The patterns are
# compiled when they are first used: who tags tokens waits for none.
_KEPT_WHOLE = (
    r"(?:https?|ftp)://[^\s<>\"]*[^\s<>\".,;:!?')\]}]",
    r"www\.[^\s<>\"]*[^\s<>\".,;:!?')\]}]",
    r"[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,8}",
    "[\U0001f1e6-\U0001f1ff]{2}",
    f"{_EMOJI}(?:[\ufe0f\U0001f3fb-\U0001f3ff]|\u200d{_EMOJI})*",
    r"[\w-]{1,64}(?:\.[\w-]{1,64}){0,4}\.(?:com|org|net|edu|gov|pdf|docx?|xlsx?|html?|txt)(?!\w)",
    r"[:;=][-o^']?[)(DPp/\\|\]\[*](?!\w)|<3(?!\d)",
    r"(?:\+\d{1,4}(?:-\d{2,})*|\d{2,}(?:-\d{2,})+)(?!\w)",
    r"\d+(?:[.,:/]\d+)*(?:st|nd|rd|th|s)?(?![^\W_])|\d+(?:[.,:/]\d+)*",
    f"[{_IDEOGRAPH}]",
)
_RUNS = r"([.!?*=_~#\u2026-])\1*|''|``|\S"
_UNICODE = "|".join((*_KEPT_WHOLE, f"{_LETTER}+(?:{_APOSTROPHE}{_LETTER}+)*", _RUNS))

_ABBREVIATIONS = frozenset(
    re.findall(
        r"\S+",
        """
        mr mrs ms messrs mme mlle dr prof rev hon gen col capt lt sgt maj gov sen rep st sr jr
        inc corp co ltd llc bros no nos vs etc al ed eds vol fig figs pp approx dept est ext
        jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur thurs fri sat sun
        ave blvd rd mt ft e.g i.e a.m p.m cf viz
        """,
    )
)
_CONTRACTION = (
    f"(?:n{_APOSTROPHE}t|{_APOSTROPHE}(?:s|m|d|ll|re|ve|S|M|D|LL|RE|VE)|N{_APOSTROPHE}T)$"
)
_FUSED = {
    "cannot": 3, "gonna": 3, "gotta": 3, "wanna": 3, "gimme": 3, "lemme": 3, "dunno": 2,
    "dont": 2, "didnt": 3, "doesnt": 4, "isnt": 2, "wasnt": 3, "cant": 2, "wont": 2, "havent": 4,
    "wouldnt": 5, "couldnt": 5, "shouldnt": 6, "im": 1, "ive": 1,
}  # fmt: skip
_LONGEST_FUSED = max(map(len, _FUSED))
_PTB = "|".join(
    (
        *_KEPT_WHOLE,
        r"(?:[^\W\d_]\.){2,16}(?!\w)",
        f"{_LETTER}+(?:{_APOSTROPHE}{_LETTER}+)*",
        f"{_APOSTROPHE}(?:s|m|d|ll|re|ve|em|t|S)(?!\\w)",
        _RUNS,
    )
)
_ENDERS = frozenset(".!?…。！？")
_CLOSERS = frozenset("\"'”’»)]}」』）''")


def tokenize(text: str, name: Tokenizer) -> list[Offsets]:
    """(start, end) of every token of a text, in order.

    `unicode` keeps words with inner apostrophes, numbers, addresses and emoji whole and takes
    ideographs one by one; `ptb` also splits contractions (do n't, John 's) and keeps the period of
    abbreviations; `whitespace` splits there alone; `character` takes each character with its marks.
    """
    match name:
        case "whitespace":
            return [match.span() for match in re.finditer(r"\S+", text)]
        case "character":
            return _with_marks(
                text, [match.span() for match in re.finditer(r"\S", text)], join_words=False
            )
        case "unicode":
            return _with_marks(text, [match.span() for match in re.finditer(_UNICODE, text)])
        case "ptb":
            spans = _with_marks(text, [match.span() for match in re.finditer(_PTB, text)])
            return list(_with_periods(text, [part for s in spans for part in _split(text, s)]))


def split_sentences(text: str, tokens: list[Offsets]) -> list[int]:
    """Indices of the tokens that begin a sentence; [] without tokens.

    A sentence ends after . ! ? … 。！？ and the quotes and brackets that close behind it, where the
    next token does not begin in lower case; not after abbreviations and initials.
    """
    starts = [0] if tokens else []
    ended = False
    for i, (start, end) in enumerate(tokens):
        token = text[start:end]
        if ended and token not in _CLOSERS and not _is_ender(token):
            if not token[0].islower():
                starts.append(i)
            ended = False
        if _is_ender(token) and not _abbreviates(text, tokens, i):
            ended = True
        elif not ended:
            ended = token[-1] in "。！？"
    return starts


def _is_ender(token: str) -> bool:
    """True for a token of nothing but signs that end a sentence."""
    return set(token) <= _ENDERS


def _abbreviates(text: str, tokens: list[Offsets], i: int) -> bool:
    """True where token i is a period of the abbreviation or initial right before it."""
    start, end = tokens[i]
    if i == 0 or text[start:end] != "." or tokens[i - 1][1] != start:
        return False
    before = text[slice(*tokens[i - 1])]
    return before.lower() in _ABBREVIATIONS or (len(before) == 1 and before.isupper())


def _split(text: str, span: Offsets) -> list[Offsets]:
    """The parts of a token of ptb: a word, or two that are fused, and contractions at its end."""
    start, end = span
    contractions: list[Offsets] = []
    while True:
        fused = _FUSED.get(text[start:end].lower()) if end - start <= _LONGEST_FUSED else None
        if fused:
            words = [(start, start + fused), (start + fused, end)]
            break
        found = re.compile(_CONTRACTION).search(text, max(start + 1, end - 3), end)
        if not found:
            words = [(start, end)]
            break
        contractions.append((found.start(), end))
        end = found.start()
    return words + contractions[::-1]


def _with_periods(text: str, tokens: list[Offsets]) -> Iterator[Offsets]:
    """The tokens, periods of abbreviations and initials made part of the word before them."""
    held: Offsets | None = None
    for i, token in enumerate(tokens):
        more = i + 1 < len(tokens)
        if held and text[slice(*token)] == "." and more and _abbreviates(text, tokens, i):
            yield held[0], token[1]
            held = None
            continue
        if held:
            yield held
        held = token
    if held:
        yield held


def _with_marks(text: str, tokens: list[Offsets], join_words: bool = True) -> list[Offsets]:
    """The tokens; combining marks, joiners and variation selectors join the one right before them.

    With `join_words` letters right after such a mark go on with the same word.
    """
    joined: list[Offsets] = []
    open_word = False
    for start, end in tokens:
        touches = bool(joined) and joined[-1][1] == start
        is_mark = end - start == 1 and not text[start].isascii() and _is_mark(text[start])
        if touches and (is_mark or (open_word and text[start].isalnum())):
            joined[-1] = (joined[-1][0], end)
            open_word = join_words and is_mark
            continue
        joined.append((start, end))
        open_word = False
    return joined


def _is_mark(character: str) -> bool:
    """True for a combining mark, a joiner or a variation selector."""
    return unicodedata.category(character) in ("Mn", "Mc", "Me", "Cf")
