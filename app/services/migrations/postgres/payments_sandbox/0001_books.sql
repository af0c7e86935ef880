-- The sandbox provider's own books.

CREATE TABLE charges (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    amount BIGINT NOT NULL CHECK (amount > 0),
    currency TEXT COLLATE "C" NOT NULL,
    captured BIGINT NOT NULL DEFAULT 0 CHECK (captured BETWEEN 0 AND amount),
    refunded BIGINT NOT NULL DEFAULT 0 CHECK (refunded BETWEEN 0 AND captured),
    is_void BIGINT NOT NULL DEFAULT 0
);

-- Every operation that was ever asked for, once under its key.
CREATE TABLE operations (
    key TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    type TEXT COLLATE "C" NOT NULL,
    amount BIGINT NOT NULL,
    status TEXT COLLATE "C" NOT NULL CHECK (status IN ('succeeded', 'declined', 'rejected')),
    charge TEXT COLLATE "C",
    reason TEXT COLLATE "C",
    done_at BIGINT NOT NULL
);
