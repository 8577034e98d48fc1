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
from windowclf.service.database import Database
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
        return service.access.admit(request.headers.get("authorization", ""), self.role)  # type: ignore[no-any-return]


def needs(role: Role) -> Any:
    """The dependency of a route that a token of at least this role may call: a Who."""
    return Depends(Needs(role))


MayTrain: TypeAlias = Annotated[Who, needs("train")]
MayAdminister: TypeAlias = Annotated[Who, needs("admin")]


class Access:
    """Who may use a service; what the database knows of tokens is looked up once."""

    def __init__(self, database: Database, open_to_all: bool):
        """With `open_to_all` nobody is asked for a token."""
        self._database, self._open_to_all = database, open_to_all
        self._known: dict[str, records.KnownToken] = {}  # by what is kept of a token

    def admit(self, authorization: str, role: Role) -> Who:
        """Who asks, by that header of a request, for what needs a role. Raises Problem."""
        who = Who("nobody", "admin") if self._open_to_all else self._bearer(authorization)
        if ROLES.index(who.role) < ROLES.index(role):
            detail = f"this needs a token of the role {role}; that of {who.name} is {who.role}."
            raise Problem(403, "role-too-small", detail)
        return who

    def forget(self) -> None:
        """Look all tokens up anew: one was made or removed."""
        self._known.clear()

    def _bearer(self, authorization: str) -> Who:
        """Who a token belongs to. Raises Problem 401."""
        kind, _, token = authorization.partition(" ")
        token = token.strip()
        if kind.lower() == "bearer" and token and (known := self._look_up(token)) is not None:
            return Who(known.name, known.role)
        detail = "this needs a token: send `Authorization: Bearer TOKEN`."
        raise Problem(401, "no-token", detail).with_headers({"WWW-Authenticate": "Bearer"})

    def _look_up(self, token: str) -> records.KnownToken | None:
        """What is known of a token; None of one that is not valid, or not any more."""
        digest = records.token_digest(token)
        known = self._known.get(digest)
        if known is None:
            known = self._database.read(lambda rows: records.known_token(rows, token))
            if known is None:
                return None
            self._known[digest] = known
        return None if known.is_over() else known


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
