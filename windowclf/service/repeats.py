"""Repeats: a request with an Idempotency-Key is done once, and answered alike ever after.

And entity tags, by which a client need not be told what it knows.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from windowclf.service.access import Who
from windowclf.service.database import Rows
from windowclf.service.problems import Problem

KEPT_SECONDS = 7 * 24 * 3600.0
LONGEST_KEY = 200
Answer: TypeAlias = tuple[int, dict[str, Any]]
"""A status, and a body."""


@dataclass(frozen=True)
class Asked:
    """A request that changes something: by whom, which, and what its body says."""

    who: str
    key: str | None
    request: str  # sha256

    def once(self, change: Callable[[Rows], Answer]) -> Callable[[Rows], Answer]:
        """A change that looks first whether it was done, and notes what it answers."""
        if self.key is None:
            return change

        def done_once(rows: Rows) -> Answer:
            known = self._known(rows)
            if known is not None:
                return known
            status, body = change(rows)
            rows.execute(
                "INSERT INTO answers (who, key, request, status, body, at) VALUES (?,?,?,?,?,?)",
                (self.who, self.key, self.request, status, json.dumps(body), time.time()),
            )
            return status, body

        return done_once

    def _known(self, rows: Rows) -> Answer | None:
        """What this request was answered before. Raises Problem where it was another one."""
        rows.execute("DELETE FROM answers WHERE at < ?", (time.time() - KEPT_SECONDS,))
        row = rows.execute(
            "SELECT * FROM answers WHERE who = ? AND key = ?", (self.who, self.key)
        ).fetchone()
        if row is None:
            return None
        if row["request"] != self.request:
            detail = "this Idempotency-Key came with another request before; use a new one."
            raise Problem(422, "other-request", detail)
        return row["status"], json.loads(row["body"])


def asked(request: Request, who: Who, body: str) -> Asked:
    """What a request asks for; `body` says it, or is its digest. Raises Problem."""
    key = request.headers.get("idempotency-key")
    if key is not None and not 0 < len(key) <= LONGEST_KEY:
        raise Problem(400, "wrong-key", f"expected a key of 1 to {LONGEST_KEY} characters.")
    whole = json.dumps([request.method, request.url.path, request.url.query, body])
    return Asked(who.name, key, hashlib.sha256(whole.encode("utf-8", "replace")).hexdigest())


def tagged(request: Request, body: Mapping[str, Any]) -> Response:
    """A body with its tag; no body where the client has it."""
    tag = tag_of(body)
    known = [each.strip() for each in request.headers.get("if-none-match", "").split(",")]
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if tag in known:
        return Response(status_code=304, headers=headers)
    return JSONResponse(body, headers=headers)


def tag_of(body: Mapping[str, Any]) -> str:
    """The entity tag of a body."""
    data = json.dumps(body, sort_keys=True).encode("utf-8", "replace")
    return f'"{hashlib.sha256(data).hexdigest()[:32]}"'


def matches_of(request: Request) -> dict[str, str]:
    """What a request says of the tags that it expects."""
    names = ("if-match", "if-none-match")
    return {name: request.headers[name] for name in names if name in request.headers}


def refuse_unless(
    matches: Mapping[str, str], found: Mapping[str, Any] | None, what: str = "the tagger"
) -> None:
    """Raise Problem 412 where something is not as the tags of a request want it."""
    tag = None if found is None else tag_of(found)

    def listed(value: str) -> Iterator[str]:
        return (each.strip() for each in value.split(","))

    wanted, unwanted = matches.get("if-match"), matches.get("if-none-match")
    if (wanted is not None and (tag is None or not {"*", tag} & {*listed(wanted)})) or (
        unwanted is not None and tag is not None and {"*", tag} & {*listed(unwanted)}
    ):
        raise Problem(412, "changed", f"{what} is not as this request expects it; look again.")
