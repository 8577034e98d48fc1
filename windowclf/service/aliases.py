"""Aliases as rows: what each means now, and a log of what it has meant."""

from __future__ import annotations

import time
from typing import Any, TypedDict

from windowclf.service import jobs, records
from windowclf.service.database import Rows


class AliasRow(TypedDict):
    """What an alias means."""

    tagger: str
    alias: str
    version: int
    digest: str
    before: int | None  # the version that it meant before, where that is still there
    digest_before: str | None
    changed: float
    who: str


_ALIASES = (
    "SELECT a.tagger, a.alias, a.version, v.digest, b.version AS before, "
    "b.digest AS digest_before, l.at AS changed, l.who FROM aliases a "
    "JOIN versions v ON v.tagger = a.tagger AND v.version = a.version "
    "JOIN alias_log l ON l.id = (SELECT max(id) FROM alias_log "
    "WHERE tagger = a.tagger AND alias = a.alias) "
    "LEFT JOIN versions b ON b.tagger = a.tagger AND b.version = l.before"
)


def every(rows: Rows) -> list[Any]:
    """All aliases of all taggers."""
    return [dict(row) for row in rows.execute(f"{_ALIASES} ORDER BY a.tagger, a.alias")]


def of_tagger(rows: Rows, tagger: str) -> list[Any]:
    """The aliases of a tagger."""
    found = rows.execute(f"{_ALIASES} WHERE a.tagger = ? ORDER BY a.alias", (tagger,))
    return [dict(row) for row in found]


def one(rows: Rows, tagger: str, alias: str) -> Any | None:
    """An alias; None where there is none."""
    row = rows.execute(f"{_ALIASES} WHERE a.tagger = ? AND a.alias = ?", (tagger, alias)).fetchone()
    return None if row is None else dict(row)


def put(
    rows: Rows,
    key: tuple[str, str],
    version: int,
    who: str,
    why: str,
    comparison: tuple[int, float] | None,
) -> None:
    """Have an alias, (tagger, alias), mean a version.

    `comparison` is (number, p-value) of the job that this rests on.
    """
    before = one(rows, *key)
    rows.execute(
        "INSERT INTO aliases (tagger, alias, version) VALUES (?, ?, ?) "
        "ON CONFLICT (tagger, alias) DO UPDATE SET version = excluded.version",
        (*key, version),
    )
    _log(rows, key, (before and before["version"], version), who, why, comparison)


def remove(rows: Rows, tagger: str, alias: str, who: str) -> bool:
    """Have an alias mean nothing; False where it does not."""
    before = one(rows, tagger, alias)
    if before is None:
        return False
    rows.execute("DELETE FROM aliases WHERE tagger = ? AND alias = ?", (tagger, alias))
    _log(rows, (tagger, alias), (before["version"], None), who, "", None)
    return True


def log_of(rows: Rows, tagger: str, alias: str, after: int, limit: int) -> list[Any]:
    """What an alias has meant, the newest first, from before the entry `after` on."""
    found = rows.execute(
        "SELECT id, before, after, who, why, comparison, p_value, at FROM alias_log "
        "WHERE tagger = ? AND alias = ? AND id < ? ORDER BY id DESC LIMIT ?",
        (tagger, alias, after, limit),
    )
    return [dict(row) for row in found]


def meant_before(rows: Rows, tagger: str, alias: str) -> Any | None:
    """The version that an alias meant before its last change; None without one."""
    row = rows.execute(
        "SELECT before FROM alias_log WHERE tagger = ? AND alias = ? ORDER BY id DESC LIMIT 1",
        (tagger, alias),
    ).fetchone()
    if row is None or row["before"] is None:
        return None
    return records.version(rows, tagger, row["before"])


def _log(
    rows: Rows,
    key: tuple[str, str],
    versions: tuple[int | None, int | None],
    who: str,
    why: str,
    comparison: tuple[int, float] | None,
) -> None:
    """Note a change of an alias: who, when, from, to, why, and on what it rests."""
    rows.execute(
        "INSERT INTO alias_log (tagger, alias, before, after, who, why, comparison, p_value, at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*key, *versions, who, why, *(comparison or (None, None)), time.time()),
    )
    jobs.note(rows, who, f"had {key[1]} mean {versions[1] or 'nothing'}", f"tagger {key[0]}")
