"""Tables of plain text for the terminal, and how numbers stand in them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table


def plain_console(stderr: bool = False) -> Console:
    """A console that shows text as it is: a label `[b]` or `:cat:` is no markup and no picture."""
    return Console(stderr=stderr, highlight=False, soft_wrap=True, markup=False, emoji=False)


def new_table(*heads: str) -> Table:
    """A table without lines, its first column to the left and the others to the right."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
    for i, head in enumerate(heads):
        table.add_column(head, justify="left" if i == 0 else "right", no_wrap=True)
    return table


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines, their columns below one another however wide the terminal is."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(set_cell_size(cell, w) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def percent(fraction: float) -> str:
    """A fraction in per cent, with two decimals."""
    return f"{100 * fraction:.2f}"


def megabytes(size: int) -> str:
    """Bytes in units of 10^6, with one decimal."""
    return f"{size / 1e6:,.1f}"


def interval_text(ends: Sequence[float]) -> str:
    """Both ends of an interval in per cent."""
    low, high = ends
    return f"{percent(low)} … {percent(high)}"
