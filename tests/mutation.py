"""Break every line of every backward function, one at a time, and see that the tests notice.

    python tests/mutation.py [--list] [--only crf.py]

Mutants: a sign flipped, a transpose, mask, factor or divisor dropped, the operands of a matrix
product swapped, a comparison moved by one or turned, an assignment left out, a sum turned into a
mean. Each is written into a copy of the package, never into the work tree. Exit 1 if one survives.
"""

from __future__ import annotations

import argparse
import ast
import copy
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "windowclf"
TESTS = (
    "tests/network/test_fast_equals_plain.py",
    "tests/network/test_optimizers.py",
    "tests/system/test_threads.py",
    "tests/network/test_ensemble.py",
)
CRF_TESTS = ("tests/network/test_crf.py", "tests/network/test_decoding.py")
CRF_MODULES = {"crf.py", "trellis.py", "decoding.py"}  # forward is half of the gradient there
KERNELS = sorted((PACKAGE / "network" / "kernels").glob("*.py"))
WIRING = [
    PACKAGE / "network" / name
    for name in ("gradients.py", "members.py", "token_features.py", "recurrence.py")
]
WIRING_FUNCTIONS = {
    "loss_and_gradients",
    "l2_term",
    "loss_and_d_h",
    "features_backward",
    "recurrence_backward",
    "_loss",
    "_weights",
    "_through_windows",
    "_through_recurrence",
    "_through_windows_and_chain",
    "_through_chain",
    "_chain_loss",
    "d_h",
    "_sum_up",
    "_shared_by",
    "_hidden_backward",
    "_cut_states",
}

# Mutants that compute the same numbers, each with the reason; "module: line after mutation".
EQUIVALENT: dict[str, str] = {}


class Mutant(NamedTuple):
    module: str  # path below the package
    function: str
    line: int
    what: str
    before: str  # the statement
    after: str
    source: str  # the whole module


def is_target(path: Path, name: str) -> bool:
    if path in WIRING:
        return name in WIRING_FUNCTIONS
    if path.name in CRF_MODULES:
        return not name.startswith("__")
    return name.endswith(("_backward", "_cross_entropy"))


def mutants() -> Iterator[Mutant]:
    for path in [*KERNELS, *WIRING]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef) and is_target(path, function.name):
                yield from mutants_of(path, tree, function)


def mutants_of(path: Path, tree: ast.Module, function: ast.FunctionDef) -> Iterator[Mutant]:
    body = [node for statement in function.body[1:] for node in ast.walk(statement)]
    for number, node in enumerate(body):
        for what, _change in changes(node):
            mutated = copy.deepcopy(tree)
            twin = next(
                f
                for f in ast.walk(mutated)
                if isinstance(f, ast.FunctionDef) and f.name == function.name
            )
            nodes = [n for statement in twin.body[1:] for n in ast.walk(statement)]
            target = nodes[number]
            change = dict(changes(target))[what]
            statement = enclosing(twin, target)
            before = ast.unparse(statement)
            holder = replace(twin, target, change(target))
            after = ast.unparse(ast.fix_missing_locations(holder or statement))
            if before != after:
                place = str(path.relative_to(PACKAGE))
                source = ast.unparse(ast.fix_missing_locations(mutated))
                yield Mutant(place, function.name, node.lineno, what, before, after, source)


def changes(node: ast.AST) -> list[tuple[str, object]]:
    """Names and makers of what may stand in a node's place."""
    found: list[tuple[str, object]] = []
    match node:
        case ast.BinOp(op=ast.Add()):
            found.append(("+ to -", lambda n: ast.BinOp(n.left, ast.Sub(), n.right)))
        case ast.BinOp(op=ast.Sub()):
            found.append(("- to +", lambda n: ast.BinOp(n.left, ast.Add(), n.right)))
        case ast.BinOp(op=ast.Mult()):
            found.append(("drop right factor", lambda n: n.left))
            found.append(("drop left factor", lambda n: n.right))
        case ast.BinOp(op=ast.Div()):
            found.append(("drop divisor", lambda n: n.left))
        case ast.BinOp(op=ast.MatMult()):
            found.append(("swap @", lambda n: ast.BinOp(n.right, ast.MatMult(), n.left)))
        case ast.UnaryOp(op=ast.USub()):
            found.append(("drop minus", lambda n: n.operand))
        case ast.Attribute(attr="T"):
            found.append(("drop transpose", lambda n: n.value))
        case ast.Compare(ops=[ast.Gt()]):
            found.append(("> to >=", lambda n: ast.Compare(n.left, [ast.GtE()], n.comparators)))
        case ast.Compare(ops=[ast.GtE()]):
            found.append((">= to >", lambda n: ast.Compare(n.left, [ast.Gt()], n.comparators)))
        case ast.Compare(ops=[ast.Lt()]):
            found.append(("< to <=", lambda n: ast.Compare(n.left, [ast.LtE()], n.comparators)))
        case ast.Compare(ops=[ast.Eq()]):
            found.append(("== to !=", lambda n: ast.Compare(n.left, [ast.NotEq()], n.comparators)))
        case ast.Compare(ops=[ast.NotEq()]):
            found.append(("!= to ==", lambda n: ast.Compare(n.left, [ast.Eq()], n.comparators)))
        case ast.AugAssign(op=ast.Add()):
            found.append(("+= to -=", lambda n: ast.AugAssign(n.target, ast.Sub(), n.value)))
            found.append(("drop +=", lambda _n: ast.Pass()))
        case ast.AugAssign(op=ast.Sub()):
            found.append(("-= to +=", lambda n: ast.AugAssign(n.target, ast.Add(), n.value)))
            found.append(("drop -=", lambda _n: ast.Pass()))
        case ast.AugAssign(op=ast.Mult()):
            found.append(("drop *=", lambda _n: ast.Pass()))
        case ast.AugAssign(op=ast.Div()):
            found.append(("drop /=", lambda _n: ast.Pass()))
        case ast.Assign(targets=[ast.Subscript()]):
            found.append(("drop assignment", lambda _n: ast.Pass()))
        case ast.Call(func=ast.Attribute(attr="sum")):
            found.append(("sum to mean", as_mean))
    return found


def as_mean(node: ast.Call) -> ast.Call:
    assert isinstance(node.func, ast.Attribute)
    return ast.Call(ast.Attribute(node.func.value, "mean", ast.Load()), node.args, node.keywords)


def enclosing(function: ast.FunctionDef, target: ast.AST) -> ast.stmt:
    """The smallest statement that holds a node."""
    holders = [
        s for s in ast.walk(function) if isinstance(s, ast.stmt) and target in list(ast.walk(s))
    ]
    return min(holders, key=lambda s: sum(1 for _ in ast.walk(s)))


def replace(function: ast.FunctionDef, old: ast.AST, new: ast.AST) -> ast.AST | None:
    """Put a node in another's place; returns the new statement where a statement was replaced."""
    for parent in ast.walk(function):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
                return None
            if isinstance(value, list) and any(item is old for item in value):
                setattr(parent, name, [new if item is old else item for item in value])
                return new if isinstance(new, ast.stmt) else None
    raise AssertionError("the node is not in the function")


def survives(mutant: Mutant, folder: Path) -> bool:
    """Run the tests against a copy of the package with the mutant in it."""
    target = folder / "windowclf" / mutant.module
    original = target.read_text(encoding="utf-8")
    target.write_text(mutant.source, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    tests = CRF_TESTS if Path(mutant.module).name in CRF_MODULES else TESTS
    command = [sys.executable, "-P", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(
            command, cwd=REPOSITORY, env=environment, capture_output=True, timeout=300
        )
    finally:
        target.write_text(original, encoding="utf-8")
    return done.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true", help="only list the mutants")
    parser.add_argument("--only", metavar="FILE", help="only mutants of modules of this name")
    arguments = parser.parse_args()
    every = [
        mutant
        for mutant in mutants()
        if f"{mutant.module}: {mutant.after}" not in EQUIVALENT
        and arguments.only in (None, Path(mutant.module).name)
    ]
    survivors = 0
    workers = min(2, os.cpu_count() or 1)
    folders: SimpleQueue[Path] = SimpleQueue()
    with tempfile.TemporaryDirectory() as temporary, ThreadPoolExecutor(workers) as pool:
        for i in range(workers):
            folder = Path(temporary) / str(i)
            shutil.copytree(PACKAGE, folder / "windowclf")
            folders.put(folder)

        def run(mutant: Mutant) -> bool:
            if arguments.list:
                return False
            folder = folders.get()
            try:
                return survives(mutant, folder)
            finally:
                folders.put(folder)

        for mutant, alive in zip(every, pool.map(run, every), strict=True):
            survivors += alive
            verdict = "listed" if arguments.list else "SURVIVED" if alive else "killed"
            place = f"{mutant.module}:{mutant.line} {mutant.function}"
            print(f"{verdict:8}  {place:52} {mutant.what:18} {mutant.after[:80]!r}", flush=True)
    print(f"{len(every)} mutants, {survivors} survived, {len(EQUIVALENT)} argued equivalent")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
