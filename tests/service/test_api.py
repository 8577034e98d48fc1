"""The API in this process, with jobs that wait: routes, faults, lists, tags, repeats."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import os
import threading
import time

import pytest

from windowclf.service import blobs, jobs, records, serving
from windowclf.service.access import Needs
from windowclf.service.app import ROUTERS
from windowclf.service.routes import datasets
from windowclf.service.routes.datasets import DatasetBody
from windowclf.service.routes.jobs import JobPage, WholeJob
from windowclf.service.routes.taggers import TaggerBody
from windowclf.system.memory import machine_memory

CONLL = b"the\tD\ncat\tN\n\n"
DIGEST = hashlib.sha256(CONLL).hexdigest()
TAGGING = {"task": "tagging", "data": {"dev": {"holdout": 0.5}}}


@pytest.fixture
def client(house):
    return house.client()


def upload(client, tagger="t", name="train.conll", data=CONLL, **query):
    return client.post(
        f"/v1/taggers/{tagger}/datasets",
        params={"name": name, **query},
        content=data,
        headers={"Content-Type": "application/octet-stream"},
    )


@pytest.fixture
def train(client) -> int:
    """The number of an upload of the tagger t."""
    client.put("/v1/taggers/t", json={})
    return upload(client).json()["id"]


def submit(client, train, config=TAGGING, **more):
    headers = more.pop("headers", {})
    body = {"config": config, "train": train, **more}
    return client.post("/v1/taggers/t/jobs", json=body, headers=headers)


def every_route():
    return [route for router in ROUTERS for route in router.routes]


OPEN = {"/health/live", "/health/ready"}


def role_of(route) -> str | None:
    roles = [d.call.role for d in route.dependant.dependencies if isinstance(d.call, Needs)]
    return roles[0] if roles else None


def test_every_route_has_a_role_and_stands_in_the_openapi(house, client):
    described = client.get("/openapi.json").json()["paths"]
    found = set()
    for route in every_route():
        assert (role_of(route) is None) == (route.path in OPEN), route.path
        for method in route.methods:
            assert method.lower() in described[route.path], (method, route.path)
            found.add((method.lower(), route.path))
    assert {(m, path) for path, methods in described.items() for m in methods} == found
    assert len(found) >= 25


def test_no_route_without_a_token_that_is_good_enough(house):
    roles = {}
    for role in records.ROLES:
        roles[role] = house.home.database.write(
            lambda rows, role=role: records.add_token(rows, role, role)
        ).result()
    anybody = house.client("x")
    del anybody.headers["Authorization"]
    for route in every_route():
        if route.path in OPEN:
            continue
        place = route.path.format(tagger="t", number=1, digest=DIGEST, name="n")
        for method in route.methods:
            ask = {
                "url": place,
                "method": method,
                "json": {} if method in ("PUT", "POST") else None,
            }
            refused = anybody.request(**ask)
            assert refused.status_code == 401, (method, place)
            assert refused.headers["www-authenticate"] == "Bearer"
            assert house.client("wclf_wrong").request(**ask).status_code == 401, (method, place)
            needed = records.ROLES.index(role_of(route))
            for role in records.ROLES[:needed]:
                assert house.client(roles[role]).request(**ask).status_code == 403, (method, place)
            answer = house.client(roles[records.ROLES[needed]]).request(**ask)
            assert answer.status_code not in (401, 403), (method, place)


def test_tokens_by_name_and_role(house, client):
    made = client.post("/v1/tokens", json={"name": "ci", "role": "predict", "days": 1})
    assert made.status_code == 201
    token = made.json()["token"]
    assert made.json()["expires"] > time.time()
    theirs = house.client(token)
    assert theirs.get("/v1/jobs").status_code == 200
    assert theirs.put("/v1/taggers/t", json={}).status_code == 403
    assert theirs.get("/v1/tokens").status_code == 403
    listed = client.get("/v1/tokens")
    assert [each["name"] for each in listed.json()["items"]] == ["ci", "first"]
    assert token not in listed.text
    assert client.post("/v1/tokens", json={"name": "ci"}).status_code == 409
    assert client.post("/v1/tokens", json={"name": "x", "role": "king"}).status_code == 422
    assert client.delete("/v1/tokens/first").status_code == 409
    assert client.delete("/v1/tokens/ci").status_code == 204
    assert client.delete("/v1/tokens/ci").status_code == 404
    assert theirs.get("/v1/jobs").status_code == 401


def test_the_token_is_for_its_owner_and_stays_the_same(house, tmp_path):
    assert house.home.token_path.stat().st_mode & 0o777 == 0o600
    assert house.home.path.stat().st_mode & 0o777 == 0o700
    again = type(house)(tmp_path / "other")
    token = again.token
    again.close()
    again = type(house)(tmp_path / "other")
    assert again.token == token
    assert again.client().get("/v1/jobs").status_code == 200
    again.close()
    (tmp_path / "other" / "token").unlink()
    again = type(house)(tmp_path / "other")
    assert again.token != token
    assert again.client(token).get("/v1/jobs").status_code == 401
    assert again.client().get("/v1/jobs").status_code == 200
    again.close()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "localhost.evil.example:80"}, 421),
        ({"Host": ""}, 421),
        ({"Host": "127.0.0.1:8311"}, 202),
        ({"Host": "[::1]:8311"}, 202),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://localhost"}, 403),
        ({"Origin": "http://localhost:1"}, 403),
        ({"Origin": "http://localhost"}, 202),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 202),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, 415),
    ],
)
def test_what_another_page_has_a_browser_send_is_refused(client, train, headers, status):
    body = json.dumps({"config": TAGGING, "train": train})
    sent = {"Content-Type": "application/json", **headers}
    answer = client.post("/v1/taggers/t/jobs", content=body, headers=sent)
    assert answer.status_code == status, answer.text
    if status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status
        assert client.get("/v1/jobs").json()["items"] == []
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in answer.headers


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


def test_the_same_work_is_known_under_other_names(client, house, train):
    """Of a list in a feature the name is part of the work: it is the type of its phrases."""

    def done(answer) -> int:
        number = answer.json()["id"]
        result = {"score": 1.0, "evaluations": {}, "lineage": {}}
        job = {"id": number, "tagger": "t"}

        def finish(rows) -> None:
            jobs.claim(rows, number, 1)
            records.add_version(rows, job, (DIGEST, 1), result)

        house.home.database.write(finish).result()
        return number

    first = done(submit(client, train))
    other = upload(client, name="other.conll").json()["id"]
    again = submit(client, other)
    assert other != train
    assert (again.status_code, again.json()["id"]) == (200, first)
    kept = {**TAGGING, "training": {"checkpoint": {"seconds": 1}, "threads": 7}, "prediction": {}}
    assert submit(client, train, kept).json()["id"] == first
    assert submit(client, train, {**TAGGING, "seed": 7}).status_code == 202
    assert submit(client, train, force=True).status_code == 202
    columns = upload(client, name="train.conllu").json()["id"]
    assert submit(client, columns).status_code == 202
    used = [{"kind": "word"}, {"kind": "gazetteer", "path": f"dataset:{train}"}]
    listed = {**TAGGING, "features": {"use": used}}
    done(submit(client, train, listed))
    assert submit(client, train, listed).status_code == 200
    used[1]["path"] = f"dataset:{other}"
    assert submit(client, train, listed).status_code == 202


@pytest.mark.parametrize(
    "name", ["../train.conll", "/etc/passwd", "a/b", "a\\b", ".hidden", "", "..", "a\nb", "x" * 300]
)
def test_no_path_comes_in_by_a_name(client, name):
    client.put("/v1/taggers/t", json={})
    assert upload(client, name=name).status_code == 422


@pytest.mark.parametrize(
    ("config", "pointer", "sentence"),
    [
        ({"output": "/etc"}, "/config/output", "the server chooses"),
        ({"data": {"train": "/etc/passwd"}}, "/config/data/train", "expected dataset:NUMBER"),
        ({"data": {"train": ["dataset:1", "*.conll"]}}, "/config/data/train", "found '*.conll'"),
        ({"data": {"test": "dataset:99"}}, "/config/data/test", "no dataset 99"),
        ({"data": {"dev": "http://x/y"}}, "/config/data/dev", "expected dataset:NUMBER"),
        (
            {"features": {"use": [{"kind": "vectors", "path": "../v.txt"}]}},
            "/config/features/use/0/path",
            "expected dataset:NUMBER",
        ),
        ({"training": {"start_from": "runs/x"}}, "/config/training/start_from", "version:NUMBER"),
        ({"training": {"epochs": 0}}, "/config/training/epochs", "expected"),
        ({"tune": {"output": "x"}}, "/config/tune/output", "the server chooses"),
    ],
)
def test_faults_of_a_config_come_with_their_key(client, train, config, pointer, sentence):
    config = {**TAGGING, **config}
    given = {} if "train" in config["data"] else {"train": train}
    answer = client.post("/v1/taggers/t/jobs", json={"config": config, **given})
    assert answer.status_code == 422, answer.text
    found = {fault["pointer"]: fault["sentence"] for fault in answer.json()["faults"]}
    assert sentence in found[pointer]
    assert client.get("/v1/jobs").json()["items"] == []


def test_all_faults_of_a_config_at_once(client, train):
    answer = submit(client, train, {"task": "tagging", "output": "x", "data": {"dev": "y"}})
    assert len(answer.json()["faults"]) == 2
    answer = submit(client, train, {"task": "tagging", "trainin": {}, "seed": "x"})
    assert len(answer.json()["faults"]) == 2


def test_a_job_is_queued_and_never_done_by_the_request(client, train):
    answer = submit(client, train)
    assert answer.status_code == 202
    body = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{body['id']}"
    assert (body["state"], body["attempt"]) == ("queued", 0)
    assert 0 < body["memory"] < machine_memory()
    assert body["config"]["data"]["train"] == [f"dataset:{train}"]
    assert client.get(answer.headers["location"]).json() == body
    refused = client.get(f"/v1/jobs/{body['id']}/result")
    assert (refused.status_code, refused.json()["detail"]) == (
        409,
        "the job is queued and has no result.",
    )


def test_a_config_is_laid_over_that_of_its_tagger(client, train):
    base = {"task": "tagging", "training": {"epochs": 3}, "data": {"dev": {"holdout": 0.5}}}
    assert client.put("/v1/taggers/t", json={"config": base}).status_code == 200
    body = submit(client, train, {"training": {"dropout": 0.1}}).json()
    assert body["config"]["training"] == {"epochs": 3, "dropout": 0.1}
    bad = client.put("/v1/taggers/t", json={"config": {"training": {"epoch": 3}}})
    assert (bad.status_code, bad.json()["faults"][0]["pointer"]) == (422, "/config/training/epoch")


def test_cancelling_and_trying_again(client, train):
    number = submit(client, train).json()["id"]
    assert client.delete(f"/v1/jobs/{number}").status_code == 409
    assert client.post(f"/v1/jobs/{number}/retry").status_code == 409
    assert client.post(f"/v1/jobs/{number}/cancel").json()["state"] == "cancelled"
    again = client.post(f"/v1/jobs/{number}/cancel")
    assert (again.status_code, again.json()["state"]) == (409, "cancelled")
    retried = client.post(f"/v1/jobs/{number}/retry").json()
    assert (retried["retry_of"], retried["state"]) == (number, "queued")
    assert client.get(f"/v1/jobs/{number}").json()["state"] == "cancelled"
    assert client.delete(f"/v1/jobs/{number}").status_code == 204
    assert client.get(f"/v1/jobs/{number}").status_code == 404


def test_a_repeated_request_is_done_once(client, train):
    key = {"Idempotency-Key": "abc"}
    first = submit(client, train, headers=key)
    assert submit(client, train, headers=key).json() == first.json()
    assert submit(client, train, headers=key).status_code == first.status_code == 202
    assert len(client.get("/v1/jobs").json()["items"]) == 1
    other = submit(client, train, force=True, headers=key)
    assert (other.status_code, other.json()["type"]) == (422, "urn:windowclf:other-request")
    assert submit(client, train, headers={"Idempotency-Key": "x" * 300}).status_code == 400


def test_many_that_send_one_request_at_a_time_make_one_job(client, house, train):
    answers = []

    def ask() -> None:
        answers.append(submit(house.client(), train, headers={"Idempotency-Key": "k"}).json()["id"])

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(answers)) == 1
    assert len(answers) == 8


def test_tags(client):
    made = client.put("/v1/taggers/t", json={}, headers={"If-None-Match": "*"})
    assert made.status_code == 201
    tag = made.headers["etag"]
    assert client.get("/v1/taggers/t").headers["etag"] == tag
    assert client.get("/v1/taggers/t", headers={"If-None-Match": tag}).status_code == 304
    again = client.put("/v1/taggers/t", json={}, headers={"If-None-Match": "*"})
    assert (again.status_code, again.json()["type"]) == (412, "urn:windowclf:changed")
    put = {"config": {"task": "spans"}}
    assert client.put("/v1/taggers/t", json=put, headers={"If-Match": tag}).status_code == 200
    assert client.put("/v1/taggers/t", json=put, headers={"If-Match": tag}).status_code == 412
    assert client.put("/v1/taggers/u", json=put, headers={"If-Match": "*"}).status_code == 412


def test_lists_come_in_pages(client, train):
    numbers = [submit(client, train, {**TAGGING, "seed": i}).json()["id"] for i in range(5)]
    found, after = [], None
    for _ in range(3):
        query = {"limit": 2, **({"after": after} if after else {})}
        page = client.get("/v1/jobs", params=query).json()
        found += [job["id"] for job in page["items"]]
        after = page["next"]
    assert (found, after) == (numbers[::-1], None)
    client.post(f"/v1/jobs/{numbers[0]}/cancel")
    listed = client.get("/v1/jobs", params={"state": ["cancelled", "failed"]}).json()["items"]
    assert [job["id"] for job in listed] == numbers[:1]
    assert client.get("/v1/jobs", params={"tagger": "u"}).json()["items"] == []
    assert client.get("/v1/taggers", params={}).json()["items"][0]["name"] == "t"


def test_a_tagger_goes_with_all_that_is_its_own(client, train):
    number = submit(client, train).json()["id"]
    assert client.delete("/v1/taggers/t").status_code == 409
    client.post(f"/v1/jobs/{number}/cancel")
    assert client.delete("/v1/taggers/t").status_code == 204
    for place in (
        "taggers/t",
        f"taggers/t/datasets/{train}",
        f"jobs/{number}",
        "taggers/t/versions",
    ):
        assert client.get(f"/v1/{place}").status_code == 404


@pytest.mark.parametrize(
    ("method", "place"),
    [
        ("GET", "/v1/jobs/0"),
        ("GET", "/v1/jobs/99999999999999999999"),
        ("GET", "/v1/jobs/x"),
        ("GET", "/v1/jobs?limit=0"),
        ("GET", "/v1/jobs?state=gone"),
        ("GET", "/v1/taggers/UPPER"),
        ("GET", "/v1/taggers/t/datasets/1/content/.."),
        ("GET", "/v1/nothing"),
        ("PATCH", "/v1/jobs/1"),
        ("GET", "/v1/taggers/..%2f..%2fetc"),
        ("HEAD", "/v1/blobs/..%2f..%2ftoken"),
    ],
)
def test_every_refusal_is_a_problem(client, method, place):
    answer = client.request(method, place)
    assert answer.status_code in (404, 405, 422)
    if method != "HEAD":
        assert answer.headers["content-type"] == "application/problem+json"
        assert {"type", "title", "status", "detail"} <= answer.json().keys()


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'{"config": 3}', b'{"kinds": "x"}', b""])
def test_a_body_of_another_shape_is_refused(client, train, body):
    headers = {"Content-Type": "application/json"}
    answer = client.post("/v1/taggers/t/jobs", content=body, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["type"] in ("urn:windowclf:invalid-request", "urn:windowclf:config-faults")


def test_a_body_as_deep_as_it_is_long_is_refused(client, train):
    deep = b'{"config":' + b'{"a":' * 20_000 + b"1" + b"}" * 20_001
    headers = {"Content-Type": "application/json"}
    answer = client.post("/v1/taggers/t/jobs", content=deep, headers=headers)
    assert answer.status_code in (400, 422), answer.text[:200]
    shallow = b'{"config":' + b'{"a":' * 400 + b"1" + b"}" * 401
    answer = client.post("/v1/taggers/t/jobs", content=shallow, headers=headers)
    assert answer.status_code == 422, answer.text[:200]


def test_a_body_beyond_the_limit_is_refused(client, train):
    answer = submit(client, train, {**TAGGING, "seed": "x" * (1 << 20)})
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    pieces = (b'{"config": {"seed": "' + b"x" * (1 << 16) for _ in range(20))  # no length is said
    headers = {"Content-Type": "application/json"}
    answer = client.post("/v1/taggers/t/jobs", content=pieces, headers=headers)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


def test_no_traceback_leaves(house, monkeypatch, caplog):
    def broken(*_: object) -> None:
        raise RuntimeError("secret words")

    monkeypatch.setattr(jobs, "listed", broken)
    answer = house.client(raise_server_exceptions=False).get("/v1/jobs")
    body = answer.json()
    assert (answer.status_code, body["type"]) == (500, "urn:windowclf:internal")
    assert body["log_id"] in caplog.text
    assert "secret" not in answer.text


def test_draining(client, house, train):
    assert client.get("/health/ready").json() == {"status": "ready"}
    house.service.draining.set()
    for answer in (client.get("/health/ready"), submit(client, train), upload(client)):
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert client.get("/health/live").status_code == 200
    assert client.get("/v1/jobs").status_code == 200


def test_figures_for_prometheus(client, train):
    submit(client, train)
    assert 'windowclf_jobs{kind="train",state="queued"} 1.0' in client.get("/metrics").text


def test_answers_are_what_the_openapi_says(client, train):
    """Some are written as they are, and not checked once more on their way."""
    number = submit(client, train).json()["id"]
    shapes = {
        "jobs": JobPage,
        f"jobs/{number}": WholeJob,
        "taggers/t": TaggerBody,
        f"taggers/t/datasets/{train}": DatasetBody,
    }
    for place, shape in shapes.items():
        body = client.get(f"/v1/{place}").json()
        assert shape.model_validate(body, strict=True).model_dump(mode="json") == body
        assert set(body) == set(shape.model_fields)


def test_a_thousand_jobs_are_listed_quickly(house, client, train):
    body = submit(client, train).json()
    old = house.home.database.read(lambda rows: jobs.row_of(rows, body["id"]))

    def many(rows) -> None:
        for _ in range(1000):
            jobs.again(rows, old, "me")

    house.home.database.write(many).result()
    began = time.perf_counter()
    assert len(client.get("/v1/jobs").json()["items"]) == 100
    assert time.perf_counter() - began < 1  # 50 ms on a quiet machine
