//! The database's versions, oldest first. What was released is never edited; a change is a new file.

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};

const ALL: &[M<'_>] = &[
    M::up(include_str!("../../../migrations/sqlite/0001_ledger.sql")),
    M::up(include_str!("../../../migrations/sqlite/0002_cases.sql")),
    M::up(include_str!("../../../migrations/sqlite/0003_webhooks.sql")),
];

const MIGRATIONS: Migrations<'_> = Migrations::from_slice(ALL);

/// Brings the database up to date. Several servers may start at once: the version is looked at before the lock is taken, so that all but
/// one find done what they were about to do, and look again.
pub(super) fn to_latest(connection: &mut Connection) -> Result<(), rusqlite_migration::Error> {
    let mut last = MIGRATIONS.to_latest(connection);
    for _ in ALL {
        match last {
            Ok(()) => break,
            Err(_) => last = MIGRATIONS.to_latest(connection),
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_run_on_an_empty_database() {
        MIGRATIONS.validate().unwrap();
    }
}
