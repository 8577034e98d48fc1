"""What a tagger's gate asks for before another version serves."""

from __future__ import annotations

import json

import pytest
from corpora import NAMES
from serving import BYTES, promoted

NAME = " ".join(next(iter(NAMES)))


def text_of(client, tagger="t", **query):
    answer = client.post(f"/v1/taggers/{tagger}/predict", params=query, json={"text": NAME})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def client(house):
    with house.client() as client:
        yield client


def compared(house, number, difference, p):
    """Have a compare job have ended with a finding."""
    found = {"accuracy": {"difference": difference, "interval": [0, 0], "p": p}}
    result = {"differences": {"accuracy": found["accuracy"], "span_f1": found["accuracy"]}}

    def change(rows):
        rows.execute(
            "UPDATE jobs SET state = 'succeeded', result = ? WHERE id = ?",
            (json.dumps(result), number),
        )

    house.home.database.write(change).result()


@pytest.fixture
def gated(house, client, two):
    """The tagger has a gate; a dataset, and what submits a comparison."""
    house.runner._draining.set()  # jobs wait
    assert client.put("/v1/taggers/t", json={"gate": {"least": 0.01}}).status_code == 200
    data = client.post(
        "/v1/taggers/t/datasets", params={"name": "x.conll"}, content=b"a\tO\n", headers=BYTES
    ).json()["id"]

    def submit(version=2, against=1, dataset=data):
        body = {"kind": "compare", "version": version, "against": against, "dataset": dataset}
        answer = client.post("/v1/taggers/t/jobs", json=body)
        return answer.json()["id"] if answer.status_code == 202 else answer.status_code

    return submit


def kind_of(answer):
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


def test_a_gate_asks_for_a_comparison_of_exactly_these(house, client, gated):
    assert kind_of(promoted(client, 2)) == (409, "compare-first")
    first = promoted(client, 2).json()
    assert (first["version"], first["against"]) == (2, 1)
    right, other_way = gated(), gated(1, 2)
    assert kind_of(promoted(client, 2, comparison=right)) == (409, "compare-first")  # not finished
    for number in (right, other_way):
        compared(house, number, 0.02, 0.01)
    assert kind_of(promoted(client, 2, comparison=other_way)) == (409, "compare-first")
    assert kind_of(promoted(client, 2, comparison=999)) == (409, "compare-first")
    assert promoted(client, 2, comparison=right).status_code == 200
    entry = client.get("/v1/taggers/t/aliases/production/log").json()["items"][0]
    assert (entry["comparison"], entry["p_value"]) == (right, 0.01)
    assert kind_of(promoted(client, 1, comparison=right)) == (409, "compare-first")
    assert client.post("/v1/taggers/t/aliases/production/rollback").status_code == 200


@pytest.mark.parametrize(
    ("difference", "p", "passes"),
    [(0.02, 0.05, True), (0.02, 0.06, False), (0.01, 0.01, False), (-0.02, 0.01, False)],
)
def test_a_gate_refuses_with_the_figures(house, client, gated, difference, p, passes):
    number = gated()
    compared(house, number, difference, p)
    answer = promoted(client, 2, comparison=number)
    assert (answer.status_code == 200) == passes
    if not passes:
        assert kind_of(answer) == (409, "gate-refused")
        assert answer.json()["differences"]["span_f1"]["p"] == p
        assert f"{difference:+.4f}" in answer.json()["detail"]
        assert text_of(client)["model"]["version"] == 1


def test_a_gate_may_name_its_figure_and_its_dataset(house, client, gated):
    number = gated()
    compared(house, number, 0.02, 0.01)
    client.put("/v1/taggers/t", json={"gate": {"dataset": 7}})
    assert kind_of(promoted(client, 2, comparison=number)) == (409, "compare-first")
    client.put("/v1/taggers/t", json={"gate": {"figure": "word_f1"}})
    refused = promoted(client, 2, comparison=number)
    assert kind_of(refused) == (409, "gate-refused")
    assert "accuracy, span_f1" in refused.json()["detail"]
    client.put("/v1/taggers/t", json={"gate": {"figure": "accuracy", "dataset": 1}})
    assert promoted(client, 2, comparison=number).status_code == 200


def test_without_a_gate_one_may_be_asked_for(house, client, gated):
    client.put("/v1/taggers/t", json={})
    number = gated()
    compared(house, number, 0.02, 0.2)
    assert kind_of(promoted(client, 2, if_better=True)) == (409, "compare-first")
    refused = promoted(client, 2, if_better=True, comparison=number)
    assert kind_of(refused) == (409, "gate-refused")
    assert promoted(client, 2).status_code == 200


def test_comparisons_are_of_what_is_there(house, client, gated):
    assert gated(version=9) == gated(against=9) == gated(dataset=9) == 404
    place = "/v1/taggers/t/versions/compare"
    query = {"a": 2, "b": 1, "dataset": 1}
    missing = client.get(place, params=query)
    assert kind_of(missing) == (404, "compare-first")
    number = gated()
    compared(house, number, 0.02, 0.2)
    found = client.get(place, params=query).json()
    assert (found["job"], found["differences"]["span_f1"]["p"]) == (number, 0.2)
    assert client.get(place, params={**query, "a": 1, "b": 2}).status_code == 404
