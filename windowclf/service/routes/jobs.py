"""Jobs: everything that takes its time, from its submission to its end."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel

from windowclf.service import jobs
from windowclf.service.access import MOST_JSON, MayTrain, needs
from windowclf.service.database import Rows
from windowclf.service.metrics import follow, lines_after
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
from windowclf.service.submitting import CompareGiven, Given, compare_job, new_job

router = APIRouter(prefix="/v1", tags=["jobs"], max_body_size=MOST_JSON)
_MOST_LOG = 1 << 20  # bytes of a log that are shown, its end
State = Literal["queued", "running", "succeeded", "failed", "cancelled"]


class JobBody(BaseModel):
    """A job."""

    id: int
    tagger: str
    kind: str
    state: State
    cancel: bool  # somebody asked for it
    saving: bool  # its process of before has not let go yet
    done: float | None  # the share that is done, of one that runs
    attempt: int
    threads: int | None
    memory: int | None
    created: float
    creator: str
    started: float | None
    ended: float | None
    retry_of: int | None
    dataset: int | None
    result: dict[str, Any] | None
    error: dict[str, Any] | None


class WholeJob(JobBody):
    """A job with what it is made from."""

    config: dict[str, Any]
    inputs: dict[str, Any]


class JobPage(BaseModel):
    """Some jobs, without what they found."""

    items: list[JobBody]
    next: int | None


@router.post(
    "/taggers/{tagger}/jobs",
    status_code=202,
    response_model=WholeJob,
    responses={200: {"model": WholeJob, "description": "the same work was done before"}},
)
async def submit(request: Request, tagger: TaggerName, given: Given, who: MayTrain) -> Response:
    """Queue a job; 200 with an older one that did the same, unless `force`."""
    service = service_of(request)
    service.refuse_work()

    def change(rows: Rows) -> Answer:
        """Check it, and queue it."""
        base = require(rows, tagger)["config"]
        if isinstance(given, CompareGiven):
            number = jobs.submit(rows, compare_job(rows, tagger, given, who.name))
            return 202, _body(service, _row(rows, number))
        new = new_job(rows, tagger, base, given, who.name)
        known = None if given.force else jobs.known(rows, new)
        if known is not None:
            return 200, _body(service, known)
        return 202, _body(service, _row(rows, jobs.submit(rows, new)))

    answer = await service.write(asked(request, who, given.model_dump_json()).once(change))
    service.runner.wake()
    return answered(answer, {"Location": f"/v1/jobs/{answer[1]['id']}"})


@router.get("/jobs", response_model=JobPage, dependencies=[needs("predict")])
async def every(
    request: Request,
    after: After = LARGEST,
    limit: Limit = 100,
    tagger: str | None = None,
    state: Annotated[list[State] | None, Query()] = None,
) -> Response:
    """Jobs, the newest first."""
    service = service_of(request)
    found = service.read(lambda rows: jobs.listed(rows, after, limit, tagger, state or ()))
    return JSONResponse(page([_body(service, row) for row in found], limit))


@router.get("/jobs/{number}", response_model=WholeJob, dependencies=[needs("predict")])
async def one(request: Request, number: Number) -> Response:
    """One job."""
    return tagged(request, _job(service_of(request), number))


@router.get("/jobs/{number}/metrics", dependencies=[needs("predict")])
async def metrics(
    request: Request, number: Number, after: Annotated[int, Query(ge=0, le=LARGEST)] = 0
) -> dict[str, Any]:
    """What a training has logged of itself, from the line after `after` on."""
    service = service_of(request)
    _job(service, number)
    items = [json.loads(line) for line in lines_after(service.home.run_folder(number), after)]
    return {"items": items, "next": after + len(items)}


@router.get("/jobs/{number}/log", response_class=PlainTextResponse, dependencies=[needs("train")])
async def log(request: Request, number: Number) -> str:
    """What the processes of a job have said, the end of it."""
    service = service_of(request)
    _job(service, number)
    try:
        with service.home.log_of(number).open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _MOST_LOG))
            return file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""


async def _existing(request: Request, number: Number) -> int:
    """The number of a job that there is. Raises Problem before a stream begins."""
    _job(service_of(request), number)
    return number


@router.get(
    "/jobs/{number}/events",
    response_class=EventSourceResponse,
    dependencies=[needs("predict")],
)
async def events(
    request: Request,
    number: Annotated[int, Depends(_existing)],
    last_event_id: Annotated[int, Header(ge=0, le=LARGEST)] = 0,
) -> AsyncIterator[ServerSentEvent]:
    """Follow a job: `metrics` for each line of its log, by its number, and `job` at its turns.

    With Last-Event-ID it goes on after that line.
    """
    service = service_of(request)

    def look() -> dict[str, Any] | None:
        """The job as it is now."""
        row = service.read(lambda rows: jobs.row_of(rows, number))
        return None if row is None else _body(service, row)

    run = service.home.run_folder(number)
    async for event in follow(run, last_event_id, look, service.draining.is_set):
        yield event


@router.get("/jobs/{number}/result", dependencies=[needs("predict")])
async def result(request: Request, number: Number) -> dict[str, Any]:
    """What a job has found; 409 with what was wrong where it has found nothing."""
    found = _job(service_of(request), number)
    if found["state"] == "succeeded":
        outcome: dict[str, Any] = found["result"]
        return outcome
    if found["state"] == "failed":
        detail = "\n".join(each["sentence"] for each in found["error"]["faults"])
        raise Problem(409, "job-failed", detail, **found["error"])
    raise Problem(409, "no-result", f"the job is {found['state']} and has no result.")


@router.post("/jobs/{number}/cancel", status_code=202, response_model=WholeJob)
async def cancel(request: Request, number: Number, who: MayTrain) -> Response:
    """Have a job end without a result; one that has ended stays as it is, 409."""
    service = service_of(request)

    def change(rows: Rows) -> Answer:
        """Mark it."""
        before = _row(rows, number)["state"]
        if before in jobs.ENDED:
            raise Problem(409, "ended", f"the job has {before} already.", state=before)
        jobs.ask_to_cancel(rows, number, who.name)
        return 202, _body(service, _row(rows, number))

    answer = await service.write(asked(request, who, "").once(change))
    service.runner.cancel(number)
    return answered(answer)


@router.post("/jobs/{number}/retry", status_code=202, response_model=WholeJob)
async def retry(request: Request, number: Number, who: MayTrain) -> Response:
    """Queue a new job like one that has failed or was cancelled."""
    service = service_of(request)
    service.refuse_work()

    def change(rows: Rows) -> Answer:
        """Queue the new one."""
        old = _row(rows, number)
        if old["state"] not in ("failed", "cancelled"):
            raise Problem(409, "not-ended", f"the job is {old['state']}; nothing is to retry.")
        names = {entry["digest"] for entry in old["inputs"].values()}
        if missing := [digest for digest in names if digest not in service.home.blobs]:
            detail = f"{len(missing)} of its uploads have been deleted; submit it anew."
            raise Problem(409, "inputs-deleted", detail)
        return 202, _body(service, _row(rows, jobs.again(rows, old, who.name)))

    answer = await service.write(asked(request, who, "").once(change))
    service.runner.wake()
    return answered(answer, {"Location": f"/v1/jobs/{answer[1]['id']}"})


@router.delete("/jobs/{number}", status_code=204)
async def delete(request: Request, number: Number, who: MayTrain) -> Response:
    """Forget a job that has ended, with its run folder; its version stays."""
    service = service_of(request)
    state = _job(service, number)["state"]
    if not await service.write(lambda rows: jobs.remove(rows, number, who.name)):
        raise Problem(409, "not-ended", f"the job is {state}; cancel it first.")
    service.home.remove_job(number)
    return Response(status_code=204)


def _job(service: Service, number: int) -> dict[str, Any]:
    """A job as clients see it. Raises Problem 404."""
    return _body(service, service.read(lambda rows: _row(rows, number)))


def _row(rows: Rows, number: int) -> dict[str, Any]:
    """The row of a job. Raises Problem 404."""
    found = jobs.row_of(rows, number)
    if found is None:
        raise not_found(f"job {number}")
    return found


def _body(service: Service, row: dict[str, Any]) -> dict[str, Any]:
    """A row of a job as clients see it."""
    names = [name for name in WholeJob.model_fields if name in row]
    body = {name: row[name] for name in names}
    number, state = row["id"], row["state"]
    return body | {
        "cancel": bool(row["cancel"]),
        "saving": state == "queued" and number in service.runner.saving,
        "done": service.runner.done.get(number) if state == "running" else None,
    }
