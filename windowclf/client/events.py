"""The events of a job, as a server streams them."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator

from windowclf.client.connection import Connection, Json, ServerError, as_json

ENDED = ("succeeded", "failed", "cancelled")
SECONDS_BETWEEN = 1.0  # two tries to follow a job whose server does not answer


def events(connection: Connection, number: int, after: int = 0) -> Iterator[tuple[str, Json]]:
    """What a job does, as it does it: ("metrics", line of its log) and ("job", the job).

    To the end of the job; a server that goes away is waited for, and no line comes twice.
    """
    while True:
        try:
            for event, number_of_line, data in _stream(connection, number, after):
                after = number_of_line or after
                yield event, data
                if event == "job" and data["state"] in ENDED:
                    return
        except ServerError as error:
            if error.status not in (0, 503):
                raise
        time.sleep(SECONDS_BETWEEN)


def _stream(connection: Connection, number: int, after: int) -> Iterator[tuple[str, int, Json]]:
    """The events of a job after a line, each with the number of its line, until the end."""
    place = f"/v1/jobs/{number}/events"
    with connection.answer("GET", place, None, {"Last-Event-ID": str(after)}) as answer:
        fields: dict[str, str] = {}
        while True:
            try:
                line = answer.readline().decode()
            except (OSError, http.client.HTTPException):
                return
            if not line:
                return
            name, _, value = line.rstrip("\r\n").partition(": ")
            if name:
                fields[name] = value
            elif "data" in fields:
                yield fields.get("event", ""), int(fields.get("id", 0)), as_json(fields["data"])
                fields = {}
