"""What people see of init: what it took a file for, what it has written, and how to go on."""

from __future__ import annotations

from windowclf.commands.tables import aligned
from windowclf.errors import legible, named
from windowclf.pipeline.guess import Guess
from windowclf.pipeline.guess_counts import Counts
from windowclf.pipeline.init import Project
from windowclf.pipeline.init_config import counted

TOKENS_SHOWN = 12
LABELS_SHOWN = 8


def print_project(project: Project) -> None:
    """Print a guess with its reasons, what was written, and the commands that come next."""
    if project.guess is not None:
        print("\n".join(aligned(_guessed(project.guess, project.dev))), end="\n\n")
        print("\n".join(aligned(_sample(project.guess))), end="\n\n")
    for note in project.notes:
        print(f"note: {note}")
    print(f"wrote: {named(project.written) or 'nothing, all of it is there'}")
    print("\nNext, from this folder, to which all paths are relative:")
    for command in project.commands:
        print(f"  {command}")


def _guessed(guess: Guess, dev: Counts | None) -> list[tuple[str, ...]]:
    """What the file seems to be: a row for each key that was guessed, with its reason."""
    rows: list[tuple[str, ...]] = [("", "guessed", "because of")]
    rows += [(key, legible(value), why) for key, (value, why) in guess.reasons.items()]
    for name, counts in (("train", guess.counts), ("dev", dev)):
        if counts is not None:
            rows.append((name, _size(counts, guess), _labels(counts, guess)))
    return rows


def _size(counts: Counts, guess: Guess) -> str:
    """How much text a file holds."""
    if guess.layout.task == "slots":
        return f"{counts.sentences:,} rows"
    documents = f"{counts.documents:,} documents, " if counts.is_marked else ""
    tokens = "characters" if guess.layout.task == "segmentation" else "tokens"
    return f"{documents}{counted(counts.sentences, 'sentence')}, {counts.tokens:,} {tokens}"


def _labels(counts: Counts, guess: Guess) -> str:
    """The most frequent labels of a file, or types of its spans, each with its share."""
    told = counts.types if guess.layout.task == "spans" else counts.labels
    common, total = told.most_common(), told.total()
    shown = [f"{legible(name)} {100 * n / total:.0f} %" for name, n in common[:LABELS_SHOWN]]
    return ", ".join([*shown, *(["…"] if len(common) > LABELS_SHOWN else [])])


def _sample(guess: Guess) -> list[tuple[str, ...]]:
    """A sentence of the file as it is read: its tokens, or the columns of a row, and labels."""
    sentence = guess.sample
    line = f"line {sentence.lines[0]}"
    if guess.layout.task == "slots":
        rows = [(name, values[0]) for name, values in sentence.columns.items()]
        rows.append((str(guess.layout.label), sentence.gold[0] or ""))
        return [(line, "the row that begins there"), *_legible(rows)]
    pairs = [
        (token, label or "") for token, label in zip(sentence.tokens, sentence.gold, strict=True)
    ]
    more = [("…", "")] if len(pairs) > TOKENS_SHOWN else []
    return [(line, "label"), *_legible(pairs[:TOKENS_SHOWN]), *more]


def _legible(rows: list[tuple[str, str]]) -> list[tuple[str, ...]]:
    """Rows of text of a file as messages show it."""
    return [tuple(map(legible, row)) for row in rows]
