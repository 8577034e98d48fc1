"""Problems: what a client is told when something is wrong, as RFC 9457 has it."""

from __future__ import annotations

import errno
import json
import logging
import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from windowclf.errors import WindowclfError

log = logging.getLogger("windowclf.service")
MEDIA_TYPE = "application/problem+json"


class ProblemBody(BaseModel, extra="allow"):
    """What is wrong; further members depend on the type."""

    type: str  # urn:windowclf:CODE
    title: str
    status: int
    detail: str


class Problem(Exception):
    """An answer that says what is wrong; `more` are further members of its body."""

    def __init__(self, status: int, code: str, detail: str, **more: Any):
        super().__init__(detail)
        self.status, self.code, self.detail, self.more = status, code, detail, more
        self.headers: Mapping[str, str] = {}

    def with_headers(self, headers: Mapping[str, str]) -> Problem:
        """The same with headers of the answer."""
        self.headers = headers
        return self

    def response(self) -> Response:
        """The answer."""
        body = {
            "type": f"urn:windowclf:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            **self.more,
        }
        return Response(
            json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"),
            self.status,
            self.headers,
            MEDIA_TYPE,
        )


def _is_full(error: OSError | sqlite3.OperationalError) -> bool:
    """Whether an error says that there is no room."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return "full" in str(error)


def not_found(what: str) -> Problem:
    """The problem of something that is not there."""
    return Problem(404, "not-found", f"there is no {what}.")


def config_problem(error: WindowclfError) -> Problem:
    """The problem of a config with faults: each with the pointer of its key."""
    faults = []
    for fault in error.faults:
        shown = {k: v for k, v in asdict(fault).items() if v is not None and k != "path"}
        if fault.key:
            shown["pointer"] = "/config/" + fault.key.replace(".", "/")
        faults.append(shown)
    return Problem(422, "config-faults", str(error), faults=faults, more=error.more)


def answer_problems(app: FastAPI) -> None:
    """Have everything that goes wrong in an app end in a problem, and no traceback leave it."""

    @app.exception_handler(Problem)
    async def problem(_request: Request, error: Problem) -> Response:
        return error.response()

    @app.exception_handler(HTTPException)
    async def http(_request: Request, error: HTTPException) -> Response:
        code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
        return (
            Problem(error.status_code, code, str(error.detail))
            .with_headers(error.headers or {})
            .response()
        )

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> Response:
        faults = [
            {"pointer": "/" + "/".join(map(str, each["loc"])), "sentence": each["msg"]}
            for each in error.errors()
        ]
        detail = "; ".join(f"{each['pointer']}: {each['sentence']}" for each in faults)
        return Problem(422, "invalid-request", detail, faults=faults).response()

    @app.exception_handler(OSError)
    @app.exception_handler(sqlite3.OperationalError)
    async def full(_request: Request, error: OSError | sqlite3.OperationalError) -> Response:
        if not _is_full(error):
            raise error
        detail = "the server's disk is full; nothing was lost, make room there and ask again."
        return Problem(507, "disk-full", detail).response()

    @app.exception_handler(Exception)
    async def internal(request: Request, error: Exception) -> Response:
        number = secrets.token_hex(4)
        log.error("error %s in %s %s", number, request.method, request.url.path)
        detail = f"an internal error; the server's log has it as error {number}."
        return Problem(500, "internal", detail, log_id=number).response()
