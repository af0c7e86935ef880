-- Times are nanoseconds since the epoch, UTC. Columns are parted by commas.
CREATE TABLE saved_searches (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    query TEXT NOT NULL,
    columns TEXT NOT NULL,
    last TEXT NOT NULL,
    saved_at BIGINT NOT NULL
);
