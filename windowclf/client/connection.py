"""Connection: a server that answers in JSON, and its refusals as errors."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote, urlsplit

from windowclf.errors import Fault, WindowclfError

DEFAULT_SERVER = "http://127.0.0.1:8311"
_BLOCK = 1 << 20
SECONDS = 30.0  # without a byte, after which a server counts as gone
Json: TypeAlias = dict[str, Any]
"""An object of JSON."""


class ServerError(WindowclfError):
    """What a server has refused, or that it does not answer; `status` is 0 then."""

    def __init__(self, status: int, problem: Mapping[str, Any]):
        """`problem` is the body of its answer, as in RFC 9457."""
        self.status, self.problem = status, dict(problem)
        faults = [_fault(each) for each in problem.get("faults") or () if "sentence" in each]
        detail = str(problem.get("detail", f"the server answered {status}."))
        more = problem.get("more")
        super().__init__(*faults or [Fault(detail)], more=more if isinstance(more, int) else 0)


class Connection:
    """A server, and the token by which it knows who asks."""

    def __init__(self, server: str = DEFAULT_SERVER, token: str | None = None):
        """`server` is a URL. Nothing is sent yet."""
        self.server, self._token = server.rstrip("/"), token
        parts = urlsplit(self.server)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ServerError(0, {"detail": f"{server}: expected a URL as {DEFAULT_SERVER}."})
        self._secure, self._host, self._port = parts.scheme == "https", parts.hostname, parts.port
        self._prefix = parts.path

    def pages(self, place: str) -> Iterator[Json]:
        """All of a list."""
        after = None
        while True:
            query = "" if after is None else f"?after={quote(str(after))}"
            found = self.ask("GET", f"{place}{query}")
            yield from found["items"]
            if (after := found["next"]) is None:
                return

    def ask(self, method: str, place: str, body: Json | None = None, **headers: str) -> Json:
        """The JSON that a server answers. Raises ServerError."""
        data = None if body is None else json.dumps(body).encode()
        sent = {**headers, **({} if data is None else {"Content-Type": "application/json"})}
        with self.answer(method, place, data, sent) as answer:
            return as_json(answer.read())

    def send(self, place: str, path: Path) -> Json:
        """The JSON that a server answers to a file. Raises ServerError, OSError."""
        kind = {"Content-Type": "application/octet-stream"}
        with path.open("rb") as file, self.answer("POST", place, file, kind) as answer:
            return as_json(answer.read())

    def fetch(self, method: str, place: str, path: Path, digest: str | None = None) -> None:
        """Put what a server answers at a path, whole or not at all. Raises ServerError, OSError.

        With `digest` it has this sha256.
        """
        from windowclf.system.durable import whole_file

        seen, size = hashlib.sha256(), 0
        with self.answer(method, place) as answer, whole_file(path) as file:
            while block := answer.read(_BLOCK):
                seen.update(block)
                size += len(block)
                file.write(block)
            if size != int(answer.headers["Content-Length"]) or seen.hexdigest() != (
                digest or seen.hexdigest()
            ):
                raise ServerError(0, {"detail": f"{place}: the file came damaged; fetch it again."})

    @contextmanager
    def answer(
        self, method: str, place: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        """What a server answers, where that is good. Raises ServerError."""
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        with closing(kind(self._host, self._port, timeout=SECONDS)) as connection:
            sent = dict(headers or {})
            if self._token is not None:
                sent["Authorization"] = f"Bearer {self._token}"
            if body is not None and hasattr(body, "fileno"):
                sent["Content-Length"] = str(os.fstat(body.fileno()).st_size)
            try:
                connection.request(method, self._prefix + place, body, sent)
                answer = connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                why = getattr(error, "strerror", None) or str(error) or type(error).__name__
                raise ServerError(0, {"detail": f"{self.server}: {why.lower()}."}) from error
            if answer.status >= 400:
                raise ServerError(answer.status, _problem(answer.read(), answer.status))
            yield answer


def _fault(given: Mapping[str, Any]) -> Fault:
    """A fault that a server has told of."""
    return Fault(given["sentence"], given.get("file"), given.get("line"), given.get("key"))


def as_json(data: bytes | str) -> Json:
    """A body as JSON."""
    found: Json = json.loads(data) if data else {}
    return found


def _problem(data: bytes, status: int) -> Json:
    """The body of a refusal, whoever has written it."""
    try:
        found = json.loads(data)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"detail": f"the server answered {status}."}
