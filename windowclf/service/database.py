"""Database: SQLite with one thread that writes, and as many readers as like to.

A write is one transaction that begins with its lock and is on the disk before it is answered. A
read sees one state of the database and is over before anything is awaited.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeAlias, TypeVar

from windowclf.errors import Fault, RunFolderError
from windowclf.service.migrations import MIGRATIONS

Result = TypeVar("Result")
Rows: TypeAlias = sqlite3.Connection
"""What a transaction is given."""

BUSY_SECONDS = 5.0  # somebody looks at the file with a tool of his own
_PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON")
_Task: TypeAlias = tuple[Callable[[Rows], Any], "Future[Any]"]


class Database:
    """The database of a service; `close` ends its thread."""

    def __init__(self, path: Path):
        """Open it, or make it, and bring it to this version. Raises RunFolderError."""
        self.path = path
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        try:
            self._writer = self._open()
            _migrate(self._writer, path)
        except sqlite3.Error as error:
            raise RunFolderError(Fault(f"cannot be used, {error}.", str(path))) from error
        self._thread = threading.Thread(target=self._write_all, name="writer")
        self._thread.start()

    def write(self, change: Callable[[Rows], Result]) -> Future[Result]:
        """Have a change done in a transaction of its own; what comes of it, once it is kept."""
        future: Future[Result] = Future()
        self._tasks.put((change, future))
        return future

    def read(self, look: Callable[[Rows], Result]) -> Result:
        """What a function finds in one state of the database."""
        rows: sqlite3.Connection | None = getattr(self._local, "rows", None)
        if rows is None:
            rows = self._local.rows = self._open()
            rows.execute("PRAGMA query_only = ON")
            self._readers.append(rows)
        rows.execute("BEGIN")
        try:
            return look(rows)
        finally:
            rows.execute("COMMIT")

    def close(self) -> None:
        """Do what was asked so far, and close the file."""
        self._tasks.put(None)
        self._thread.join()
        for reader in self._readers:
            reader.close()
        self._writer.close()

    def _open(self) -> sqlite3.Connection:
        """A connection in which nothing is begun or kept by itself."""
        rows = sqlite3.connect(
            self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        rows.row_factory = sqlite3.Row
        for pragma in _PRAGMAS:
            rows.execute(f"PRAGMA {pragma}")
        return rows

    def _write_all(self) -> None:
        """What the thread does: one change after another, until `close`."""
        while task := self._tasks.get():
            change, future = task
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(self._kept(change))
                except BaseException as error:
                    future.set_exception(error)
            del change, future, task  # what they hold goes now and not with the next one

    def _kept(self, change: Callable[[Rows], Result]) -> Result:
        """Do a change: all of it, or nothing."""
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            result = change(self._writer)
            self._commit()
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise
        return result

    def _commit(self) -> None:
        """The moment from which on the change is kept."""
        self._writer.execute("COMMIT")


def snapshot(path: Path, copy: Path) -> None:
    """Write one state of the database at `path`, which others may be using, into a new file."""
    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)) as rows:
        rows.execute("VACUUM INTO ?", (str(copy),))


def _migrate(rows: sqlite3.Connection, path: Path) -> None:
    """Bring the tables to this version, step by step. Raises RunFolderError for a newer one."""
    (version,) = rows.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise RunFolderError(
            Fault(
                f"version {version}, expected at most {len(MIGRATIONS)}; it was written by a newer "
                "windowclf, so use that one.",
                str(path),
            )
        )
    for number, statements in enumerate(MIGRATIONS[version:], version + 1):
        rows.executescript(
            f"BEGIN IMMEDIATE;\n{statements}\nPRAGMA user_version = {number};\nCOMMIT;"
        )
