"""A `predict` whose arguments are plain ones, without the parser of all commands.

Setting that parser up takes longer than loading a model and tagging a page.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

_PLAIN = {"--output": "output", "-o": "output", "--format": "format_"}
_FLAGS = {"--probabilities": "probabilities", "--keep-labels": "keep_labels"}


def plain_predict(arguments: Sequence[str]) -> dict[str, Any] | None:
    """What `predict_file` is to be called with; None for all that the full parser must see."""
    if not arguments or arguments[0] != "predict":
        return None
    found: dict[str, Any] = {}
    places = ["model", "input_"]
    rest = list(arguments[1:])
    while rest:
        argument = rest.pop(0)
        if argument in _PLAIN and rest and (rest[0] == "-" or not rest[0].startswith("-")):
            found[_PLAIN[argument]] = rest.pop(0)
        elif argument in _FLAGS:
            found[_FLAGS[argument]] = True
        elif places and (argument == "-" or not argument.startswith("-")):
            found[places.pop(0)] = argument
        else:
            return None
    return found if "model" in found else None


def prediction_progress(input_: str) -> Callable[[int, float | None], None] | None:
    """A line on a terminal's standard error, from the second second on."""
    if not sys.stderr.isatty() or input_ == "-":
        return None
    began = shown = time.monotonic()

    def progress(tokens: int, fraction: float | None) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - shown < 1 or not fraction:
            return
        shown = now
        left = (now - began) * (1 - fraction) / fraction
        line = f"{100 * fraction:3.0f} %  {tokens:,} tokens  {left:.0f} s left"
        print(f"\r\x1b[K{line}", end="\r", file=sys.stderr, flush=True)

    return progress
