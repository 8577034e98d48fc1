"""Whether the server lives, whether it is ready, and its figures."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from windowclf.service.access import needs
from windowclf.service.serving import service_of

router = APIRouter(tags=["health"])


@router.get("/health/live")
async def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "live"}


@router.get("/health/ready", responses={503: {"description": "about to end"}})
async def ready(request: Request) -> dict[str, str]:
    """The server takes work."""
    service_of(request).refuse_draining()
    return {"status": "ready"}


@router.get("/openapi.json", dependencies=[needs("predict")])
async def openapi(request: Request) -> dict[str, Any]:
    """What this API is, as OpenAPI."""
    found: dict[str, Any] = request.app.openapi()
    return found


@router.get("/metrics", dependencies=[needs("predict")], response_class=Response)
async def metrics(request: Request) -> Response:
    """Figures for Prometheus."""
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

    registry = CollectorRegistry()
    gauge = Gauge("windowclf_jobs", "Jobs by kind and state.", ["kind", "state"], registry=registry)
    sql = "SELECT kind, state, count(*) AS count FROM jobs GROUP BY kind, state"
    for row in service_of(request).read(lambda rows: rows.execute(sql).fetchall()):
        gauge.labels(row["kind"], row["state"]).set(row["count"])
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
