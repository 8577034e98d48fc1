"""What people see of a check: a column a text, the labels, and below them what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table

from windowclf.analysis.figures import (
    Check,
    Conflicts,
    Place,
    Share,
    Summary,
    TextFigures,
    TextSummary,
)
from windowclf.commands.tables import new_table, plain_console
from windowclf.errors import legible

LABELS_SHOWN = 30
RARE_SHOWN = 20
CONFLICTS_SHOWN = 3
SHARES_SHOWN = 3
NAMES = {  # of figures, where a task calls them otherwise
    "segmentation": {"tokens": "characters", "  of one token": "  of one character"},
    "slots": {"sentences": "rows", "different words": "different values"},
}
Texts = Mapping[str, TextFigures]


def tree_of(found: Check) -> dict[str, Any]:
    """A check as JSON has it."""
    keys = ("sentence", "path", "line", "key")
    warnings, faults = (
        [{key: getattr(each, key) for key in keys} for each in own]
        for own in (found["warnings"], found["faults"])
    )
    return {**found, "warnings": warnings, "faults": faults}


def print_check(found: Check) -> None:
    """Print the figures of each text and its labels; then warnings and faults, a line each."""
    console = plain_console()
    if texts := found["texts"]:
        console.print(_figures(texts, found["task"]))
        for table in _labels(texts):
            console.print(table)
    for line in (*_schemes(texts), *_rare(found), *_conflicts(found["conflicts"])):
        console.print(line)
    for note in found["notes"]:
        console.print(f"note: {note}")
    for warning in found["warnings"]:
        console.print(f"warning: {warning}")
    for fault in found["faults"]:
        console.print(f"fault: {fault}")
    if more := found["more_faults"]:
        console.print(f"… and {more:,} more.")
    faults = len(found["faults"]) + found["more_faults"]
    console.print(f"{_counted(faults, 'fault')}, {_counted(len(found['warnings']), 'warning')}.")


def summary_lines(summary: Summary, check: str) -> Iterator[str]:
    """What a training has read, in three lines; `check` is the command that looks further."""
    shares = [f"{legible(name)} {100 * share:.0f} %" for name, share in summary.shares.items()]
    kinds = f", {_counted(len(shares), 'type' if summary.task == 'spans' else 'label')}"
    more = ", …" if len(shares) > SHARES_SHOWN else ""
    listed = f" ({', '.join(shares[:SHARES_SHOWN])}{more})" if shares else ""
    told = "" if summary.task == "segmentation" else f"{kinds}{listed}"
    yield f"train: {_size(summary.train, summary.task)}{told}"
    if (dev := summary.dev) is not None:
        unseen = "" if dev.unseen is None else f", {100 * dev.unseen / dev.tokens:.1f} %"
        yield f"dev: {_size(dev, summary.task)}{unseen and unseen + ' of them unseen in train'}"
    found = f"{_counted(len(summary.warnings), 'warning')}; more" if summary.warnings else "more"
    yield f"{found} about these texts: {check}"


def _size(text: TextSummary, task: str) -> str:
    """How many sentences and tokens a text has; rows of a table."""
    if task == "slots":
        return _counted(text.sentences, "row")
    tokens = "character" if task == "segmentation" else "token"
    return f"{_counted(text.sentences, 'sentence')}, {_counted(text.tokens, tokens)}"


def _figures(texts: Texts, task: str) -> Table:
    """A column for each text, a row for each figure that one of them has."""
    table = new_table("", *texts)
    rows = [_rows(own, task) for own in texts.values()]
    for name in rows[0]:
        cells = [own[name] for own in rows]
        is_told = any(cell.strip("0 %.") for cell in cells)
        if is_told and not (name == "files" and {"0", "1"}.issuperset(cells)):
            table.add_row(NAMES.get(task, {}).get(name, name), *cells)
    return table


def _rows(own: TextFigures, task: str) -> dict[str, str]:
    """The figures of a text by name."""
    longest = own["longest"]
    lengths = {
        "  of one token": _number(own["one_token"]),
        "  longest": _number(longest["tokens"] if longest else None),
        "tokens": _number(own["tokens"]),
    }
    return {
        "files": _number(len(own["files"])),
        "documents": _number(own.get("documents")),
        "sentences": _number(own["sentences"]),
        "  repeated": _share(own["repeated"]),
        "  in train too": _share(own.get("in_train")),
        **(lengths if task != "slots" else {}),
        "  without a label": _number(own["unlabelled"]),
        "words": _number(own.get("words")),
        "different words": _number(own["different_words"]),
        "  unseen in train": _share(own.get("unseen")),
        "records passed over": _number(own["passed_over"]),
        "faults": _number(own["faults"]),
    }


def _labels(texts: Texts) -> Iterator[Table]:
    """How often each label, or each type of spans, stands in the texts that tell."""
    key = "spans" if any("spans" in own for own in texts.values()) else "labels"
    counts: dict[str, dict[str, int]] = {
        name: own[key]  # type: ignore[literal-required]  # one of two
        for name, own in texts.items()
        if key in own
    }
    names = list(dict.fromkeys(label for own in counts.values() for label in own))
    if not names:
        return
    table = new_table(
        "spans" if key == "spans" else "label", *(c for n in counts for c in (n, "%"))
    )
    for label in names[:LABELS_SHOWN]:
        cells: list[str] = []
        for own in counts.values():
            total = max(1, sum(own.values()))
            cells += [f"{own.get(label, 0):,}", f"{100 * own.get(label, 0) / total:.1f}"]
        table.add_row(legible(label), *cells)
    if (more := len(names) - LABELS_SHOWN) > 0:
        table.add_row(f"{more:,} more")
    yield table


def _schemes(texts: Texts) -> Iterator[str]:
    """The scheme of the labels of each text that has spans."""
    schemes = {name: own.get("scheme") for name, own in texts.items() if own.get("spans")}
    if schemes:
        each = ", ".join(f"{name} {scheme or 'none'}" for name, scheme in schemes.items())
        yield f"scheme that fits: {each}"


def _rare(found: Check) -> Iterator[str]:
    """The labels that train hardly has."""
    rare = found["rare"]
    if rare:
        shown = [f"{legible(name)} {count}" for name, count in [*rare.items()][:RARE_SHOWN]]
        more = f" and {len(rare) - RARE_SHOWN:,} more" if len(rare) > RARE_SHOWN else ""
        yield f"rare in train, and hardly learnt: {', '.join(shown)}{more}"


def _conflicts(found: Conflicts) -> Iterator[str]:
    """Equal sentences that are labelled differently, and the places of some."""
    if found["texts"]:
        texts = f"{found['texts']:,} different ones" if found["texts"] > 1 else "the same text"
        yield f"equal sentences with different labels: {found['sentences']:,}, of {texts}, such as"
        for pair in found["examples"][:CONFLICTS_SHOWN]:
            yield "  " + " and ".join(map(_place, pair))


def _place(place: Place) -> str:
    """file:line."""
    return f"{place['path']}:{place['line']}"


def _number(number: int | None) -> str:
    """A number, or nothing."""
    return "" if number is None else f"{number:,}"


def _share(share: Share | None) -> str:
    """A share in per cent, or nothing."""
    return "" if share is None else f"{100 * share['share']:.1f} %"


def _counted(count: int, what: str) -> str:
    """So many of something: 1 fault, no faults."""
    return f"{count:,} {what}{'' if count == 1 else 's'}" if count else f"no {what}s"
