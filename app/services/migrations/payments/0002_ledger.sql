-- A double-entry ledger that the database itself keeps in balance: a transaction is one row with all
-- its legs, refused unless they sum to zero; its entries are made by a trigger in the same statement,
-- and there is no other way to make, change or delete one.

-- Debits are positive, credits negative. The legs are [{"account": "…", "amount": n}, …].
CREATE TABLE ledger_transactions (
    id TEXT NOT NULL PRIMARY KEY,
    payment TEXT NOT NULL,
    type TEXT NOT NULL,
    currency TEXT NOT NULL,
    legs TEXT NOT NULL CHECK (json_valid(legs)),
    posted_at INTEGER NOT NULL
) STRICT;

CREATE INDEX ledger_transactions_by_payment ON ledger_transactions (payment);

CREATE TABLE ledger_entries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    transaction_id TEXT NOT NULL REFERENCES ledger_transactions (id),
    leg INTEGER NOT NULL,
    account TEXT NOT NULL REFERENCES accounts (id),
    amount INTEGER NOT NULL CHECK (amount <> 0),
    UNIQUE (transaction_id, leg)
) STRICT;

CREATE INDEX ledger_entries_by_account ON ledger_entries (account, seq);

-- The sum of each account's entries, kept by a trigger and checked against them.
CREATE TABLE balances (
    account TEXT NOT NULL PRIMARY KEY REFERENCES accounts (id),
    amount INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER ledger_transactions_balance BEFORE INSERT ON ledger_transactions
WHEN (SELECT coalesce(sum(value ->> 'amount'), 1) FROM json_each(NEW.legs)) <> 0
BEGIN
    SELECT RAISE(ABORT, 'the legs of a ledger transaction must sum to zero');
END;

-- REPLACE deletes without firing the triggers below.
CREATE TRIGGER ledger_transactions_stay_on_insert BEFORE INSERT ON ledger_transactions
WHEN EXISTS (SELECT 1 FROM ledger_transactions WHERE id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'a ledger transaction is posted once');
END;

CREATE TRIGGER ledger_transactions_post AFTER INSERT ON ledger_transactions
BEGIN
    INSERT INTO ledger_entries (transaction_id, leg, account, amount)
    SELECT NEW.id, key, value ->> 'account', value ->> 'amount' FROM json_each(NEW.legs);
END;

CREATE TRIGGER ledger_entries_belong BEFORE INSERT ON ledger_entries
WHEN NOT EXISTS (
    SELECT 1 FROM ledger_transactions t
    JOIN json_each(t.legs) l ON l.key = NEW.leg
    JOIN accounts a ON a.id = NEW.account AND a.currency = t.currency
    WHERE t.id = NEW.transaction_id
      AND l.value ->> 'account' = NEW.account AND l.value ->> 'amount' = NEW.amount
)
BEGIN
    SELECT RAISE(ABORT, 'a ledger entry is a leg of its transaction, on an account of its currency');
END;

CREATE TRIGGER ledger_entries_stay_on_insert BEFORE INSERT ON ledger_entries
WHEN EXISTS (
    SELECT 1 FROM ledger_entries
    WHERE seq = NEW.seq OR (transaction_id = NEW.transaction_id AND leg = NEW.leg)
)
BEGIN
    SELECT RAISE(ABORT, 'ledger entries are never replaced');
END;

CREATE TRIGGER ledger_entries_sum AFTER INSERT ON ledger_entries
BEGIN
    INSERT INTO balances (account, amount) VALUES (NEW.account, NEW.amount)
    ON CONFLICT (account) DO UPDATE SET amount = amount + excluded.amount;
END;

CREATE TRIGGER ledger_transactions_stay BEFORE UPDATE ON ledger_transactions
BEGIN
    SELECT RAISE(ABORT, 'ledger transactions are never changed');
END;

CREATE TRIGGER ledger_transactions_remain BEFORE DELETE ON ledger_transactions
BEGIN
    SELECT RAISE(ABORT, 'ledger transactions are never deleted');
END;

CREATE TRIGGER ledger_entries_stay BEFORE UPDATE ON ledger_entries
BEGIN
    SELECT RAISE(ABORT, 'ledger entries are never changed');
END;

CREATE TRIGGER ledger_entries_remain BEFORE DELETE ON ledger_entries
BEGIN
    SELECT RAISE(ABORT, 'ledger entries are never deleted');
END;

-- Another currency would break the balance of what is posted already.
CREATE TRIGGER accounts_keep_currency BEFORE UPDATE OF id, type, currency ON accounts
BEGIN
    SELECT RAISE(ABORT, 'an account keeps its type and currency');
END;
