-- Sync tokens are bound to this schema: one that was made anew begins with other versions.
CREATE TABLE epochs (epoch TEXT COLLATE "C" NOT NULL PRIMARY KEY);
INSERT INTO epochs (epoch) VALUES (left(replace(gen_random_uuid()::text, '-', ''), 16));

-- How far the records of each person have come.
CREATE TABLE people (
    person TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    -- The greatest version of the person's records.
    version BIGINT NOT NULL,
    -- Records that are not deleted.
    live BIGINT NOT NULL
);

CREATE TABLE records (
    person TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('reminder', 'mark')),
    id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    deleted BOOLEAN NOT NULL,
    changed_at BIGINT NOT NULL,
    device TEXT COLLATE "C" NOT NULL,
    -- JSON; NULL once deleted.
    document TEXT COLLATE "C",
    PRIMARY KEY (person, kind, id)
);

CREATE UNIQUE INDEX records_by_version ON records (person, version);
CREATE INDEX records_deleted ON records (changed_at) WHERE deleted;

-- What was answered to each change, so that one that is sent again is answered alike.
CREATE TABLE results (
    person TEXT COLLATE "C" NOT NULL,
    device TEXT COLLATE "C" NOT NULL,
    change_id TEXT COLLATE "C" NOT NULL,
    -- Of the change: an id that comes with another change is refused.
    fingerprint TEXT COLLATE "C" NOT NULL,
    result TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (person, device, change_id)
);

CREATE INDEX results_by_time ON results (at);

-- What was written over by a change that did not know of it.
CREATE TABLE superseded (
    person TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    device TEXT COLLATE "C" NOT NULL,
    document TEXT COLLATE "C" NOT NULL,
    superseded_at BIGINT NOT NULL,
    superseded_by TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (person, kind, id, version)
);

CREATE INDEX superseded_by_time ON superseded (superseded_at);
