"""Taggers, datasets, versions and tokens as rows: what one transaction looks up or changes."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

from windowclf.service import jobs
from windowclf.service.database import Rows

Role: TypeAlias = Literal["predict", "annotate", "train", "admin"]
FIRST = "first"  # token, of whoever has started the server
LARGEST = (1 << 63) - 1  # number that SQLite holds
ROLES: tuple[Role, ...] = ("predict", "annotate", "train", "admin")  # each may what those before it


def put_tagger(
    rows: Rows,
    name: str,
    config: Mapping[str, Any],
    who: str,
    gate: Mapping[str, Any] | None = None,
) -> bool:
    """Make a tagger, or give it another config and gate; True where it is new."""
    now = time.time()
    new = tagger(rows, name) is None
    rows.execute(
        "INSERT INTO taggers (name, config, gate, created, changed) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (name) DO UPDATE SET config = excluded.config, gate = excluded.gate, "
        "changed = excluded.changed",
        (name, json.dumps(config), json.dumps(gate) if gate else None, now, now),
    )
    jobs.note(rows, who, "made" if new else "changed", f"tagger {name}")
    return new


def tagger(rows: Rows, name: str) -> dict[str, Any] | None:
    """A tagger; None where there is none of this name."""
    sql = "SELECT name, config, gate, created, changed FROM taggers WHERE name = ?"
    row = rows.execute(sql, (name,)).fetchone()
    return None if row is None else jobs.plain(row, ("config", "gate"))


def remove_tagger(rows: Rows, name: str, who: str) -> bool:
    """Forget a tagger and all that is its own; False where a job of it has not ended.

    Blobs that no row names any more are collected when the server begins.
    """
    busy = "SELECT 1 FROM jobs WHERE tagger = ? AND state IN ('queued', 'running')"
    if rows.execute(busy, (name,)).fetchone():
        return False
    for table in ("aliases", "alias_log", "versions", "jobs", "datasets"):
        rows.execute(f"DELETE FROM {table} WHERE tagger = ?", (name,))
    rows.execute("DELETE FROM taggers WHERE name = ?", (name,))
    jobs.note(rows, who, "deleted", f"tagger {name}")
    return True


def add_blob(rows: Rows, digest: str, size: int) -> None:
    """Note a blob that is on the disk."""
    rows.execute(
        "INSERT OR IGNORE INTO blobs (digest, size, created) VALUES (?, ?, ?)",
        (digest, size, time.time()),
    )


def add_dataset(rows: Rows, tagger_: str, name: str, digest: str, who: str) -> int:
    """Note an upload whose blob is known; its number."""
    number = rows.execute(
        "INSERT INTO datasets (tagger, name, digest, created, creator) VALUES (?, ?, ?, ?, ?)",
        (tagger_, name, digest, time.time(), who),
    ).lastrowid
    assert number is not None
    jobs.note(rows, who, "uploaded", f"dataset {number}")
    return number


def dataset(rows: Rows, tagger_: str, number: int) -> dict[str, Any] | None:
    """An upload of a tagger with its size and its check; None where there is none."""
    row = rows.execute(f"{_DATASETS} WHERE d.id = ? AND d.tagger = ?", (number, tagger_)).fetchone()
    return None if row is None else dict(row)


def datasets(rows: Rows, tagger_: str, after: int, limit: int) -> list[dict[str, Any]]:
    """The uploads of a tagger, the newest first, from before the number `after` on."""
    found = rows.execute(
        f"{_DATASETS} WHERE d.tagger = ? AND d.id < ? ORDER BY d.id DESC LIMIT ?",
        (tagger_, after, limit),
    )
    return [dict(row) for row in found]


_DATASETS = (
    "SELECT d.*, b.size, (SELECT max(id) FROM jobs WHERE dataset = d.id) AS check_job "
    "FROM datasets d JOIN blobs b ON b.digest = d.digest"
)


def remove_dataset(rows: Rows, tagger_: str, number: int, who: str) -> bool:
    """Forget an upload and its check; False where there is none."""
    deleted = rows.execute(
        "DELETE FROM datasets WHERE id = ? AND tagger = ?", (number, tagger_)
    ).rowcount
    if deleted:
        jobs.note(rows, who, "deleted", f"dataset {number}")
    return bool(deleted)


def add_version(
    rows: Rows, job: Mapping[str, Any], model: tuple[str, int], result: Mapping[str, Any]
) -> int | None:
    """End a running training with its model, (digest, size): all of it, or nothing.

    The number of the version; None where the job is to be cancelled or does not run.
    """
    digest, size = model
    tagger_, number = job["tagger"], _next_version(rows, job["tagger"])
    done = {**result, "version": number, "digest": digest}
    lineage = done.pop("lineage")
    if not jobs.succeed(rows, job["id"], done):
        return None
    add_blob(rows, digest, size)
    values = (tagger_, number, digest, job["id"], done["evaluations"], lineage)
    _insert_version(rows, *values)
    return number


def import_version(
    rows: Rows, tagger_: str, model: tuple[str, int], lineage: Mapping[str, Any], who: str
) -> tuple[int, bool]:
    """(number, whether it is new) of a version of a model that nobody has trained here."""
    digest, size = model
    sql = "SELECT version FROM versions WHERE tagger = ? AND digest = ?"
    if known := rows.execute(sql, (tagger_, digest)).fetchone():
        return known["version"], False
    add_blob(rows, digest, size)
    number = _next_version(rows, tagger_)
    _insert_version(rows, tagger_, number, digest, None, {}, lineage)
    jobs.note(rows, who, "imported", f"version {number} of {tagger_}")
    return number, True


def remove_version(rows: Rows, tagger_: str, number: int, who: str) -> list[str]:
    """Forget a version, unless aliases mean it, which are what is returned."""
    sql = "SELECT alias FROM aliases WHERE tagger = ? AND version = ?"
    if named := [row["alias"] for row in rows.execute(sql, (tagger_, number))]:
        return named
    rows.execute("DELETE FROM versions WHERE tagger = ? AND version = ?", (tagger_, number))
    jobs.note(rows, who, "deleted", f"version {number} of {tagger_}")
    return []


def _next_version(rows: Rows, tagger_: str) -> int:
    """The number of a tagger's next version: none is given twice, whatever was deleted."""
    sql = "SELECT last_version FROM taggers WHERE name = ?"
    return int(rows.execute(sql, (tagger_,)).fetchone()["last_version"]) + 1


def _insert_version(
    rows: Rows,
    tagger_: str,
    number: int,
    digest: str,
    job: int | None,
    scores: Mapping[str, Any],
    lineage: Mapping[str, Any],
) -> None:
    """Note a version whose blob is known."""
    rows.execute("UPDATE taggers SET last_version = ? WHERE name = ?", (number, tagger_))
    rows.execute(
        "INSERT INTO versions (tagger, version, digest, job, scores, lineage, created) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (tagger_, number, digest, job, json.dumps(scores), json.dumps(lineage), time.time()),
    )


def versions(rows: Rows, tagger_: str, after: int, limit: int) -> list[dict[str, Any]]:
    """The versions of a tagger, the newest first, from before the number `after` on."""
    found = rows.execute(
        f"{_VERSIONS} WHERE v.tagger = ? AND version < ? ORDER BY version DESC LIMIT ?",
        (tagger_, after, limit),
    )
    return [jobs.plain(row, ("scores", "lineage")) for row in found]


def version(rows: Rows, tagger_: str, number: int) -> dict[str, Any] | None:
    """A version of a tagger; None where there is none."""
    row = rows.execute(
        f"{_VERSIONS} WHERE v.tagger = ? AND version = ?", (tagger_, number)
    ).fetchone()
    return None if row is None else jobs.plain(row, ("scores", "lineage"))


_VERSIONS = "SELECT v.*, b.size FROM versions v JOIN blobs b ON b.digest = v.digest"


def comparison(rows: Rows, tagger_: str, digests: tuple[str, str, str]) -> dict[str, Any] | None:
    """The last job that compared these models, the first against the second, on that text."""
    row = rows.execute(
        "SELECT * FROM jobs WHERE tagger = ? AND kind = 'compare' AND state = 'succeeded' AND "
        "json_array_length(config, '$.data') = 1 AND "
        "(SELECT value ->> '$.digest' FROM json_each(inputs) WHERE key = config ->> '$.model') = ? "
        "AND (SELECT value ->> '$.digest' FROM json_each(inputs) "
        "WHERE key = config ->> '$.against') = ? "
        "AND (SELECT value ->> '$.digest' FROM json_each(inputs) "
        "WHERE key = config ->> '$.data[0]') = ? ORDER BY id DESC LIMIT 1",
        (tagger_, *digests),
    ).fetchone()
    return None if row is None else jobs.plain(row)


def named_blobs(rows: Rows) -> set[str]:
    """The digests of all blobs that something needs; the rows of the others go."""
    rows.execute(
        "DELETE FROM blobs WHERE digest NOT IN (SELECT digest FROM datasets "
        "UNION SELECT digest FROM versions "
        "UNION SELECT i.value ->> '$.digest' FROM jobs, json_each(jobs.inputs) i "
        "WHERE state IN ('queued', 'running'))"
    )
    return {row["digest"] for row in rows.execute("SELECT digest FROM blobs")}


def add_token(rows: Rows, name: str, role: Role, expires: float | None = None) -> str:
    """Make a token; it is shown now and never again."""
    token = f"wclf_{secrets.token_urlsafe(32)}"
    rows.execute(
        "INSERT INTO tokens (name, digest, role, created, expires) VALUES (?, ?, ?, ?, ?)",
        (name, token_digest(token), role, time.time(), expires),
    )
    return token


class KnownToken(NamedTuple):
    """What is known of a token."""

    name: str
    role: Role
    expires: float | None

    def is_over(self) -> bool:
        """Whether it is not valid any more."""
        return self.expires is not None and self.expires <= time.time()


def known_token(rows: Rows, token: str) -> KnownToken | None:
    """What is known of a token; None of one that is not known or not valid any more."""
    sql = "SELECT name, role, expires FROM tokens WHERE digest = ?"
    row = rows.execute(sql, (token_digest(token),)).fetchone()
    known = None if row is None else KnownToken(*row)
    return None if known is None or known.is_over() else known


def has_token(rows: Rows, token: str) -> bool:
    """Whether a token is one of the service's, valid or not."""
    sql = "SELECT 1 FROM tokens WHERE digest = ?"
    return bool(rows.execute(sql, (token_digest(token),)).fetchone())


def token_digest(token: str) -> str:
    """What is kept of a token: it is random and long, so that no salt is needed."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
