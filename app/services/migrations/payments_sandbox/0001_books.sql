-- The sandbox provider's own books.

CREATE TABLE charges (
    id TEXT NOT NULL PRIMARY KEY,
    amount INTEGER NOT NULL CHECK (amount > 0),
    currency TEXT NOT NULL,
    captured INTEGER NOT NULL DEFAULT 0 CHECK (captured BETWEEN 0 AND amount),
    refunded INTEGER NOT NULL DEFAULT 0 CHECK (refunded BETWEEN 0 AND captured),
    is_void INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- Every operation that was ever asked for, once under its key.
CREATE TABLE operations (
    key TEXT NOT NULL PRIMARY KEY,
    type TEXT NOT NULL,
    amount INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('succeeded', 'declined', 'rejected')),
    charge TEXT,
    reason TEXT,
    done_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
