-- Times are nanoseconds since the epoch, amounts are in minor units of their currency.

CREATE TABLE accounts (
    id TEXT NOT NULL PRIMARY KEY,
    type TEXT NOT NULL CHECK (type IN ('asset', 'liability', 'equity', 'revenue', 'expense')),
    currency TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE payments (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0),
    currency TEXT NOT NULL,
    payer TEXT NOT NULL REFERENCES accounts (id),
    payee TEXT NOT NULL REFERENCES accounts (id),
    -- The provider's token of a card. It leaves this file for the provider only.
    method TEXT NOT NULL,
    reference TEXT NOT NULL,
    capture TEXT NOT NULL CHECK (capture IN ('automatic', 'manual')),
    -- What a capture under way, or done, is about.
    captured INTEGER NOT NULL DEFAULT 0 CHECK (captured BETWEEN 0 AND amount),
    -- Refunds that have succeeded or are under way; never more than was captured.
    refunding INTEGER NOT NULL DEFAULT 0 CHECK (refunding BETWEEN 0 AND captured),
    refunded INTEGER NOT NULL DEFAULT 0 CHECK (refunded BETWEEN 0 AND refunding),
    -- The provider's own id of the charge, once it is known.
    charge TEXT,
    -- Why it was declined or failed.
    reason TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CHECK (payer <> payee)
) STRICT;

CREATE INDEX payments_by_reference ON payments (reference);

CREATE TABLE refunds (
    id TEXT NOT NULL PRIMARY KEY,
    payment TEXT NOT NULL REFERENCES payments (id),
    amount INTEGER NOT NULL CHECK (amount > 0),
    state TEXT NOT NULL CHECK (state IN ('requested', 'succeeded', 'failed')),
    reason TEXT,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX refunds_by_payment ON refunds (payment);

-- What happened to payments, in order. Written in the transaction that made it happen.
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    payment TEXT NOT NULL REFERENCES payments (id),
    type TEXT NOT NULL,
    data TEXT NOT NULL,
    -- The trace in which it happened, as W3C Trace Context writes it.
    traceparent TEXT,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX events_by_payment ON events (payment, seq);

-- Events that a consumer has yet to take. A row goes when it has; a dead one waits for a person,
-- and holds up what comes after it of the same payment, so that the order stays.
CREATE TABLE outbox (
    consumer TEXT NOT NULL,
    -- Whom a webhook is for; empty for the consumers of our own.
    subscriber TEXT NOT NULL,
    event INTEGER NOT NULL REFERENCES events (seq),
    payment TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'dead')),
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at INTEGER NOT NULL,
    -- When a request for it may first have reached the provider: its outcome is to be asked for
    -- before anything is sent again.
    sent_at INTEGER,
    last_error TEXT,
    PRIMARY KEY (consumer, subscriber, event)
) STRICT, WITHOUT ROWID;

CREATE INDEX outbox_by_payment ON outbox (consumer, subscriber, payment, event);
CREATE INDEX outbox_dead ON outbox (event) WHERE state = 'dead';

-- What each consumer has taken, written in the transaction that holds the effect.
CREATE TABLE inbox (
    consumer TEXT NOT NULL,
    event TEXT NOT NULL,
    taken_at INTEGER NOT NULL,
    PRIMARY KEY (consumer, event)
) STRICT, WITHOUT ROWID;

CREATE INDEX inbox_by_age ON inbox (taken_at);

CREATE TABLE subscribers (
    id TEXT NOT NULL PRIMARY KEY,
    url TEXT NOT NULL,
    secret TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency_keys (
    client TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (client, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
