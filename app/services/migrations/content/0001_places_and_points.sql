CREATE TABLE places (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('world', 'continent', 'country', 'region', 'city', 'neighbourhood')),
    name TEXT NOT NULL,
    summary TEXT NOT NULL,
    latitude REAL NOT NULL,
    longitude REAL NOT NULL,
    population INTEGER NOT NULL,
    -- NULL for the world only.
    parent TEXT REFERENCES places (id),
    updated_at INTEGER NOT NULL
) STRICT;

CREATE INDEX places_by_parent ON places (parent);
CREATE INDEX places_by_kind ON places (kind, name);

CREATE TABLE points_of_interest (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    summary TEXT NOT NULL,
    latitude REAL NOT NULL,
    longitude REAL NOT NULL,
    rating REAL NOT NULL,
    -- As the feed gives it: "09:00-17:30".
    opening_hours TEXT NOT NULL,
    place TEXT NOT NULL REFERENCES places (id),
    updated_at INTEGER NOT NULL
) STRICT;

CREATE INDEX points_by_place ON points_of_interest (place);
CREATE INDEX points_by_kind ON points_of_interest (kind, name);

-- How far each feed has been read: the last entry that is in the tables above.
CREATE TABLE sync_position (
    feed TEXT NOT NULL PRIMARY KEY,
    cursor INTEGER NOT NULL
) STRICT;
