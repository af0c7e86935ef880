-- What was decided of a group beyond its status, as JSON, and the group that it was merged into.
ALTER TABLE exception_groups ADD COLUMN body TEXT NOT NULL DEFAULT '{}';
ALTER TABLE exception_groups ADD COLUMN merged_into TEXT;
CREATE INDEX exception_groups_by_merge ON exception_groups (merged_into) WHERE merged_into IS NOT NULL;

-- By which hash a fingerprint that is not known yet joins one that is.
CREATE TABLE exception_hashes (
    hash TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL
);
CREATE INDEX exception_hashes_by_fingerprint ON exception_hashes (fingerprint);

-- In which releases a fingerprint was seen, and when by the time of its events.
CREATE TABLE exception_releases (
    fingerprint TEXT NOT NULL,
    release TEXT NOT NULL,
    first_seen BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    PRIMARY KEY (fingerprint, release)
);

-- The releases of each service, since when they are known: by exceptions and by deploys.
CREATE TABLE service_releases (
    service TEXT NOT NULL,
    release TEXT NOT NULL,
    first_seen BIGINT NOT NULL,
    PRIMARY KEY (service, release)
);

-- What became of a group, by whom. What a series counts is counted once it is told.
CREATE TABLE exception_log (
    id INTEGER PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    who TEXT,
    text TEXT NOT NULL,
    told BIGINT NOT NULL
);
CREATE INDEX exception_log_by_fingerprint ON exception_log (fingerprint, at);
CREATE INDEX exception_log_untold ON exception_log (id) WHERE told = 0;
