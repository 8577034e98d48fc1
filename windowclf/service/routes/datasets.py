"""Datasets: uploads, streamed to the disk and named by what they hold."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel

from windowclf.service import jobs, records
from windowclf.service.access import MayTrain, Who, needs
from windowclf.service.blobs import DIGEST
from windowclf.service.database import Rows
from windowclf.service.inputs import is_file_name, merged
from windowclf.service.problems import Problem, not_found
from windowclf.service.records import LARGEST
from windowclf.service.repeats import Answer, asked, tagged
from windowclf.service.routes.taggers import require
from windowclf.service.serving import (
    After,
    Limit,
    Number,
    Service,
    TaggerName,
    answered,
    page,
    service_of,
)
from windowclf.service.submitting import default_memory

router = APIRouter(prefix="/v1", tags=["datasets"])
IDLE_SECONDS = 30.0  # of an upload that does not go on
_PIECE = 1 << 20  # bytes that are written at a time
Sha256 = Annotated[str, Path(pattern=f"^{DIGEST.pattern}$")]
WantedSha256 = Annotated[str | None, Query(pattern=f"^{DIGEST.pattern}$")]


class DatasetBody(BaseModel):
    """An upload."""

    id: int
    tagger: str
    name: str
    digest: str  # sha256
    size: int
    created: float
    creator: str
    check_job: int | None  # that reads it from end to end; null where the tagger names no task


class DatasetPage(BaseModel):
    """Some uploads."""

    items: list[DatasetBody]
    next: int | None


OCTETS = {"content": {"application/octet-stream": {"schema": {"type": "string"}}}}


@router.post(
    "/taggers/{tagger}/datasets",
    status_code=201,
    response_model=DatasetBody,
    responses={200: {"model": DatasetBody, "description": "it was known"}},
    openapi_extra={"requestBody": OCTETS},
)
async def upload(
    request: Request,
    tagger: TaggerName,
    who: MayTrain,
    name: Annotated[str, Query(description="of the file, whose suffix says the format")],
    sha256: WantedSha256 = None,
) -> Response:
    """Take a file, the raw body; none where `sha256` is that of one which is known.

    Where the tagger's config has a task, a job then checks the file.
    """
    service = service_of(request)
    service.refuse_work()
    service.tagger(tagger)
    if not is_file_name(name):
        raise Problem(422, "wrong-name", "expected the name of a file, and no path.")
    digest, size = await received(service, request, sha256)

    def change(rows: Rows) -> Answer:
        """Name the blob."""
        config = require(rows, tagger)["config"]
        records.add_blob(rows, digest, size)
        sql = "SELECT id FROM datasets WHERE tagger = ? AND name = ? AND digest = ?"
        if known := rows.execute(sql, (tagger, name, digest)).fetchone():
            return 200, _body(rows, tagger, known["id"])
        number = records.add_dataset(rows, tagger, name, digest, who.name)
        if "task" in config:
            jobs.submit(rows, _check_of(tagger, number, name, digest, config, who))
        return 201, _body(rows, tagger, number)

    answer = await service.write(asked(request, who, digest).once(change))
    service.runner.wake()
    place = f"/v1/taggers/{tagger}/datasets/{answer[1]['id']}"
    return answered(answer, {"Location": place})


@router.get(
    "/taggers/{tagger}/datasets", response_model=DatasetPage, dependencies=[needs("predict")]
)
async def every(
    request: Request, tagger: TaggerName, after: After = LARGEST, limit: Limit = 100
) -> dict[str, Any]:
    """The uploads of a tagger, the newest first."""
    service = service_of(request)
    service.tagger(tagger)
    return page(service.read(lambda rows: records.datasets(rows, tagger, after, limit)), limit)


@router.get(
    "/taggers/{tagger}/datasets/{number}",
    response_model=DatasetBody,
    dependencies=[needs("predict")],
)
async def one(request: Request, tagger: TaggerName, number: Number) -> Response:
    """One upload."""
    return tagged(request, service_of(request).read(lambda rows: _body(rows, tagger, number)))


@router.get(
    "/taggers/{tagger}/datasets/{number}/content",
    response_class=FileResponse,
    dependencies=[needs("train")],
)
async def content(request: Request, tagger: TaggerName, number: Number) -> Response:
    """The file itself."""
    service = service_of(request)
    found = service.read(lambda rows: _body(rows, tagger, number))
    return FileResponse(
        service.home.blobs.path(found["digest"]),
        media_type="application/octet-stream",
        filename=found["name"],
    )


@router.get("/taggers/{tagger}/datasets/{number}/report", dependencies=[needs("predict")])
async def report(request: Request, tagger: TaggerName, number: Number) -> dict[str, Any]:
    """What the check of an upload has found; 409 where there is none yet."""
    service = service_of(request)
    check = service.read(lambda rows: _body(rows, tagger, number))["check_job"]
    if check is None:
        raise Problem(409, "no-check", "the tagger names no task, so that nothing was checked.")
    found = service.read(lambda rows: jobs.row_of(rows, check)) or {}
    if found.get("state") not in ("succeeded", "failed"):
        raise Problem(409, "no-report", f"the check, job {check}, has no result yet.", job=check)
    faults = found["error"] or {"faults": [], "more": 0}
    return {"found": found["result"], "faults": faults["faults"], "more": faults["more"]}


@router.delete("/taggers/{tagger}/datasets/{number}", status_code=204)
async def delete(request: Request, tagger: TaggerName, number: Number, who: MayTrain) -> Response:
    """Forget an upload; jobs that wait for it still find it, and then it goes."""
    change = lambda rows: records.remove_dataset(rows, tagger, number, who.name)  # noqa: E731
    if not await service_of(request).write(change):
        raise not_found(f"dataset {number}")
    return Response(status_code=204)


@router.head(
    "/blobs/{digest}", dependencies=[needs("train")], responses={404: {"description": "not known"}}
)
async def has_blob(request: Request, digest: Sha256) -> Response:
    """Whether a file with this sha256 is known, so that it need not be sent again."""
    service = service_of(request)
    sql = "SELECT size FROM blobs WHERE digest = ?"
    found = service.read(lambda rows: rows.execute(sql, (digest,)).fetchone())
    if found is None:
        return Response(status_code=404)
    return Response(headers={"X-Size": str(found["size"])})


async def received(service: Service, request: Request, wanted: str | None) -> tuple[str, int]:
    """(digest, size) of the body, now a blob; of a blob that is known where there is no body.

    Raises Problem.
    """
    if wanted is not None and request.headers.get("content-length") == "0":
        if wanted in service.home.blobs:
            return wanted, service.home.blobs.path(wanted).stat().st_size
        raise Problem(409, "unknown-blob", "no file with this sha256 is known; send it.")
    most = service.most_upload
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > most:
        raise _too_large(most)
    with service.home.blobs.incoming() as coming:
        pending = bytearray()
        async for piece in _pieces(request):
            pending += piece
            if coming.size + len(pending) > most:
                raise _too_large(most)
            if len(pending) >= _PIECE:
                await asyncio.to_thread(coming.write, bytes(pending))
                pending.clear()
        coming.write(bytes(pending))
        if wanted is not None and coming.digest != wanted:
            detail = f"what came has the sha256 {coming.digest}, expected {wanted}; send it again."
            raise Problem(400, "wrong-digest", detail)
        return await asyncio.to_thread(coming.keep), coming.size


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    """The body of a request as it comes. Raises Problem where it stops to come."""
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                piece = await anext(stream, None)
        except TimeoutError:
            detail = f"nothing came for {IDLE_SECONDS:.0f} s; send it again."
            raise Problem(408, "too-slow", detail) from None
        if piece is None:
            return
        yield piece


def _too_large(most: int) -> Problem:
    """The problem of an upload beyond the limit."""
    return Problem(413, "too-large", f"an upload may have {most:,} bytes; send it in parts.")


def _body(rows: Rows, tagger: str, number: int) -> dict[str, Any]:
    """An upload as clients see it. Raises Problem 404."""
    found = records.dataset(rows, tagger, number)
    if found is None:
        raise not_found(f"dataset {number}")
    return found


def _check_of(
    tagger: str, number: int, name: str, digest: str, config: dict[str, Any], who: Who
) -> jobs.NewJob:
    """The job that reads an upload from end to end."""
    key = f"dataset:{number}"
    data = {k: v for k, v in config.get("data", {}).items() if k not in _OTHER_TEXTS}
    tree = merged({**config, "data": data}, {"data": {"train": key}})
    for unread in ("training", "model", *(() if tree["task"] == "slots" else ("features",))):
        tree.pop(unread, None)
    return jobs.NewJob(
        tagger=tagger,
        kind="check",
        config=tree,
        inputs={key: {"digest": digest, "file": name}},
        creator=who.name,
        slot="light",
        memory=default_memory(),
        dataset=number,
    )


_OTHER_TEXTS = ("dev", "test", "replay", "dictionary")
