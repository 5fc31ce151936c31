//! Makes a snapshot: of subjects that come in any order, or of an earlier one and what has changed since.

use super::blocks::{Section, Writer};
use super::dictionary::{Dictionary, Life, NOT_HELD, PackError};
use super::entry::{Entry, Times};
use super::header::{Header, Origin};
use super::index::{GROUP_BYTES, Group, group_bits, group_of};
use super::key::PackKey;
use super::past::Past;
use super::snapshot::fits;
use crate::history::PolicyHistory;
use crate::id::{PolicyHash, Subject};
use crate::time::Time;
use alloc::vec::Vec;

/// A snapshot in the making. It takes some 40 bytes for each subject, and those of the snapshot at the end.
#[derive(Debug)]
pub struct Builder {
    key: PackKey,
    policy: PolicyHash,
    dictionary: Dictionary,
    times: Vec<Time>,
    entries: Vec<(u64, Entry)>,
    base: Time,
}

impl Builder {
    /// Of no subjects yet. `history` is what their records were made under.
    #[must_use]
    pub fn new(key: &PackKey, history: &PolicyHistory) -> Self {
        Self {
            key: key.clone(),
            policy: history.newest().hash(),
            dictionary: Dictionary::default(),
            times: Vec::new(),
            entries: Vec::new(),
            base: Time::from_ms(u64::MAX),
        }
    }

    /// Adds a subject, once.
    ///
    /// # Errors
    /// [`PackError::Full`].
    pub fn add(&mut self, past: &Past) -> Result<(), PackError> {
        let life = self.life(past)?;
        self.add_life(past.subject(), life.as_ref());
        Ok(())
    }

    /// How a past is packed, without whose it is. `None` for one that only the full rule can tell about.
    ///
    /// # Errors
    /// [`PackError::Full`].
    pub fn life(&mut self, past: &Past) -> Result<Option<Life>, PackError> {
        self.dictionary.pack(past)
    }

    /// Adds a subject, once, with a past that was packed here; with none, only the full rule is asked about them.
    pub fn add_life(&mut self, subject: Subject, life: Option<&Life>) {
        let entry = entry_of(life, &mut self.times, &mut self.base);
        self.entries.push((self.key.hash(&subject), entry));
    }

    /// The snapshot.
    ///
    /// # Errors
    /// [`PackError::Full`].
    pub fn finish(self, origin: Origin) -> Result<Vec<u8>, PackError> {
        let Self { key, policy, dictionary, times, mut entries, base } = self;
        entries.sort_unstable_by_key(|(hash, _)| *hash);
        let subjects = entries.len();
        let sorted = Sorted { key, policy, dictionary, times, base };
        sorted.write(origin, subjects, entries.into_iter().map(Ok), |_, _, entry| Ok(entry))
    }
}

/// Where the times go: into the entry, if they are few.
pub(super) fn entry_of(life: Option<&Life>, list: &mut Vec<Time>, base: &mut Time) -> Entry {
    let Some(life) = life else {
        return Entry { state: NOT_HELD, times: Times::Here(*base, *base) };
    };
    *base = life.times.iter().fold(*base, |base, time| base.min(*time));
    let times = match *life.times {
        [] => Times::Here(*base, *base),
        [time] => Times::Here(time, time),
        [first, second] => Times::Here(first, second),
        ref times => {
            let place = list.len();
            list.extend(times);
            Times::From(place)
        }
    };
    Entry { state: life.state, times }
}

/// All but the entries, which come in the order of their hashes.
pub(super) struct Sorted {
    pub(super) key: PackKey,
    pub(super) policy: PolicyHash,
    pub(super) dictionary: Dictionary,
    pub(super) times: Vec<Time>,
    pub(super) base: Time,
}

impl Sorted {
    /// Writes the snapshot. There are `subjects` of them at most. An entry may need what is not written yet: more words for the
    /// dictionary, more times.
    pub(super) fn write<E>(
        mut self,
        origin: Origin,
        subjects: usize,
        entries: impl Iterator<Item = Result<(u64, E), PackError>>,
        mut taken: impl FnMut(&mut Dictionary, &mut Vec<Time>, E) -> Result<Entry, PackError>,
    ) -> Result<Vec<u8>, PackError> {
        let group_bits = group_bits(subjects);
        let mut writer = Writer::new();
        // Known last, but first in its place.
        let mut index = writer.begin::<GROUP_BYTES>();
        for _ in 0..1 << group_bits {
            writer.push(&mut index, &[0; GROUP_BYTES]);
        }
        let mut section = writer.begin();
        let (mut group, mut number, mut start) = (Group::default(), 0, 0);
        let mut held: Option<(u64, Entry)> = None;
        let mut entries = entries.fuse();
        loop {
            let next = match entries.next().transpose()? {
                Some((hash, entry)) => Some((hash, taken(&mut self.dictionary, &mut self.times, entry)?)),
                None => None,
            };
            if let (Some((last, known)), Some((hash, _))) = (&mut held, &next)
                && last == hash
            {
                // Of two subjects with one hash nobody could tell which is meant, so the full rule is asked of both.
                known.state = NOT_HELD;
                continue;
            }
            let Some((hash, entry)) = core::mem::replace(&mut held, next) else {
                if held.is_none() {
                    break;
                }
                continue;
            };
            while number < group_of(hash, group_bits) {
                writer.put(&index, number, group.finish(start, group_bits));
                (start, number) = (u32::try_from(section.items).map_err(|_| PackError::Full)?, number + 1);
            }
            group.push(hash);
            writer.push(&mut section, &self.near(entry).to_bytes(hash, self.base));
        }
        while number < index.items {
            writer.put(&index, number, group.finish(start, group_bits));
            (start, number) = (u32::try_from(section.items).map_err(|_| PackError::Full)?, number + 1);
        }
        let entries = section;
        let mut times = writer.begin::<8>();
        for time in &self.times {
            writer.push(&mut times, &time.as_ms().to_le_bytes());
        }
        let mut states = writer.begin();
        for state in &self.dictionary.states {
            writer.push(&mut states, &state.to_bytes());
        }
        let mut texts: Section<1> = writer.begin();
        for byte in &self.dictionary.texts {
            writer.push(&mut texts, &[*byte]);
        }
        writer.end();
        let blocks = writer.blocks();
        let Self { key, policy, base, .. } = self;
        let header = Header { origin, policy, base, group_bits, index, entries, times, states, texts, blocks };
        Ok(writer.finish(&header.to_bytes(&key), &key))
    }

    /// Puts times elsewhere that are too far from the base.
    fn near(&mut self, entry: Entry) -> Entry {
        match entry.times {
            Times::Here(first, second)
                if entry.state != NOT_HELD && !(fits(first, self.base) && fits(second, self.base)) =>
            {
                let place = self.times.len();
                self.times.extend([first, second]);
                Entry { times: Times::From(place), ..entry }
            }
            Times::Here(..) if entry.state == NOT_HELD => Entry { times: Times::Here(self.base, self.base), ..entry },
            Times::Here(..) | Times::From(_) => entry,
        }
    }
}
