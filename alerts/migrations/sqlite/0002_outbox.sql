-- Notifications waiting to be delivered, and what came of them. Times are nanoseconds since the
-- epoch. No column holds a secret: `body` lacks the routing key, `key_id` is a fingerprint of it.
CREATE TABLE outbox (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    incident_id     TEXT    NOT NULL,
    destination     TEXT    NOT NULL,
    kind            TEXT    NOT NULL CHECK (kind IN ('pagerduty', 'slack', 'webhook')),
    dedup_key       TEXT    NOT NULL,
    -- The order within (destination, dedup_key).
    seq             INTEGER NOT NULL,
    action          TEXT    NOT NULL CHECK (action IN ('trigger', 'acknowledge', 'resolve')),
    body            TEXT    NOT NULL,
    key_id          TEXT,
    state           TEXT    NOT NULL CHECK (state IN ('queued', 'delivered', 'dead', 'dropped')),
    -- Attempts begun: counted before the request leaves.
    attempts        INTEGER NOT NULL DEFAULT 0,
    queued_at       INTEGER NOT NULL,
    -- When it was first to be sent.
    due_at          INTEGER NOT NULL,
    -- When it is to be sent next.
    not_before      INTEGER NOT NULL,
    -- When it is given up.
    deadline        INTEGER NOT NULL,
    -- Until when the destination asked to be left alone.
    asked_until     INTEGER,
    last_attempt_at INTEGER,
    delivered_at    INTEGER,
    http_status     INTEGER,
    reason          TEXT,
    error           TEXT,
    UNIQUE (destination, dedup_key, seq)
) STRICT;

CREATE INDEX outbox_queued ON outbox (destination, dedup_key, seq) WHERE state = 'queued';
CREATE INDEX outbox_incident ON outbox (incident_id, id);
