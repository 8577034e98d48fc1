"""Aliases: which version answers by a name; promotion, rollback, and what a name has meant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple, TypeAlias

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from windowclf.errors import ModelFileError
from windowclf.service import aliases, records
from windowclf.service.access import MOST_JSON, MayTrain, Who, needs
from windowclf.service.aliases import AliasRow
from windowclf.service.database import Rows
from windowclf.service.gates import Gate, passed
from windowclf.service.problems import Problem, not_found
from windowclf.service.records import LARGEST
from windowclf.service.repeats import matches_of, refuse_unless, tag_of, tagged
from windowclf.service.routes.taggers import require
from windowclf.service.serving import (
    TAGGER_NAME,
    After,
    Limit,
    Service,
    TaggerName,
    page,
    service_of,
)
from windowclf.service.shelf import Key, Served, unusable

router = APIRouter(prefix="/v1/taggers/{tagger}/aliases", tags=["aliases"], max_body_size=MOST_JSON)
AliasName: TypeAlias = Annotated[str, Path(alias="alias", pattern=TAGGER_NAME)]


class AliasBody(BaseModel):
    """What an alias means."""

    tagger: str
    alias: str
    version: int
    digest: str
    before: int | None  # the version that a rollback leads to
    changed: float
    who: str


class AliasPage(BaseModel):
    """The aliases of a tagger."""

    items: list[AliasBody]
    next: None = None


class AliasEntry(BaseModel):
    """A change of an alias."""

    id: int
    before: int | None
    after: int | None
    who: str
    why: str
    comparison: int | None
    p_value: float | None
    at: float


class AliasLog(BaseModel):
    """Changes of an alias, the newest first."""

    items: list[AliasEntry]
    next: int | None


class PromotionGiven(BaseModel):
    """What an alias is to mean."""

    model_config = ConfigDict(extra="forbid")
    version: int = Field(ge=1, le=LARGEST)
    comparison: int | None = Field(
        default=None, ge=1, le=LARGEST, description="the compare job that a gate asks for"
    )
    if_better: bool = Field(
        default=False, description="where the tagger has no gate, have it meet the default one"
    )
    why: str = Field(default="", max_length=1000)


class RollbackGiven(BaseModel):
    """Why an alias goes back."""

    model_config = ConfigDict(extra="forbid")
    why: str = Field(default="", max_length=1000)


@router.get("", response_model=AliasPage, dependencies=[needs("predict")])
async def every(request: Request, tagger: TaggerName) -> dict[str, Any]:
    """The aliases of a tagger."""
    service = service_of(request)
    service.tagger(tagger)
    found = service.read(lambda rows: aliases.of_tagger(rows, tagger))
    return {"items": [_shown(row) for row in found], "next": None}


@router.get("/{alias}", response_model=AliasBody, dependencies=[needs("predict")])
async def one(request: Request, tagger: TaggerName, alias: AliasName) -> Response:
    """What an alias means."""
    service = service_of(request)
    return tagged(request, service.read(lambda rows: _body(rows, tagger, alias)))


@router.get("/{alias}/log", response_model=AliasLog, dependencies=[needs("predict")])
async def log(
    request: Request,
    tagger: TaggerName,
    alias: AliasName,
    after: After = LARGEST,
    limit: Limit = 100,
) -> dict[str, Any]:
    """What an alias has meant: who changed it, when, from what to what, and why."""
    service = service_of(request)
    service.tagger(tagger)
    found = service.read(lambda rows: aliases.log_of(rows, tagger, alias, after, limit))
    return page(found, limit)


@router.put("/{alias}", response_model=AliasBody)
async def put(
    request: Request,
    tagger: TaggerName,
    alias: AliasName,
    given: PromotionGiven,
    who: MayTrain,
) -> Response:
    """Have an alias mean a version: answers once that serves. With If-Match, if it is unchanged.

    Where the tagger has a gate, `comparison` is a finished compare job of this version against the
    one that serves; without it, or where the gate refuses, 409 and nothing has changed.
    """
    matches = matches_of(request)

    def look(rows: Rows) -> Change:
        """Whether it may be."""
        found, before = _version(rows, tagger, given.version), aliases.one(rows, tagger, alias)
        refuse_unless(matches, before and _shown(before), f"the alias {alias}")
        return Change(found, given.why, _comparison(rows, tagger, given, found, before))

    return await _changed(service_of(request), (tagger, alias), who, look)


@router.post("/{alias}/rollback", response_model=AliasBody)
async def rollback(
    request: Request,
    tagger: TaggerName,
    alias: AliasName,
    who: MayTrain,
    given: RollbackGiven | None = None,
) -> Response:
    """Have an alias mean what it meant before its last change; no gate is asked."""
    matches = matches_of(request)
    why = (given.why if given is not None else "") or "rollback"

    def look(rows: Rows) -> Change:
        """What it meant."""
        require(rows, tagger)
        now = aliases.one(rows, tagger, alias)
        refuse_unless(matches, now and _shown(now), f"the alias {alias}")
        found = aliases.meant_before(rows, tagger, alias)
        if found is None:
            detail = f"{alias} meant nothing before that is still there."
            raise Problem(409, "nothing-before", detail)
        return Change(found, why, None)

    return await _changed(service_of(request), (tagger, alias), who, look)


@router.delete("/{alias}", status_code=204)
async def delete(request: Request, tagger: TaggerName, alias: AliasName, who: MayTrain) -> Response:
    """Have an alias mean nothing."""
    service = service_of(request)
    async with service.shelf.changing[tagger, alias]:
        removed = await service.write(lambda rows: aliases.remove(rows, tagger, alias, who.name))
        if not removed:
            raise not_found(f"alias {alias}")
        service.shelf.assign((tagger, alias), None)
    return Response(status_code=204)


class Change(NamedTuple):
    """What an alias is to mean."""

    version: Mapping[str, Any]
    why: str
    comparison: tuple[int, float] | None  # the job that it rests on, and its p-value


async def _changed(
    service: Service, key: Key, who: Who, look: Callable[[Rows], Change]
) -> Response:
    """Have an alias mean what `look` finds, or refuses. Raises Problem.

    The model is loaded and tried first; only what then is looked at again and noted serves, from
    one assignment on. The model before it answers what it was asked.
    """
    service.refuse_draining()

    def change(rows: Rows) -> Served:
        """Note it, if it still may be."""
        version, why, comparison = look(rows)
        aliases.put(rows, key, version["version"], who.name, why, comparison)
        return Served(version["version"], version["digest"])

    async with service.shelf.changing[key]:
        wanted = service.read(look)
        try:
            await service.shelf.model(wanted.version["digest"])
        except ModelFileError as error:
            raise unusable(error) from error
        service.shelf.assign(key, await service.write(change))
    body = service.read(lambda rows: _body(rows, *key))
    return JSONResponse(body, headers={"ETag": tag_of(body)})


def _comparison(
    rows: Rows,
    tagger: str,
    given: PromotionGiven,
    new: Mapping[str, Any],
    before: AliasRow | None,
) -> tuple[int, float] | None:
    """The comparison that a promotion rests on; None where none is asked for. Raises Problem."""
    kept = require(rows, tagger)["gate"]
    gate = Gate.model_validate(kept) if kept else Gate() if given.if_better else None
    if gate is None or before is None or before["digest"] == new["digest"]:
        return None
    old = {"version": before["version"], "digest": before["digest"]}
    return passed(rows, gate, tagger, (new, old), given.comparison)


def _version(rows: Rows, tagger: str, number: int) -> Mapping[str, Any]:
    """A version. Raises Problem 404."""
    found = records.version(rows, tagger, number)
    if found is None:
        raise not_found(f"version {number} of a tagger {tagger}")
    return found


def _body(rows: Rows, tagger: str, alias: str) -> dict[str, Any]:
    """An alias as clients see it. Raises Problem 404."""
    found = aliases.one(rows, tagger, alias)
    if found is None:
        raise not_found(f"alias {alias} of a tagger {tagger}")
    return _shown(found)


def _shown(row: AliasRow) -> dict[str, Any]:
    """A row of an alias as clients see it."""
    return {name: value for name, value in row.items() if name in AliasBody.model_fields}
