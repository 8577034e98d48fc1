"""Gates: what a comparison must show before an alias means another version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from windowclf.service import jobs
from windowclf.service.database import Rows
from windowclf.service.problems import Problem


class Gate(BaseModel):
    """When a version is better than the one that serves, by a compare job of both."""

    model_config = ConfigDict(extra="forbid")
    figure: str | None = Field(
        default=None, description="as in a comparison's differences; null: its main one"
    )
    least: float = Field(default=0.0, ge=0, lt=1, description="the difference must be above it")
    p: float = Field(default=0.05, gt=0, le=1, description="the p-value may be at most this")
    dataset: int | None = Field(
        default=None, ge=1, description="which they must be compared on; null: any"
    )


def passed(
    rows: Rows,
    gate: Gate,
    tagger: str,
    versions: tuple[Mapping[str, Any], Mapping[str, Any]],
    comparison: int | None,
) -> tuple[int, float]:
    """(number, p-value) of the comparison by which the first version is better than the second.

    Raises Problem 409 where there is none, or it says otherwise.
    """
    new, old = versions
    first = {"version": new["version"], "against": old["version"], "dataset": gate.dataset}
    job = None if comparison is None else jobs.row_of(rows, comparison)
    if job is None or not _is_of(job, tagger, new, old, gate.dataset):
        on = "a dataset" if gate.dataset is None else f"dataset {gate.dataset}"
        detail = (
            f"this needs a finished compare job of version {new['version']} against version "
            f"{old['version']} on {on}; submit one, and name it as `comparison`."
        )
        raise Problem(409, "compare-first", detail, **first)
    figures = job["result"]["differences"]
    if why := _refusal(gate, figures, *first.values()):
        shown = {"comparison": job["id"], "differences": figures, "gate": gate.model_dump()}
        raise Problem(409, "gate-refused", why, **first, **shown)
    return job["id"], figures[_figure(gate, figures)]["p"]


def _refusal(gate: Gate, figures: Mapping[str, Any], new: int, old: int, *_: Any) -> str:
    """Why a gate refuses version `new` for version `old`; empty where it does not."""
    name = _figure(gate, figures)
    if name not in figures:
        return f"the gate asks for {name}, the comparison has {', '.join(figures)}."
    found = figures[name]
    if found["difference"] > gate.least and found["p"] <= gate.p:
        return ""
    return (
        f"{name} of version {new} is that of version {old} {found['difference']:+.4f}, "
        f"p = {found['p']:.3g}; the gate asks for more than {gate.least:+g}, p of at most "
        f"{gate.p:g}."
    )


def _figure(gate: Gate, figures: Mapping[str, Any]) -> str:
    """The figure that decides: the gate's, or the main one, which stands last."""
    return gate.figure or list(figures)[-1]


def _is_of(
    job: Mapping[str, Any],
    tagger: str,
    new: Mapping[str, Any],
    old: Mapping[str, Any],
    dataset: int | None,
) -> bool:
    """Whether a job is a finished comparison of exactly these models, on that dataset."""
    if (job["tagger"], job["kind"], job["state"]) != (tagger, "compare", "succeeded"):
        return False
    inputs, config = job["inputs"], job["config"]
    models = [inputs[config[name]]["digest"] for name in ("model", "against")]
    if models != [new["digest"], old["digest"]]:
        return False
    return dataset is None or config["data"] == [f"dataset:{dataset}"]
