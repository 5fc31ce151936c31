-- Rights that cannot be done at once, and when they must be: work in hand, no evidence, so that rows change. They go with their subject.
CREATE TABLE cases (
    site        TEXT    NOT NULL,
    id          BLOB    NOT NULL CHECK (length(id) = 16),
    subject     BLOB    NOT NULL CHECK (length(subject) IN (17, 33)),
    -- Whoever opened it: a browser may do so before it has chosen anything.
    secret_hash BLOB    NOT NULL CHECK (length(secret_hash) = 32),
    right_used  TEXT    NOT NULL,
    -- What the person wrote. It is nowhere else.
    note        TEXT    CHECK (length(note) <= 2000),
    state       TEXT    NOT NULL CHECK (state IN ('received', 'in-progress', 'extended', 'done', 'refused')),
    -- Why it was refused, or takes longer.
    reason      TEXT    CHECK (length(reason) <= 2000),
    -- The place whose law sets the days: ISO 3166, or empty for where nothing is known.
    place       TEXT    NOT NULL,
    received_ms INTEGER NOT NULL CHECK (received_ms >= 0),
    due_ms      INTEGER NOT NULL CHECK (due_ms >= received_ms),
    -- Until when it may be extended, where that is possible and has not been done.
    latest_ms   INTEGER CHECK (latest_ms >= due_ms),
    changed_ms  INTEGER NOT NULL CHECK (changed_ms >= received_ms),
    CHECK (state <> 'refused' OR reason IS NOT NULL),
    PRIMARY KEY (site, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX cases_of_subject ON cases (site, subject);
CREATE INDEX cases_by_due ON cases (site, state, due_ms);
