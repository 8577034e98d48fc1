"""Access: who may ask for what, and from where; asked of every request before anything else."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, TypeAlias

from fastapi import Depends, Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from windowclf.service import records
from windowclf.service.home import Home
from windowclf.service.problems import Problem
from windowclf.service.records import ROLES, Role

SAFE = ("GET", "HEAD", "OPTIONS")
MEDIA_TYPES = ("application/json", "application/octet-stream")
MOST_JSON = 1 << 20  # bytes of a body
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = (
    (b"content-security-policy", _CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


class Who(NamedTuple):
    """Who asks: the name of a token, and what it may."""

    name: str
    role: Role


@dataclass(frozen=True)
class Needs:
    """What a route asks of whoever calls it: a token of at least this role."""

    role: Role

    async def __call__(self, request: Request) -> Who:
        """Who asks. Raises Problem 401 or 403."""
        service = request.app.state.service
        who = Who("nobody", "admin") if service.open_to_all else _bearer(service.home, request)
        if ROLES.index(who.role) < ROLES.index(self.role):
            detail = (
                f"this needs a token of the role {self.role}; that of {who.name} is {who.role}."
            )
            raise Problem(403, "role-too-small", detail)
        return who


def needs(role: Role) -> Any:
    """The dependency of a route that a token of at least this role may call: a Who."""
    return Depends(Needs(role))


MayTrain: TypeAlias = Annotated[Who, needs("train")]
MayAdminister: TypeAlias = Annotated[Who, needs("admin")]


def _bearer(home: Home, request: Request) -> Who:
    """Who the token of a request belongs to. Raises Problem 401."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    if kind.lower() == "bearer" and token:
        known = home.database.read(lambda rows: records.known_token(rows, token))
        if known is not None:
            return Who(*known)
    detail = "this needs a token: send `Authorization: Bearer TOKEN`."
    raise Problem(401, "no-token", detail).with_headers({"WWW-Authenticate": "Bearer"})


def is_loopback(host: str) -> bool:
    """Whether an address is of this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Gate:
    """Refuses requests that a page of somebody else could have had a browser send."""

    def __init__(self, app: ASGIApp, hosts: Collection[str]):
        """`hosts` are the names, without ports, by which the server may be called."""
        self._app = app
        self._hosts = {"localhost", "127.0.0.1", "[::1]", *(host.lower() for host in hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer with what is wrong with it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if (problem := self._problem(scope)) is not None:
            await problem.response()(scope, receive, _with_headers(send))
        else:
            await self._app(scope, receive, _with_headers(send))

    def _problem(self, scope: Scope) -> Problem | None:
        """What is wrong with where a request comes from, or leads to; None for nothing."""
        headers = Headers(scope=scope)
        host = headers.get("host", "").lower()
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if name not in self._hosts:
            detail = "this server does not go by that name; `serve --allow-host` gives it one."
            return Problem(421, "wrong-host", detail)
        if scope["method"] in SAFE:
            return None
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if (origin is not None and origin.lower() != f"{scope['scheme']}://{host}") or (
            site is not None and site != "same-origin"
        ):
            return Problem(403, "other-origin", "pages of other origins may change nothing here.")
        media = headers.get("content-type", "").partition(";")[0].strip().lower()
        has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        if (media or has_body) and media not in MEDIA_TYPES:
            detail = f"expected a body of {' or '.join(MEDIA_TYPES)}."
            return Problem(415, "wrong-media-type", detail)
        length = headers.get("content-length", "")
        if media == MEDIA_TYPES[0] and length.isdecimal() and int(length) > MOST_JSON:
            return Problem(413, "too-large", f"a body of JSON may have {MOST_JSON:,} bytes.")
        return None


def _with_headers(send: Send) -> Callable[[Message], Awaitable[None]]:
    """The same way to answer, with the headers that every answer has."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *_HEADERS]}
        await send(message)

    return sent
