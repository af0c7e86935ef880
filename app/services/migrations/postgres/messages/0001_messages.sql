-- Times are nanoseconds since the epoch. A message's id is a UUID of version 7: in order of time.
CREATE TABLE messages (
    id TEXT COLLATE "C" PRIMARY KEY,
    channel TEXT COLLATE "C" NOT NULL,
    recipient TEXT COLLATE "C" NOT NULL,
    category TEXT COLLATE "C" NOT NULL,
    template TEXT COLLATE "C",
    template_version BIGINT,
    locale TEXT COLLATE "C",
    experiment TEXT COLLATE "C",
    variant TEXT COLLATE "C",
    content TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C",
    accepted_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    -- The provider that may have taken it already: only there is a repetition known as one.
    bound_to TEXT COLLATE "C",
    -- The provider that has just refused it.
    avoided TEXT COLLATE "C",
    provider TEXT COLLATE "C",
    provider_message TEXT COLLATE "C",
    sent_at BIGINT,
    delivered_at BIGINT,
    opened_at BIGINT,
    clicked_at BIGINT,
    traceparent TEXT COLLATE "C",
    -- Whether it came with many others, whose trace it does not go on with.
    in_batch BOOLEAN NOT NULL DEFAULT false
);

CREATE INDEX messages_due ON messages (channel, due_at) WHERE state = 'queued';
CREATE INDEX messages_sending ON messages (id) WHERE state = 'sending';
CREATE INDEX messages_failed ON messages (channel, id) WHERE state = 'failed';
CREATE INDEX messages_of_recipient ON messages (recipient, id);
CREATE INDEX messages_of_experiment ON messages (experiment, variant) WHERE experiment IS NOT NULL;

CREATE TABLE attempts (
    message TEXT COLLATE "C" NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    provider TEXT COLLATE "C",
    begun_at BIGINT NOT NULL,
    took_ms BIGINT NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    detail TEXT COLLATE "C",
    PRIMARY KEY (message, number)
);

CREATE TABLE receipts (
    provider TEXT COLLATE "C" NOT NULL,
    event TEXT COLLATE "C" NOT NULL,
    message TEXT COLLATE "C" NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    kind TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    detail TEXT COLLATE "C",
    PRIMARY KEY (provider, event)
);

CREATE INDEX receipts_of_message ON receipts (message, at);

CREATE TABLE idempotency (
    consumer TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    fingerprint BYTEA NOT NULL,
    -- The ids of the messages that the first request made, a JSON array.
    messages TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (consumer, key)
);

CREATE INDEX idempotency_at ON idempotency (at);

-- A version of a template is never changed.
CREATE TABLE templates (
    name TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    default_locale TEXT COLLATE "C" NOT NULL,
    locales TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (name, version)
);

CREATE TABLE experiments (
    name TEXT COLLATE "C" PRIMARY KEY,
    channel TEXT COLLATE "C" NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    variants TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE suppressions (
    channel TEXT COLLATE "C" NOT NULL,
    recipient TEXT COLLATE "C" NOT NULL,
    scope TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (channel, recipient)
);
