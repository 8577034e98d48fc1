"""`tune`: which configs a search tries, and how long it trains them."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from windowclf.config.section import AsTuple, OnePath, Section

RANGES = ("uniform", "log_uniform", "int", "log_int")


def _two_rising(value: Any) -> Any:
    """[LOW, HIGH] as a tuple. Raises ValueError unless these are two numbers with LOW < HIGH."""
    pair = tuple(value) if isinstance(value, list | tuple) else ()
    numbers = [bound for bound in pair if type(bound) in (int, float)]
    if len(pair) != 2 or len(numbers) != 2 or not numbers[0] < numbers[1]:
        raise ValueError("expected [LOW, HIGH], two numbers with LOW < HIGH")
    return pair


def _above_zero(bounds: tuple[float, float]) -> tuple[float, float]:
    """The bounds of a logarithmic scale as they are. Raises ValueError unless both are above 0."""
    if bounds[0] <= 0:
        raise ValueError(f"expected bounds above 0 on a logarithmic scale, found {bounds[0]:g}")
    return bounds


_Numbers: TypeAlias = Annotated[tuple[float, float], BeforeValidator(_two_rising)]
_Wholes: TypeAlias = Annotated[tuple[int, int], BeforeValidator(_two_rising)]


class Uniform(Section):
    """Numbers between two bounds, all as likely."""

    uniform: _Numbers


class LogUniform(Section):
    """Numbers between two bounds, all orders of magnitude as likely."""

    log_uniform: Annotated[_Numbers, AfterValidator(_above_zero)]


class Int(Section):
    """Whole numbers between two bounds, both of them included."""

    int: _Wholes


class LogInt(Section):
    """Whole numbers between two bounds, all orders of magnitude as likely."""

    log_int: Annotated[_Wholes, AfterValidator(_above_zero)]


def _dimension_kind(value: Any) -> str | None:
    """Which kind of Dimension a value is: a list of choices or one of RANGES; None for neither."""
    if isinstance(value, list | tuple):
        return "choice"
    if isinstance(value, dict) and len(value) == 1:
        return next((name for name in RANGES if name in value), None)
    return next((name for name in RANGES if hasattr(value, name)), None)


Choice: TypeAlias = Annotated[tuple[Any, ...], AsTuple, Field(min_length=1)]
Dimension: TypeAlias = Annotated[
    Annotated[Choice, Tag("choice")]
    | Annotated[Uniform, Tag("uniform")]
    | Annotated[LogUniform, Tag("log_uniform")]
    | Annotated[Int, Tag("int")]
    | Annotated[LogInt, Tag("log_int")],
    Discriminator(
        _dimension_kind,
        custom_error_type="value_error",
        custom_error_context={
            "error": f"expected a list of values, or one of {', '.join(RANGES)} with [LOW, HIGH]"
        },
    ),
]


def _rising(rungs: tuple[int, ...]) -> tuple[int, ...]:
    """The epochs of the rungs as they are. Raises ValueError unless they rise."""
    if any(after <= before for before, after in pairwise(rungs)):
        raise ValueError(f"expected epochs that rise, found {list(rungs)}")
    return rungs


class TuneSection(Section):
    """A random search with successive halving."""

    trials: int = Field(default=30, ge=1, le=100_000, description="configs that begin")
    keep: float = Field(
        default=1 / 3, gt=0, lt=1, description="share of the trials that the next rung takes on"
    )
    rungs: Annotated[
        tuple[Annotated[int, Field(ge=1)], ...],
        AsTuple,
        Field(min_length=1),
        AfterValidator(_rising),
    ] = Field(default=(2, 4, 8), description="epochs of each rung")
    space: dict[str, Dimension] = Field(
        default={}, description="paths as in --set, with what they may be; empty for the default"
    )
    output: OnePath | None = Field(
        default=None, description="folder of the search; <output>-tune by default"
    )
