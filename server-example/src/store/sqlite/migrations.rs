//! The database's versions, oldest first. What was released is never edited; a change is a new file.

use rusqlite_migration::{M, Migrations};

const ALL: &[M<'_>] = &[M::up(include_str!("../../../migrations/sqlite/0001_ledger.sql"))];

pub(super) const MIGRATIONS: Migrations<'_> = Migrations::from_slice(ALL);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_run_on_an_empty_database() {
        MIGRATIONS.validate().unwrap();
    }
}
