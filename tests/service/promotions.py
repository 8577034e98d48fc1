"""Clients that ask without end while versions are promoted and rolled back; every answer checked.

`python tests/service/promotions.py MODEL OTHER --clients 64 --changes 200` starts a server of its
own. A request fails where it is not answered with 200; an answer is mixed where its spans are not
those of the model that it names; it is late where it names another one than that of the newest
change whose reply had come when the request began, or of a later one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import windowclf
from windowclf import Client
from windowclf.service.loaded import CACHE_MB

TEXTS = [f"Dr. Amina Rossi of Northwind Ltd moved to Lisbon on {day} May 2021." for day in range(9)]


class Hammer:
    """Asks a server in as many connections as there are clients, and keeps what is wrong."""

    def __init__(self, client: Client, tagger: str, models: dict[str, Path], texts: Sequence[str]):
        self.client, self.tagger, self.texts = client, tagger, texts
        self.expected = {digest: _answers(path, texts) for digest, path in models.items()}
        answers = [[spans for spans in each if spans] for each in self.expected.values()]
        assert answers[0] != answers[1], "the models say the same"
        self.meant: list[str] = []  # the digest after each change that was asked for
        self.replied = 0  # so many of them had a reply
        self.wrong: Counter[str] = Counter()
        self.done = 0
        self._over = False

    def run(self, clients: int, changes: Sequence[tuple[str, int]]) -> None:
        """Do the changes, (digest, version), one after another, while clients ask.

        Version 0 is a rollback.
        """
        asking = threading.Thread(target=lambda: asyncio.run(self._ask_all(clients)))
        asking.start()
        try:
            for digest, version in changes:
                self.meant.append(digest)
                if version:
                    found = self.client.promote(self.tagger, version)
                else:
                    found = self.client.rollback(self.tagger)
                assert found["digest"] == digest
                self.replied = len(self.meant)
                seen = self.done
                end = time.monotonic() + 20
                while self.done < seen + clients and time.monotonic() < end:
                    time.sleep(0.001)
        finally:
            self._over = True
            asking.join()

    async def _ask_all(self, clients: int) -> None:
        await asyncio.gather(*(self._ask(own) for own in range(clients)))

    async def _ask(self, own: int) -> None:
        """One client: a connection, and one request after another."""
        connection = self.client._connection
        reader, writer = await asyncio.open_connection(connection._host, connection._port)
        number = own
        while not self._over:
            number += 1
            text = number % len(self.texts)
            body = json.dumps({"text": self.texts[text]}).encode()
            head = (
                f"POST /v1/taggers/{self.tagger}/predict HTTP/1.1\r\nHost: localhost\r\n"
                f"Authorization: Bearer {connection._token}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            replied = self.replied
            writer.write(head.encode() + body)
            status, answer = await _answer(reader)
            self._check(replied, text, status, answer)
            self.done += 1
        writer.close()

    def _check(self, replied: int, text: int, status: int, answer: Any) -> None:
        """See that an answer to a request that began after so many replies is right."""
        if status != 200:
            self.wrong[f"status {status}"] += 1
            return
        digest = answer["model"]["digest"]
        spans = [
            (span["start"], span["end"], span["label"], round(span["score"], 4))
            for span in answer["results"][0]["spans"]
        ]
        if spans != self.expected[digest][text]:
            self.wrong["mixed"] += 1
        if digest not in self.meant[max(0, replied - 1) :]:
            self.wrong["late"] += 1


async def _answer(reader: asyncio.StreamReader) -> tuple[int, Any]:
    """(status, body) of the next answer of a connection."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = int(head.split("content-length: ")[1].split("\r\n")[0])
    return int(head.split()[1]), json.loads(await reader.readexactly(length))


def _answers(model: Path, texts: Sequence[str]) -> list[list[tuple[int, int, str, float]]]:
    """What a model says of the texts."""
    tagger = windowclf.load(model, windowclf.TagOptions(cache_mb=CACHE_MB))
    return [
        [(s.start, s.end, s.label, round(s.score, 4)) for s in tagger.predict_text(text)]
        for text in texts
    ]


def hammered(
    client: Client,
    models: Sequence[Path],
    clients: int,
    changes: int,
    texts: Sequence[str] = TEXTS,
) -> Hammer:
    """What came of so many promotions and rollbacks, in turn, of two models."""
    client.make_tagger("h")
    known = [client.import_version("h", model) for model in models]
    client.promote("h", known[0]["version"])
    digests = [each["digest"] for each in known]
    hammer = Hammer(client, "h", dict(zip(digests, models, strict=True)), texts)
    hammer.meant, hammer.replied = [digests[0]], 1
    steps = [
        (digests[(i + 1) % 2], known[(i + 1) % 2]["version"] if i % 4 < 2 else 0)
        for i in range(changes)
    ]
    hammer.run(clients, steps)
    return hammer


def main() -> None:
    from test_server import Served

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs=2, type=Path)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--changes", type=int, default=200)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        served = Served(Path(folder) / "s")
        try:
            began = time.monotonic()
            found = hammered(served.client, arguments.models, arguments.clients, arguments.changes)
        finally:
            served.end()
    seconds = time.monotonic() - began
    wrong = dict(found.wrong) or "none wrong"
    print(f"{arguments.changes} changes, {found.done:,} requests in {seconds:.0f} s: {wrong}")
    raise SystemExit(bool(found.wrong))


if __name__ == "__main__":
    main()
