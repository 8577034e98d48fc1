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
    follows_mark: bool = False  # whether a -DOCSTART- stands between it and the block before


class Documents:
    """Numbers the documents of a file, from 0; marks with no sentence between them are one."""

    def __init__(self) -> None:
        self._number, self._is_empty = 0, True

    def of(self, follows_mark: bool, has_tokens: bool) -> int:
        """The number of the next sentence's document, before which a mark may stand."""
        if follows_mark and not self._is_empty:
            self._number, self._is_empty = self._number + 1, True
        self._is_empty = self._is_empty and not has_tokens
        return self._number


def blocks_of(source: Input, docstart: bool) -> Iterator[Block]:
    """The blocks of a file, between lines of white space; with `docstart` -DOCSTART- lines too.

    Put together again they are the file. What follows the last sentence is a block without lines.
    """
    before = [source.mark]
    texts: list[str] = []
    ends: list[str] = []
    first, marked = 0, False
    for number, text, end in source.lines:
        if "\r" in text:
            source.fault(number, f"expected LF or CRLF to end a line, found CR: {quoted(text)}.")
            text = text.replace("\r", "")
        if text and (text[0] not in " \t-" or not _is_gap(text, docstart)):
            if not texts:
                first = number
            texts.append(text)
            ends.append(end)
            continue
        if texts:
            yield Block("".join(before), first, texts, ends, text + end, marked)
            before, texts, ends, marked = [], [], [], False
        else:
            before.append(text + end)
        marked = marked or text.startswith("-")
    if texts or any(before):
        yield Block("".join(before), first, texts, ends, "", marked)


def _is_gap(text: str, docstart: bool) -> bool:
    """Whether a line stands between blocks: white space, or with `docstart` a -DOCSTART-."""
    if docstart and text.startswith("-DOCSTART-"):
        return text[10:11] in ("", " ", "\t")
    return not text.strip(" \t")


def fields_of(text: str) -> list[str]:
    """The columns of a line, between tabs or else runs of spaces."""
    if "\t" in text:
        return text.split("\t")
    fields = text.split(" ")
    return [field for field in fields if field] if "" in fields else fields
