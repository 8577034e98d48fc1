"""Taggers, datasets, versions and tokens as rows: what one transaction looks up or changes."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from windowclf.service import jobs
from windowclf.service.database import Rows

Role: TypeAlias = Literal["predict", "annotate", "train", "admin"]
FIRST = "first"  # token, of whoever has started the server
ROLES: tuple[Role, ...] = ("predict", "annotate", "train", "admin")  # each may what those before it


def put_tagger(rows: Rows, name: str, config: Mapping[str, Any], who: str) -> bool:
    """Make a tagger, or give it another config; True where it is new."""
    now = time.time()
    new = tagger(rows, name) is None
    rows.execute(
        "INSERT INTO taggers (name, config, created, changed) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (name) DO UPDATE SET config = excluded.config, changed = excluded.changed",
        (name, json.dumps(config), now, now),
    )
    jobs.note(rows, who, "made" if new else "changed", f"tagger {name}")
    return new


def tagger(rows: Rows, name: str) -> dict[str, Any] | None:
    """A tagger; None where there is none of this name."""
    row = rows.execute("SELECT * FROM taggers WHERE name = ?", (name,)).fetchone()
    return None if row is None else jobs.plain(row, ("config",))


def remove_tagger(rows: Rows, name: str, who: str) -> bool:
    """Forget a tagger and all that is its own; False where a job of it has not ended.

    Blobs that no row names any more are collected when the server begins.
    """
    busy = "SELECT 1 FROM jobs WHERE tagger = ? AND state IN ('queued', 'running')"
    if rows.execute(busy, (name,)).fetchone():
        return False
    for table in ("aliases", "versions", "jobs", "datasets"):
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
    (last,) = rows.execute(
        "SELECT coalesce(max(version), 0) FROM versions WHERE tagger = ?", (job["tagger"],)
    ).fetchone()
    done = {**result, "version": last + 1, "digest": digest}
    lineage = done.pop("lineage")
    if not jobs.succeed(rows, job["id"], done):
        return None
    add_blob(rows, digest, size)
    rows.execute(
        "INSERT INTO versions (tagger, version, digest, job, scores, lineage, created) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            job["tagger"],
            last + 1,
            digest,
            job["id"],
            json.dumps(done["evaluations"]),
            json.dumps(lineage),
            time.time(),
        ),
    )
    return int(last) + 1


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
        (name, _digest(token), role, time.time(), expires),
    )
    return token


def known_token(rows: Rows, token: str) -> tuple[str, Role] | None:
    """(name, role) of a token; None of one that is not known or not valid any more."""
    row = rows.execute("SELECT * FROM tokens WHERE digest = ?", (_digest(token),)).fetchone()
    if row is None or (row["expires"] is not None and row["expires"] <= time.time()):
        return None
    return row["name"], row["role"]


def has_token(rows: Rows, token: str) -> bool:
    """Whether a token is one of the service's, valid or not."""
    return bool(rows.execute("SELECT 1 FROM tokens WHERE digest = ?", (_digest(token),)).fetchone())


def _digest(token: str) -> str:
    """What is kept of a token: it is random and long, so that no salt is needed."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
