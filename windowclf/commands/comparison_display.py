"""A comparison of two models as tables: A is the first model, B the one it is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from windowclf.analysis.results import Comparison
from windowclf.commands.sentence_display import print_sentence
from windowclf.commands.tables import interval_text, new_table, percent, plain_console
from windowclf.errors import legible

SENTENCES_SHOWN = 20
FIGURES = {
    "accuracy": "accuracy",
    "spans_f1": "spans f1",
    "words_f1": "words f1",
    "micro_f1": "micro f1",
}


def print_comparison(comparison: Comparison, model: str, against: str) -> None:
    """Print the figures of two models side by side, and the first sentences where they differ."""
    console = plain_console()
    console.print(f"A  {legible(model)}\nB  {legible(against)}")
    console.print(_figures(comparison))
    if "documents" in comparison["model"]:
        number = comparison["model"]["documents"]
        console.print(f"intervals and p: of samples of the {number:,} documents")
    console.print(_who_is_right(comparison))
    shown, differ = comparison["differing"][:SENTENCES_SHOWN], comparison["sentences"]["differ"]
    heads = {"gold": "gold", "A": "model", "B": "against"}
    for record in shown:
        print_sentence(console, record, heads, ("model", "against"))
    if differ > len(shown):
        console.print(f"\n… and {differ - len(shown):,} more sentences; --json has all.")


def _figures(comparison: Mapping[str, Any]) -> Table:
    """Each figure of both models, their difference, its interval and p-value."""
    table = new_table("", "A", "B", "A − B", "95 % interval", "p")
    both = comparison["model"], comparison["against"]
    for key, row in comparison["differences"].items():
        table.add_row(
            FIGURES[key],
            *(percent(_figure(evaluation, key)) for evaluation in both),
            percent(row["difference"]),
            interval_text(row["interval"]),
            f"{row['p']:.3f}",
        )
    for part in ("seen", "unseen"):
        parts = [evaluation.get(part) for evaluation in both]
        if all(each and each["tokens"] for each in parts):
            table.add_row(f"  {part} words", *(percent(each["accuracy"]) for each in parts))
    if "words" not in both[0]:  # words have no types
        table.add_row("macro f1", *(percent(evaluation["macro"]["f1"]) for evaluation in both))
    errors = (percent(evaluation["calibration"]["error"]) for evaluation in both)
    table.add_row("calibration error", *errors)
    return table


def _figure(evaluation: Mapping[str, Any], key: str) -> float:
    """A figure of an evaluation by its key in FIGURES."""
    if key == "accuracy":
        return float(evaluation[key])
    part, figure = key.split("_")
    return float(evaluation[part][figure])


def _who_is_right(comparison: Mapping[str, Any]) -> Table:
    """Of the sentences and tokens with different labels: how many each model has right."""
    table = new_table("with different labels", "", "A right", "B right")
    for kind in ("sentences", "tokens"):
        row = comparison[kind]
        numbers = (row[key] for key in ("differ", "model_right", "against_right"))
        table.add_row(f"  {kind}", *(f"{number:,}" for number in numbers))
    return table
