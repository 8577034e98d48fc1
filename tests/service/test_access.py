"""Who may ask for what, from where, and what is answered to everybody else."""

from __future__ import annotations

import json
import time

import pytest
from requests_of import DIGEST, TAGGING, submit

from windowclf.service import jobs, records
from windowclf.service.access import Needs
from windowclf.service.app import ROUTERS


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
        place = route.path.format(tagger="t", number=1, digest=DIGEST, name="n", alias="a")
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


def test_no_traceback_leaves(house, monkeypatch, caplog):
    def broken(*_: object) -> None:
        raise RuntimeError("secret words")

    monkeypatch.setattr(jobs, "listed", broken)
    answer = house.client(raise_server_exceptions=False).get("/v1/jobs")
    body = answer.json()
    assert (answer.status_code, body["type"]) == (500, "urn:windowclf:internal")
    assert body["log_id"] in caplog.text
    assert "secret" not in answer.text


def test_a_body_beyond_the_limit_is_refused(client, train):
    answer = submit(client, train, {**TAGGING, "seed": "x" * (1 << 20)})
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    pieces = (b'{"config": {"seed": "' + b"x" * (1 << 16) for _ in range(20))  # no length is said
    headers = {"Content-Type": "application/json"}
    answer = client.post("/v1/taggers/t/jobs", content=pieces, headers=headers)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


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
