"""What the tests of the API ask for."""

from __future__ import annotations

import hashlib

CONLL = b"the\tD\ncat\tN\n\n"

DIGEST = hashlib.sha256(CONLL).hexdigest()

TAGGING = {"task": "tagging", "data": {"dev": {"holdout": 0.5}}}


def upload(client, tagger="t", name="train.conll", data=CONLL, **query):
    return client.post(
        f"/v1/taggers/{tagger}/datasets",
        params={"name": name, **query},
        content=data,
        headers={"Content-Type": "application/octet-stream"},
    )


def submit(client, train, config=TAGGING, **more):
    headers = more.pop("headers", {})
    body = {"config": config, "train": train, **more}
    return client.post("/v1/taggers/t/jobs", json=body, headers=headers)
