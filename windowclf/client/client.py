"""Client: a server of windowclf from Python, on the standard library alone.

>>> client = windowclf.Client("http://127.0.0.1:8311", token)
>>> train = client.upload("names", "train.conll")
>>> job = client.submit("names", {"task": "spans", "data": {"dev": {"holdout": 0.1}}}, train)
>>> done = client.wait(job["id"])
>>> client.promote("names", done["result"]["version"])
>>> client.predict("names", "Anna lives in Oslo.")["results"]
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlencode

from windowclf.client.connection import DEFAULT_SERVER, Connection, Json, ServerError
from windowclf.client.events import events

PRODUCTION = "production"
Datasets: TypeAlias = Json | Sequence[Json]
"""An upload, or several that are read one after the other."""


class Client:
    """A server, and the token by which it knows who asks."""

    def __init__(self, server: str = DEFAULT_SERVER, token: str | None = None):
        """`server` is a URL. Nothing is sent yet."""
        self._connection = Connection(server, token)

    def taggers(self) -> list[Json]:
        """All taggers."""
        return list(self._connection.pages("/v1/taggers"))

    def tagger(self, tagger: str) -> Json:
        """A tagger: its config and its gate."""
        return self._connection.ask("GET", f"/v1/taggers/{tagger}")

    def make_tagger(self, tagger: str, config: Mapping[str, Any] | None = None) -> None:
        """Make a tagger where there is none of this name."""
        try:
            self._connection.ask(
                "PUT", f"/v1/taggers/{tagger}", {"config": config or {}}, **_IF_NEW
            )
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
            return self._connection.ask("POST", place, None)
        return self._connection.send(place, Path(path))

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
        return self._submit(tagger, body)

    def jobs(self, tagger: str | None = None, most: int = 100) -> list[Json]:
        """The newest jobs."""
        query = urlencode({"limit": most, **({"tagger": tagger} if tagger else {})})
        items: list[Json] = self._connection.ask("GET", f"/v1/jobs?{query}")["items"]
        return items

    def job(self, number: int) -> Json:
        """A job as it is now."""
        return self._connection.ask("GET", f"/v1/jobs/{number}")

    def log(self, number: int) -> str:
        """What the processes of a job have said."""
        with self._connection.answer("GET", f"/v1/jobs/{number}/log") as answer:
            return answer.read().decode()

    def cancel(self, number: int) -> Json:
        """Have a job end without a result."""
        return self._connection.ask("POST", f"/v1/jobs/{number}/cancel", None)

    def retry(self, number: int) -> Json:
        """A new job like one that has failed or was cancelled."""
        return self._connection.ask("POST", f"/v1/jobs/{number}/retry", None)

    def remove_job(self, number: int) -> None:
        """Forget a job that has ended; its version stays."""
        self._connection.ask("DELETE", f"/v1/jobs/{number}")

    def versions(self, tagger: str) -> list[Json]:
        """The versions of a tagger, the newest first."""
        return list(self._connection.pages(f"/v1/taggers/{tagger}/versions"))

    def version(self, tagger: str, version: int) -> Json:
        """A version, with its scores and what it is made from."""
        return self._connection.ask("GET", f"/v1/taggers/{tagger}/versions/{version}")

    def import_version(self, tagger: str, path: str | os.PathLike[str]) -> Json:
        """A model file, or that of a run folder, as a version of a tagger."""
        file = Path(path)
        file = file / "model.safetensors" if file.is_dir() else file
        return self._connection.send(f"/v1/taggers/{tagger}/versions", file)

    def remove_version(self, tagger: str, version: int) -> None:
        """Forget a version that no alias means."""
        self._connection.ask("DELETE", f"/v1/taggers/{tagger}/versions/{version}")

    def fetch(self, tagger: str, version: int, path: str | os.PathLike[str]) -> None:
        """Put the model file of a version at a path, whole or not at all. Raises OSError."""
        place = f"/v1/taggers/{tagger}/versions/{version}"
        digest = self._connection.ask("GET", place)["digest"]
        self._connection.fetch("GET", f"{place}/file", Path(path), digest)

    def compare(self, tagger: str, version: int, against: int, dataset: Datasets) -> Json:
        """Queue a comparison of two versions on labelled text: the job."""
        body = {"kind": "compare", "version": version, "against": against}
        return self._submit(tagger, {**body, "dataset": _ids(dataset)})

    def aliases(self, tagger: str) -> list[Json]:
        """What the aliases of a tagger mean."""
        return list(self._connection.pages(f"/v1/taggers/{tagger}/aliases"))

    def alias_log(self, tagger: str, alias: str = PRODUCTION) -> list[Json]:
        """What an alias has meant, the newest first."""
        return list(self._connection.pages(f"/v1/taggers/{tagger}/aliases/{alias}/log"))

    def promote(
        self,
        tagger: str,
        version: int,
        alias: str = PRODUCTION,
        *,
        comparison: int | None = None,
        if_better: bool = False,
        why: str = "",
    ) -> Json:
        """Have an alias mean a version, which serves once this returns.

        `comparison` is the job that the tagger's gate asks for, or with `if_better` the default
        one. Raises ServerError 409 with the figures where the gate refuses.
        """
        body = {"version": version, "comparison": comparison, "if_better": if_better, "why": why}
        return self._connection.ask("PUT", f"/v1/taggers/{tagger}/aliases/{alias}", body)

    def rollback(self, tagger: str, alias: str = PRODUCTION, *, why: str = "") -> Json:
        """Have an alias mean what it meant before its last change."""
        place = f"/v1/taggers/{tagger}/aliases/{alias}/rollback"
        return self._connection.ask("POST", place, {"why": why})

    def remove_alias(self, tagger: str, alias: str) -> None:
        """Have an alias mean nothing."""
        self._connection.ask("DELETE", f"/v1/taggers/{tagger}/aliases/{alias}")

    def predict(
        self,
        tagger: str,
        texts: str | Sequence[str] | None = None,
        *,
        sentences: Sequence[Sequence[str]] | None = None,
        rows: Sequence[Mapping[str, str]] | None = None,
        **how: str | float,
    ) -> Json:
        """Labels for texts, for sentences of tokens or for rows: {"model", "results"}.

        `how` is alias or version, offsets (codepoint, utf16 or byte) and min_score.
        """
        kind = "text" if isinstance(texts, str) else "texts"
        given = {kind: texts, "sentences": sentences, "rows": rows}
        body = {name: value for name, value in given.items() if value is not None}
        query = f"?{urlencode(how)}" if how else ""
        return self._connection.ask("POST", f"/v1/taggers/{tagger}/predict{query}", body)

    def tokens(self) -> list[Json]:
        """All tokens, without what would let one use them."""
        return list(self._connection.pages("/v1/tokens"))

    def make_token(self, name: str, role: str, days: float | None = None) -> Json:
        """A new token; its `token` is shown now and never again."""
        body = {"name": name, "role": role, "days": days}
        return self._connection.ask("POST", "/v1/tokens", body)

    def remove_token(self, name: str) -> None:
        """Have a token be good for nothing."""
        self._connection.ask("DELETE", f"/v1/tokens/{name}")

    def backup(self, path: str | os.PathLike[str]) -> None:
        """Put a copy of all that the server keeps at a path, whole or not at all."""
        self._connection.fetch("POST", "/v1/backup", Path(path))

    def events(self, number: int, after: int = 0) -> Iterator[tuple[str, Json]]:
        """What a job does, as it does it: ("metrics", line of its log) and ("job", the job).

        To the end of the job; a server that goes away is waited for, and no line comes twice.
        """
        return events(self._connection, number, after)

    def wait(self, number: int, heard: Callable[[str, Json], None] | None = None) -> Json:
        """The job at its end; `heard` is told of its events. Raises ServerError where it failed."""
        for event, data in self.events(number):
            if heard is not None:
                heard(event, data)
        job = self.job(number)
        if job["state"] == "failed":
            raise ServerError(409, job["error"])
        return job

    def _submit(self, tagger: str, body: Json) -> Json:
        """Queue a job, once, however often the request is repeated."""
        key = {"Idempotency-Key": os.urandom(16).hex()}
        return self._connection.ask("POST", f"/v1/taggers/{tagger}/jobs", body, **key)

    def _has(self, digest: str) -> bool:
        """Whether the server knows a file by its sha256."""
        try:
            with self._connection.answer("HEAD", f"/v1/blobs/{digest}"):
                return True
        except ServerError as error:
            if error.status != 404:
                raise
            return False


_IF_NEW = {"If-None-Match": "*"}


def _ids(datasets: Datasets) -> int | list[int]:
    """The numbers of uploads."""
    return datasets["id"] if isinstance(datasets, dict) else [each["id"] for each in datasets]
