"""GRADIENTS.md against the code: its names, its numbering, its shapes and its worked example."""

from __future__ import annotations

import ast
import math
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from windowclf.arrays import Floats, RowGradient
from windowclf.network import members
from windowclf.network.architecture import Architecture
from windowclf.network.average import Average
from windowclf.network.gradients import Objective
from windowclf.network.kernels.activations import activation_backward, activation_forward
from windowclf.network.kernels.affine import affine_backward, affine_forward
from windowclf.network.kernels.crf import crf_cross_entropy
from windowclf.network.kernels.lookup import lookup_backward
from windowclf.network.kernels.output import sigmoid_cross_entropy, softmax, softmax_cross_entropy
from windowclf.network.kernels.window import window_backward, window_forward
from windowclf.network.update_rules import Adam
from windowclf.text.batches import Batch
from windowclf.text.corpus import NO_CLASS
from windowclf.text.features import Feature
from windowclf.text.vocabulary import SlotRows

PACKAGE = Path(__file__).parents[2] / "windowclf"
TEXT = (PACKAGE / "network" / "kernels" / "GRADIENTS.md").read_text(encoding="utf-8")
SECTIONS = re.findall(r"^## (\d+)\. (.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
NAMED = sorted(set(re.findall(r"`([\w/]+\.py): ([\w.]+)`", TEXT)))
FENCED = re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
BLOCKS = [block for language, block in FENCED if not language]


def numbers_in(block: str) -> list[tuple[int, int]]:
    """The equations that stand in a block of them."""
    found = re.findall(r"^\((\d+)\.(\d+)\) ", block, re.MULTILINE)
    return [(int(section), int(number)) for section, number in found]


EQUATIONS = [place for block in BLOCKS for place in numbers_in(block)]

SHAPE = r"\([^()=]+,[^()=]*\)"
SHAPE_CHECK = re.compile(rf"  ({SHAPE}) = ((?:{SHAPE}| [+−∘] )+)$", re.MULTILINE)


def names_in(path: Path) -> set[str]:
    """Functions and classes of a module, methods as Class.method."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{f.name}" for f in node.body if isinstance(f, ast.FunctionDef)}
    return found


@pytest.mark.parametrize(("file", "name"), NAMED, ids=lambda value: str(value))
def test_a_named_function_exists(file: str, name: str) -> None:
    assert name in names_in(PACKAGE / file)


def test_every_pointer_into_the_code_is_read() -> None:
    assert len(NAMED) >= 40
    assert TEXT.count(".py: ") == len(re.findall(r"`[\w/]+\.py: [\w.]+`", TEXT))


def test_every_gradient_has_its_derivation() -> None:
    kernels = {
        (f"network/kernels/{path.name}", name)
        for path in (PACKAGE / "network" / "kernels").glob("*.py")
        for name in names_in(path)
        if name.endswith(("_backward", "_cross_entropy"))
    }
    rules = {
        ("network/update_rules.py", name)
        for name in names_in(PACKAGE / "network" / "update_rules.py")
        if name.endswith(".step")
    }
    assert len(kernels) >= 8
    assert len(rules) == 5
    assert kernels | rules <= set(NAMED)


def test_sections_and_equations_are_numbered_in_order() -> None:
    assert [int(number) for number, _ in SECTIONS] == list(range(18))
    expected = [
        (section, i + 1)
        for section in range(18)
        for i in range(sum(place[0] == section for place in EQUATIONS))
    ]
    assert expected == EQUATIONS
    for number, body in SECTIONS:
        blocks = [block for block in BLOCKS if block in body]
        assert all(place[0] == int(number) for block in blocks for place in numbers_in(block))


def test_every_equation_that_is_referred_to_exists() -> None:
    references = re.findall(r"\((\d+)\.(\d+)\)", TEXT)
    assert len(references) > len(EQUATIONS)
    assert {(int(a), int(b)) for a, b in references} == set(EQUATIONS)


@pytest.mark.parametrize("number", range(1, 16))
def test_every_section_has_equations_exercises_and_code(number: int) -> None:
    body = SECTIONS[number][1]
    assert any(section == number for section, _ in EQUATIONS)
    exercises = re.findall(r"\*\*Exercise (\d+)\.(\d+)\.\*\*[^*]*\*Hint:\s[^*]+\*", body)
    assert exercises == [(str(number), str(i + 1)) for i in range(len(exercises))]
    assert exercises
    assert ".py: " in body or number == 14


def sizes(shape: str) -> tuple[str, ...]:
    """A vector (H,) is a row (1, H)."""
    found = tuple(size.strip() for size in shape.strip("()").split(",") if size.strip())
    return ("1", *found) if len(found) == 1 else found


@pytest.mark.parametrize(
    ("left", "right"),
    [pytest.param(*match, id=" = ".join(match)) for match in SHAPE_CHECK.findall(TEXT)],
)
def test_shapes_fit(left: str, right: str) -> None:
    for term in re.split(r" [+−∘] ", right):
        factors = [sizes(shape) for shape in re.findall(SHAPE, term)]
        for (_, inner), (other, _) in pairwise(factors):
            assert inner == other
        rows, columns = factors[0][0], factors[-1][1]
        assert columns == sizes(left)[1]
        assert rows in (sizes(left)[0], "1")  # a row is added to every row


def test_most_products_show_their_shapes() -> None:
    assert len(SHAPE_CHECK.findall(TEXT)) >= 60


# The worked example of section 14


def python_blocks() -> list[str]:
    blocks = re.findall(r"^```python\n(.*?)^```", SECTIONS[14][1], re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    return blocks


def by_hand() -> dict[str, Any]:
    """The numbers of the document."""
    numbers: dict[str, Any] = {"log": math.log}
    exec(python_blocks()[0], numbers)
    return numbers


def by_package() -> dict[str, Any]:
    """What the document's second block makes of them."""
    names: dict[str, Any] = by_hand() | {
        "np": np,
        "window_forward": window_forward,
        "window_backward": window_backward,
        "activation_forward": activation_forward,
        "activation_backward": activation_backward,
        "affine_forward": affine_forward,
        "affine_backward": affine_backward,
        "softmax_cross_entropy": softmax_cross_entropy,
        "lookup_backward": lookup_backward,
    }
    exec(python_blocks()[1], names)
    return names


def close(found: object, expected: object) -> None:
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected, float), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "name", ["z", "h", "theta", "J", "delta1", "dU", "db2", "delta2", "dW", "db1", "dE"]
)
def test_the_kernels_give_the_numbers_of_the_example(name: str) -> None:
    found = by_package()[name]
    assert np.shape(found) == np.shape(by_hand()[name])
    close(found, by_hand()[name])


def test_the_remaining_numbers_of_the_example() -> None:
    hand, package = by_hand(), by_package()
    close(softmax(package["theta"]), hand["y_hat"])
    close(package["delta2"] @ package["W"].T, hand["dx"])
    W = package["W"]
    close(package["E"] @ np.hstack([W[0:1], W[1:2], W[2:3]]), hand["P"])
    assert package["rows"].tolist() == sorted(hand["dL"]) == [0, 2]
    close(package["dL"], [hand["dL"][0], hand["dL"][2]])


def the_example(dtype: type) -> tuple[Architecture, dict[str, Floats], Batch]:
    hand = by_hand()
    architecture = Architecture(
        features=(Feature("word", "word", 1),),
        table_sizes={"word": 3},
        window=1,
        activation="relu",
        units=2,
        directions=0,
        truncate=None,
        output="softmax",
        classes=2,
    )
    names = {"L.word": "L", "W": "W", "b1": "b1", "U": "U", "b2": "b2"}
    parameters: dict[str, Floats] = {
        name: np.array(hand[given], dtype) for name, given in names.items()
    }
    batch = Batch(
        slots=(SlotRows(np.array([0, 2], np.int32)),),
        neighbours=np.array(hand["neighbours"]),
        labels=np.array(hand["labels"], np.int32),
        lengths=np.array([2]),
    )
    return architecture, parameters, batch


def test_the_network_gives_the_gradients_of_the_example() -> None:
    hand = by_hand()
    J, gradients = members.loss_and_gradients(*the_example(np.float64), Objective())
    close(J, hand["J"])
    table = gradients.pop("L.word")
    assert isinstance(table, RowGradient)
    assert table.rows.tolist() == [0, 2]
    close(table.values, [hand["dL"][0], hand["dL"][2]])
    assert set(gradients) == {"W", "b1", "U", "b2"}
    for name, gradient in gradients.items():
        close(gradient, hand[f"d{name}"])


def test_answers_to_the_exercises_of_the_example() -> None:
    architecture, parameters, batch = the_example(np.float64)
    unlabelled = Batch(batch.slots, batch.neighbours, np.array([NO_CLASS, 0]), batch.lengths)
    done = members.forward(architecture, parameters, unlabelled, Objective())
    close(done.J, math.log(4))
    _, gradients = members.loss_and_gradients(architecture, parameters, unlabelled, Objective())
    close(gradients["b2"], [-3 / 4, 3 / 4])

    hand = by_hand()
    u, b = np.diff(hand["U"], axis=1), np.diff(hand["b2"])
    close(u, [[hand["s"]], [hand["s"]]])
    h = np.array(hand["h"], float)
    targets = np.array(hand["labels"], np.uint8)[:, None]
    J, delta1 = sigmoid_cross_entropy(affine_forward(h, u, b), targets, np.ones(2))
    dh, du, _ = affine_backward(delta1, h, u)
    close(J, hand["J"])
    close(np.hstack([-du, du]), hand["dU"])
    close(activation_backward("relu", dh, h), hand["delta2"])

    before = members.forward(architecture, parameters, batch, Objective()).J
    parameters["b2"] -= np.array(hand["db2"]) / 8
    change = members.forward(architecture, parameters, batch, Objective()).J - before
    assert change == pytest.approx(-1 / 256, rel=0.05)


# Claims of the other sections


def test_the_jacobian_of_softmax_gives_the_difference() -> None:
    """(1.9) against central differences, and (1.10)."""
    theta, y, step = np.array([[0.3, -1.2, 2.0, 0.1]]), np.array([[0.0, 1, 0, 0]]), 1e-6
    y_hat = softmax(theta)
    S = np.diag(y_hat[0]) - y_hat.T @ y_hat
    moved = [(softmax(theta + e) - softmax(theta - e))[0] for e in step * np.eye(4)[:, None]]
    np.testing.assert_allclose(np.array(moved) / (2 * step), S, atol=1e-9)
    close(-(y / y_hat) @ S, y_hat - y)


@pytest.mark.parametrize("exponent", [1, 2, 3, 4])
def test_the_error_of_central_differences_falls_with_the_square(exponent: int) -> None:
    """The float64 row of the table in section 13: ε²/2 for dU[0, 0] = −1."""
    architecture, parameters, batch = the_example(np.float64)
    ends, step = [], 10.0**-exponent
    for sign in (1, -1):
        moved = parameters | {"U": parameters["U"].copy()}
        moved["U"][0, 0] += sign * step
        ends.append(members.forward(architecture, moved, batch, Objective()).J)
    error = (ends[0] - ends[1]) / (2 * step) + 1
    assert error == pytest.approx(step**2 / 2, rel=0.02)


def test_corners_of_the_losses() -> None:
    """The last two rows of the table of corners."""
    theta, one = np.array([[1e4, -1e4]]), np.ones(1)
    for label, expected in ((0, 0.0), (1, 20000.0)):
        J, delta1 = softmax_cross_entropy(theta, np.array([label]), one)
        assert expected == J
        assert delta1.tolist() == [[float(label), -float(label)]]
    for target, expected in (([1, 0], 0.0), ([0, 0], 10000.0), ([0, 1], 20000.0)):
        J, _ = sigmoid_cross_entropy(theta, np.array([target], np.uint8), one)
        assert expected == J


def test_the_conditional_random_field_by_hand() -> None:
    """(15.30)–(15.33)."""
    A, zero = np.array([[0, math.log(3)], [0, 0]]), np.zeros(2)
    found = crf_cross_entropy(np.zeros((2, 2)), np.array([2]), np.array([0, 1]), zero, A, zero)
    expected = [
        math.log(2) / 2,
        [[-1 / 6, 1 / 6], [1 / 6, -1 / 6]],
        [-1 / 6, 1 / 6],
        [[1 / 12, -1 / 4], [1 / 12, 1 / 12]],
        [1 / 6, -1 / 6],
    ]
    for ours, theirs in zip(found, expected, strict=True):
        close(ours, theirs)


def test_a_late_first_step_of_adam_on_a_lazy_row() -> None:
    """(12.8): 0.1/√0.001 learning rates."""
    slots: list[Floats] = [np.zeros(1), np.zeros(1)]
    step = Adam().step(np.array([0.7]), slots, 1.0, 10**6)
    assert step[0] == pytest.approx(0.1 / math.sqrt(0.001), rel=1e-6)


def test_waiting_rows_of_the_average() -> None:
    """(12.11)–(12.13) against (12.9) step by step; the telescoping product of exercise 12.2."""
    start = {"L": np.array([[2.0], [3.0]])}
    average = Average(start, 0.999, frozenset({"L"}))
    now = {"L": np.array([[5.0], [3.0]])}
    row, share = 2.0, 1.0
    for t in range(1, 21):
        d = average.gamma(t)
        row, share = d * row + (1 - d) * 5.0, share * d
        average.begin_step(t)
        if t == 1:
            average.fold_rows("L", np.array([0]), start["L"][:1] - now["L"][:1], t)
    close(average.catch_up(now)["L"], [[row], [3.0]])
    rest = math.factorial(10) / math.prod(range(22, 31))
    assert share == pytest.approx(rest, rel=1e-12)
