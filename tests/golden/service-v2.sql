-- A database of version 2, as `.dump` of SQLite has it; opened by every later version.
BEGIN TRANSACTION;
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
, comparison INTEGER) STRICT;
INSERT INTO "alias_log" VALUES(1,'names','production',NULL,1,'first','',0.01,1700000000.5,5);
CREATE TABLE aliases (
    tagger TEXT NOT NULL,
    alias TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (tagger, alias),
    FOREIGN KEY (tagger, version) REFERENCES versions (tagger, version)
) STRICT;
INSERT INTO "aliases" VALUES('names','production',1);
CREATE TABLE answers (                       -- to requests with an Idempotency-Key
    who TEXT NOT NULL,
    key TEXT NOT NULL,
    request TEXT NOT NULL,                   -- sha256 of what was asked
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (who, key)
) STRICT;
INSERT INTO "answers" VALUES('first','key','x',202,'{}',1700000000.5);
CREATE TABLE blobs (
    digest TEXT PRIMARY KEY,                 -- sha256
    size INTEGER NOT NULL,
    created REAL NOT NULL
) STRICT;
INSERT INTO "blobs" VALUES('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',12,1700000000.5);
INSERT INTO "blobs" VALUES('bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',34,1700000000.5);
CREATE TABLE datasets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tagger TEXT NOT NULL REFERENCES taggers (name),
    name TEXT NOT NULL,                      -- of the file, whose suffix says the format
    digest TEXT NOT NULL REFERENCES blobs (digest),
    created REAL NOT NULL,
    creator TEXT NOT NULL
) STRICT;
INSERT INTO "datasets" VALUES(1,'names','train.conll','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',1700000000.5,'first');
CREATE TABLE events (                        -- who did what
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    subject TEXT NOT NULL
) STRICT;
INSERT INTO "events" VALUES(1,1700000000.5,'first','made','tagger names');
INSERT INTO "events" VALUES(2,1700000000.5,'first','uploaded','dataset 1');
INSERT INTO "events" VALUES(3,1700000000.5,'first','submitted a job: train','job 1');
INSERT INTO "events" VALUES(4,1700000000.5,'server','succeeded','job 1');
INSERT INTO "events" VALUES(5,1700000000.5,'first','submitted a job: train','job 2');
INSERT INTO "events" VALUES(6,1700000000.5,'server','failed','job 2');
INSERT INTO "events" VALUES(7,1700000000.5,'first','submitted a job: train','job 3');
INSERT INTO "events" VALUES(8,1700000000.5,'first','cancelled','job 3');
INSERT INTO "events" VALUES(9,1700000000.5,'first','submitted a job: train','job 4');
INSERT INTO "events" VALUES(10,1700000000.5,'first','submitted a job: check','job 5');
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
INSERT INTO "jobs" VALUES(1,'names','train','training','succeeded','{"task": "spans", "data": {"train": "dataset:1"}}','{"dataset:1": {"digest": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "file": "train.conll"}}','ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',3,1073741824,1,0,0,0.0,1700000000.5,'first',1700000000.5,1700000000.5,'{"score": 0.5, "best_epoch": 1, "seconds": 1.0, "evaluations": {"dev": {"accuracy": 0.5}}, "version": 1, "digest": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}',NULL,NULL,NULL);
INSERT INTO "jobs" VALUES(2,'names','train','training','failed','{"task": "spans", "data": {"train": "dataset:1"}}','{"dataset:1": {"digest": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "file": "train.conll"}}',NULL,3,NULL,1,0,0,0.0,1700000000.5,'first',1700000000.5,1700000000.5,NULL,'{"kind": "DataError", "faults": [{"sentence": "wrong."}], "more": 0}',NULL,NULL);
INSERT INTO "jobs" VALUES(3,'names','train','training','cancelled','{"task": "spans", "data": {"train": "dataset:1"}}','{"dataset:1": {"digest": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "file": "train.conll"}}',NULL,NULL,NULL,0,1,0,0.0,1700000000.5,'first',NULL,1700000000.5,NULL,NULL,2,NULL);
INSERT INTO "jobs" VALUES(4,'names','train','training','running','{"task": "spans", "data": {"train": "dataset:1"}}','{"dataset:1": {"digest": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "file": "train.conll"}}',NULL,3,NULL,1,0,0,0.0,1700000000.5,'first',1700000000.5,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES(5,'names','check','light','queued','{"task": "spans", "data": {"train": "dataset:1"}}','{"dataset:1": {"digest": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "file": "train.conll"}}',NULL,NULL,NULL,0,0,0,0.0,1700000000.5,'first',NULL,NULL,NULL,NULL,NULL,1);
CREATE TABLE taggers (
    name TEXT PRIMARY KEY,
    config TEXT NOT NULL,                    -- JSON: what a job's config is laid over
    created REAL NOT NULL,
    changed REAL NOT NULL
, gate TEXT, last_version INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO "taggers" VALUES('names','{"task": "spans"}',1700000000.5,1700000000.5,'{"figure": null, "least": 0.0, "p": 0.05, "dataset": null}',1);
CREATE TABLE tokens (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    digest TEXT NOT NULL UNIQUE,             -- sha256 of the token itself
    role TEXT NOT NULL CHECK (role IN ('predict', 'annotate', 'train', 'admin')),
    created REAL NOT NULL,
    expires REAL
) STRICT;
INSERT INTO "tokens" VALUES(1,'first','c7bab762d49dea185e2cb9aaee6a65c028329b66df107e26bec31d92200aa911','admin',1700000000.5,NULL);
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
INSERT INTO "versions" VALUES('names',1,'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',1,'{"dev": {"accuracy": 0.5}}','{"threads": 3}',1700000000.5);
CREATE INDEX datasets_of_tagger ON datasets (tagger, id);
CREATE INDEX jobs_waiting ON jobs (slot, id) WHERE state = 'queued';
CREATE INDEX jobs_known ON jobs (fingerprint) WHERE state = 'succeeded';
CREATE INDEX jobs_of_tagger ON jobs (tagger, id);
CREATE INDEX jobs_of_dataset ON jobs (dataset);
CREATE INDEX alias_log_of_alias ON alias_log (tagger, alias, id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',10);
INSERT INTO "sqlite_sequence" VALUES('datasets',1);
INSERT INTO "sqlite_sequence" VALUES('jobs',5);
INSERT INTO "sqlite_sequence" VALUES('alias_log',1);
COMMIT;
