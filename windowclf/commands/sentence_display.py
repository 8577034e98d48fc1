"""A sentence for people: its file and line, its words, and the labels that are not alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console

from windowclf.commands.tables import new_table
from windowclf.errors import legible


def print_sentence(
    console: Console, record: Mapping[str, Any], heads: Mapping[str, str], unlike: tuple[str, str]
) -> None:
    """Print a sentence as JSON has it, then a row for each token with two labels `unlike`.

    `heads` are the columns, each with the key of its labels in the record.
    """
    console.print(f"\n{record['place']}: {' '.join(map(legible, _words(record)))}")
    table = new_table("", *heads)
    for cells in _unlike(record, list(heads.values()), unlike):
        table.add_row(*map(legible, cells))
    console.print(table)


def _words(record: Mapping[str, Any]) -> Sequence[str]:
    """The tokens of a sentence; of a row of slots, whose token is empty, every name=value."""
    if record["tokens"] == [""] and "columns" in record:
        return [f"{name}={values[0]}" for name, values in record["columns"].items()]
    tokens: Sequence[str] = record["tokens"]
    return tokens


def _unlike(
    record: Mapping[str, Any], keys: Sequence[str], unlike: tuple[str, str]
) -> Iterator[Sequence[str]]:
    """A token that has a gold label, and its labels at `keys`, where two of them are not alike."""
    one, other = unlike
    for i, token in enumerate(record["tokens"]):
        if record["gold"][i] is not None and record[one][i] != record[other][i]:
            yield [f"  {token}", *(record[key][i] for key in keys)]
