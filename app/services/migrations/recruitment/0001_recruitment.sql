-- Times are nanoseconds since the epoch; ids are UUIDs in their usual text form. `version` is what
-- the entity tag of a resource tells.

CREATE TABLE positions (
    id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    title TEXT NOT NULL,
    department TEXT NOT NULL,
    location TEXT NOT NULL,
    description TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('draft', 'open', 'closed')),
    headcount INTEGER NOT NULL CHECK (headcount > 0),
    hired INTEGER NOT NULL CHECK (hired BETWEEN 0 AND headcount),
    -- A JSON array of names, in order.
    stages TEXT NOT NULL,
    -- The subject of the hiring manager whose own it is.
    manager TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX positions_by_manager ON positions (manager);
CREATE INDEX positions_by_creation ON positions (created_at, id);

-- What an erasure leaves of a candidate is that there was one.
CREATE TABLE candidates (
    id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('active', 'erased')),
    name TEXT,
    email TEXT,
    -- What two spellings of one mailbox have in common.
    email_key TEXT,
    phone TEXT,
    source TEXT NOT NULL,
    consent_purpose TEXT NOT NULL,
    consent_given_at INTEGER NOT NULL,
    retain_until INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CHECK ((state = 'active') = (name IS NOT NULL AND email IS NOT NULL AND email_key IS NOT NULL)),
    CHECK (state = 'active' OR phone IS NULL)
) STRICT;
CREATE INDEX candidates_by_email ON candidates (email_key) WHERE email_key IS NOT NULL;
CREATE INDEX candidates_by_creation ON candidates (created_at, id);
CREATE INDEX candidates_by_retention ON candidates (retain_until) WHERE state = 'active';

CREATE TABLE applications (
    id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    candidate TEXT NOT NULL REFERENCES candidates (id),
    position TEXT NOT NULL REFERENCES positions (id),
    state TEXT NOT NULL CHECK (state IN ('active', 'rejected', 'withdrawn', 'hired')),
    stage TEXT NOT NULL,
    stage_since INTEGER NOT NULL,
    reason TEXT,
    note TEXT,
    salary_amount INTEGER,
    salary_currency TEXT,
    decided_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CHECK ((state = 'active') = (decided_at IS NULL))
) STRICT;
CREATE UNIQUE INDEX applications_under_way ON applications (candidate, position) WHERE state = 'active';
CREATE INDEX applications_by_candidate ON applications (candidate);
CREATE INDEX applications_by_position ON applications (position);
CREATE INDEX applications_by_creation ON applications (created_at, id);
CREATE INDEX applications_by_decision ON applications (decided_at) WHERE decided_at IS NOT NULL;

CREATE TABLE interviewers (
    application TEXT NOT NULL REFERENCES applications (id),
    subject TEXT NOT NULL,
    PRIMARY KEY (application, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX interviewers_by_subject ON interviewers (subject);

CREATE TABLE assessments (
    id TEXT PRIMARY KEY,
    application TEXT NOT NULL REFERENCES applications (id),
    author TEXT NOT NULL,
    stage TEXT NOT NULL,
    score INTEGER CHECK (score BETWEEN 1 AND 5),
    note TEXT,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX assessments_by_application ON assessments (application, created_at, id);

-- One row for each content that is on disk, named by its SHA-256.
CREATE TABLE files (
    digest TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    content_type TEXT NOT NULL,
    reference_count INTEGER NOT NULL CHECK (reference_count >= 0),
    -- Since when nothing refers to it.
    unreferenced_since INTEGER,
    created_at INTEGER NOT NULL,
    CHECK ((reference_count = 0) = (unreferenced_since IS NOT NULL))
) STRICT;
CREATE INDEX files_unreferenced ON files (unreferenced_since) WHERE reference_count = 0;

CREATE TABLE documents (
    id TEXT PRIMARY KEY,
    application TEXT NOT NULL REFERENCES applications (id),
    digest TEXT NOT NULL REFERENCES files (digest),
    kind TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (application, digest)
) STRICT;
CREATE INDEX documents_by_digest ON documents (digest);

-- AUTOINCREMENT remembers the last number even when the last rows are taken away.
CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    role TEXT NOT NULL,
    action TEXT NOT NULL,
    kind TEXT NOT NULL,
    object TEXT NOT NULL,
    trace_id TEXT,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_object ON audit (object, sequence);
CREATE INDEX audit_by_actor ON audit (actor, sequence);
CREATE TRIGGER audit_is_not_edited BEFORE UPDATE ON audit
BEGIN SELECT raise(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_is_not_cut BEFORE DELETE ON audit
BEGIN SELECT raise(ABORT, 'the audit trail is append-only'); END;
