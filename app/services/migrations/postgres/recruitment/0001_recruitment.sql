-- As SQLite has it, so that one statement does for both.
CREATE FUNCTION instr(whole text, part text) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN strpos(whole, part);

-- Times are nanoseconds since the epoch; ids are UUIDs in their usual text form. `version` is what
-- the entity tag of a resource tells.

CREATE TABLE positions (
    id TEXT COLLATE "C" PRIMARY KEY,
    version BIGINT NOT NULL,
    title TEXT COLLATE "C" NOT NULL,
    department TEXT COLLATE "C" NOT NULL,
    location TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('draft', 'open', 'closed')),
    headcount BIGINT NOT NULL CHECK (headcount > 0),
    hired BIGINT NOT NULL CHECK (hired BETWEEN 0 AND headcount),
    -- A JSON array of names, in order.
    stages TEXT COLLATE "C" NOT NULL,
    -- The subject of the hiring manager whose own it is.
    manager TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX positions_by_manager ON positions (manager);
CREATE INDEX positions_by_creation ON positions (created_at, id);

-- What an erasure leaves of a candidate is that there was one.
CREATE TABLE candidates (
    id TEXT COLLATE "C" PRIMARY KEY,
    version BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('active', 'erased')),
    name TEXT COLLATE "C",
    email TEXT COLLATE "C",
    -- What two spellings of one mailbox have in common.
    email_key TEXT COLLATE "C",
    phone TEXT COLLATE "C",
    source TEXT COLLATE "C" NOT NULL,
    consent_purpose TEXT COLLATE "C" NOT NULL,
    consent_given_at BIGINT NOT NULL,
    retain_until BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CHECK ((state = 'active') = (name IS NOT NULL AND email IS NOT NULL AND email_key IS NOT NULL)),
    CHECK (state = 'active' OR phone IS NULL)
);
CREATE INDEX candidates_by_email ON candidates (email_key) WHERE email_key IS NOT NULL;
CREATE INDEX candidates_by_creation ON candidates (created_at, id);
CREATE INDEX candidates_by_retention ON candidates (retain_until) WHERE state = 'active';

CREATE TABLE applications (
    id TEXT COLLATE "C" PRIMARY KEY,
    version BIGINT NOT NULL,
    candidate TEXT COLLATE "C" NOT NULL REFERENCES candidates (id),
    position TEXT COLLATE "C" NOT NULL REFERENCES positions (id),
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('active', 'rejected', 'withdrawn', 'hired')),
    stage TEXT COLLATE "C" NOT NULL,
    stage_since BIGINT NOT NULL,
    reason TEXT COLLATE "C",
    note TEXT COLLATE "C",
    salary_amount BIGINT,
    salary_currency TEXT COLLATE "C",
    decided_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CHECK ((state = 'active') = (decided_at IS NULL))
);
CREATE UNIQUE INDEX applications_under_way ON applications (candidate, position) WHERE state = 'active';
CREATE INDEX applications_by_candidate ON applications (candidate);
CREATE INDEX applications_by_position ON applications (position);
CREATE INDEX applications_by_creation ON applications (created_at, id);
CREATE INDEX applications_by_decision ON applications (decided_at) WHERE decided_at IS NOT NULL;

CREATE TABLE interviewers (
    application TEXT COLLATE "C" NOT NULL REFERENCES applications (id),
    subject TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (application, subject)
);
CREATE INDEX interviewers_by_subject ON interviewers (subject);

CREATE TABLE assessments (
    id TEXT COLLATE "C" PRIMARY KEY,
    application TEXT COLLATE "C" NOT NULL REFERENCES applications (id),
    author TEXT COLLATE "C" NOT NULL,
    stage TEXT COLLATE "C" NOT NULL,
    score BIGINT CHECK (score BETWEEN 1 AND 5),
    note TEXT COLLATE "C",
    created_at BIGINT NOT NULL
);
CREATE INDEX assessments_by_application ON assessments (application, created_at, id);

-- One row for each content that is on disk, named by its SHA-256.
CREATE TABLE files (
    digest TEXT COLLATE "C" PRIMARY KEY,
    size BIGINT NOT NULL,
    content_type TEXT COLLATE "C" NOT NULL,
    reference_count BIGINT NOT NULL CHECK (reference_count >= 0),
    -- Since when nothing refers to it.
    unreferenced_since BIGINT,
    created_at BIGINT NOT NULL,
    CHECK ((reference_count = 0) = (unreferenced_since IS NOT NULL))
);
CREATE INDEX files_unreferenced ON files (unreferenced_since) WHERE reference_count = 0;

CREATE TABLE documents (
    id TEXT COLLATE "C" PRIMARY KEY,
    application TEXT COLLATE "C" NOT NULL REFERENCES applications (id),
    digest TEXT COLLATE "C" NOT NULL REFERENCES files (digest),
    kind TEXT COLLATE "C" NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (application, digest)
);
CREATE INDEX documents_by_digest ON documents (digest);

CREATE TABLE audit (
    sequence BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    object TEXT COLLATE "C" NOT NULL,
    trace_id TEXT COLLATE "C",
    before TEXT COLLATE "C" NOT NULL,
    after TEXT COLLATE "C" NOT NULL,
    hash TEXT COLLATE "C" NOT NULL
);
CREATE INDEX audit_by_object ON audit (object, sequence);
CREATE INDEX audit_by_actor ON audit (actor, sequence);

-- The last number that an entry had, also when the last rows are taken away.
CREATE TABLE audit_sequence (last BIGINT NOT NULL);
CREATE UNIQUE INDEX audit_sequence_is_one ON audit_sequence ((true));
INSERT INTO audit_sequence (last) VALUES (0);

CREATE FUNCTION audit_goes_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE audit_sequence SET last = greatest(last, NEW.sequence);
    RETURN NULL;
END $$;
CREATE TRIGGER audit_goes_on AFTER INSERT ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_goes_on();

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only';
END $$;
CREATE TRIGGER audit_is_not_edited BEFORE UPDATE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_is_not_cut BEFORE DELETE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
