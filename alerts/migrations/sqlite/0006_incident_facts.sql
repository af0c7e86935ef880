-- What lists of incidents ask for, and what is kept of an incident when its telemetry is gone.

ALTER TABLE incidents ADD COLUMN title TEXT NOT NULL DEFAULT '';
-- The incident that took this one over.
ALTER TABLE incidents ADD COLUMN merged_into TEXT;
UPDATE incidents SET title = coalesce(json_extract(body, '$.title'), '');

CREATE TABLE incident_services (
    incident TEXT NOT NULL REFERENCES incidents (id),
    service TEXT NOT NULL,
    PRIMARY KEY (incident, service)
);
CREATE INDEX incident_services_by_service ON incident_services (service);
INSERT INTO incident_services (incident, service)
SELECT DISTINCT incidents.id, named.value
FROM incidents, json_each(incidents.body, '$.services') AS named;

-- What the page of an incident shows beside it, frozen when it resolved. The body is JSON.
CREATE TABLE incident_facts (
    incident TEXT PRIMARY KEY REFERENCES incidents (id),
    taken_at BIGINT NOT NULL,
    body TEXT NOT NULL
);
