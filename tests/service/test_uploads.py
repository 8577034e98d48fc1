"""Uploads: named by what they hold, whole or not at all, whatever comes."""

from __future__ import annotations

import asyncio
import errno
import os

import pytest
from requests_of import CONLL, DIGEST, submit, upload

from windowclf.service import blobs, serving
from windowclf.service.routes import datasets


def test_an_upload_is_named_by_what_it_holds(client, house):
    client.put("/v1/taggers/t", json={})
    first = upload(client)
    assert first.status_code == 201
    body = first.json()
    assert (body["digest"], body["size"], body["check_job"]) == (DIGEST, len(CONLL), None)
    assert client.get(first.headers["location"]).json() == body
    assert client.get(first.headers["location"] + "/content").content == CONLL
    assert client.head(f"/v1/blobs/{DIGEST}").headers["x-size"] == str(len(CONLL))
    assert client.head(f"/v1/blobs/{'1' * 64}").status_code == 404
    again = upload(client)
    assert (again.status_code, again.json()) == (200, body)
    unsent = upload(client, name="other.conll", data=b"", sha256=DIGEST)
    assert unsent.status_code == 201
    assert unsent.json()["digest"] == DIGEST
    assert upload(client, data=b"", sha256="1" * 64).status_code == 409
    assert len(list((house.home.path / "blobs").glob("??/*"))) == 1


def test_a_lying_or_too_large_upload_leaves_nothing(client, house):
    client.put("/v1/taggers/t", json={})
    lying = upload(client, sha256="1" * 64)
    assert (lying.status_code, lying.json()["type"]) == (400, "urn:windowclf:wrong-digest")
    house.service.most_upload = 10
    assert upload(client).status_code == 413
    pieces = (b"xxxx" for _ in range(4))  # no length is said
    assert upload(client, data=pieces).status_code == 413
    assert upload(client, data=b"x" * 10).status_code == 201
    assert not list((house.home.path / "blobs" / "incoming").iterdir())
    assert client.get("/v1/taggers/t/datasets").json()["items"][0]["size"] == 10


def test_an_upload_that_stops_to_come_is_given_up(client, house, monkeypatch):
    client.put("/v1/taggers/t", json={})
    monkeypatch.setattr(datasets, "IDLE_SECONDS", 0.1)

    async def ask() -> int:
        """A client that sends a piece, and then nothing."""
        asked = [{"type": "http.request", "body": b"x", "more_body": True}]
        answers = []

        async def receive():
            if asked:
                return asked.pop()
            await asyncio.sleep(60)

        async def send(message):
            answers.append(message)

        headers = {
            **client.headers,
            "host": "localhost",
            "content-type": "application/octet-stream",
        }
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/taggers/t/datasets",
            "raw_path": b"/v1/taggers/t/datasets",
            "query_string": b"name=x.conll",
            "scheme": "http",
            "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
        }
        await house.app(scope, receive, send)
        return answers[0]["status"]

    assert asyncio.run(ask()) == 408
    assert not list((house.home.path / "blobs" / "incoming").iterdir())


def test_a_full_disk_is_said_and_loses_nothing(client, house, monkeypatch):
    client.put("/v1/taggers/t", json={})

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(blobs.os, "write", full)
        answer = upload(client)
    assert (answer.status_code, answer.json()["type"]) == (507, "urn:windowclf:disk-full")
    assert not list((house.home.path / "blobs" / "incoming").iterdir())
    assert upload(client).status_code == 201


def test_the_last_of_a_disk_is_for_the_jobs_that_run(client, train, monkeypatch):
    monkeypatch.setattr(serving, "DISK_RESERVE", 1 << 60)
    for answer in (submit(client, train), upload(client)):
        assert (answer.status_code, answer.json()["type"]) == (507, "urn:windowclf:disk-full")
    assert client.get("/v1/jobs").json()["items"] == []


@pytest.mark.parametrize(
    "name", ["../train.conll", "/etc/passwd", "a/b", "a\\b", ".hidden", "", "..", "a\nb", "x" * 300]
)
def test_no_path_comes_in_by_a_name(client, name):
    client.put("/v1/taggers/t", json={})
    assert upload(client, name=name).status_code == 422
