"""The shape of the house: who imports whom, what loading a model pulls in, how fast import is."""

from __future__ import annotations

import ast
import functools
import json
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "windowclf"
# From the top; a room imports only rooms below it, and `text` and `config` not one another.
ROOMS = (
    "__main__",
    "commands",
    "client",
    "service",
    "integrations",
    "pipeline",
    "analysis",
    "tagging",
    "network",
    "text",
    "config",
    "system",
)
AT_THE_ROOT = {"errors", "arrays"}  # which every room may import


@functools.cache
def modules() -> list[Path]:
    return [p for p in sorted(PACKAGE.rglob("*.py")) if p != PACKAGE / "__init__.py"]


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
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


def room_of(name: str) -> str:
    return name.split(".")[1]


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_a_module_stands_in_a_room_and_imports_only_rooms_below(path):
    own = room_of(name_of(path))
    assert own in (*ROOMS, *AT_THE_ROOT)
    below = ROOMS[ROOMS.index(own) :] if own in ROOMS else ()
    allowed = {*below, *AT_THE_ROOT} - ({"config"} if own == "text" else set())
    for other in imported(path):
        assert room_of(other) in allowed, f"{name_of(path)} imports {other}"


def test_no_circles():
    graph = {name_of(path): imported(path) for path in modules()}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name in done:
            return
        for other in graph[name] - {".".join(name.split(".")[:i]) for i in range(5)}:
            visit(other, (*trail, name))
        done.add(name)

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
