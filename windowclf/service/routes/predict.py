"""Predict: labels for texts, sentences or rows, by the model that an alias means."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel
from starlette.types import ASGIApp, Receive, Scope, Send

from windowclf.errors import DataError, ModelFileError
from windowclf.service.access import MOST_JSON, needs
from windowclf.service.asking import Offsets, parsed, whole
from windowclf.service.problems import Problem
from windowclf.service.records import LARGEST
from windowclf.service.serving import Service, TaggerName, service_of
from windowclf.service.shelf import PRODUCTION, unusable

router = APIRouter(prefix="/v1", tags=["predict"], max_body_size=MOST_JSON)
_PATH = re.compile(r"/v1/taggers/([^/]+)/predict")


class ModelBody(BaseModel):
    """The model that has answered."""

    version: int
    digest: str  # sha256


class SpanBody(BaseModel):
    """A labelled stretch of a text; of a tagger of tokens, a token."""

    start: int
    end: int
    label: str
    text: str
    score: float


class Spans(BaseModel):
    """What was found in a text."""

    spans: list[SpanBody]


class Labels(BaseModel):
    """The labels of a sentence, or of a row."""

    labels: list[str]
    certainty: list[float]


class PredictBody(BaseModel):
    """The results, in the order of what was given."""

    model: ModelBody
    results: list[Spans] | list[Labels]


_TEXT = {"type": "string"}
_KINDS: dict[str, Any] = {
    "text": _TEXT,
    "texts": {"type": "array", "items": _TEXT},
    "sentences": {"type": "array", "items": {"type": "array", "items": _TEXT}},
    "rows": {
        "type": "array",
        "items": {"type": "object", "additionalProperties": _TEXT},
    },
}
_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "oneOf": [
                    {
                        "type": "object",
                        "properties": {name: schema},
                        "required": [name],
                        "additionalProperties": False,
                    }
                    for name, schema in _KINDS.items()
                ]
            }
        }
    },
}


@router.post(
    "/taggers/{tagger}/predict",
    response_model=PredictBody,
    dependencies=[needs("predict")],
    openapi_extra={"requestBody": _BODY},
)
async def predict(
    request: Request,
    tagger: TaggerName,
    alias: str = PRODUCTION,
    version: Annotated[
        int | None, Query(ge=1, le=LARGEST, description="in the place of an alias")
    ] = None,
    offsets: Offsets = "codepoint",
    min_score: Annotated[float, Query(ge=0, le=1, description="of the spans of texts")] = 0.0,
) -> Response:
    """Label texts with spans, or sentences and rows with a label for each token."""
    query = request.scope["query_string"]
    body = await answer(service_of(request), tagger, query, await request.body())
    return Response(body, media_type="application/json")


async def answer(service: Service, tagger: str, query: bytes, body: bytes) -> bytes:
    """The body of the answer to a request. Raises Problem."""
    service.refuse_draining()
    target, asked = parsed(query, body)
    if target.version is None:
        served = service.shelf.served(tagger, target.alias)
    else:
        served = service.shelf.version(tagger, target.version)
    try:
        model = await service.shelf.model(served.digest)
        results = await model.answer(asked, len(body))
    except ModelFileError as error:
        raise unusable(error) from error
    except DataError as error:
        faults = [{"sentence": str(fault)} for fault in error.faults]
        raise Problem(422, "data-faults", str(error), faults=faults) from error
    return whole(served.version, served.digest, results)


class PredictDoor:
    """Answers the route above itself: on its way to that a request takes longer than its tagging.

    The route says what this door does, and does it too.
    """

    def __init__(self, app: ASGIApp, service: Service):
        self._app, self._service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for labels, and pass others on."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
        elif match := _PATH.fullmatch(scope["path"]):
            scope["route"] = _ROUTE
            await self._answer(match[1], scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, tagger: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the labels, or what is wrong."""
        try:
            self._service.access.admit(_authorization(scope), "predict")
            body = await _body(receive)
            if body is None:
                return
            found = await answer(self._service, tagger, scope["query_string"], body)
        except Problem as problem:
            await problem.response()(scope, receive, send)
            return
        length = b"%d" % len(found)
        headers = [(b"content-type", b"application/json"), (b"content-length", length)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": found})


_ROUTE = router.routes[-1]


def _authorization(scope: Scope) -> str:
    """That header of a request; empty without one."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            return bytes(value).decode("latin-1")
    return ""


async def _body(receive: Receive) -> bytes | None:
    """The body of a request; None where its client has gone. Raises Problem 413."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MOST_JSON:
            raise Problem(413, "too-large", f"a body of JSON may have {MOST_JSON:,} bytes.")
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)
