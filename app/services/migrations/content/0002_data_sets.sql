-- Each data set comes by a feed of its own, so that a row may be there before the one that it
-- names: the tables are made anew without references, and everything is read again.
DROP TABLE points_of_interest;
DROP TABLE places;
DELETE FROM sync_position;

CREATE TABLE places (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    -- In lower case and without accents, to be searched.
    name_folded TEXT NOT NULL,
    summary TEXT NOT NULL,
    latitude REAL NOT NULL,
    longitude REAL NOT NULL,
    population INTEGER NOT NULL,
    -- NULL for the world only.
    parent TEXT,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX places_by_parent ON places (parent);
CREATE INDEX places_by_kind ON places (kind, name);
CREATE INDEX places_by_name ON places (name);
CREATE INDEX places_by_population ON places (population);

-- Each place with everything beneath it, itself included at depth 0.
CREATE TABLE beneath (
    ancestor TEXT NOT NULL,
    place TEXT NOT NULL,
    depth INTEGER NOT NULL,
    PRIMARY KEY (ancestor, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX beneath_by_place ON beneath (place, depth);
CREATE VIEW place_ancestors AS SELECT place, ancestor, depth FROM beneath WHERE depth > 0;

CREATE TABLE points_of_interest (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    summary TEXT NOT NULL,
    latitude REAL NOT NULL,
    longitude REAL NOT NULL,
    rating REAL NOT NULL,
    -- As the feed gives it: "09:00-17:30".
    opening_hours TEXT NOT NULL,
    place TEXT NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX points_by_place ON points_of_interest (place);
CREATE INDEX points_by_kind ON points_of_interest (kind, name);
CREATE INDEX points_by_name ON points_of_interest (name);
CREATE INDEX points_by_rating ON points_of_interest (rating);

CREATE TABLE lodgings (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    summary TEXT NOT NULL,
    latitude REAL NOT NULL,
    longitude REAL NOT NULL,
    stars INTEGER NOT NULL,
    rooms INTEGER NOT NULL,
    -- In euros.
    price_per_night REAL NOT NULL,
    rating REAL NOT NULL,
    -- A JSON array of texts.
    amenities TEXT NOT NULL,
    place TEXT NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX lodgings_by_place ON lodgings (place);
CREATE INDEX lodgings_by_kind ON lodgings (kind, name);
CREATE INDEX lodgings_by_name ON lodgings (name);
CREATE INDEX lodgings_by_price ON lodgings (price_per_night);
CREATE INDEX lodgings_by_rating ON lodgings (rating);
CREATE INDEX lodgings_by_stars ON lodgings (stars);

-- Which points lie in the same place as a lodging.
CREATE VIEW lodging_points AS
SELECT lodgings.id AS lodging, points_of_interest.id AS point
FROM lodgings JOIN points_of_interest ON points_of_interest.place = lodgings.place;

CREATE TABLE tours (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    summary TEXT NOT NULL,
    duration_hours REAL NOT NULL,
    group_size INTEGER NOT NULL,
    -- In euros, for one.
    price REAL NOT NULL,
    rating REAL NOT NULL,
    -- A JSON array of texts.
    languages TEXT NOT NULL,
    place TEXT NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX tours_by_place ON tours (place);
CREATE INDEX tours_by_kind ON tours (kind, name);
CREATE INDEX tours_by_name ON tours (name);
CREATE INDEX tours_by_price ON tours (price);
CREATE INDEX tours_by_rating ON tours (rating);

CREATE TABLE tour_stops (
    tour TEXT NOT NULL,
    point TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (tour, point)
) STRICT, WITHOUT ROWID;
CREATE INDEX tour_stops_by_point ON tour_stops (point);

CREATE TABLE articles (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    title_folded TEXT NOT NULL,
    teaser TEXT NOT NULL,
    body TEXT NOT NULL,
    published_at INTEGER NOT NULL,
    reading_minutes INTEGER NOT NULL,
    place TEXT NOT NULL,
    author TEXT NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX articles_by_place ON articles (place);
CREATE INDEX articles_by_author ON articles (author);
CREATE INDEX articles_by_kind ON articles (kind, published_at);
CREATE INDEX articles_by_time ON articles (published_at);
CREATE INDEX articles_by_title ON articles (title);

CREATE TABLE article_points (
    article TEXT NOT NULL,
    point TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (article, point)
) STRICT, WITHOUT ROWID;
CREATE INDEX article_points_by_point ON article_points (point);

CREATE TABLE books (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    title_folded TEXT NOT NULL,
    summary TEXT NOT NULL,
    isbn TEXT NOT NULL,
    pages INTEGER NOT NULL,
    published_year INTEGER NOT NULL,
    -- In euros.
    price REAL NOT NULL,
    rating REAL NOT NULL,
    place TEXT NOT NULL,
    author TEXT NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX books_by_place ON books (place);
CREATE INDEX books_by_author ON books (author);
CREATE INDEX books_by_kind ON books (kind, title);
CREATE INDEX books_by_title ON books (title);
CREATE INDEX books_by_rating ON books (rating);

CREATE TABLE authors (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    biography TEXT NOT NULL,
    place TEXT NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX authors_by_place ON authors (place);
CREATE INDEX authors_by_name ON authors (name);
