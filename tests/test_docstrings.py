"""Shapes are part of the text: a function of arrays says in its docstring what shape they have."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "windowclf"
ARRAYS = {"Floats", "Ints", "Bools", "Bytes"}
# (B, K), (values,), (T + 1, n·H), (M, …): parts without spaces but around an operator, one of two
# a letter, a number or an ellipsis at least, which the pair (start, end) has not.
PART = r"[\w…′]+(?: ?[·+−*/-] ?[\w…′]+)*"
TUPLE = re.compile(rf"\(({PART}(?:, ?{PART})*,?)\)")
SIZE = re.compile(r"[^\W_]′?|\d+|…|.*[·+−*/-].*")

BY_NAME = re.compile(r"(?:dict|Mapping)\[str, .*?\]")  # arrays of many shapes, each with its name

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> Iterator[tuple[str, Function]]:
    """Functions and methods by name; those within functions are read with what holds them."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        for each in inner:
            if isinstance(each, Function) and not each.name.startswith("__"):
                owner = f"{node.name}." if each is not node else ""
                yield f"{path.relative_to(PACKAGE)}: {owner}{each.name}", each


def has_arrays(function: Function) -> bool:
    a = function.args
    given = [*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, (a.vararg, a.kwarg))]
    annotations = [argument.annotation for argument in given] + [function.returns]
    text = " ".join(ast.unparse(each) for each in annotations if each)
    return bool(ARRAYS.intersection(re.findall(r"\w+", BY_NAME.sub("", text))))


def names_a_shape(text: str) -> bool:
    """A tuple of sizes, or whose shape it is."""
    if re.search(r"\b(?:same shape|shape of)\b", text):
        return True
    tuples = [found[1] for found in TUPLE.finditer(text) if "," in found[1]]
    return any(
        each.endswith(",") or any(SIZE.fullmatch(part.strip()) for part in each.split(","))
        for each in tuples
    )


FUNCTIONS = {
    name: function
    for path in sorted(PACKAGE.rglob("*.py"))
    for name, function in functions(path)
    if has_arrays(function)
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_of_arrays_names_their_shapes(name):
    text = ast.get_docstring(FUNCTIONS[name])
    assert text, f"{name} has no docstring"
    assert names_a_shape(text), f"{name}: no shape such as (B, K) in {text!r}"


@pytest.mark.parametrize(
    "text", ["x (B, K)", "(N,)", "(values,)", "(T, n·H)", "(T + 1,)", "in the shape of z"]
)
def test_what_a_shape_is(text):
    assert names_a_shape(text)


@pytest.mark.parametrize(
    "text", ["f(x)", "(start, end)", "(Efron and Tibshirani 1993, ch. 13)", "(K)"]
)
def test_what_a_shape_is_not(text):
    assert not names_a_shape(text)
