"""The predict route: the same answers as a tagger's own, in any units; and what it refuses."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict

import pytest
from corpora import FILLERS, NAMES, TAGS
from serving import imported, service, serving, tagger_of

from windowclf.service import loaded
from windowclf.system.durable import write_whole

NAME = " ".join(next(iter(NAMES)))
TEXTS = [
    f"{FILLERS[0]} {NAME} {FILLERS[1]}",
    f"😀 é {NAME} 👩‍👩‍👧 {NAME} {FILLERS[0]}. {NAME}\u0301",
    "",
    "\ud800 " + NAME,
    f"{NAME}\r\n\t{NAME}",
]


@pytest.fixture(scope="module")
def client(tmp_path_factory, learnt):
    with service(tmp_path_factory.mktemp("predict") / "s") as (_, client):
        for task in ("spans", "tagging", "slots", "segmentation"):
            serving(client, learnt[task], task)
        yield client


def ask(client, body, tagger="spans", **query):
    return client.post(
        f"/v1/taggers/{tagger}/predict",
        params=query,
        content=json.dumps(body),
        headers={"Content-Type": "application/json"},
    )


def close_to(found, wanted):
    """Spans with equal places, and scores to the last digits of float32."""
    assert [{**s, "score": None} for s in found] == [{**s, "score": None} for s in wanted]
    scores = [each["score"] for each in wanted]
    assert [each["score"] for each in found] == pytest.approx(scores, rel=1e-5)


@pytest.mark.parametrize("task", ["spans", "tagging", "segmentation"])
def test_texts_are_answered_as_a_tagger_does(client, learnt, task):
    tagger = tagger_of(learnt[task])
    answer = ask(client, {"texts": TEXTS}, task).json()
    assert answer["model"]["version"] == 1
    results = answer["results"]
    assert len(results) == len(TEXTS)
    for text, result in zip(TEXTS, results, strict=True):
        close_to(result["spans"], [asdict(span) for span in tagger.predict_text(text)])
        alone = ask(client, {"text": text}, task).json()["results"]
        close_to(alone[0]["spans"], result["spans"])
    assert sum(len(result["spans"]) for result in results) >= 5


@pytest.mark.parametrize(
    ("offsets", "units"),
    [
        ("utf16", lambda text: [text.encode("utf-16-le", "surrogatepass"), 2]),
        ("byte", lambda text: [text.encode("utf-8", "surrogatepass"), 1]),
    ],
)
def test_offsets_in_other_units_lead_to_the_same_text(client, offsets, units):
    found = ask(client, {"texts": TEXTS}, offsets=offsets).json()["results"]
    own = ask(client, {"texts": TEXTS}).json()["results"]
    moved = 0
    for text, result, expected in zip(TEXTS, found, own, strict=True):
        data, width = units(text)
        for span, wanted in zip(result["spans"], expected["spans"], strict=True):
            cut = data[span["start"] * width : span["end"] * width]
            code = "utf-16-le" if offsets == "utf16" else "utf-8"
            assert cut.decode(code, "surrogatepass") == span["text"] == wanted["text"]
            moved += span["start"] != wanted["start"]
    assert moved >= 3


def test_spans_below_a_score_are_left_out(client):
    every = ask(client, {"texts": TEXTS}).json()["results"]
    scores = sorted(span["score"] for result in every for span in result["spans"])
    bar = (scores[0] + scores[-1]) / 2
    assert scores[0] < bar < scores[-1]
    kept = ask(client, {"texts": TEXTS}, min_score=bar).json()["results"]
    wanted = [[s for s in result["spans"] if s["score"] >= bar] for result in every]
    for result, spans in zip(kept, wanted, strict=True):
        close_to(result["spans"], spans)
    assert ask(client, {"texts": TEXTS}, min_score=1).json()["results"] != every


def test_tokens_and_rows_get_labels_with_their_certainty(client, learnt):
    sentences = [list(TAGS)[:5], [], ["never", "seen"]]
    for task in ("tagging", "spans"):
        tagger = tagger_of(learnt[task])
        results = ask(client, {"sentences": sentences}, task).json()["results"]
        assert [result["labels"] for result in results] == tagger.predict(sentences)
        best = [p.max(axis=1).tolist() if len(p) else [] for p in tagger.predict_proba(sentences)]
        if task == "tagging":
            for result, sure in zip(results, best, strict=True):
                assert result["certainty"] == pytest.approx(sure, rel=1e-5)
    rows = [{"a": "x", "b": "y"}, {"a": "1", "b": "2", "more": "is not read"}]
    results = ask(client, {"rows": rows}, "slots").json()["results"]
    assert [result["labels"] for result in results] == tagger_of(learnt["slots"]).predict(rows)
    assert all(0 < result["certainty"][0] <= 1 for result in results)


def test_a_version_answers_without_an_alias(client, learnt):
    answer = ask(client, {"text": NAME}, version=1).json()
    close_to(
        answer["results"][0]["spans"],
        [asdict(s) for s in tagger_of(learnt["spans"]).predict_text(NAME)],
    )
    assert ask(client, {"text": NAME}, version=2).status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        (b"", 400, None),
        (b"{", 400, None),
        (b"\xff", 400, None),
        (b"[" * 100_000, 400, None),
        (b"1" * 10_000, 400, None),
        (b"null", 422, ""),
        (b"[]", 422, ""),
        (b"{}", 422, ""),
        (b'{"text": "a", "texts": []}', 422, ""),
        (b'{"text": "a", "model": 1}', 422, ""),
        (b'{"inputs": "a"}', 422, ""),
        (b'{"text": 1}', 422, "/text"),
        (b'{"text": null}', 422, "/text"),
        (b'{"texts": "a"}', 422, "/texts"),
        (b'{"texts": ["a", 1]}', 422, "/texts/1"),
        (b'{"sentences": ["a b"]}', 422, "/sentences/0"),
        (b'{"sentences": [["a"], ["b", 1]]}', 422, "/sentences/1"),
        (b'{"sentences": {"a": 1}}', 422, "/sentences"),
        (b'{"rows": [["a"]]}', 422, "/rows/0"),
        (b'{"rows": [{"a": 1}]}', 422, "/rows/0"),
        (b'{"text": "' + b"a" * (1 << 20) + b'"}', 413, None),
    ],
)
def test_a_body_that_is_none_is_one_problem(client, body, status, pointer):
    answer = client.post(
        "/v1/taggers/spans/predict", content=body, headers={"Content-Type": "application/json"}
    )
    problem = answer.json()
    assert answer.status_code == problem["status"] == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["type"].startswith("urn:windowclf:")
    assert problem["detail"]
    if pointer is not None:
        assert [fault["pointer"] for fault in problem["faults"]] == [pointer]


@pytest.mark.parametrize(
    ("tagger", "query", "body", "status"),
    [
        ("none", {}, {"text": ""}, 404),
        ("spans", {"alias": "none"}, {"text": ""}, 404),
        ("spans", {"alias": "production", "version": 1}, {"text": ""}, 422),
        ("spans", {"version": "x"}, {"text": ""}, 422),
        ("spans", {"version": "9" * 30}, {"text": ""}, 422),
        ("spans", {"offsets": "utf8"}, {"text": ""}, 422),
        ("spans", {"min_score": "nan"}, {"text": ""}, 422),
        ("spans", {"min_score": "2"}, {"text": ""}, 422),
        ("spans", {"min_scores": "0.5"}, {"text": ""}, 422),
        ("spans", {"offsets": "byte"}, {"sentences": []}, 422),
        ("spans", {}, {"rows": [{"a": "b"}]}, 422),
        ("slots", {}, {"text": "a"}, 422),
        ("slots", {}, {"rows": [{"a": "b"}]}, 422),
    ],
)
def test_what_cannot_be_asked_is_refused(client, tagger, query, body, status):
    answer = ask(client, body, tagger, **query)
    assert answer.status_code == answer.json()["status"] == status, answer.text
    assert len(answer.json()["detail"]) > 10


def test_the_door_and_the_route_answer_alike(client, monkeypatch):
    """What the OpenAPI describes is what the shorter way does."""
    from windowclf.service.routes import predict

    cases = [({"text": NAME}, {}), ({"text": 1}, {}), ({"text": ""}, {"alias": "x"})]
    short = [ask(client, body, **query) for body, query in cases]
    monkeypatch.setattr(predict, "_PATH", predict.re.compile("nowhere"))
    for (body, query), one in zip(cases, short, strict=True):
        other = ask(client, body, **query)
        assert (other.status_code, other.json()) == (one.status_code, one.json())


def test_many_at_a_time_each_get_their_own(client, learnt):
    tagger = tagger_of(learnt["spans"])
    texts = [
        f"{FILLERS[i % len(FILLERS)]} {' '.join(name)} {i}" for i, name in enumerate(NAMES)
    ] * 8
    wrong = []

    def work(own):
        for text in texts[own::8]:
            spans = ask(client, {"text": text}).json()["results"][0]["spans"]
            expected = [(s.start, s.end, s.label) for s in tagger.predict_text(text)]
            if [(s["start"], s["end"], s["label"]) for s in spans] != expected:
                wrong.append(text)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_an_error_of_ours_has_a_number_and_no_text_of_the_client(client, monkeypatch, caplog):
    def broken(*_given):
        raise RuntimeError("secret-text")

    monkeypatch.setattr(loaded, "prepared", broken)
    with pytest.raises(RuntimeError):
        ask(client, {"text": "secret-text"})
    monkeypatch.undo()
    assert ask(client, {"text": NAME}).status_code == 200
    assert "secret-text" not in caplog.text


def test_more_than_can_wait_is_refused_and_then_taken(client, monkeypatch):
    monkeypatch.setattr(loaded, "MOST_WAITING", 1000)
    assert ask(client, {"text": "a " * 2000}).status_code == 200  # nothing else waited
    held, go = threading.Event(), threading.Event()
    whole = loaded._answered

    def slowly(*given):
        held.set()
        assert go.wait(10)
        return whole(*given)

    monkeypatch.setattr(loaded, "_answered", slowly)
    first = threading.Thread(target=ask, args=(client, {"text": "b " * 450}))
    first.start()
    assert held.wait(10)
    refused = ask(client, {"text": "c " * 450})
    go.set()
    first.join()
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "1"
    assert ask(client, {"text": "c " * 450}).status_code == 200


def test_figures_of_models(client):
    ask(client, {"sentences": [["never-seen-before", *list(TAGS)[:3]]]}, "tagging")
    text = client.get("/metrics").text
    for name in (
        "windowclf_requests_total",
        "windowclf_request_seconds_bucket",
        "windowclf_tokens_total",
        "windowclf_unseen_words_total",
        "windowclf_certainty_sum_total",
        "windowclf_queue_bytes",
        "windowclf_models 4.0",
    ):
        assert name in text, name
    assert 'route="/v1/taggers/{tagger}/predict"' in text
    assert "/v1/taggers/spans" not in text


def test_a_model_whose_file_was_changed_does_not_serve(house, learnt):
    with house.client() as client:
        version = imported(client, learnt["spans"])
        digest = client.get(f"/v1/taggers/t/versions/{version}").json()["digest"]
        path = house.home.blobs.path(digest)
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        write_whole(path, bytes(data))
        answer = client.put("/v1/taggers/t/aliases/production", json={"version": version})
        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:windowclf:model-unusable"
        assert client.get("/v1/taggers/t/aliases").json()["items"] == []
        assert ask(client, {"text": NAME}, "t").status_code == 404
