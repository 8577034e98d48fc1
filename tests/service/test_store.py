"""The rows of a service: every way between states, and what a crash leaves of them."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from windowclf.errors import RunFolderError
from windowclf.service import jobs, records
from windowclf.service.database import Database
from windowclf.service.migrations import MIGRATIONS

DIGEST = "0" * 64
RESULT = {"score": 0.5, "evaluations": {}, "lineage": {}}


def tables() -> sqlite3.Connection:
    rows = sqlite3.connect(":memory:", isolation_level=None)
    rows.row_factory = sqlite3.Row
    rows.execute("PRAGMA foreign_keys = ON")
    for statements in MIGRATIONS:
        rows.executescript(statements)
    records.put_tagger(rows, "t", {}, "me")
    return rows


def new(**more: object) -> jobs.NewJob:
    given = {"tagger": "t", "kind": "train", "config": {}, "inputs": {}, "creator": "me"}
    return jobs.NewJob(**{**given, "slot": "training", **more})  # type: ignore[arg-type]


class Store(RuleBasedStateMachine):
    """Any order of what clients, processes and crashes do, beside a plain model of the states."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = tables()
        self.states: dict[int, str] = {}
        self.marked: set[int] = set()
        self.versions = 0
        self.deaths: dict[int, int] = {}
        self.reached: dict[int, float] = {}

    def pick(self, data: st.DataObject, *states: str) -> int:
        return data.draw(st.sampled_from([n for n, s in self.states.items() if s in states]))

    def any_in(self, *states: str) -> bool:
        return any(state in states for state in self.states.values())

    def leave(self, number: int, state: str) -> None:
        self.states[number] = "cancelled" if number in self.marked else state

    @rule()
    def submit(self) -> None:
        number = jobs.submit(self.rows, new())
        assert number not in self.states
        self.states[number] = "queued"

    @precondition(lambda self: self.states)
    @rule(data=st.data())
    def claim(self, data: st.DataObject) -> None:
        """Two that claim one job: one of them gets it, and only where it waits."""
        number = data.draw(st.sampled_from(list(self.states)))
        first, second = (jobs.claim(self.rows, number, n) for n in (3, 4))
        assert (first is not None) == (self.states[number] == "queued")
        assert second is None
        if first is not None:
            assert first["threads"] == 3
            self.states[number] = "running"

    @precondition(lambda self: self.states)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(list(self.states)))
        if self.states[number] == "queued":
            self.states[number] = "cancelled"
        elif self.states[number] == "running":
            self.marked.add(number)
        assert jobs.ask_to_cancel(self.rows, number, "me") == self.states[number]

    @precondition(lambda self: self.any_in("running"))
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        """Twice: done twice is done once."""
        number = self.pick(data, "running")
        job = {"id": number, "tagger": "t"}
        made = [records.add_version(self.rows, job, (DIGEST, 1), RESULT) for _ in range(2)]
        if number not in self.marked:
            self.versions += 1
            assert made == [self.versions, None]
        else:
            assert made == [None, None]
        self.leave(number, "succeeded")

    @precondition(lambda self: self.any_in("running"))
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        number = self.pick(data, "running")
        jobs.fail(self.rows, number, {"faults": []})
        self.leave(number, "failed")

    @precondition(lambda self: self.any_in("running"))
    @rule(data=st.data(), share=st.sampled_from([None, 0.0, 0.25, 0.5, 0.75]))
    def die(self, data: st.DataObject, share: float | None) -> None:
        number = self.pick(data, "running")
        jobs.lose(self.rows, number, share, 9)
        further = share is not None and share > self.reached.get(number, 0.0)
        if further:
            self.reached[number] = share
        self.deaths[number] = 1 if further else self.deaths.get(number, 0) + 1
        self.leave(number, "failed" if self.deaths[number] >= 3 else "queued")

    @rule()
    def crash(self) -> None:
        jobs.recover(self.rows)
        for number, state in self.states.items():
            if state == "running":
                self.leave(number, "queued")

    @precondition(lambda self: self.states)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(list(self.states)))
        removed = jobs.remove(self.rows, number, "me")
        assert removed == (self.states[number] in jobs.ENDED)
        if removed:
            del self.states[number]

    @invariant()
    def states_are_those_of_the_model(self) -> None:
        found = self.rows.execute("SELECT * FROM jobs").fetchall()
        assert {row["id"]: row["state"] for row in found} == self.states
        for row in found:
            assert (row["ended"] is not None) == (row["state"] in jobs.ENDED)
            assert (row["result"] is not None) == (row["state"] == "succeeded")
            assert (row["error"] is not None) == (row["state"] == "failed")
        (versions,) = self.rows.execute("SELECT count(*) FROM versions").fetchone()
        assert versions == self.versions

    def teardown(self) -> None:
        self.rows.close()


Store.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestStore = Store.TestCase


def test_a_change_is_kept_whole_or_not_at_all(tmp_path):
    database = Database(tmp_path / "d")

    def half(rows):
        records.put_tagger(rows, "a", {}, "me")
        raise KeyError("in the middle")

    with pytest.raises(KeyError):
        database.write(half).result()
    database.write(lambda rows: records.put_tagger(rows, "b", {}, "me")).result()
    database.close()
    database = Database(tmp_path / "d")
    names = database.read(lambda rows: [r["name"] for r in rows.execute("SELECT * FROM taggers")])
    database.close()
    assert names == ["b"]


def test_nobody_meets_a_locked_database(tmp_path):
    """Many that read while many write; each write is answered once it is kept."""
    database = Database(tmp_path / "d")
    database.write(lambda rows: records.put_tagger(rows, "t", {}, "me")).result()
    errors: list[Exception] = []

    def ask() -> None:
        try:
            for _ in range(20):
                number = database.write(lambda rows: jobs.submit(rows, new())).result()
                assert database.read(lambda rows, n=number: jobs.row_of(rows, n)) is not None
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (count,) = database.read(lambda rows: rows.execute("SELECT count(*) FROM jobs").fetchone())
    database.close()
    assert not errors
    assert count == 160


def test_somebody_with_a_tool_of_his_own_is_waited_for(tmp_path):
    database = Database(tmp_path / "d")
    other = sqlite3.connect(tmp_path / "d", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.3, lambda: other.execute("ROLLBACK"))
    timer.start()
    assert database.write(lambda rows: records.put_tagger(rows, "t", {}, "me")).result()
    timer.join()
    other.close()
    database.close()


def test_no_process_is_known_by_a_number_that_may_be_somebody_elses():
    """Nor by a heartbeat: the lock of its run folder says whether it works."""
    rows = tables()
    columns = {row["name"] for row in rows.execute("SELECT * FROM pragma_table_info('jobs')")}
    rows.close()
    assert not [name for name in columns if "pid" in name or "heart" in name or "seen" in name]


def test_a_read_sees_one_state_and_changes_none(tmp_path):
    database = Database(tmp_path / "d")
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        database.read(lambda rows: records.put_tagger(rows, "t", {}, "me"))
    database.close()


GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("service-v*.sql"))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_database_of_every_version_is_brought_to_this_one(tmp_path, path):
    rows = sqlite3.connect(tmp_path / "d")
    rows.executescript(path.read_text())
    rows.execute(f"PRAGMA user_version = {path.stem.partition('-v')[2]}")
    rows.close()
    database = Database(tmp_path / "d")
    assert database.write(jobs.recover).result() == [4]
    states = database.read(lambda rows: [r["state"] for r in jobs.listed(rows, 99, 9, "names", ())])
    version = database.read(lambda rows: records.version(rows, "names", 1))
    known = database.read(lambda rows: records.known_token(rows, "wclf_golden"))
    tables = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    found = database.read(lambda rows: {r["sql"] for r in rows.execute(tables)})
    database.close()
    assert states == ["queued", "queued", "cancelled", "failed", "succeeded"]
    assert version["scores"] == {"dev": {"accuracy": 0.5}}
    assert known[:2] == ("first", "admin")
    fresh = Database(tmp_path / "fresh")
    assert found == fresh.read(lambda rows: {r["sql"] for r in rows.execute(tables)})
    fresh.close()


def test_every_version_has_its_golden_database():
    assert len(GOLDEN) == len(MIGRATIONS)


def test_a_newer_database_is_left_alone(tmp_path):
    Database(tmp_path / "d").close()
    rows = sqlite3.connect(tmp_path / "d")
    rows.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    rows.close()
    with pytest.raises(RunFolderError, match="newer windowclf"):
        Database(tmp_path / "d")


def test_what_is_no_database_is_left_alone(tmp_path):
    (tmp_path / "d").write_text("notes of mine, and more of them than a header has" * 20)
    with pytest.raises(RunFolderError, match="not a database"):
        Database(tmp_path / "d")
    assert (tmp_path / "d").read_text().startswith("notes")


def test_tokens_end(tmp_path):
    rows = tables()
    token = records.add_token(rows, "mine", "train", time.time() + 60)
    old = records.add_token(rows, "old", "admin", time.time() - 1)
    assert records.known_token(rows, token)[:2] == ("mine", "train")
    assert records.known_token(rows, old) is None
    assert records.known_token(rows, "wclf_guess") is None
    stored = json.dumps([dict(row) for row in rows.execute("SELECT * FROM tokens")])
    assert token not in stored
    rows.close()


def test_blobs_that_a_waiting_job_needs_stay(tmp_path):
    rows = tables()
    for digest in ("a", "b", "c"):
        records.add_blob(rows, digest, 1)
    number = records.add_dataset(rows, "t", "x.conll", "a", "me")
    jobs.submit(rows, new(inputs={"dataset:9": {"digest": "b", "file": "y.conll"}}))
    assert records.named_blobs(rows) == {"a", "b"}
    records.remove_dataset(rows, "t", number, "me")
    assert records.named_blobs(rows) == {"b"}
    rows.close()
