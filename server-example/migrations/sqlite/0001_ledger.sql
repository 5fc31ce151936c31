-- Each site has a ledger of its own. The number stands for its name everywhere else.
CREATE TABLE sites (
    number INTEGER PRIMARY KEY,
    name   TEXT    NOT NULL UNIQUE
) STRICT;

-- Where each ledger stands: how many entries, when the last was made, and the root of the tree over all of them.
CREATE TABLE heads (
    site  INTEGER PRIMARY KEY REFERENCES sites (number),
    size  INTEGER NOT NULL CHECK (size >= 0),
    at_ms INTEGER NOT NULL CHECK (at_ms >= 0),
    root  BLOB    NOT NULL CHECK (length(root) = 32)
) STRICT;

CREATE TRIGGER heads_only_grow BEFORE UPDATE ON heads
WHEN NEW.size < OLD.size OR NEW.at_ms < OLD.at_ms
BEGIN SELECT RAISE(ABORT, 'ledgers only grow'); END;

CREATE TRIGGER heads_never_go BEFORE DELETE ON heads
BEGIN SELECT RAISE(ABORT, 'ledgers never go'); END;

-- The part of an entry that is about nobody: what a leaf of the tree is made of. Counted from 0 in each ledger.
CREATE TABLE entries (
    site       INTEGER NOT NULL REFERENCES sites (number),
    seq        INTEGER NOT NULL CHECK (seq >= 0),
    at_ms      INTEGER NOT NULL CHECK (at_ms >= 0),
    commitment BLOB    NOT NULL CHECK (length(commitment) = 32),
    PRIMARY KEY (site, seq)
) STRICT, WITHOUT ROWID;

-- Entries are evidence: added, never changed.
CREATE TRIGGER entries_never_change BEFORE UPDATE ON entries
BEGIN SELECT RAISE(ABORT, 'entries never change'); END;

CREATE TRIGGER entries_never_go BEFORE DELETE ON entries
BEGIN SELECT RAISE(ABORT, 'entries never go'); END;

-- `INSERT OR REPLACE` deletes without asking the trigger above.
CREATE TRIGGER entries_are_never_replaced BEFORE INSERT ON entries
WHEN EXISTS (SELECT 1 FROM entries WHERE site = NEW.site AND seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'entries are never replaced'); END;

-- The part that is about a person, until they want it erased. The payload's canonical bytes are what the entry commits to under the salt.
CREATE TABLE payloads (
    site        INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    id          BLOB    NOT NULL CHECK (length(id) = 16),
    -- 1 and a device's 16 bytes, or 2 and an account's 32.
    subject     BLOB    NOT NULL CHECK (length(subject) IN (17, 33)),
    -- Who may speak for the subject: whoever knows the secret that came with its first entry.
    secret_hash BLOB    CHECK (length(secret_hash) = 32),
    salt        BLOB    NOT NULL CHECK (length(salt) = 32),
    payload     BLOB    NOT NULL,
    PRIMARY KEY (site, seq),
    FOREIGN KEY (site, seq) REFERENCES entries (site, seq)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX payloads_by_id ON payloads (site, id);
CREATE INDEX payloads_of_subject ON payloads (site, subject, seq);

CREATE TRIGGER payloads_never_change BEFORE UPDATE ON payloads
BEGIN SELECT RAISE(ABORT, 'payloads never change'); END;

-- That somebody is erased: all that is left of them. It answers those who know their name, and tells it to nobody.
CREATE TABLE erasures (
    site    INTEGER NOT NULL,
    subject BLOB    NOT NULL CHECK (length(subject) = 32),
    id      BLOB    NOT NULL CHECK (length(id) = 16),
    seq     INTEGER NOT NULL,
    at_ms   INTEGER NOT NULL,
    PRIMARY KEY (site, subject),
    FOREIGN KEY (site, seq) REFERENCES entries (site, seq)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX erasures_by_id ON erasures (site, id);
CREATE UNIQUE INDEX erasures_by_seq ON erasures (site, seq);

-- The tree over the entries, in tiles of 256 hashes (C2SP tlog-tiles). It could be computed from the entries again.
CREATE TABLE tiles (
    site   INTEGER NOT NULL,
    level  INTEGER NOT NULL CHECK (level BETWEEN 0 AND 7),
    number INTEGER NOT NULL CHECK (number >= 0),
    hashes BLOB    NOT NULL CHECK (length(hashes) % 32 = 0 AND length(hashes) <= 8192),
    PRIMARY KEY (site, level, number)
) STRICT, WITHOUT ROWID;

-- Back ends that may ask. The key itself is not kept.
CREATE TABLE api_keys (
    key_hash      BLOB    NOT NULL PRIMARY KEY CHECK (length(key_hash) = 32),
    site          TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    -- Words with spaces between them: what it may do.
    scopes        TEXT    NOT NULL,
    created_at_ms INTEGER NOT NULL CHECK (created_at_ms >= 0),
    revoked_at_ms INTEGER CHECK (revoked_at_ms >= created_at_ms)
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
