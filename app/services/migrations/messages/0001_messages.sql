-- Times are nanoseconds since the epoch. A message's id is a UUID of version 7: in order of time.
CREATE TABLE messages (
    id TEXT PRIMARY KEY,
    channel TEXT NOT NULL,
    recipient TEXT NOT NULL,
    category TEXT NOT NULL,
    template TEXT,
    template_version INTEGER,
    locale TEXT,
    experiment TEXT,
    variant TEXT,
    content TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    accepted_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    -- The provider that may have taken it already: only there is a repetition known as one.
    bound_to TEXT,
    -- The provider that has just refused it.
    avoided TEXT,
    provider TEXT,
    provider_message TEXT,
    sent_at INTEGER,
    delivered_at INTEGER,
    opened_at INTEGER,
    clicked_at INTEGER,
    traceparent TEXT,
    -- Whether it came with many others, whose trace it does not go on with.
    in_batch INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX messages_due ON messages (channel, due_at) WHERE state = 'queued';
CREATE INDEX messages_sending ON messages (id) WHERE state = 'sending';
CREATE INDEX messages_failed ON messages (channel, id) WHERE state = 'failed';
CREATE INDEX messages_of_recipient ON messages (recipient, id);
CREATE INDEX messages_of_experiment ON messages (experiment, variant) WHERE experiment IS NOT NULL;

CREATE TABLE attempts (
    message TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    provider TEXT,
    begun_at INTEGER NOT NULL,
    took_ms INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT,
    PRIMARY KEY (message, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE receipts (
    provider TEXT NOT NULL,
    event TEXT NOT NULL,
    message TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    detail TEXT,
    PRIMARY KEY (provider, event)
) STRICT, WITHOUT ROWID;

CREATE INDEX receipts_of_message ON receipts (message, at);

CREATE TABLE idempotency (
    consumer TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    -- The ids of the messages that the first request made, a JSON array.
    messages TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (consumer, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_at ON idempotency (at);

-- A version of a template is never changed.
CREATE TABLE templates (
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    channel TEXT NOT NULL,
    default_locale TEXT NOT NULL,
    locales TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (name, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE experiments (
    name TEXT PRIMARY KEY,
    channel TEXT NOT NULL,
    outcome TEXT NOT NULL,
    variants TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE suppressions (
    channel TEXT NOT NULL,
    recipient TEXT NOT NULL,
    scope TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (channel, recipient)
) STRICT, WITHOUT ROWID;
