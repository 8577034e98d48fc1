"""Tokens: who may ask, under which name, and for how long."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from windowclf.service import jobs, records
from windowclf.service.access import MOST_JSON, MayAdminister, needs
from windowclf.service.database import Rows
from windowclf.service.problems import Problem, not_found
from windowclf.service.records import Role
from windowclf.service.serving import service_of

router = APIRouter(prefix="/v1/tokens", tags=["admin"], max_body_size=MOST_JSON)
_NAME = r"^[\w@.+-]{1,64}$"
_DAY = 24 * 3600.0


class TokenGiven(BaseModel):
    """What a token is to be."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(pattern=_NAME, description="the 'who' of every log")
    role: Role = "train"
    days: float | None = Field(default=None, gt=0, le=36500, description="null: for ever")


class TokenBody(BaseModel):
    """What is known of a token; the token itself is not."""

    name: str
    role: Role
    created: float
    expires: float | None


class NewToken(TokenBody):
    """A new token, shown this once."""

    token: str


class TokenPage(BaseModel):
    """All tokens."""

    items: list[TokenBody]
    next: None


@router.get("", response_model=TokenPage, dependencies=[needs("admin")])
async def every(request: Request) -> dict[str, Any]:
    """All tokens by name."""
    found = service_of(request).read(_tokens)
    return {"items": found, "next": None}


@router.post("", status_code=201, response_model=NewToken)
async def make(request: Request, given: TokenGiven, who: MayAdminister) -> Response:
    """Make a token; its answer alone shows it."""
    expires = None if given.days is None else time.time() + given.days * _DAY

    def change(rows: Rows) -> dict[str, Any]:
        """Add it where the name is free."""
        if any(each["name"] == given.name for each in _tokens(rows)):
            raise Problem(409, "conflict", f"there is a token {given.name}; delete it first.")
        token = records.add_token(rows, given.name, given.role, expires)
        jobs.note(rows, who.name, "made", f"token {given.name}")
        (row,) = (each for each in _tokens(rows) if each["name"] == given.name)
        return {**row, "token": token}

    return JSONResponse(await service_of(request).write(change), 201)


@router.delete("/{name}", status_code=204)
async def delete(
    request: Request, name: Annotated[str, Path(pattern=_NAME)], who: MayAdminister
) -> Response:
    """Have a token be known no more; the first one goes with its file."""

    def change(rows: Rows) -> None:
        """Remove it."""
        if name == records.FIRST:
            detail = "the first token goes where its file is removed and the server started again."
            raise Problem(409, "conflict", detail)
        if not rows.execute("DELETE FROM tokens WHERE name = ?", (name,)).rowcount:
            raise not_found(f"token {name}")
        jobs.note(rows, who.name, "deleted", f"token {name}")

    service = service_of(request)
    await service.write(change)
    service.access.forget()
    return Response(status_code=204)


def _tokens(rows: Rows) -> list[dict[str, Any]]:
    """What clients see of the tokens."""
    sql = "SELECT name, role, created, expires FROM tokens ORDER BY name"
    return [dict(row) for row in rows.execute(sql)]
