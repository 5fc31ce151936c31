-- What was chosen, in the order in which it was kept.
CREATE TABLE entries (
    seq            INTEGER PRIMARY KEY,
    site           TEXT    NOT NULL,
    subject        TEXT    NOT NULL,
    choice         BLOB    NOT NULL CHECK (length(choice) = 16),
    recorded_at_ms INTEGER NOT NULL CHECK (recorded_at_ms >= 0),
    -- The choice as JSON, its stances spelt out (docs/wire.md).
    payload        TEXT    NOT NULL,
    UNIQUE (site, choice)
) STRICT;

-- Every index ends in the row's number, so this one also holds the order within a subject.
CREATE INDEX entries_of_subject ON entries (site, subject);

-- Entries are evidence: added, never changed.
CREATE TRIGGER entries_never_change BEFORE UPDATE ON entries
BEGIN SELECT RAISE(ABORT, 'entries never change'); END;

CREATE TRIGGER entries_never_go BEFORE DELETE ON entries
BEGIN SELECT RAISE(ABORT, 'entries never go'); END;

-- `INSERT OR REPLACE` deletes without asking the trigger above.
CREATE TRIGGER entries_are_never_replaced BEFORE INSERT ON entries
WHEN EXISTS (SELECT 1 FROM entries WHERE seq = NEW.seq)
  OR EXISTS (SELECT 1 FROM entries WHERE site = NEW.site AND choice = NEW.choice)
BEGIN SELECT RAISE(ABORT, 'entries are never replaced'); END;

-- Who may speak for a subject: whoever knows the secret that came with its first choice.
CREATE TABLE devices (
    site        TEXT NOT NULL,
    subject     TEXT NOT NULL,
    secret_hash BLOB NOT NULL CHECK (length(secret_hash) = 32),
    PRIMARY KEY (site, subject)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER devices_never_change BEFORE UPDATE ON devices
BEGIN SELECT RAISE(ABORT, 'devices never change'); END;

-- Back ends that may ask. The key itself is not kept.
CREATE TABLE api_keys (
    key_hash      BLOB    NOT NULL PRIMARY KEY CHECK (length(key_hash) = 32),
    site          TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    created_at_ms INTEGER NOT NULL CHECK (created_at_ms >= 0)
) STRICT, WITHOUT ROWID;

-- Every notice that was ever published, as its hash was taken of it: what a choice names can be shown again.
CREATE TABLE notices (
    site            TEXT    NOT NULL,
    hash            BLOB    NOT NULL CHECK (length(hash) = 32),
    policy          BLOB    NOT NULL CHECK (length(policy) = 32),
    language        TEXT    NOT NULL,
    published_at_ms INTEGER NOT NULL CHECK (published_at_ms >= 0),
    canonical       TEXT    NOT NULL,
    PRIMARY KEY (site, hash)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER notices_never_change BEFORE UPDATE ON notices
BEGIN SELECT RAISE(ABORT, 'notices never change'); END;

CREATE TRIGGER notices_never_go BEFORE DELETE ON notices
BEGIN SELECT RAISE(ABORT, 'notices never go'); END;
