"""Versions: the models of a tagger, each with what it is made from, its scores and its file."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel

from windowclf.errors import ModelFileError
from windowclf.service import records
from windowclf.service.access import MayTrain, needs
from windowclf.service.database import Rows
from windowclf.service.problems import Problem, not_found
from windowclf.service.records import LARGEST
from windowclf.service.repeats import Answer, asked, tagged
from windowclf.service.routes.datasets import OCTETS, WantedSha256, received
from windowclf.service.routes.taggers import require
from windowclf.service.serving import (
    After,
    Limit,
    Number,
    TaggerName,
    answered,
    page,
    service_of,
)
from windowclf.tagging.model_file import load_model

router = APIRouter(prefix="/v1/taggers/{tagger}/versions", tags=["versions"])

Wanted: TypeAlias = Annotated[int, Query(ge=1, le=LARGEST)]


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


@router.get("/compare", dependencies=[needs("predict")])
async def compare(
    request: Request, tagger: TaggerName, a: Wanted, b: Wanted, dataset: Wanted
) -> dict[str, Any]:
    """What the last compare job of version `a` against `b` on a dataset has found."""
    service = service_of(request)
    first, second = (_version(request, tagger, number)["digest"] for number in (a, b))
    text = service.read(lambda rows: records.dataset(rows, tagger, dataset))
    if text is None:
        raise not_found(f"dataset {dataset} of a tagger {tagger}")
    digests = (first, second, text["digest"])
    found = service.read(lambda rows: records.comparison(rows, tagger, digests))
    if found is None:
        detail = "these have not been compared; submit a compare job."
        raise Problem(404, "compare-first", detail, version=a, against=b, dataset=dataset)
    return {"job": found["id"], **found["result"]}


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


@router.post(
    "",
    status_code=201,
    response_model=VersionBody,
    responses={200: {"model": VersionBody, "description": "it was known"}},
    openapi_extra={"requestBody": OCTETS},
)
async def import_(
    request: Request, tagger: TaggerName, who: MayTrain, sha256: WantedSha256 = None
) -> Response:
    """Take a model file, the raw body, as a version."""
    service = service_of(request)
    service.refuse_work()
    config = service.tagger(tagger)["config"]
    digest, size = await received(service, request, sha256)
    try:
        model = await asyncio.to_thread(load_model, service.home.blobs.path(digest))
    except ModelFileError as error:
        sentence = error.faults[0].sentence
        raise Problem(422, "no-model", f"what came {sentence}") from error
    task = model.spec.layout.task
    if config.get("task", task) != task:
        detail = f"the model is for {task}, the tagger for {config['task']}."
        raise Problem(422, "other-task", detail)
    lineage = {"imported": who.name, "config": model.config, "provenance": dict(model.provenance)}

    def change(rows: Rows) -> Answer:
        """Name the blob."""
        require(rows, tagger)
        number, new = records.import_version(rows, tagger, (digest, size), lineage, who.name)
        body = records.version(rows, tagger, number)
        assert body is not None
        return 201 if new else 200, body

    answer = await service.write(asked(request, who, digest).once(change))
    place = f"/v1/taggers/{tagger}/versions/{answer[1]['version']}"
    return answered(answer, {"Location": place})


@router.delete("/{number}", status_code=204)
async def delete(request: Request, tagger: TaggerName, number: Number, who: MayTrain) -> Response:
    """Forget a version that no alias means."""
    _version(request, tagger, number)
    change = lambda rows: records.remove_version(rows, tagger, number, who.name)  # noqa: E731
    if named := await service_of(request).write(change):
        detail = f"{', '.join(named)} means this version; promote another one first."
        raise Problem(409, "aliased", detail, aliases=named)
    return Response(status_code=204)


def _version(request: Request, tagger: str, number: int) -> dict[str, Any]:
    """A version. Raises Problem 404."""
    found = service_of(request).read(lambda rows: records.version(rows, tagger, number))
    if found is None:
        raise not_found(f"version {number}")
    return found
