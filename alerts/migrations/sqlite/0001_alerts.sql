-- Times are nanoseconds since the epoch, UTC. Columns named body hold JSON.

-- What the alert state machine remembers, so that a restart changes nothing.
CREATE TABLE alert_states (
    rule_key TEXT NOT NULL,
    labels TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (rule_key, labels)
);

CREATE TABLE incidents (
    id TEXT PRIMARY KEY,
    status TEXT NOT NULL,
    severity TEXT NOT NULL,
    onset_at BIGINT NOT NULL,
    detected_at BIGINT NOT NULL,
    notified_at BIGINT,
    acknowledged_at BIGINT,
    acknowledged_by TEXT,
    recovered_at BIGINT,
    resolved_at BIGINT,
    body TEXT NOT NULL
);
CREATE INDEX incidents_by_detection ON incidents (detected_at);
CREATE INDEX incidents_by_status ON incidents (status);

CREATE TABLE incident_timeline (
    id INTEGER PRIMARY KEY,
    incident TEXT NOT NULL REFERENCES incidents (id),
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    actor TEXT
);
CREATE INDEX incident_timeline_by_incident ON incident_timeline (incident, at);

-- The human state of exception groups.
CREATE TABLE exception_groups (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    message TEXT NOT NULL,
    culprit TEXT NOT NULL,
    service TEXT NOT NULL,
    status TEXT NOT NULL,
    assignee TEXT,
    first_seen BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    releases TEXT NOT NULL,
    resolved_at BIGINT,
    regressed_at BIGINT,
    last_trace TEXT
);
CREATE INDEX exception_groups_by_last_seen ON exception_groups (last_seen);

CREATE TABLE changes (
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    service TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX changes_by_time ON changes (at);
