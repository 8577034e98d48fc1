"""Whether the server lives, whether it is ready, and its figures."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from windowclf.service.access import needs
from windowclf.service.problems import Problem
from windowclf.service.serving import service_of

router = APIRouter(tags=["health"])


@router.get("/health/live")
async def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "live"}


@router.get("/health/ready", responses={503: {"description": "not yet, or not any more"}})
async def ready(request: Request) -> dict[str, str]:
    """The server takes work."""
    service = service_of(request)
    service.refuse_draining()
    if not service.shelf.is_ready:
        problem = Problem(503, "loading", "the models are being loaded; ask again soon.")
        raise problem.with_headers({"Retry-After": "1"})
    return {"status": "ready"}


@router.get("/openapi.json", dependencies=[needs("predict")])
async def openapi(request: Request) -> dict[str, Any]:
    """What this API is, as OpenAPI."""
    found: dict[str, Any] = request.app.openapi()
    return found


@router.get("/metrics", dependencies=[needs("predict")], response_class=Response)
async def metrics(request: Request) -> Response:
    """Figures for Prometheus."""
    service = service_of(request)
    sql = "SELECT kind, state, count(*) AS count FROM jobs GROUP BY kind, state"
    found = service.read(lambda rows: rows.execute(sql).fetchall())
    jobs = {(row["kind"], row["state"]): row["count"] for row in found}
    shelf = service.shelf
    text = service.figures.text(shelf.waiting, len(shelf.loaded), jobs)
    return Response(text, media_type=CONTENT_TYPE_LATEST)
