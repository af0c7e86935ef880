-- Which incidents changed since somebody looked: each write gives its row the next number, whoever
-- writes.
ALTER TABLE incidents ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;
UPDATE incidents SET revision = 1;
CREATE INDEX incidents_by_revision ON incidents (revision);

CREATE TRIGGER incidents_inserted AFTER INSERT ON incidents
BEGIN
    UPDATE incidents SET revision = (SELECT MAX(revision) + 1 FROM incidents) WHERE id = NEW.id;
END;

CREATE TRIGGER incidents_updated
AFTER UPDATE OF status, severity, onset_at, detected_at, notified_at, acknowledged_at,
    acknowledged_by, recovered_at, resolved_at, body ON incidents
BEGIN
    UPDATE incidents SET revision = (SELECT MAX(revision) + 1 FROM incidents) WHERE id = NEW.id;
END;

-- The response times of each incident as they were when it resolved: what the cumulative series of
-- response times are made of. Never changed afterwards, so that the series never fall.
CREATE TABLE recorded_responses (
    incident TEXT PRIMARY KEY,
    resolved_at BIGINT NOT NULL,
    service TEXT NOT NULL,
    severity TEXT NOT NULL,
    ttd DOUBLE PRECISION,
    ttn DOUBLE PRECISION,
    tta DOUBLE PRECISION,
    ttr DOUBLE PRECISION,
    time_to_resolve DOUBLE PRECISION
);
