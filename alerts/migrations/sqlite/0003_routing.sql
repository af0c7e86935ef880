-- What routing remembers. Times are nanoseconds since the epoch, UTC; labels and matchers are JSON.

-- Alerts as they were last told, by our own rules or by others.
CREATE TABLE routed_alerts (
    -- 16 hex digits, as Prometheus makes them of the labels.
    fingerprint   TEXT PRIMARY KEY,
    origin        TEXT    NOT NULL CHECK (origin IN ('rules', 'received')),
    labels        TEXT    NOT NULL,
    annotations   TEXT    NOT NULL,
    starts_at     INTEGER NOT NULL,
    -- None: it fires until it is told otherwise.
    ends_at       INTEGER,
    -- Whether nobody said when it ends, so that it ends when nobody tells of it any more.
    times_out     INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    generator_url TEXT    NOT NULL
) STRICT;

-- Alerts that are notified together, and when that is done next.
CREATE TABLE alert_groups (
    route       TEXT    NOT NULL,
    group_key   TEXT    NOT NULL,
    receiver    TEXT    NOT NULL,
    labels      TEXT    NOT NULL,
    next_flush  INTEGER NOT NULL,
    has_flushed INTEGER NOT NULL,
    PRIMARY KEY (route, group_key)
) STRICT;

CREATE TABLE alert_group_members (
    route       TEXT NOT NULL,
    group_key   TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    PRIMARY KEY (route, group_key, fingerprint)
) STRICT;

-- Of what each receiver knows already.
CREATE TABLE notification_log (
    group_key   TEXT    NOT NULL,
    integration TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    -- Fingerprints, JSON.
    firing      TEXT    NOT NULL,
    resolved    TEXT    NOT NULL,
    expires_at  INTEGER NOT NULL,
    PRIMARY KEY (group_key, integration)
) STRICT;

CREATE TABLE silences (
    id          TEXT PRIMARY KEY,
    matchers    TEXT    NOT NULL,
    starts_at   INTEGER NOT NULL,
    ends_at     INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    created_by  TEXT    NOT NULL,
    comment     TEXT    NOT NULL,
    annotations TEXT    NOT NULL
) STRICT;
