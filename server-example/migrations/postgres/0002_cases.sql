-- The same as for SQLite, where the reasons stand.
CREATE TABLE cases (
    site        TEXT   NOT NULL,
    id          BYTEA  NOT NULL CHECK (length(id) = 16),
    subject     BYTEA  NOT NULL CHECK (length(subject) IN (17, 33)),
    secret_hash BYTEA  NOT NULL CHECK (length(secret_hash) = 32),
    right_used  TEXT   NOT NULL,
    note        TEXT   CHECK (length(note) <= 2000),
    state       TEXT   NOT NULL CHECK (state IN ('received', 'in-progress', 'extended', 'done', 'refused')),
    reason      TEXT   CHECK (length(reason) <= 2000),
    place       TEXT   NOT NULL,
    received_ms BIGINT NOT NULL CHECK (received_ms >= 0),
    due_ms      BIGINT NOT NULL CHECK (due_ms >= received_ms),
    latest_ms   BIGINT CHECK (latest_ms >= due_ms),
    changed_ms  BIGINT NOT NULL CHECK (changed_ms >= received_ms),
    CHECK (state <> 'refused' OR reason IS NOT NULL),
    PRIMARY KEY (site, id)
);

CREATE INDEX cases_of_subject ON cases (site, subject);
CREATE INDEX cases_by_due ON cases (site, state, due_ms);
