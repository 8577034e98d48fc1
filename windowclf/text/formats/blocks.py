"""Blocks of lines, one for each sentence, as the formats with a token a line have them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from windowclf.errors import quoted
from windowclf.text.formats.lines import Input


@dataclass(frozen=True, slots=True)
class Block:
    """The lines of a sentence and all that lies between it and its neighbours."""

    before: str  # the text between the block before, or the file's beginning, and this one
    first: int  # line number of texts[0]
    texts: list[str]  # the lines without their ends
    ends: list[str]  # how each of them ends
    after: str  # the gap that ends the block, with its line end


def blocks_of(source: Input, docstart: bool) -> Iterator[Block]:
    """The blocks of a file, between lines of white space; with `docstart` -DOCSTART- lines too.

    Put together again they are the file. What follows the last sentence is a block without lines.
    """
    before = [source.mark]
    texts: list[str] = []
    ends: list[str] = []
    first = 0
    for number, text, end in source.lines:
        if "\r" in text:
            source.fault(number, f"expected LF or CRLF to end a line, found CR: {quoted(text)}.")
            text = text.replace("\r", "")
        if text and (text[0] not in " \t-" or not _is_gap(text, docstart)):
            if not texts:
                first = number
            texts.append(text)
            ends.append(end)
        elif texts:
            yield Block("".join(before), first, texts, ends, text + end)
            before, texts, ends = [], [], []
        else:
            before.append(text + end)
    if texts or any(before):
        yield Block("".join(before), first, texts, ends, "")


def _is_gap(text: str, docstart: bool) -> bool:
    """Whether a line stands between blocks: white space, or with `docstart` a -DOCSTART-."""
    if docstart and text.startswith("-DOCSTART-"):
        return text[10:11] in ("", " ", "\t")
    return not text.strip(" \t")
