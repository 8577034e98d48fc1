"""An evaluation as tables: the main figures, every label, the errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.table import Table

from windowclf.analysis.results import Bin, Evaluation, Scores, Wrong
from windowclf.commands.sentence_display import print_sentence
from windowclf.commands.tables import interval_text, new_table, percent, plain_console
from windowclf.errors import legible

CONFUSIONS_SHOWN = 10


def print_evaluation(
    evaluation: Evaluation,
    title: str | None = None,
    details: bool = True,
    calibration: bool = False,
) -> None:
    """Print an evaluation as tables: the main figures, and with details every label.

    With `calibration` how often the model is right for how sure it is, too.
    """
    console = plain_console()
    console.print(_figures(evaluation, title))
    if "documents" in evaluation:
        console.print(f"intervals: of samples of the {evaluation['documents']:,} documents")
    if calibration:
        console.print(_reliability_table(evaluation["calibration"]["bins"]))
    if not details:
        return
    rows = evaluation["spans"]["types"] if "spans" in evaluation else evaluation["labels"]
    console.print(_scores_table("type" if "spans" in evaluation else "label", rows))
    if errors := _confusions(evaluation["confusion"]):
        examples = evaluation["wrong"]["examples"] if "wrong" in evaluation else {}
        console.print("\nmost frequent errors")
        console.print(_confusion_table(errors, examples))
    if "wrong" in evaluation:
        _print_wrong(evaluation["wrong"], evaluation["sentences"])


def _print_wrong(wrong: Wrong, sentences: int) -> None:
    """Print the sentences with a wrong label that were asked for, and how many there are."""
    if not wrong["first"]:
        return
    console = plain_console()
    of_all = f"{wrong['sentences']:,} of {sentences:,}"
    console.print(f"\nsentences with an error: {of_all}; the first {len(wrong['first']):,}:")
    heads = {"gold": "gold", "predicted": "predicted"}
    for record in wrong["first"]:
        print_sentence(console, record, heads, ("gold", "predicted"))


def _figures(evaluation: Evaluation, title: str | None) -> Table:
    """The main figures of an evaluation, with their intervals."""
    table = new_table(title or "", "", "95 % interval", "of tokens")

    def add(name: str, value: float, key: str = "", tokens: int | None = None) -> None:
        """A row for a figure; `key` is that of its interval."""
        interval = evaluation["intervals"].get(key)
        number = "" if tokens is None else f"{tokens:,}"
        table.add_row(name, percent(value), interval_text(interval) if interval else "", number)

    add("accuracy", evaluation["accuracy"], "accuracy", evaluation["tokens"])
    unseen = evaluation.get("unseen", {"tokens": 0})["tokens"]
    for part in ("seen", "unseen") if unseen else ():
        row = evaluation[part]
        if row["tokens"]:
            add(f"  {part} words", row["accuracy"], tokens=row["tokens"])
    unit = "spans" if "spans" in evaluation else "words"
    if (scores := evaluation.get("spans", evaluation.get("words"))) is not None:
        for figure in ("precision", "recall", "f1"):
            add(f"{unit} {figure}", scores[figure], f"{unit}_{figure}")
    if "exact" in evaluation:
        add("exact match", evaluation["exact"], "accuracy")
        add("micro f1", evaluation["micro"]["f1"], "micro_f1")
    if "words" not in evaluation:  # words have no types
        add("macro f1", evaluation["macro"]["f1"])
    add("calibration error", evaluation["calibration"]["error"])
    if "span_calibration" in evaluation:
        add(f"calibration error of {unit}", evaluation["span_calibration"]["error"])
    return table


def _reliability_table(bins: Sequence[Bin]) -> Table:
    """For each bin of certainty: how sure the model is, and how often it is right."""
    table = new_table("certainty", "tokens", "mean", "accuracy")
    for each in bins:
        if each["tokens"]:
            between = interval_text((each["from"], each["to"]))
            figures = percent(each["confidence"]), percent(each["accuracy"])
            table.add_row(between, f"{each['tokens']:,}", *figures)
    return table


def _scores_table(kind: str, rows: Mapping[str, Scores]) -> Table:
    """Precision, recall and f1 of every label, or type of spans (`kind`)."""
    table = new_table(kind, "precision", "recall", "f1", "support")
    for name, row in rows.items():
        figures = [percent(row[figure]) for figure in ("precision", "recall", "f1")]
        table.add_row(legible(name), *figures, f"{row['support']:,}")
    return table


def _confusions(confusion: Mapping[str, Mapping[str, int]]) -> list[tuple[int, str, str]]:
    """(count, gold label, predicted label) of the most frequent errors, those first."""
    wrong = [
        (count, gold, predicted)
        for gold, row in confusion.items()
        for predicted, count in row.items()
        if predicted != gold and count
    ]
    return sorted(wrong, key=lambda row: (-row[0], row[1:]))[:CONFUSIONS_SHOWN]


def _confusion_table(
    errors: Sequence[tuple[int, str, str]], examples: Mapping[str, Mapping[str, str]]
) -> Table:
    """The errors that `_confusions` gives, a row each, with the first such token where known."""
    tokens = [examples.get(gold, {}).get(predicted, "") for _, gold, predicted in errors]
    named = any(tokens)  # rows of slots have no token
    table = new_table("gold", "predicted", "tokens", *(["first of them"] if named else []))
    for column in (table.columns[1], *table.columns[3:]):
        column.justify = "left"
    for (count, gold, predicted), token in zip(errors, tokens, strict=True):
        cells = [legible(token)] if named else []
        table.add_row(legible(gold), legible(predicted), f"{count:,}", *cells)
    return table
