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
    /// Of whom one must look whether they are among these: a bit for each of the hashes that begin alike, several for each who is held.
    near: Vec<u64>,
    /// Whoever was kept last, by hash, in the order in which they were.
    log: Vec<u64>,
    /// How many were kept before those.
    forgotten: usize,
    /// The first time of all.
    pub(super) base: Time,
    pub(super) number: u64,
}

/// How many of those who were kept are known in their order.
const LOG_MAX: usize = 1 << 18;
/// Bits for each who is held, about.
const NEAR_BITS_EACH: usize = 16;

impl Later {
    pub(super) fn new() -> Self {
        Self {
            dictionary: Dictionary::default(),
            times: Vec::new(),
            held: HashMap::default(),
            near: Vec::new(),
            log: Vec::new(),
            forgotten: 0,
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
        self.mark(hash);
        Ok(())
    }

    /// Knows of a subject that there is more to know.
    pub(super) fn lose(&mut self, hash: u64, subject: Subject) {
        self.held.insert(hash, (subject, entry_of(None, &mut self.times, &mut self.base)));
        self.mark(hash);
    }

    /// How often anybody was kept.
    pub(super) const fn kept(&self) -> usize {
        self.forgotten + self.log.len()
    }

    /// The hashes of all who were kept since so many were; `None` where that is too long ago.
    pub(super) fn kept_since(&self, kept: usize) -> Option<&[u64]> {
        self.log.get(kept.checked_sub(self.forgotten)?..)
    }

    fn mark(&mut self, hash: u64) {
        if self.log.len() >= LOG_MAX {
            drop(self.log.drain(..LOG_MAX / 2));
            self.forgotten += LOG_MAX / 2;
        }
        self.log.push(hash);
        if self.held.len() * NEAR_BITS_EACH > self.near.len() * 64 {
            // Twice as many as are needed now, so that this is seldom done.
            let words = (self.held.len() * NEAR_BITS_EACH * 2).div_ceil(64);
            self.near = alloc::vec![0; words];
            for hash in self.held.keys() {
                set(&mut self.near, *hash);
            }
        }
        set(&mut self.near, hash);
    }

    /// Whether somebody with that hash may be among these. Hashes that follow one another are asked of one place of memory.
    #[inline(always)]
    pub(super) fn may_hold(&self, hash: u64) -> bool {
        let (word, bit) = near(hash, self.near.len());
        self.near.get(word).is_some_and(|word| word >> bit & 1 != 0)
    }

    /// The entry of whoever has that hash, as [`super::Replica::merge`] takes it, without asking who it is.
    #[inline(always)]
    pub(super) fn find_hash(&self, hash: u64) -> Result<Option<Entry>, Unanswered> {
        if !self.may_hold(hash) {
            return Ok(None);
        }
        match self.held.get(&hash) {
            Some((_, entry)) if entry.state == NOT_HELD => Err(Unanswered::NotHeld),
            Some((_, entry)) => Ok(Some(*entry)),
            None => Ok(None),
        }
    }

    /// The subject's entry; `None` for somebody who is as the snapshot has them.
    #[inline(always)]
    pub(super) fn find(&self, hash: u64, subject: &Subject) -> Result<Option<Entry>, Unanswered> {
        if !self.may_hold(hash) {
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

/// Which bit a hash has among so many words.
#[inline(always)]
const fn near(hash: u64, words: usize) -> (usize, u32) {
    let place = ((hash as u128 * (words as u128 * 64)) >> 64) as usize;
    (place / 64, (place % 64) as u32)
}

fn set(words: &mut [u64], hash: u64) {
    let (word, bit) = near(hash, words.len());
    if let Some(word) = words.get_mut(word) {
        *word |= 1 << bit;
    }
}
