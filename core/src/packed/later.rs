//! What has changed since a snapshot was made: few subjects, in a hash table, packed as those of the snapshot are.

use super::Unanswered;
use super::build::entry_of;
use super::dictionary::{Dictionary, NOT_HELD, PackError};
use super::entry::{Entry, Times};
use super::past::Past;
use super::snapshot::next_number;
use crate::id::Subject;
use crate::time::Time;
use alloc::vec::Vec;
use rustc_hash::FxBuildHasher;
use std::collections::HashMap;

/// Subjects that are no longer as the snapshot has them.
#[derive(Debug)]
pub(super) struct Later {
    pub(super) dictionary: Dictionary,
    pub(super) times: Vec<Time>,
    // By the keyed hash, which nobody can make collide, so that the table's own may be a quick one.
    held: HashMap<u64, (Subject, Entry), FxBuildHasher>,
    /// The first time of all.
    pub(super) base: Time,
    pub(super) number: u64,
}

impl Later {
    pub(super) fn new() -> Self {
        Self {
            dictionary: Dictionary::default(),
            times: Vec::new(),
            held: HashMap::default(),
            base: Time::from_ms(u64::MAX),
            number: next_number(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// Keeps what is known of a subject now.
    pub(super) fn keep(&mut self, hash: u64, past: &Past) -> Result<(), PackError> {
        let subject = past.subject();
        let life = self.dictionary.pack(past)?;
        let mut entry = entry_of(life.as_ref(), &mut self.times, &mut self.base);
        // Of two subjects with one hash nobody could tell which is meant once they are written to a snapshot.
        if self.held.get(&hash).is_some_and(|(other, _)| *other != subject) {
            entry.state = NOT_HELD;
        }
        self.held.insert(hash, (subject, entry));
        Ok(())
    }

    /// Knows of a subject that there is more to know.
    pub(super) fn lose(&mut self, hash: u64, subject: Subject) {
        self.held.insert(hash, (subject, entry_of(None, &mut self.times, &mut self.base)));
    }

    /// The subject's entry; `None` for somebody who is as the snapshot has them.
    #[inline(always)]
    pub(super) fn find(&self, hash: u64, subject: &Subject) -> Result<Option<Entry>, Unanswered> {
        if self.held.is_empty() {
            return Ok(None);
        }
        match self.held.get(&hash) {
            Some((_, entry)) if entry.state == NOT_HELD => Err(Unanswered::NotHeld),
            Some((known, entry)) if known == subject => Ok(Some(*entry)),
            Some(_) | None => Ok(None),
        }
    }

    #[inline(always)]
    pub(super) fn time(&self, times: &Times, rank: u16) -> Result<Time, Unanswered> {
        match (times, rank) {
            (Times::Here(first, _), 0) => Ok(*first),
            (Times::Here(_, second), 1) => Ok(*second),
            (Times::Here(..), _) => Err(Unanswered::Damaged),
            (Times::From(place), rank) => {
                self.times.get(place.saturating_add(usize::from(rank))).copied().ok_or(Unanswered::Damaged)
            }
        }
    }

    /// Every entry with its hash, in the order of the hashes.
    pub(super) fn sorted(&self) -> Vec<(u64, Entry)> {
        let mut entries: Vec<(u64, Entry)> = self.held.iter().map(|(hash, (_, entry))| (*hash, *entry)).collect();
        entries.sort_unstable_by_key(|(hash, _)| *hash);
        entries
    }
}
