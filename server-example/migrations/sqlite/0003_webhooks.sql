-- Who is told of what a site's ledger gets, and how far they have been told. No secret is kept: it is made of the server's key, the id
-- and the generation.
CREATE TABLE webhooks (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    site            TEXT    NOT NULL,
    url             TEXT    NOT NULL,
    -- Only what concerns this processor; everything where there is none.
    processor       TEXT,
    generation      INTEGER NOT NULL DEFAULT 0 CHECK (generation >= 0),
    rotated_at_ms   INTEGER,
    state           TEXT    NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'disabled')),
    created_at_ms   INTEGER NOT NULL CHECK (created_at_ms >= 0),
    -- The first entry that it is told of, and the next: those in between were told, concern others, or are dead letters.
    first_seq       INTEGER NOT NULL CHECK (first_seq >= 0),
    next_seq        INTEGER NOT NULL CHECK (next_seq >= first_seq),
    tries           INTEGER NOT NULL DEFAULT 0 CHECK (tries >= 0),
    next_try_at_ms  INTEGER NOT NULL DEFAULT 0,
    -- Of several servers the one that holds the lease sends.
    holder          BLOB    CHECK (length(holder) = 16),
    held_until_ms   INTEGER NOT NULL DEFAULT 0,
    -- The last entry that the receiver says it has acted on.
    confirmed_seq   INTEGER CHECK (confirmed_seq < next_seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX webhooks_of_site ON webhooks (site, created_at_ms, id);

CREATE TRIGGER webhooks_go_on_only BEFORE UPDATE ON webhooks
WHEN NEW.next_seq < OLD.next_seq OR NEW.generation < OLD.generation OR NEW.confirmed_seq < OLD.confirmed_seq
BEGIN SELECT RAISE(ABORT, 'what was told stays told'); END;

-- What could not be told. Not the message: what an entry is about may have been erased since.
CREATE TABLE dead_letters (
    hook       BLOB    NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    seq        INTEGER NOT NULL CHECK (seq >= 0),
    -- When the entry was made.
    at_ms      INTEGER NOT NULL CHECK (at_ms >= 0),
    dead_at_ms INTEGER NOT NULL CHECK (dead_at_ms >= 0),
    cause      TEXT    NOT NULL,
    -- 1 where somebody wants it sent once more.
    wanted     INTEGER NOT NULL DEFAULT 0 CHECK (wanted IN (0, 1)),
    PRIMARY KEY (hook, seq)
) STRICT, WITHOUT ROWID;

-- What a processor was told, and has not confirmed yet.
CREATE TABLE unconfirmed (
    hook  BLOB    NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    seq   INTEGER NOT NULL CHECK (seq >= 0),
    at_ms INTEGER NOT NULL CHECK (at_ms >= 0),
    PRIMARY KEY (hook, seq)
) STRICT, WITHOUT ROWID;
