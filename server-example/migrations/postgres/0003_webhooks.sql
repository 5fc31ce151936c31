-- The same as for SQLite, where the reasons stand.
CREATE TABLE webhooks (
    id              BYTEA  PRIMARY KEY CHECK (length(id) = 16),
    site            TEXT   NOT NULL,
    url             TEXT   NOT NULL,
    processor       TEXT,
    generation      BIGINT NOT NULL DEFAULT 0 CHECK (generation >= 0),
    rotated_at_ms   BIGINT,
    state           TEXT   NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'disabled')),
    created_at_ms   BIGINT NOT NULL CHECK (created_at_ms >= 0),
    first_seq       BIGINT NOT NULL CHECK (first_seq >= 0),
    next_seq        BIGINT NOT NULL CHECK (next_seq >= first_seq),
    tries           BIGINT NOT NULL DEFAULT 0 CHECK (tries >= 0),
    next_try_at_ms  BIGINT NOT NULL DEFAULT 0,
    holder          BYTEA  CHECK (length(holder) = 16),
    held_until_ms   BIGINT NOT NULL DEFAULT 0,
    confirmed_seq   BIGINT CHECK (confirmed_seq < next_seq)
);

CREATE INDEX webhooks_of_site ON webhooks (site, created_at_ms, id);

CREATE TABLE dead_letters (
    hook       BYTEA  NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    seq        BIGINT NOT NULL CHECK (seq >= 0),
    at_ms      BIGINT NOT NULL CHECK (at_ms >= 0),
    dead_at_ms BIGINT NOT NULL CHECK (dead_at_ms >= 0),
    cause      TEXT   NOT NULL,
    wanted     BIGINT NOT NULL DEFAULT 0 CHECK (wanted IN (0, 1)),
    PRIMARY KEY (hook, seq)
);

CREATE TABLE unconfirmed (
    hook  BYTEA  NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    seq   BIGINT NOT NULL CHECK (seq >= 0),
    at_ms BIGINT NOT NULL CHECK (at_ms >= 0),
    PRIMARY KEY (hook, seq)
);
