"""Taggers: a name, and the config that its jobs' are laid over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from windowclf.errors import ConfigError
from windowclf.service import records
from windowclf.service.access import MOST_JSON, MayAdminister, MayTrain, needs
from windowclf.service.database import Rows
from windowclf.service.gates import Gate
from windowclf.service.inputs import Tree, checked, merged
from windowclf.service.jobs import plain
from windowclf.service.problems import Problem, config_problem, not_found
from windowclf.service.repeats import matches_of, refuse_unless, tag_of, tagged
from windowclf.service.serving import TaggerName, page, service_of

router = APIRouter(prefix="/v1/taggers", tags=["taggers"], max_body_size=MOST_JSON)
MOST = 1000


class TaggerGiven(BaseModel):
    """What a tagger is to be."""

    model_config = ConfigDict(extra="forbid")
    config: Tree = Field(default={}, description="what a job's config is laid over")
    gate: Gate | None = Field(
        default=None, description="what a comparison must show before a version is promoted"
    )


class TaggerBody(BaseModel):
    """A tagger."""

    name: str
    config: dict[str, Any]
    gate: Gate | None
    created: float
    changed: float


class TaggerPage(BaseModel):
    """Some taggers."""

    items: list[TaggerBody]
    next: str | None


@router.get("", response_model=TaggerPage, dependencies=[needs("predict")])
async def every(request: Request, after: str = "") -> dict[str, Any]:
    """All taggers by name."""
    sql = "SELECT * FROM taggers WHERE name > ? ORDER BY name LIMIT ?"
    found = service_of(request).read(lambda rows: rows.execute(sql, (after, MOST)).fetchall())
    return page([plain(row, ("config", "gate")) for row in found], MOST, "name")


@router.get("/{tagger}", response_model=TaggerBody, dependencies=[needs("predict")])
async def one(request: Request, tagger: TaggerName) -> Response:
    """One tagger."""
    return tagged(request, service_of(request).tagger(tagger))


@router.put("/{tagger}", response_model=TaggerBody, responses={201: {"model": TaggerBody}})
async def put(request: Request, tagger: TaggerName, given: TaggerGiven, who: MayTrain) -> Response:
    """Make a tagger, or give it another config."""
    _check(given.config)
    matches = matches_of(request)
    gate = None if given.gate is None else given.gate.model_dump()

    def change(rows: Rows) -> tuple[bool, dict[str, Any] | None]:
        """Put it where the tags of the request fit."""
        refuse_unless(matches, records.tagger(rows, tagger))
        new = records.put_tagger(rows, tagger, given.config, who.name, gate)
        return new, records.tagger(rows, tagger)

    new, body = await service_of(request).write(change)
    assert body is not None
    return JSONResponse(body, 201 if new else 200, {"ETag": tag_of(body)})


@router.delete("/{tagger}", status_code=204)
async def delete(request: Request, tagger: TaggerName, who: MayAdminister) -> Response:
    """Forget a tagger with its datasets, jobs and versions, unless a job has not ended."""
    service = service_of(request)
    service.tagger(tagger)
    if not await service.write(lambda rows: records.remove_tagger(rows, tagger, who.name)):
        raise Problem(409, "conflict", "a job of this tagger has not ended; cancel it first.")
    service.shelf.forget(tagger)
    return Response(status_code=204)


def _check(config: Mapping[str, Any]) -> None:
    """Raise Problem 422 where a config cannot be what jobs are laid over."""
    whole = merged({"data": {"train": "dataset:1"}}, config)
    try:
        checked(whole, lambda _kind, _number: f"{'0' * 64} train.conll")
    except ConfigError as error:
        open_ = [fault for fault in error.faults if not ("task" not in config and _of_task(fault))]
        if open_:
            raise config_problem(ConfigError(*open_)) from None


def _of_task(fault: Any) -> bool:
    """Whether a fault is that there is no task, which each job may then name."""
    return bool(fault.key == "task")


def require(rows: Rows, name: str) -> dict[str, Any]:
    """A tagger, as seen by a transaction. Raises Problem 404."""
    found = records.tagger(rows, name)
    if found is None:
        raise not_found(f"tagger {name}")
    return found
