"""Versions: the models of a tagger, each with what it is made from, its scores and its file."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel

from windowclf.service import records
from windowclf.service.access import needs
from windowclf.service.problems import not_found
from windowclf.service.repeats import tagged
from windowclf.service.serving import (
    LARGEST,
    After,
    Limit,
    Number,
    TaggerName,
    page,
    service_of,
)

router = APIRouter(prefix="/v1/taggers/{tagger}/versions", tags=["versions"])


class VersionBody(BaseModel):
    """A model of a tagger."""

    tagger: str
    version: int
    digest: str  # sha256 of its file
    size: int
    job: int | None
    scores: dict[str, Any]
    lineage: dict[str, Any]
    created: float


class VersionPage(BaseModel):
    """Some versions."""

    items: list[VersionBody]
    next: int | None


@router.get("", response_model=VersionPage, dependencies=[needs("predict")])
async def every(
    request: Request, tagger: TaggerName, after: After = LARGEST, limit: Limit = 20
) -> dict[str, Any]:
    """The versions of a tagger, the newest first."""
    service = service_of(request)
    service.tagger(tagger)
    found = service.read(lambda rows: records.versions(rows, tagger, after, limit))
    return page(found, limit, "version")


@router.get("/{number}", response_model=VersionBody, dependencies=[needs("predict")])
async def one(request: Request, tagger: TaggerName, number: Number) -> Response:
    """One version."""
    return tagged(request, _version(request, tagger, number))


@router.get("/{number}/file", response_class=FileResponse, dependencies=[needs("predict")])
async def file(request: Request, tagger: TaggerName, number: Number) -> Response:
    """The model file."""
    digest = _version(request, tagger, number)["digest"]
    return FileResponse(
        service_of(request).home.blobs.path(digest),
        media_type="application/octet-stream",
        filename=f"{tagger}-{number}.safetensors",
        headers={"ETag": f'"{digest}"'},
    )


def _version(request: Request, tagger: str, number: int) -> dict[str, Any]:
    """A version. Raises Problem 404."""
    found = service_of(request).read(lambda rows: records.version(rows, tagger, number))
    if found is None:
        raise not_found(f"version {number}")
    return found
