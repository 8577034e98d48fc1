"""Break every function of the mathematics, one place at a time, and see that the tests notice.

    python tests/mutation.py [--list] [--only crf.py] [--sample 60 --seed 1]

A mutant is one edit of the source: a sign, an operand, a factor, a transpose or a minus dropped or
turned, a comparison moved by one, a whole number one larger, `and` for `or`, a maximum for a
minimum, an assignment or a call left out. It is written into a copy of the package, never into the
work tree, and runs against the tests that TESTS names for its module. Exit 1 if one survives.
"""

from __future__ import annotations

import argparse
import ast
import compileall
import contextlib
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from equivalent_mutants import EQUIVALENT

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "windowclf"
SECONDS = 300  # for the tests of one mutant, many times what they take
MEMORY = 8 << 30
SURVIVED = "SURVIVED"

# What should kill the mutants of each module, the quickest first.
NETWORK = (
    "tests/network/test_fast_equals_plain.py",
    "tests/system/test_threads.py",
    "tests/network/test_all_gradients.py",
    "tests/network/test_ensemble.py",
    "tests/tagging/test_prediction.py",
)
CHAIN = (
    "tests/network/test_crf.py",
    "tests/network/test_decoding.py",
    "tests/network/test_mending.py",
)
CALIBRATION = ("tests/analysis/test_calibration.py", "tests/analysis/test_evaluation.py")
TESTS = {
    **{
        f"network/kernels/{path.name}": NETWORK for path in PACKAGE.glob("network/kernels/[!_]*.py")
    },
    **{f"network/kernels/{name}.py": CHAIN for name in ("crf", "decoding")},
    "network/kernels/trellis.py": (*CHAIN, NETWORK[0]),
    "network/kernels/segments.py": ("tests/tagging/test_span_scores.py",),
    "network/kernels/mending.py": (
        "tests/network/test_mending.py",
        "tests/tagging/test_constraints.py",
    ),
    **{
        f"network/{name}.py": NETWORK
        for name in ("gradients", "recurrence", "token_features", "upward")
    },
    "tagging/temperature.py": CALIBRATION,
    "analysis/reliability.py": CALIBRATION,
    "network/members.py": ("tests/network/test_ensemble.py", *NETWORK, *CALIBRATION),
    "network/carry.py": ("tests/network/test_carry.py",),
    "network/replay.py": ("tests/network/test_carry.py",),
    "analysis/spread.py": ("tests/pipeline/test_folds.py",),
    "analysis/bootstrap.py": ("tests/analysis/test_bootstrap.py",),
    "analysis/resampling.py": ("tests/analysis/test_resampling.py",),
    "text/units.py": ("tests/text/test_documents.py",),
    "text/schemes.py": ("tests/text/test_schemes.py",),
    "analysis/metrics.py": ("tests/analysis/test_metrics.py", "tests/analysis/test_evaluation.py"),
    "text/spans.py": ("tests/text/test_spans.py", "tests/tagging/test_constraints.py"),
    "text/legality.py": ("tests/text/test_spans.py", "tests/tagging/test_constraints.py"),
}


class Mutant(NamedTuple):
    module: str  # path below the package
    function: str
    line: int
    what: str
    after: str  # the line as it then reads, or the statement that is not there any more
    source: bytes  # the whole module

    @property
    def name(self) -> str:
        return f"{self.module} {self.function}: {self.after}"


def every_mutant() -> list[Mutant]:
    return [mutant for module in sorted(TESTS) for mutant in mutants_of(module)]


def mutants_of(module: str) -> Iterator[Mutant]:
    source = (PACKAGE / module).read_bytes()
    starts = [0, *accumulate(len(line) for line in source.splitlines(keepends=True))]
    for function in functions(ast.parse(source)):
        inner = (node for statement in function.body for node in nodes(statement))
        for what, node, new in (change for each in inner for change in changes(each)):
            begin = starts[node.lineno - 1] + node.col_offset
            end = starts[node.end_lineno - 1] + node.end_col_offset
            text = ast.unparse(new)
            text = f"({text})" if isinstance(new, ast.expr) else text
            mutated = source[:begin] + text.encode() + source[end:]
            rest = mutated.index(b"\n", begin + len(text.encode()))
            line = mutated[starts[node.lineno - 1] : rest].decode()
            if text == "pass":
                line = f"without {source[begin:end].decode()}"
            after = " ".join(line.partition("  # ")[0].split())
            yield Mutant(module, function.name, node.lineno, what, after, mutated)


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    """Functions and methods; those within them are parts of them."""
    for node in tree.body:
        for inner in node.body if isinstance(node, ast.ClassDef) else [node]:
            if isinstance(inner, ast.FunctionDef):
                yield inner


def nodes(node: ast.AST) -> Iterator[ast.AST]:
    """What has a place in the source and is run; the parts of an f-string have none."""
    if isinstance(node, ast.JoinedStr):
        return
    if hasattr(node, "lineno"):
        yield node
    for field, value in ast.iter_fields(node):
        if field not in ("annotation", "returns", "decorator_list"):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from nodes(child)


OPERATORS: dict[type, type] = {
    **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd},
    **{ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Lt: ast.LtE, ast.LtE: ast.Lt},
    **{ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In},
    **{ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And},
}
NAMES = {
    **{"max": "min", "maximum": "minimum", "argmax": "argmin", "any": "all", "sum": "mean"},
    **{"min": "max", "minimum": "maximum", "argmin": "argmax", "all": "any"},
}


def changes(node: ast.AST) -> Iterator[tuple[str, ast.AST, ast.AST]]:
    """(what is done, the node or a part of it, what comes into its place)."""
    match node:
        case ast.BinOp(left, ast.Mult(), right):
            yield "drop factor", node, left
            yield "drop factor", node, right
        case ast.BinOp(left, ast.Div() | ast.FloorDiv() | ast.Mod() | ast.Pow()):
            yield "drop right", node, left
        case ast.BinOp(left, ast.MatMult(), right):
            yield "swap operands", node, ast.BinOp(right, node.op, left)
        case ast.BinOp(left, operator, right) if type(operator) in OPERATORS:
            yield "operator", node, ast.BinOp(left, OPERATORS[type(operator)](), right)
        case ast.BoolOp(operator, values):
            yield "operator", node, ast.BoolOp(OPERATORS[type(operator)](), values)
        case ast.Compare(left, [operator], right) if type(operator) in OPERATORS:
            yield "comparison", node, ast.Compare(left, [OPERATORS[type(operator)]()], right)
        case ast.UnaryOp(ast.USub() | ast.Not() | ast.Invert(), operand):
            yield "drop sign", node, operand
        case ast.Attribute(value, "T"):
            yield "drop transpose", node, value
        case ast.Attribute(value, name) if name in NAMES:
            yield "name", node, ast.Attribute(value, NAMES[name], node.ctx)
        case ast.Name("max" | "min" | "any" | "all" as name):
            yield "name", node, ast.Name(NAMES[name], node.ctx)
        case ast.Constant(int() as number) if not isinstance(number, bool):
            yield "number", node, ast.Constant(number + 1)
        case ast.If(test) | ast.IfExp(test) if isinstance(
            test, ast.Name | ast.Attribute | ast.Call
        ):
            yield "negate", test, ast.UnaryOp(ast.Not(), test)
        case ast.AugAssign(target, operator, value):
            yield "drop update", node, ast.Pass()
            if type(operator) in OPERATORS:
                yield "operator", node, ast.AugAssign(target, OPERATORS[type(operator)](), value)
        case ast.Assign([ast.Subscript()]):
            yield "drop assignment", node, ast.Pass()
        case ast.Expr(ast.Call()):
            yield "drop call", node, ast.Pass()


def fate(module: str, folder: Path) -> str:
    """What the tests of a module say of the package in a folder; no answer is an answer too."""
    command = [sys.executable, "-P", "-m", "pytest", "-x", "-q", "-n", "0"]
    process = subprocess.Popen(
        [*command, "-p", "no:cacheprovider", *TESTS[module]],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return "killed" if process.wait(SECONDS) else SURVIVED
    except subprocess.TimeoutExpired:
        return "for ever"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def fate_of(mutant: Mutant, folders: SimpleQueue[Path]) -> str:
    folder = folders.get()
    target = folder / "windowclf" / mutant.module
    try:
        target.write_bytes(mutant.source)
        return fate(mutant.module, folder)
    finally:
        target.write_bytes((PACKAGE / mutant.module).read_bytes())
        folders.put(folder)


def run(mutants: list[Mutant], workers: int) -> int:
    """Print what becomes of each mutant; how many survive."""
    survivors = 0
    folders: SimpleQueue[Path] = SimpleQueue()
    with tempfile.TemporaryDirectory() as temporary, ThreadPoolExecutor(workers) as pool:
        for i in range(workers):
            folder = Path(temporary) / str(i)
            shutil.copytree(PACKAGE, folder / "windowclf")
            compileall.compile_dir(folder, quiet=1)
            folders.put(folder)
        for module in {TESTS[mutant.module]: mutant.module for mutant in mutants}.values():
            assert fate(module, folder) == SURVIVED, f"tests of {module} fail without a mutant"
        fates = pool.map(lambda mutant: fate_of(mutant, folders), mutants)
        for mutant, said in zip(mutants, fates, strict=True):
            survivors += said == SURVIVED
            print(f"{said:8}", *described(mutant), flush=True)
    return survivors


def described(mutant: Mutant) -> tuple[str, str, str]:
    place = f"{mutant.module}:{mutant.line} {mutant.function}"
    return f"{place:55}", f"{mutant.what:15}", mutant.after


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true", help="only list the mutants")
    parser.add_argument("--only", metavar="FILE", help="only mutants of modules of this name")
    parser.add_argument("--sample", type=int, metavar="N", help="N of them, drawn at random")
    parser.add_argument("--seed", type=int, default=1, help="what the sample is drawn by")
    arguments = parser.parse_args()
    chosen = [
        mutant
        for mutant in every_mutant()
        if mutant.name not in EQUIVALENT and arguments.only in (None, Path(mutant.module).name)
    ]
    if arguments.sample is not None:
        chosen = random.Random(arguments.seed).sample(chosen, min(arguments.sample, len(chosen)))
    if arguments.list:
        for mutant in chosen:
            print(*described(mutant))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))  # of the tests of a mutant that grows
    survivors = 0 if arguments.list else run(chosen, min(2, os.cpu_count() or 1))
    print(f"{len(chosen)} mutants, {survivors} survived, {len(EQUIVALENT)} argued equivalent")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
