"""info: what a model file holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from windowclf.tagging.model_file import find_model, load_model


def info(model: str | Path) -> dict[str, Any]:
    """What a model file holds: task, labels, features, sizes, provenance."""
    path = find_model(Path(model))
    loaded = load_model(path)
    a, v = loaded.architecture, loaded.vocabulary
    parameters = {name: "×".join(map(str, p.shape)) for name, p in loaded.parameters.items()}
    return {
        "file": str(path),
        "bytes": path.stat().st_size,
        "task": loaded.layout.task,
        "labels": list(v.labels),
        "window": a.window,
        "features": [f"{feature.kind} ({feature.table})" for feature in a.features],
        "hidden": a.activation if a.activation == "none" else f"{a.activation}, {a.units} units",
        "recurrence": a.directions or "none",
        "output": a.output,
        "tokenizer": loaded.layout.tokenizer,
        "temperature": loaded.temperature,
        "words seen in training": "not kept" if v.seen is None else len(v.seen),
        "words of the dictionary": len(loaded.dictionary),
        "stored as": loaded.compressed or str(loaded.parameters["U"].dtype),
        "numbers": sum(p.size for p in loaded.parameters.values()),
        "parameters": parameters,
        "provenance": dict(loaded.provenance),
    }
