"""The API in this process, with jobs that wait: jobs, configs, lists, tags, repeats."""

from __future__ import annotations

import threading
import time

import pytest
from requests_of import DIGEST, TAGGING, submit, upload

from windowclf.service import jobs, records
from windowclf.service.routes.datasets import DatasetBody
from windowclf.service.routes.jobs import JobPage, WholeJob
from windowclf.service.routes.taggers import TaggerBody
from windowclf.system.memory import machine_memory


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
