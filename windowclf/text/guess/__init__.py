"""What an unknown labelled file seems to be: its format, its task, and where its labels stand.

A guesser looks at the beginning of a file and gives a Found, or None where it is of no such shape;
a new shape is one more guesser in the list.
"""

from __future__ import annotations

from windowclf.errors import DataError, Fault
from windowclf.text.guess.columns import guess_columns, guess_conllu
from windowclf.text.guess.look import Found, Look
from windowclf.text.guess.records import guess_records
from windowclf.text.guess.tables import guess_table
from windowclf.text.guess.words import guess_words, refuse_raw

__all__ = ["GUESSERS", "Found", "Look", "guess_layout"]

GUESSERS = (guess_records, guess_conllu, guess_table, guess_words, guess_columns)


def guess_layout(look: Look) -> Found:
    """What the first guesser finds that knows the file. Raises DataError where none does."""
    if not look.text.strip():
        raise DataError(Fault("no sentence found; expected labelled text.", look.path))
    if "\0" in look.text:
        raise DataError(Fault("expected text, found bytes that are none.", look.path))
    for guesser in GUESSERS:
        if (found := guesser(look)) is not None:
            return found
    raise refuse_raw(look)
