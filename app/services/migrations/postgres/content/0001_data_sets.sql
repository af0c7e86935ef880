-- As SQLite has it, so that one statement does for both.
CREATE FUNCTION instr(whole text, part text) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN strpos(whole, part);

-- The texts of a JSON array, as a table. Named as SQLite's, so that one statement does for both.
CREATE FUNCTION json_each(list text) RETURNS TABLE (value text)
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    BEGIN ATOMIC
        SELECT jsonb_array_elements_text(list::jsonb);
    END;

CREATE TABLE places (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    -- In lower case and without accents, to be searched.
    name_folded TEXT COLLATE "C" NOT NULL,
    summary TEXT COLLATE "C" NOT NULL,
    latitude DOUBLE PRECISION NOT NULL,
    longitude DOUBLE PRECISION NOT NULL,
    population BIGINT NOT NULL,
    -- NULL for the world only.
    parent TEXT COLLATE "C",
    updated_at BIGINT NOT NULL
);
CREATE INDEX places_by_parent ON places (parent);
CREATE INDEX places_by_kind ON places (kind, name);
CREATE INDEX places_by_name ON places (name);
CREATE INDEX places_by_population ON places (population);

-- Each place with everything beneath it, itself included at depth 0.
CREATE TABLE beneath (
    ancestor TEXT COLLATE "C" NOT NULL,
    place TEXT COLLATE "C" NOT NULL,
    depth BIGINT NOT NULL,
    PRIMARY KEY (ancestor, place)
);
CREATE INDEX beneath_by_place ON beneath (place, depth);
CREATE VIEW place_ancestors AS SELECT place, ancestor, depth FROM beneath WHERE depth > 0;

CREATE TABLE points_of_interest (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL,
    summary TEXT COLLATE "C" NOT NULL,
    latitude DOUBLE PRECISION NOT NULL,
    longitude DOUBLE PRECISION NOT NULL,
    rating DOUBLE PRECISION NOT NULL,
    -- As the feed gives it: "09:00-17:30".
    opening_hours TEXT COLLATE "C" NOT NULL,
    place TEXT COLLATE "C" NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX points_by_place ON points_of_interest (place);
CREATE INDEX points_by_kind ON points_of_interest (kind, name);
CREATE INDEX points_by_name ON points_of_interest (name);
CREATE INDEX points_by_rating ON points_of_interest (rating);

CREATE TABLE lodgings (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL,
    summary TEXT COLLATE "C" NOT NULL,
    latitude DOUBLE PRECISION NOT NULL,
    longitude DOUBLE PRECISION NOT NULL,
    stars BIGINT NOT NULL,
    rooms BIGINT NOT NULL,
    -- In euros.
    price_per_night DOUBLE PRECISION NOT NULL,
    rating DOUBLE PRECISION NOT NULL,
    -- A JSON array of texts.
    amenities TEXT COLLATE "C" NOT NULL,
    place TEXT COLLATE "C" NOT NULL,
    updated_at BIGINT NOT NULL
);
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
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL,
    summary TEXT COLLATE "C" NOT NULL,
    duration_hours DOUBLE PRECISION NOT NULL,
    group_size BIGINT NOT NULL,
    -- In euros, for one.
    price DOUBLE PRECISION NOT NULL,
    rating DOUBLE PRECISION NOT NULL,
    -- A JSON array of texts.
    languages TEXT COLLATE "C" NOT NULL,
    place TEXT COLLATE "C" NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX tours_by_place ON tours (place);
CREATE INDEX tours_by_kind ON tours (kind, name);
CREATE INDEX tours_by_name ON tours (name);
CREATE INDEX tours_by_price ON tours (price);
CREATE INDEX tours_by_rating ON tours (rating);

CREATE TABLE tour_stops (
    tour TEXT COLLATE "C" NOT NULL,
    point TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (tour, point)
);
CREATE INDEX tour_stops_by_point ON tour_stops (point);

CREATE TABLE articles (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL,
    title TEXT COLLATE "C" NOT NULL,
    title_folded TEXT COLLATE "C" NOT NULL,
    teaser TEXT COLLATE "C" NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    published_at BIGINT NOT NULL,
    reading_minutes BIGINT NOT NULL,
    place TEXT COLLATE "C" NOT NULL,
    author TEXT COLLATE "C" NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX articles_by_place ON articles (place);
CREATE INDEX articles_by_author ON articles (author);
CREATE INDEX articles_by_kind ON articles (kind, published_at);
CREATE INDEX articles_by_time ON articles (published_at);
CREATE INDEX articles_by_title ON articles (title);

CREATE TABLE article_points (
    article TEXT COLLATE "C" NOT NULL,
    point TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (article, point)
);
CREATE INDEX article_points_by_point ON article_points (point);

CREATE TABLE books (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL,
    title TEXT COLLATE "C" NOT NULL,
    title_folded TEXT COLLATE "C" NOT NULL,
    summary TEXT COLLATE "C" NOT NULL,
    isbn TEXT COLLATE "C" NOT NULL,
    pages BIGINT NOT NULL,
    published_year BIGINT NOT NULL,
    -- In euros.
    price DOUBLE PRECISION NOT NULL,
    rating DOUBLE PRECISION NOT NULL,
    place TEXT COLLATE "C" NOT NULL,
    author TEXT COLLATE "C" NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX books_by_place ON books (place);
CREATE INDEX books_by_author ON books (author);
CREATE INDEX books_by_kind ON books (kind, title);
CREATE INDEX books_by_title ON books (title);
CREATE INDEX books_by_rating ON books (rating);

CREATE TABLE authors (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL,
    biography TEXT COLLATE "C" NOT NULL,
    place TEXT COLLATE "C" NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX authors_by_place ON authors (place);
CREATE INDEX authors_by_name ON authors (name);

-- How far each feed has been read: the last entry that is in the tables above.
CREATE TABLE sync_position (
    feed TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    cursor BIGINT NOT NULL
);
