"""The application: all routes behind the gate, and a service that runs as long as it does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from fastapi import FastAPI

import windowclf
from windowclf.service.access import Gate
from windowclf.service.figures import Counting
from windowclf.service.problems import ProblemBody, answer_problems
from windowclf.service.routes import (
    aliases,
    backups,
    datasets,
    health,
    jobs,
    predict,
    taggers,
    tokens,
    versions,
)
from windowclf.service.routes.predict import PredictDoor
from windowclf.service.serving import Service

ROUTERS = tuple(
    each.router
    for each in (health, taggers, datasets, jobs, versions, aliases, predict, tokens, backups)
)


def create_app(service: Service, hosts: Collection[str] = ()) -> FastAPI:
    """The application of a service that may be called by the names `hosts`, and as localhost.

    Its jobs run from its start to its end.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        service.runner.start()
        loading = asyncio.create_task(service.shelf.start())
        yield
        service.draining.set()
        await asyncio.to_thread(service.runner.stop)
        await loading
        await service.shelf.close()

    app = FastAPI(
        title="windowclf",
        version=windowclf.__version__,
        lifespan=lifespan,
        openapi_url=None,  # a route of its own asks for a token
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses={
            status: {"model": ProblemBody, "content": {"application/problem+json": {}}}
            for status in ("4XX", "5XX")
        },
    )
    app.state.service = service
    for router in ROUTERS:
        app.include_router(router)
    answer_problems(app)
    app.add_middleware(PredictDoor, service=service)
    app.add_middleware(Gate, hosts=hosts)
    app.add_middleware(Counting, figures=service.figures)
    return app
