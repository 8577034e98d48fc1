"""What people see of a model: its facts, its gradients, what compressing it changed."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from windowclf.commands.tables import new_table, percent, plain_console
from windowclf.config.kept import kept_yaml
from windowclf.errors import Fault, ModelFileError, legible
from windowclf.network.gradient_check import ArrayCheck
from windowclf.pipeline.compress import Compression
from windowclf.pipeline.info import ModelInfo

SHOWN_OF_CONFIG = (
    "seed",
    "training.epochs",
    "training.batch_tokens",
    "training.optimizer.name",
    "training.optimizer.learning_rate",
)


def print_gradient_checks(checks: Sequence[ArrayCheck]) -> None:
    """Print what came of a gradient check, a row per parameter array."""
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    table = new_table("array", "shape", "checked", "kinks", "‖a−n‖/(‖a‖+‖n‖)", "")
    for check in checks:
        table.add_row(
            check.name,
            _shape(check.shape),
            f"{check.checked} of {check.wanted}",
            str(check.kinks),
            f"{check.error:.1e}",
            "ok" if check.passed else "FAILED",
        )
    plain_console().print(table)


def print_info(facts: ModelInfo) -> None:
    """Print the facts that `info` gives of a model, one a line; parameters, provenance indented."""
    console = plain_console()
    for name, fact in _in_words(facts).items():
        if isinstance(fact, Mapping):
            console.print(f"{name}:")
            for inner, value in fact.items():
                console.print(f"  {inner}: {value}")
        else:
            console.print(f"{name}: {fact}")


def kept_config_of(facts: ModelInfo) -> dict[str, Any]:
    """The config that a model keeps. Raises ModelFileError without one."""
    if facts["config"] is None:
        fault = "keeps no config, as models from before version 2 of the format."
        raise ModelFileError(Fault(fault, facts["file"]))
    return facts["config"]


def print_config(facts: ModelInfo) -> None:
    """Print the config of a model as YAML that `train` takes. Raises ModelFileError without one."""
    print(kept_yaml(kept_config_of(facts), _other_files(facts)), end="")


def _other_files(facts: ModelInfo) -> list[str]:
    """The keys of files, but for train and those of features, that a model was made with."""
    keys = {"training.start_from": "training.start_from", "replay": "data.replay"}
    found = [key for name, key in keys.items() if name in facts["provenance"]]
    return [*found, *(["data.dictionary"] if facts["dictionary_words"] else [])]


def _in_words(facts: ModelInfo) -> dict[str, Any]:
    """The facts that `info` gives to programs as people read them: name -> text."""
    hidden = facts["activation"]
    if hidden != "none":
        hidden += f", {facts['units']} units"
    recurrence = {0: "none", 1: "one direction", 2: "two directions"}[facts["directions"]]
    if facts["truncate"]:
        recurrence += f", blocks of {facts['truncate']} tokens"
    seen = facts["seen_words"]
    return {
        "file": facts["file"],
        "bytes": f"{facts['bytes']:,}",
        "sha256": facts["sha256"],
        "task": facts["task"],
        "format": facts["format"],
        **({"scheme": facts["scheme"]} if facts["scheme"] else {}),
        "labels": ", ".join(map(legible, facts["labels"])),
        "window": facts["window"],
        "features": ", ".join(f"{f['kind']} ({f['table']})" for f in facts["features"]),
        "hidden": hidden,
        "recurrence": recurrence,
        "output": facts["output"],
        "members": facts["members"],
        "tokenizer": facts["tokenizer"],
        "temperature": facts["temperature"],
        "words seen in training": "not kept" if seen is None else f"{seen:,}",
        "words of the dictionary": f"{facts['dictionary_words']:,}",
        "stored as": facts["stored_as"],
        "numbers": f"{facts['numbers']:,}",
        "parameters": {name: _shape(shape) for name, shape in facts["parameters"].items()},
        "provenance": facts["provenance"],
        "config": "not kept" if facts["config"] is None else _in_short(facts["config"]),
        **({"machine": _machine_in_words(facts["machine"])} if facts["machine"] else {}),
    }


def _machine_in_words(machine: Mapping[str, str]) -> str:
    """What the run of a model ended on."""
    names = {"numpy": "numpy ", "windowclf": "windowclf "}  # the others say what they are
    return ", ".join(f"{names.get(key, '')}{legible(value)}" for key, value in machine.items())


def _in_short(config: Mapping[str, Any]) -> str:
    """What people ask first of a config that a model keeps, and how to see the rest."""
    found = []
    for name in SHOWN_OF_CONFIG:
        value: Any = config
        for key in name.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        if isinstance(value, str | int | float):
            found.append(f"{name} {legible(str(value))}")
    return f"{', '.join(found)}; --config prints all of it"


def _shape(shape: Sequence[int]) -> str:
    """The shape of an array as people read it: 100×64."""
    return "×".join(map(str, shape))


def print_compression(facts: Compression) -> None:
    """Print the bytes, scores and rows of a model before and after it was compressed."""
    before, after = facts["before"], facts["after"]
    table = new_table(f"stored as {facts['stored_as']}", "before", "after")
    table.add_row("bytes", f"{before['bytes']:,}", f"{after['bytes']:,}")
    for name, score in before.get("scores", {}).items():
        now = after["scores"].get(name)
        table.add_row(name, percent(score), "-" if now is None else percent(now))
    counts = {"words seen in training": (before["seen_words"] or 0, after["seen_words"])} | {
        f"rows of {name}": (V, after["rows"][name]) for name, V in before["rows"].items()
    }
    for name, (old, new) in counts.items():
        table.add_row(name, f"{old:,}", "not kept" if new is None else f"{new:,}")
    plain_console().print(table)
    print(f"model: {facts['file']}")
