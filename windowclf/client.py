"""Client: a server of windowclf from Python, on the standard library alone.

>>> client = windowclf.Client("http://127.0.0.1:8311", token)
>>> train = client.upload("names", "train.conll")
>>> job = client.submit("names", {"task": "spans", "data": {"dev": {"holdout": 0.1}}}, train)
>>> done = client.wait(job["id"])
>>> client.fetch("names", done["result"]["version"], "model.safetensors")
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote, urlencode, urlsplit

from windowclf.errors import Fault, WindowclfError

DEFAULT_SERVER = "http://127.0.0.1:8311"
ENDED = ("succeeded", "failed", "cancelled")
_BLOCK = 1 << 20
_SECONDS = 30.0  # without a byte, after which a server counts as gone
_SECONDS_BETWEEN = 1.0  # two tries to follow a job whose server does not answer
Json: TypeAlias = dict[str, Any]
"""An object of JSON."""
Datasets: TypeAlias = Json | Sequence[Json]
"""An upload, or several that are read one after the other."""


class ServerError(WindowclfError):
    """What a server has refused, or that it does not answer; `status` is 0 then."""

    def __init__(self, status: int, problem: Mapping[str, Any]):
        """`problem` is the body of its answer, as in RFC 9457."""
        self.status, self.problem = status, dict(problem)
        faults = [_fault(each) for each in problem.get("faults") or () if "sentence" in each]
        detail = str(problem.get("detail", f"the server answered {status}."))
        more = problem.get("more")
        super().__init__(*faults or [Fault(detail)], more=more if isinstance(more, int) else 0)


class Client:
    """A server, and the token by which it knows who asks."""

    def __init__(self, server: str = DEFAULT_SERVER, token: str | None = None):
        """`server` is a URL. Nothing is sent yet."""
        self.server, self._token = server.rstrip("/"), token
        parts = urlsplit(self.server)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ServerError(0, {"detail": f"{server}: expected a URL as {DEFAULT_SERVER}."})
        self._secure, self._host, self._port = parts.scheme == "https", parts.hostname, parts.port
        self._prefix = parts.path

    def taggers(self) -> list[Json]:
        """All taggers."""
        return list(self._pages("/v1/taggers"))

    def make_tagger(self, tagger: str, config: Mapping[str, Any] | None = None) -> None:
        """Make a tagger where there is none of this name."""
        try:
            self._ask("PUT", f"/v1/taggers/{tagger}", {"config": config or {}}, **_IF_NEW)
        except ServerError as error:
            if error.status != 412:
                raise

    def upload(self, tagger: str, path: str | os.PathLike[str]) -> Json:
        """A file as a dataset of a tagger; sent only where the server does not know it."""
        with Path(path).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        query = urlencode({"name": Path(path).name, "sha256": digest})
        place = f"/v1/taggers/{tagger}/datasets?{query}"
        if self._has(digest):
            return self._ask("POST", place, None)
        with Path(path).open("rb") as file, self._answer("POST", place, file, _BYTES) as answer:
            return _json(answer.read())

    def submit(
        self,
        tagger: str,
        config: Mapping[str, Any],
        train: Datasets | None = None,
        dev: Datasets | None = None,
        test: Datasets | None = None,
        *,
        force: bool = False,
    ) -> Json:
        """Queue a training: the job, or an older one that did the same unless `force`."""
        texts = {"train": train, "dev": dev, "test": test}
        body: Json = {"kind": "train", "config": dict(config), "force": force}
        body |= {name: _ids(text) for name, text in texts.items() if text is not None}
        key = {"Idempotency-Key": os.urandom(16).hex()}
        return self._ask("POST", f"/v1/taggers/{tagger}/jobs", body, **key)

    def jobs(self, tagger: str | None = None, most: int = 100) -> list[Json]:
        """The newest jobs."""
        query = urlencode({"limit": most, **({"tagger": tagger} if tagger else {})})
        items: list[Json] = self._ask("GET", f"/v1/jobs?{query}")["items"]
        return items

    def job(self, number: int) -> Json:
        """A job as it is now."""
        return self._ask("GET", f"/v1/jobs/{number}")

    def log(self, number: int) -> str:
        """What the processes of a job have said."""
        with self._answer("GET", f"/v1/jobs/{number}/log") as answer:
            return answer.read().decode()

    def cancel(self, number: int) -> Json:
        """Have a job end without a result."""
        return self._ask("POST", f"/v1/jobs/{number}/cancel", None)

    def retry(self, number: int) -> Json:
        """A new job like one that has failed or was cancelled."""
        return self._ask("POST", f"/v1/jobs/{number}/retry", None)

    def remove_job(self, number: int) -> None:
        """Forget a job that has ended; its version stays."""
        self._ask("DELETE", f"/v1/jobs/{number}")

    def versions(self, tagger: str) -> list[Json]:
        """The versions of a tagger, the newest first."""
        return list(self._pages(f"/v1/taggers/{tagger}/versions"))

    def fetch(self, tagger: str, version: int, path: str | os.PathLike[str]) -> None:
        """Put the model file of a version at a path, whole or not at all. Raises OSError."""
        from windowclf.system.durable import whole_file

        place = f"/v1/taggers/{tagger}/versions/{version}"
        wanted = self._ask("GET", place)["digest"]
        digest = hashlib.sha256()
        with self._answer("GET", f"{place}/file") as answer, whole_file(Path(path)) as file:
            while block := answer.read(_BLOCK):
                digest.update(block)
                file.write(block)
            if digest.hexdigest() != wanted:
                raise ServerError(0, {"detail": f"{place}: the file came damaged; fetch it again."})

    def events(self, number: int, after: int = 0) -> Iterator[tuple[str, Json]]:
        """What a job does, as it does it: ("metrics", line of its log) and ("job", the job).

        To the end of the job; a server that goes away is waited for, and no line comes twice.
        """
        while True:
            try:
                for event, number_of_line, data in self._stream(number, after):
                    after = number_of_line or after
                    yield event, data
                    if event == "job" and data["state"] in ENDED:
                        return
            except ServerError as error:
                if error.status not in (0, 503):
                    raise
            time.sleep(_SECONDS_BETWEEN)

    def wait(self, number: int, heard: Callable[[str, Json], None] | None = None) -> Json:
        """The job at its end; `heard` is told of its events. Raises ServerError where it failed."""
        for event, data in self.events(number):
            if heard is not None:
                heard(event, data)
        job = self.job(number)
        if job["state"] == "failed":
            raise ServerError(409, job["error"])
        return job

    def _has(self, digest: str) -> bool:
        """Whether the server knows a file by its sha256."""
        try:
            with self._answer("HEAD", f"/v1/blobs/{digest}"):
                return True
        except ServerError as error:
            if error.status != 404:
                raise
            return False

    def _pages(self, place: str) -> Iterator[Json]:
        """All of a list."""
        after = None
        while True:
            query = "" if after is None else f"?after={quote(str(after))}"
            found = self._ask("GET", f"{place}{query}")
            yield from found["items"]
            if (after := found["next"]) is None:
                return

    def _stream(self, number: int, after: int) -> Iterator[tuple[str, int, Json]]:
        """The events of a job after a line, each with the number of its line, until the end."""
        place = f"/v1/jobs/{number}/events"
        with self._answer("GET", place, None, {"Last-Event-ID": str(after)}) as answer:
            fields: dict[str, str] = {}
            while True:
                try:
                    line = answer.readline().decode()
                except (OSError, http.client.HTTPException):
                    return
                if not line:
                    return
                name, _, value = line.rstrip("\r\n").partition(": ")
                if name:
                    fields[name] = value
                elif "data" in fields:
                    yield fields.get("event", ""), int(fields.get("id", 0)), _json(fields["data"])
                    fields = {}

    def _ask(self, method: str, place: str, body: Json | None = None, **headers: str) -> Json:
        """The JSON that a server answers. Raises ServerError."""
        data = None if body is None else json.dumps(body).encode()
        sent = {**headers, **({} if data is None else {"Content-Type": "application/json"})}
        with self._answer(method, place, data, sent) as answer:
            return _json(answer.read())

    @contextmanager
    def _answer(
        self, method: str, place: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        """What a server answers, where that is good. Raises ServerError."""
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        with closing(kind(self._host, self._port, timeout=_SECONDS)) as connection:
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


_IF_NEW = {"If-None-Match": "*"}
_BYTES = {"Content-Type": "application/octet-stream"}


def _fault(given: Mapping[str, Any]) -> Fault:
    """A fault that a server has told of."""
    return Fault(given["sentence"], given.get("file"), given.get("line"), given.get("key"))


def _ids(datasets: Datasets) -> int | list[int]:
    """The numbers of uploads."""
    return datasets["id"] if isinstance(datasets, dict) else [each["id"] for each in datasets]


def _json(data: bytes | str) -> Json:
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
