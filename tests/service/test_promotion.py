"""Aliases: what is promoted, what a gate asks for, what is loaded, and what nobody ever notices."""

from __future__ import annotations

import asyncio

import pytest
from corpora import FILLERS, NAMES
from long_jobs import until
from promotions import hammered
from serving import BYTES, damaged, imported, other, promoted, service, serving

from windowclf.service import records
from windowclf.service.shelf import Shelf

NAME = " ".join(next(iter(NAMES)))
TEXTS = [f"{FILLERS[i % len(FILLERS)]} {' '.join(name)}" for i, name in enumerate(NAMES)]


def text_of(client, tagger="t", **query):
    answer = client.post(f"/v1/taggers/{tagger}/predict", params=query, json={"text": NAME})
    assert answer.status_code == 200, answer.text
    return answer.json()


def log_of(client, alias="production"):
    items = client.get(f"/v1/taggers/t/aliases/{alias}/log").json()["items"]
    return [(entry["before"], entry["after"]) for entry in items][::-1]


@pytest.fixture
def client(house):
    with house.client() as client:
        yield client


def test_promotion_and_rollback(client, two):
    scores = {}
    for version in two:
        assert promoted(client, version, why="a trial").json()["version"] == version
        answer = text_of(client)
        assert answer["model"]["version"] == version
        scores[version] = answer["results"][0]["spans"][0]["score"]
    assert scores[1] != scores[2]
    back = client.post("/v1/taggers/t/aliases/production/rollback")
    assert back.json()["version"] == 1
    assert text_of(client)["results"][0]["spans"][0]["score"] == pytest.approx(scores[1])
    assert log_of(client) == [(None, 1), (1, 1), (1, 2), (2, 1)]
    entry = client.get("/v1/taggers/t/aliases/production/log").json()["items"][1]
    assert (entry["who"], entry["why"]) == ("first", "a trial")
    aliases = client.get("/v1/taggers/t/aliases").json()["items"]
    assert [(each["alias"], each["version"], each["before"]) for each in aliases] == [
        ("production", 1, 2)
    ]


def test_aliases_are_apart(client, two):
    promoted(client, 2, alias="staging")
    assert text_of(client)["model"]["version"] == 1
    assert text_of(client, alias="staging")["model"]["version"] == 2
    assert client.delete("/v1/taggers/t/aliases/staging").status_code == 204
    place = "/v1/taggers/t/predict"
    assert client.post(place, params={"alias": "staging"}, json={"text": ""}).status_code == 404
    assert client.delete("/v1/taggers/t/aliases/staging").status_code == 404


def test_a_change_that_somebody_else_has_made_is_not_undone(client, two):
    tag = client.get("/v1/taggers/t/aliases/production").headers["etag"]
    place = "/v1/taggers/t/aliases/production"
    first = client.put(place, json={"version": 2}, headers={"If-Match": tag})
    assert first.status_code == 200
    assert first.headers["etag"] == client.get(place).headers["etag"] != tag
    for again in (
        client.put(place, json={"version": 1}, headers={"If-Match": tag}),
        client.post(f"{place}/rollback", headers={"If-Match": tag}),
        client.put(place, json={"version": 1}, headers={"If-None-Match": "*"}),
    ):
        assert again.status_code == 412
    assert text_of(client)["model"]["version"] == 2


def test_a_model_that_cannot_serve_changes_nothing(client, two, learnt, tmp_path):
    broken = imported(client, damaged(learnt["spans"], tmp_path))
    answer = promoted(client, broken)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:windowclf:model-unusable")
    assert promoted(client, 99).status_code == 404
    assert text_of(client)["model"]["version"] == 1
    assert log_of(client) == [(None, 1)]


def test_what_serves_is_not_deleted(client, two):
    refused = client.delete("/v1/taggers/t/versions/1")
    assert (refused.status_code, refused.json()["aliases"]) == (409, ["production"])
    promoted(client, 2)
    assert client.delete("/v1/taggers/t/versions/1").status_code == 204
    assert client.get("/v1/taggers/t/versions/1").status_code == 404
    back = client.post("/v1/taggers/t/aliases/production/rollback")
    assert (back.status_code, back.json()["type"]) == (409, "urn:windowclf:nothing-before")
    assert text_of(client)["model"]["version"] == 2


def test_no_number_of_a_version_is_given_twice(client, two, learnt, tmp_path):
    assert client.delete("/v1/taggers/t/versions/2").status_code == 204
    assert imported(client, other(learnt["spans"], tmp_path, 3.0)) == 3


def test_an_import_is_a_model_of_the_task_and_known_the_second_time(client, learnt):
    client.put("/v1/taggers/t", json={"config": {"task": "tagging"}})
    place = "/v1/taggers/t/versions"
    for data, kind in (
        (b"no model", "no-model"),
        ((learnt["spans"] / "model.safetensors").read_bytes(), "other-task"),
    ):
        answer = client.post(place, content=data, headers=BYTES)
        assert (answer.status_code, answer.json()["type"]) == (422, f"urn:windowclf:{kind}")
    data = (learnt["tagging"] / "model.safetensors").read_bytes()
    answers = [client.post(place, content=data, headers=BYTES) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["lineage"]["imported"] == "first"
    assert client.get(f"{place}/1/file").content == data


def test_no_more_models_are_loaded_than_may_be(tmp_path, learnt):
    with service(tmp_path / "s", most_models=2) as (house, client):
        serving(client, learnt["spans"])
        for i in range(3):
            version = imported(client, other(learnt["spans"], tmp_path, 2.0 + i))
            assert text_of(client, version=version)["model"]["version"] == version
            assert len(house.service.shelf.loaded) <= 2
            assert house.service.shelf.served("t", "production").digest in (
                house.service.shelf.loaded
            )
        promoted(client, 3)
        kept = {house.service.shelf.version("t", number).digest for number in (1, 3)}
        assert set(house.service.shelf.loaded) == kept  # what serves, and the one before


def test_after_a_start_what_is_in_production_serves(tmp_path, learnt):
    with service(tmp_path / "s") as (house, client):
        serving(client, learnt["spans"])
        promoted(client, imported(client, other(learnt["spans"], tmp_path)))
        before = text_of(client)
    with service(tmp_path / "s") as (house, client):
        until(lambda: client.get("/health/ready").status_code == 200)
        assert len(house.service.shelf.loaded) == 1
        assert text_of(client)["model"] == before["model"]
        assert client.post("/v1/taggers/t/aliases/production/rollback").json()["version"] == 1


def test_it_is_not_ready_while_it_loads(tmp_path, learnt, monkeypatch):
    with service(tmp_path / "s") as (_, client):
        serving(client, learnt["spans"])
    going = asyncio.Event()
    load = Shelf.model

    async def slowly(shelf, digest):
        await going.wait()
        return await load(shelf, digest)

    monkeypatch.setattr(Shelf, "model", slowly)
    with service(tmp_path / "s") as (_, client):
        answer = client.get("/health/ready")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert client.get("/health/live").status_code == 200
        client.portal.call(going.set)
        until(lambda: client.get("/health/ready").status_code == 200)


def test_a_start_without_the_file_of_a_model_is_one(tmp_path, learnt, caplog):
    with service(tmp_path / "s") as (house, client):
        serving(client, learnt["spans"], "a")
        serving(client, learnt["tagging"], "b")
        digest = client.get("/v1/taggers/a/versions/1").json()["digest"]
    house.home.blobs.remove(digest)
    with service(tmp_path / "s") as (house, client):
        until(lambda: client.get("/health/ready").status_code == 200)
        answer = client.post("/v1/taggers/a/predict", json={"text": ""})
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:windowclf:model-unusable")
        assert text_of(client, "b")["model"]["version"] == 1
    assert "version 1 of a" in caplog.text


def test_draining_refuses_what_is_new(house, client, two):
    house.service.draining.set()
    for answer in (
        client.post("/v1/taggers/t/predict", json={"text": ""}),
        promoted(client, 2),
        client.get("/health/ready"),
    ):
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0


def test_a_token_that_is_deleted_is_good_for_nothing_at_once(house, client):
    made = client.post("/v1/tokens", json={"name": "web", "role": "predict"}).json()
    own = house.client(made["token"])
    assert own.get("/v1/taggers").status_code == 200
    assert client.delete("/v1/tokens/web").status_code == 204
    assert own.get("/v1/taggers").status_code == 401


def test_a_token_ends_while_it_is_known(house, client, monkeypatch):
    token = house.home.database.write(
        lambda rows: records.add_token(rows, "short", "predict", records.time.time() + 60)
    ).result()
    own = house.client(token)
    assert own.get("/v1/taggers").status_code == 200
    now = records.time.time()
    monkeypatch.setattr(records.time, "time", lambda: now + 61)
    assert own.get("/v1/taggers").status_code == 401


@pytest.mark.slow
def test_nobody_notices_a_promotion(learnt, tmp_path):
    from test_server import Served

    served = Served(tmp_path / "s")
    try:
        models = [learnt["spans"] / "model.safetensors", other(learnt["spans"], tmp_path)]
        found = hammered(served.client, models, 8, 12, TEXTS)
    finally:
        served.end()
    assert not found.wrong
    assert found.done >= 8 * 12


@pytest.mark.slow
def test_nobody_notices_two_hundred_promotions(learnt, tmp_path):
    from test_server import Served

    served = Served(tmp_path / "s")
    try:
        models = [learnt["spans"] / "model.safetensors", other(learnt["spans"], tmp_path)]
        found = hammered(served.client, models, 64, 200, TEXTS)
    finally:
        served.end()
    assert not found.wrong
    assert found.done >= 64 * 200
