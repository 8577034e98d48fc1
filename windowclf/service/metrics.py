"""What a run has logged of itself so far, line by line, and the stream that follows it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from fastapi.sse import ServerSentEvent

from windowclf.pipeline.run_folder import METRICS_NAME
from windowclf.service.jobs import ENDED

SECONDS_BETWEEN = 0.2  # two looks at what a job has done


def lines_after(run: Path, number: int) -> list[bytes]:
    """The whole lines of a run's log after the first `number` ones."""
    try:
        whole = (run / METRICS_NAME).read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return []
    return whole[number:]


async def follow(
    run: Path, last: int, look: Callable[[], dict[str, Any] | None], is_over: Callable[[], bool]
) -> AsyncIterator[ServerSentEvent]:
    """Events of a job from the line after `last` on, to its end or that of the server.

    `metrics` for each line, whose number is its id; `job` when its state is another than before.
    """
    before: dict[str, Any] = {}
    size = -1
    while True:
        job = look()  # before the lines, so that none comes after the end
        size, before_size = _size_of(run), size
        if size != before_size:
            for line in lines_after(run, last):
                last += 1
                yield ServerSentEvent(raw_data=line.decode(), event="metrics", id=str(last))
        if job is None:
            return
        if job["state"] != before.get("state"):
            yield ServerSentEvent(raw_data=json.dumps(job), event="job")
        before = job
        if job["state"] in ENDED or is_over():
            return
        await asyncio.sleep(SECONDS_BETWEEN)


def _size_of(run: Path) -> int:
    """How many bytes the log has; 0 without one."""
    try:
        return (run / METRICS_NAME).stat().st_size
    except FileNotFoundError:
        return 0
