"""The shape of the house: who imports whom, what loading a model pulls in, how fast import is."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "windowclf"
LAYERS = {
    "errors": 0,
    "arrays": 0,
    "memory": 0,
    "threads": 0,
    "limits": 0,
    "config": 1,
    "kernels": 1,
    "text": 1,
    "optimizers": 1,
    "metrics": 1,
    "durable": 1,
    "checked": 1,
    "tables": 1,
    "bootstrap": 1,
    "tensor_file": 2,
    "architecture": 2,
    "recurrence": 3,
    "token_features": 3,
    "network": 4,
    "ensemble": 5,
    "gradient_check": 6,
    "calibration": 6,
    "corpus_cache": 3,
    "compact": 3,
    "input_files": 1,
    "word_vectors": 2,
    "feature_files": 4,
    "model_header": 3,
    "model_file": 4,
    "row_cache": 6,
    "pruning": 5,
    "constraints": 5,
    "decoding": 6,
    "run_folder": 5,
    "prediction": 7,
    "evaluation": 8,
    "comparison": 9,
    "labelling": 8,
    "processes": 9,
    "streaming": 10,
    "training": 8,
    "assembly": 9,
    "pipeline": 10,
    "compression": 11,
    "display": 11,
    "comparison_display": 11,
    "plain_predict": 11,
    "cli": 12,
    "command": 13,
}
ROOMS = {"config", "kernels", "text"}  # inside, any order without a circle


def modules() -> list[Path]:
    return [p for p in sorted(PACKAGE.rglob("*.py")) if p != PACKAGE / "__init__.py"]


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path) -> set[str]:
    """Modules of the package that a module imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    names = {name_of(p) for p in modules()}
    return {name for name in found if name in names}


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_a_module_imports_only_lower_layers(path):
    own = name_of(path).split(".")[1]
    for other in imported(path):
        room = other.split(".")[1]
        if room == own and room in ROOMS:
            continue
        assert LAYERS[room] < LAYERS[own], f"{name_of(path)} imports {other}"


def test_no_circles():
    graph = {name_of(path): imported(path) for path in modules()}

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        for other in graph[name] - {".".join(name.split(".")[:i]) for i in range(4)}:
            visit(other, (*trail, name))

    for name in graph:
        visit(name, ())


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_tagging_loads_numpy_safetensors_and_the_standard_library_only():
    code = (
        "import sys, json; before = set(sys.modules); import windowclf; windowclf.load; "
        "windowclf.Tagger; print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    )
    loaded = set(json.loads(run_python(code)))
    unwanted = {"scipy", "rich", "typer", "click", "yaml", "pydantic", "threadpoolctl"}
    assert not loaded & unwanted
    assert {"numpy", "safetensors"} <= loaded


def test_import_is_quick():
    code = "import time; t = time.perf_counter(); import windowclf; print(time.perf_counter() - t)"
    assert min(float(run_python(code)) for _ in range(3)) < 0.2


def test_public_names_exist():
    import windowclf

    for name in windowclf.__all__:
        assert getattr(windowclf, name).__doc__
    assert set(windowclf.__all__) <= set(dir(windowclf))
    with pytest.raises(AttributeError):
        windowclf.no_such_name  # noqa: B018
