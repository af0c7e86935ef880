-- Messages of every kind, for incidents and for groups of alerts. The table is made anew because
-- the old one named the kinds that there were. Times are nanoseconds since the epoch.
-- No column holds a secret: `body` and `source` lack keys and tokens, `key_id` is a fingerprint.
CREATE TABLE deliveries (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The incident that it tells of; empty if it tells of none, or of a group of alerts.
    incident_id     TEXT    NOT NULL,
    destination     TEXT    NOT NULL,
    kind            TEXT    NOT NULL,
    dedup_key       TEXT    NOT NULL,
    -- The order within (destination, dedup_key).
    seq             INTEGER NOT NULL,
    action          TEXT    NOT NULL,
    body            TEXT    NOT NULL,
    -- What the body was made of, as JSON: another destination that stands in makes its own of it.
    source          TEXT,
    -- The message for which this one stands in, because its destination does not work.
    stands_for      INTEGER,
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
    -- What the destination calls the message that it took, if it says so.
    receipt         TEXT,
    reason          TEXT,
    error           TEXT,
    UNIQUE (destination, dedup_key, seq)
) STRICT;

INSERT INTO deliveries (id, incident_id, destination, kind, dedup_key, seq, action, body, key_id,
                        state, attempts, queued_at, due_at, not_before, deadline, asked_until,
                        last_attempt_at, delivered_at, http_status, reason, error)
SELECT id, incident_id, destination, kind, dedup_key, seq, action, body, key_id,
       state, attempts, queued_at, due_at, not_before, deadline, asked_until,
       last_attempt_at, delivered_at, http_status, reason, error
FROM outbox;

DROP TABLE outbox;
ALTER TABLE deliveries RENAME TO outbox;

CREATE INDEX outbox_queued ON outbox (destination, dedup_key, seq) WHERE state = 'queued';
CREATE INDEX outbox_incident ON outbox (incident_id, id);
CREATE INDEX outbox_stand_ins ON outbox (stands_for) WHERE stands_for IS NOT NULL;
CREATE INDEX outbox_state ON outbox (state, queued_at);

-- The incidents that the alerts of a group belong to.
CREATE TABLE outbox_incidents (
    incident TEXT    NOT NULL,
    message  INTEGER NOT NULL REFERENCES outbox (id) ON DELETE CASCADE,
    PRIMARY KEY (incident, message)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_incidents_by_message ON outbox_incidents (message);

-- What others called us with: kept before it is answered, done afterwards, and known when it comes
-- again.
CREATE TABLE hook_events (
    source      TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    received_at INTEGER NOT NULL,
    body        TEXT    NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('waiting', 'done', 'ignored', 'failed')),
    -- What came of it, in words.
    outcome     TEXT,
    PRIMARY KEY (source, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX hook_events_waiting ON hook_events (received_at) WHERE state = 'waiting';
CREATE INDEX hook_events_received ON hook_events (received_at);
