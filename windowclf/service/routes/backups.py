"""Copies of all that is kept."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from windowclf.service import jobs
from windowclf.service.access import MayAdminister
from windowclf.service.backup import Backup
from windowclf.service.serving import service_of

router = APIRouter(prefix="/v1", tags=["admin"])


@router.post("/backup", response_class=StreamingResponse)
async def backup(request: Request, who: MayAdminister) -> Response:
    """One tar of all that is kept: a snapshot of the database, then the files that it names.

    No token is in it, and nothing of the runs that have not ended but what they began from.
    """
    service = service_of(request)
    await service.write(lambda rows: jobs.note(rows, who.name, "copied", "all that is kept"))
    made = await Backup.of(service.home)
    return StreamingResponse(
        made.pieces(),
        media_type="application/x-tar",
        headers={"Content-Length": str(made.size)},
    )
