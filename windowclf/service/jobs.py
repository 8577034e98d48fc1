"""The states of a job, and the only ways from one to another.

queued → running → succeeded | failed | cancelled, and back from running to queued where nobody has
done the job. Each function is what one transaction does; a way that is not open changes nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from windowclf.service.database import Rows

Slot: TypeAlias = Literal["training", "light"]
ENDED = ("succeeded", "failed", "cancelled")
MOST_DEATHS = 3  # of a job's processes, one after another, without getting further
DIED = (
    "its process was ended {deaths} times without getting further than {share:.0%} of the job, "
    "the last time by signal {signal}; that is mostly too little memory for it: give the job "
    "more, or smaller batches."
)


@dataclass(frozen=True)
class NewJob:
    """What a job is made from."""

    tagger: str
    kind: str
    config: Mapping[str, Any]
    inputs: Mapping[str, Mapping[str, Any]]  # name in the config -> {"digest", "file"}
    creator: str
    slot: Slot
    memory: int | None = None
    fingerprint: str | None = None
    retry_of: int | None = None
    dataset: int | None = None


def submit(rows: Rows, new: NewJob) -> int:
    """Queue a job; its number."""
    cursor = rows.execute(
        "INSERT INTO jobs (tagger, kind, slot, config, inputs, memory, fingerprint, created, "
        "creator, retry_of, dataset) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            new.tagger,
            new.kind,
            new.slot,
            json.dumps(new.config),
            json.dumps(new.inputs),
            new.memory,
            new.fingerprint,
            time.time(),
            new.creator,
            new.retry_of,
            new.dataset,
        ),
    )
    number = cursor.lastrowid
    assert number is not None
    note(rows, new.creator, f"submitted a job: {new.kind}", f"job {number}")
    return number


def again(rows: Rows, old: Mapping[str, Any], who: str) -> int:
    """Queue a job like an old one; its number."""
    kept = {name: old[name] for name in ("tagger", "kind", "config", "inputs", "slot", "memory")}
    kept |= {"fingerprint": old["fingerprint"], "dataset": old["dataset"]}
    return submit(rows, NewJob(**kept, creator=who, retry_of=old["id"]))


def known(rows: Rows, new: NewJob) -> dict[str, Any] | None:
    """The last job that did the same work, and whose version is still there; None without one."""
    row = rows.execute(
        "SELECT jobs.* FROM jobs JOIN versions ON versions.job = jobs.id WHERE fingerprint = ? "
        "AND jobs.tagger = ? AND state = 'succeeded' ORDER BY id DESC LIMIT 1",
        (new.fingerprint, new.tagger),
    ).fetchone()
    return None if row is None else plain(row)


def row_of(rows: Rows, number: int) -> dict[str, Any] | None:
    """A job; None where there is none."""
    row = rows.execute("SELECT * FROM jobs WHERE id = ?", (number,)).fetchone()
    return None if row is None else plain(row)


def listed(
    rows: Rows, before: int, limit: int, tagger: str | None, states: Sequence[str]
) -> list[dict[str, Any]]:
    """Jobs with numbers below `before`, the newest first, without config and result."""
    where, values = ["id < ?"], [before, *states, *([tagger] if tagger else []), limit]
    where += [f"state IN ({', '.join('?' * len(states))})"] if states else []
    where += ["tagger = ?"] if tagger else []
    sql = f"SELECT {_LISTED} FROM jobs WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT ?"
    return [plain(row) for row in rows.execute(sql, values)]


_LISTED = (
    "id, tagger, kind, state, cancel, attempt, threads, memory, created, creator, started, ended, "
    "retry_of, dataset, NULL AS result, error"
)


def waiting(rows: Rows, slot: Slot) -> list[tuple[int, int]]:
    """(number, attempts so far) of the queued jobs of a slot, the oldest first."""
    found = rows.execute(
        "SELECT id, attempt FROM jobs WHERE state = 'queued' AND slot = ? ORDER BY id LIMIT 100",
        (slot,),
    )
    return [(row["id"], row["attempt"]) for row in found]


def claim(rows: Rows, number: int, threads: int) -> dict[str, Any] | None:
    """Begin a queued job, with so many threads if it has not begun before; None if it is not."""
    row = rows.execute(
        "UPDATE jobs SET state = 'running', attempt = attempt + 1, started = ?, "
        "threads = coalesce(threads, ?) WHERE id = ? AND state = 'queued' RETURNING *",
        (time.time(), threads, number),
    ).fetchone()
    return None if row is None else plain(row)


def ask_to_cancel(rows: Rows, number: int, who: str) -> str | None:
    """Mark a job that has not ended; the state that it is in then, None where there is none.

    One that waits is cancelled with that. One that runs is once its process has gone, whatever
    comes of it.
    """
    row = rows.execute(
        "UPDATE jobs SET cancel = 1, "
        "ended = CASE state WHEN 'queued' THEN ? END, "
        "state = CASE state WHEN 'queued' THEN 'cancelled' ELSE state END "
        "WHERE id = ? AND state IN ('queued', 'running') RETURNING state",
        (time.time(), number),
    ).fetchone()
    if row is not None:
        note(rows, who, "cancelled", f"job {number}")
        return str(row["state"])
    row = rows.execute("SELECT state FROM jobs WHERE id = ?", (number,)).fetchone()
    return None if row is None else str(row["state"])


def is_marked(rows: Rows, number: int) -> bool:
    """Whether somebody asked to cancel a job; also where it is gone."""
    row = rows.execute("SELECT cancel FROM jobs WHERE id = ?", (number,)).fetchone()
    return row is None or bool(row["cancel"])


def succeed(rows: Rows, number: int, result: Mapping[str, Any]) -> bool:
    """End a running job well; False where it is to be cancelled, which it is then, or has ended."""
    row = _end(rows, number, "succeeded", result=json.dumps(result))
    return row == "succeeded"


def fail(rows: Rows, number: int, error: Mapping[str, Any]) -> None:
    """End a running job with what was wrong."""
    _end(rows, number, "failed", error=json.dumps(error))


def give_back(rows: Rows, number: int) -> None:
    """Put a running job back into the queue, or end it where it is to be cancelled."""
    _end(rows, number, "queued")


def lose(rows: Rows, number: int, began_at: float | None, signal: int) -> None:
    """Note that a job's process has died, having gone on from where `began_at` was done.

    The job is tried again unless that is the third time without getting further.
    """
    row = rows.execute("SELECT deaths, reached FROM jobs WHERE id = ?", (number,)).fetchone()
    if row is None:  # deleted with its upload
        return
    further = began_at is not None and began_at > row["reached"]
    deaths = 1 if further else row["deaths"] + 1
    reached = began_at if further else row["reached"]
    rows.execute(
        "UPDATE jobs SET deaths = ?, reached = ? WHERE id = ? AND state = 'running'",
        (deaths, reached, number),
    )
    if deaths < MOST_DEATHS:
        give_back(rows, number)
        return
    sentence = DIED.format(deaths=deaths, share=reached, signal=signal)
    fail(rows, number, {"kind": "Died", "faults": [{"sentence": sentence}], "more": 0})


def recover(rows: Rows) -> list[int]:
    """After a crash: the jobs that nobody does any more go back; their numbers."""
    running = [row["id"] for row in rows.execute("SELECT id FROM jobs WHERE state = 'running'")]
    for number in running:
        give_back(rows, number)
    return running


def remove(rows: Rows, number: int, who: str) -> bool:
    """Forget a job that has ended; False where it has not, or there is none."""
    removed = rows.execute(
        f"DELETE FROM jobs WHERE id = ? AND state IN {ENDED!r}",
        (number,),
    ).rowcount
    if removed:
        note(rows, who, "deleted", f"job {number}")
    return bool(removed)


def note(rows: Rows, who: str, what: str, subject: str) -> None:
    """Note in the log who did what."""
    rows.execute(
        "INSERT INTO events (at, who, what, subject) VALUES (?, ?, ?, ?)",
        (time.time(), who, what, subject),
    )


def plain(row: Any, parsed: Iterable[str] = ("config", "inputs", "result", "error")) -> Any:
    """A row as a dictionary, its columns of JSON as values."""
    found = dict(row)
    for name in parsed:
        if found.get(name) is not None:
            found[name] = json.loads(found[name])
    return found


def _end(
    rows: Rows, number: int, state: str, result: str | None = None, error: str | None = None
) -> str | None:
    """Lead a running job to a state, or to `cancelled` where somebody asked; the state it has.

    None where it does not run.
    """
    row = rows.execute(
        "UPDATE jobs SET state = CASE cancel WHEN 1 THEN 'cancelled' ELSE ? END, "
        "ended = CASE WHEN cancel = 0 AND ? = 'queued' THEN NULL ELSE ? END, "
        "result = CASE cancel WHEN 0 THEN ? END, error = CASE cancel WHEN 0 THEN ? END "
        "WHERE id = ? AND state = 'running' RETURNING state",
        (state, state, time.time(), result, error, number),
    ).fetchone()
    if row is None:
        return None
    if row["state"] != "queued":
        note(rows, "server", str(row["state"]), f"job {number}")
    return str(row["state"])
