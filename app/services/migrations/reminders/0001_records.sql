-- Sync tokens are bound to this file: one that was made anew begins with other versions.
CREATE TABLE epochs (epoch TEXT NOT NULL PRIMARY KEY) STRICT;
INSERT INTO epochs (epoch) VALUES (lower(hex(randomblob(8))));

-- How far the records of each person have come.
CREATE TABLE people (
    person TEXT NOT NULL PRIMARY KEY,
    -- The greatest version of the person's records.
    version INTEGER NOT NULL,
    -- Records that are not deleted.
    live INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE records (
    person TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('reminder', 'mark')),
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    device TEXT NOT NULL,
    -- JSON; NULL once deleted.
    document TEXT,
    PRIMARY KEY (person, kind, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX records_by_version ON records (person, version);
CREATE INDEX records_deleted ON records (changed_at) WHERE deleted;

-- What was answered to each change, so that one that is sent again is answered alike.
CREATE TABLE results (
    person TEXT NOT NULL,
    device TEXT NOT NULL,
    change_id TEXT NOT NULL,
    -- Of the change: an id that comes with another change is refused.
    fingerprint TEXT NOT NULL,
    result TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (person, device, change_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX results_by_time ON results (at);

-- What was written over by a change that did not know of it.
CREATE TABLE superseded (
    person TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    device TEXT NOT NULL,
    document TEXT NOT NULL,
    superseded_at INTEGER NOT NULL,
    superseded_by TEXT NOT NULL,
    PRIMARY KEY (person, kind, id, version)
) STRICT, WITHOUT ROWID;

CREATE INDEX superseded_by_time ON superseded (superseded_at);
