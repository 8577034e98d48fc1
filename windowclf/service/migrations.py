"""The tables of the database, version by version; `user_version` says which a file has."""

from __future__ import annotations

FIRST = """
CREATE TABLE tokens (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    digest TEXT NOT NULL UNIQUE,             -- sha256 of the token itself
    role TEXT NOT NULL CHECK (role IN ('predict', 'annotate', 'train', 'admin')),
    created REAL NOT NULL,
    expires REAL
) STRICT;

CREATE TABLE taggers (
    name TEXT PRIMARY KEY,
    config TEXT NOT NULL,                    -- JSON: what a job's config is laid over
    created REAL NOT NULL,
    changed REAL NOT NULL
) STRICT;

CREATE TABLE blobs (
    digest TEXT PRIMARY KEY,                 -- sha256
    size INTEGER NOT NULL,
    created REAL NOT NULL
) STRICT;

CREATE TABLE datasets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tagger TEXT NOT NULL REFERENCES taggers (name),
    name TEXT NOT NULL,                      -- of the file, whose suffix says the format
    digest TEXT NOT NULL REFERENCES blobs (digest),
    created REAL NOT NULL,
    creator TEXT NOT NULL
) STRICT;
CREATE INDEX datasets_of_tagger ON datasets (tagger, id);

CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tagger TEXT NOT NULL REFERENCES taggers (name),
    kind TEXT NOT NULL CHECK (kind IN (
        'train', 'tune', 'evaluate', 'compare', 'predict', 'check', 'compress')),
    slot TEXT NOT NULL CHECK (slot IN ('training', 'light')),
    state TEXT NOT NULL DEFAULT 'queued' CHECK (
        state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    config TEXT NOT NULL,                    -- JSON, as given; dataset:ID in the place of paths
    inputs TEXT NOT NULL,                    -- JSON: what such a name is linked to
    fingerprint TEXT,
    threads INTEGER,                         -- of the first attempt, and so of all
    memory INTEGER,                          -- its limit in bytes
    attempt INTEGER NOT NULL DEFAULT 0,
    cancel INTEGER NOT NULL DEFAULT 0,       -- somebody asked for it
    deaths INTEGER NOT NULL DEFAULT 0,       -- one after another, without getting further
    reached REAL NOT NULL DEFAULT 0,         -- the share that was done when it last began
    created REAL NOT NULL,
    creator TEXT NOT NULL,
    started REAL,
    ended REAL,
    result TEXT,                             -- JSON
    error TEXT,                              -- JSON
    retry_of INTEGER REFERENCES jobs (id) ON DELETE SET NULL,
    dataset INTEGER REFERENCES datasets (id) ON DELETE CASCADE  -- of its check
) STRICT;
CREATE INDEX jobs_waiting ON jobs (slot, id) WHERE state = 'queued';
CREATE INDEX jobs_known ON jobs (fingerprint) WHERE state = 'succeeded';
CREATE INDEX jobs_of_tagger ON jobs (tagger, id);
CREATE INDEX jobs_of_dataset ON jobs (dataset);

CREATE TABLE versions (
    tagger TEXT NOT NULL REFERENCES taggers (name),
    version INTEGER NOT NULL,
    digest TEXT NOT NULL REFERENCES blobs (digest),
    job INTEGER UNIQUE REFERENCES jobs (id) ON DELETE SET NULL,  -- a job leaves one at most
    scores TEXT NOT NULL,                    -- JSON
    lineage TEXT NOT NULL,                   -- JSON
    created REAL NOT NULL,
    PRIMARY KEY (tagger, version)
) STRICT;

CREATE TABLE aliases (
    tagger TEXT NOT NULL,
    alias TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (tagger, alias),
    FOREIGN KEY (tagger, version) REFERENCES versions (tagger, version)
) STRICT;

CREATE TABLE alias_log (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tagger TEXT NOT NULL,
    alias TEXT NOT NULL,
    before INTEGER,
    after INTEGER,
    who TEXT NOT NULL,
    why TEXT NOT NULL,
    p_value REAL,
    at REAL NOT NULL
) STRICT;

CREATE TABLE answers (                       -- to requests with an Idempotency-Key
    who TEXT NOT NULL,
    key TEXT NOT NULL,
    request TEXT NOT NULL,                   -- sha256 of what was asked
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (who, key)
) STRICT;

CREATE TABLE events (                        -- who did what
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    subject TEXT NOT NULL
) STRICT;
"""

SECOND = """
ALTER TABLE taggers ADD COLUMN gate TEXT;  -- JSON: what a promotion must show; null: nothing
ALTER TABLE taggers ADD COLUMN last_version INTEGER NOT NULL DEFAULT 0;
UPDATE taggers SET last_version =
    coalesce((SELECT max(version) FROM versions WHERE tagger = name), 0);
ALTER TABLE alias_log ADD COLUMN comparison INTEGER;  -- the job that it rests on
CREATE INDEX alias_log_of_alias ON alias_log (tagger, alias, id);
"""

MIGRATIONS: tuple[str, ...] = (FIRST, SECOND)  # the n-th leads from version n to n + 1
