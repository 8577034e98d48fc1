"""The elements of a JSON array, one after the other, however many there are."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from windowclf.errors import quoted
from windowclf.text.formats.json_values import parse_any
from windowclf.text.formats.lines import LONGEST_LINE, Input, read_block

_WHITE = re.compile(r"[ \t\r\n]*")


class Element(NamedTuple):
    """A value of the array, the line in which it begins, and where its faults are noted."""

    value: Any
    line: int
    source: Input


def elements_of(source: Input, expected: str) -> Iterator[Element]:
    """The elements of the array that a file is; a fault is noted where it is none.

    `expected` is what messages say that an element should be.
    """
    window = _Window(source)
    if not window.takes("["):
        source.fault(window.line, f"expected a JSON array, [ … ], found {window.shown()}.")
        return
    number = 0
    more = not window.takes("]")
    while more:
        number += 1
        window.skip_white()
        own, line = replace(source, within=f"record {number:,}: "), window.line
        text = window.value()
        if text is None:
            found = window.fault or f"an error: {window.shown()}"
            own.fault(line, f"expected {expected}, found {found}.")
            return
        value = parse_any(text, line, own, expected)
        if value is not None:
            yield Element(value, line, own)
        more = window.takes(",")
        if not more and not window.takes("]"):
            own.fault(window.line, f"expected , or ] after it, found {window.shown()}.")
            return
    window.skip_white()
    if window.rest():
        source.fault(window.line, f"expected nothing after the array, found {window.shown()}.")


class _Window:
    """The part of a text that is looked at, which is read as far as that takes."""

    def __init__(self, source: Input):
        assert source.stream is not None
        self._source, self._stream = source, source.stream
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._json = json.JSONDecoder()
        self._text, self._at, self._ended = "", 0, False
        self.line = 1
        self.fault = ""

    def takes(self, sign: str) -> bool:
        """Whether the next sign that is no white space is this one, which is then passed by."""
        self.skip_white()
        if not self._text.startswith(sign, self._at):
            return False
        self._at += 1
        return True

    def skip_white(self) -> None:
        """Go on to what is no white space."""
        while True:
            found = _WHITE.match(self._text, self._at)
            assert found is not None
            self._pass(found.end() - self._at)
            if self._at < len(self._text) or not self._read_on(1):
                return

    def value(self) -> str | None:
        """The text of the value that begins here; None where it is none, or too long."""
        while True:
            try:
                _, end = self._json.raw_decode(self._text, self._at)
            except (json.JSONDecodeError, RecursionError) as error:
                held = len(self._text) - self._at
                if held > LONGEST_LINE:
                    self.fault = f"one of more than {LONGEST_LINE >> 20} MiB, or an error in it"
                    return None
                if isinstance(error, RecursionError):
                    self.fault = "one that is nested too deeply"
                    return None
                if self._read_on(held):
                    continue
                if not self.fault:
                    self._explain(error)
                return None
            text = self._text[self._at : end]
            self._pass(end - self._at)
            return text

    def rest(self) -> str:
        """What is left of the part that is looked at."""
        return self._text[self._at :]

    def shown(self) -> str:
        """What comes next, as messages show it."""
        return self.fault or (quoted(self.rest()[:100]) if self.rest() else "the end of the file")

    def _explain(self, error: json.JSONDecodeError) -> None:
        """Say where and what an error in a value is."""
        line = self.line + self._text.count("\n", self._at, error.pos)
        what = f"{error.msg[0].lower()}{error.msg[1:]}"
        self.fault = f"an error ({what} in line {line}): {quoted(self.rest()[:100])}"

    def _pass(self, count: int) -> None:
        """Pass by so many signs."""
        self.line += self._text.count("\n", self._at, self._at + count)
        self._at += count

    def _read_on(self, least: int) -> bool:
        """Look at so much more of the file at least; False at its end."""
        parts = [self._text[self._at :]]
        size = 0
        while size < max(1, least) and not self._ended:
            block = read_block(self._stream, self._source.path)
            self._ended = not block
            try:
                parts.append(self._decoder.decode(block, final=self._ended))
            except UnicodeDecodeError as error:
                self._ended = True
                whole = error.object[: error.start].decode("utf-8")
                parts.append(whole.removeprefix("\ufeff"))
                self.fault = f"the byte 0x{error.object[error.start]:02x}, which is no UTF-8"
            size += len(parts[-1])
        if size:
            self._text, self._at = "".join(parts), 0
        return size > 0
