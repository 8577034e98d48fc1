"""Service: what the routes work with, and what they share."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeAlias, TypeVar

from fastapi import Path, Query, Request
from fastapi.responses import JSONResponse

from windowclf.service import records
from windowclf.service.access import Access
from windowclf.service.database import Rows
from windowclf.service.figures import Figures
from windowclf.service.home import Home
from windowclf.service.problems import Problem, not_found
from windowclf.service.records import LARGEST
from windowclf.service.repeats import Answer
from windowclf.service.runner import Runner
from windowclf.service.shelf import MOST_MODELS, Shelf

Result = TypeVar("Result")
TAGGER_NAME = r"^[a-z0-9][a-z0-9._-]{0,63}$"
DISK_RESERVE = 256 << 20  # bytes, below which no work is taken
DRAIN_SECONDS = 5  # after which a client may ask again

TaggerName: TypeAlias = Annotated[str, Path(alias="tagger", pattern=TAGGER_NAME)]
Number: TypeAlias = Annotated[int, Path(ge=1, le=LARGEST)]
After: TypeAlias = Annotated[
    int, Query(ge=1, le=LARGEST, description="`next` of the page before; the newest come first")
]
Limit: TypeAlias = Annotated[int, Query(ge=1, le=1000)]


@dataclass
class Service:
    """A home, what does its jobs, and how it may be used."""

    home: Home
    runner: Runner
    open_to_all: bool = False  # no token is asked for
    most_upload: int = 1 << 30  # bytes
    most_models: int = MOST_MODELS  # that are loaded at a time
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    figures: Figures = field(default_factory=Figures)

    def __post_init__(self) -> None:
        self.access = Access(self.home.database, self.open_to_all)
        self.shelf = Shelf(self.home, self.figures, self.most_models)

    async def write(self, change: Callable[[Rows], Result]) -> Result:
        """Have a change done; what comes of it, once it is kept."""
        return await asyncio.wrap_future(self.home.database.write(change))

    def read(self, look: Callable[[Rows], Result]) -> Result:
        """What a function finds in one state of the database."""
        return self.home.database.read(look)

    def tagger(self, name: str) -> dict[str, Any]:
        """A tagger. Raises Problem 404."""
        found = self.read(lambda rows: records.tagger(rows, name))
        if found is None:
            raise not_found(f"tagger {name}")
        return found

    def refuse_work(self) -> None:
        """Raise Problem where the server is about to end, or its disk nearly full."""
        self.refuse_draining()
        if shutil.disk_usage(self.home.path).free < DISK_RESERVE:
            detail = (
                f"less than {DISK_RESERVE >> 20} MiB are free on the server's disk, which are for "
                "the jobs that run; make room there."
            )
            raise Problem(507, "disk-full", detail)

    def refuse_draining(self) -> None:
        """Raise Problem 503 where the server is about to end."""
        if self.draining.is_set():
            problem = Problem(503, "draining", "the server is about to end; ask again later.")
            raise problem.with_headers({"Retry-After": str(DRAIN_SECONDS)})


def service_of(request: Request) -> Service:
    """The service that a request is for."""
    service: Service = request.app.state.service
    return service


def page(items: list[dict[str, Any]], limit: int, key: str = "id") -> dict[str, Any]:
    """A part of a list, and where the next one begins; null after the last."""
    return {"items": items, "next": items[-1][key] if len(items) == limit else None}


def answered(answer: Answer, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """An answer as a response."""
    status, body = answer
    return JSONResponse(body, status, headers)
