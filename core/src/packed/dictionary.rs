//! What subjects have in common, each kept once: shapes of records, one after the other as somebody's past has them.
//!
//! A *state* is one of them, in its place in a past. States are numbered, those of one past one after the other, so that the last tells
//! the way to the first.

use super::Unanswered;
use super::past::Past;
use super::shape;
use super::varint::write;
use crate::record::Record;
use crate::time::Time;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// Most times in a past that is packed. Whoever has more is asked of the full rule.
pub const TIMES_MAX: usize = 60_000;

/// In place of a state: what is known of this subject is not packed.
pub(super) const NOT_HELD: u32 = u32::MAX;
/// A state has a number below this.
pub(super) const STATES_MAX: usize = 1 << 31;
/// Length of a state in a snapshot, in bytes.
pub(super) const STATE_BYTES: usize = 8;

/// One state: where its shape is, and which of the past's times it holds from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    /// Where the shape's length and bytes are.
    pub(super) shape: u32,
    /// The rank of the time from which it holds.
    pub(super) from: u16,
    /// Its place in the past: so many states before it belong to the same.
    pub(super) place: u16,
}

impl State {
    pub(super) fn to_bytes(self) -> [u8; STATE_BYTES] {
        let ([a, b, c, d], [e, f], [g, h]) =
            (self.shape.to_le_bytes(), self.from.to_le_bytes(), self.place.to_le_bytes());
        [a, b, c, d, e, f, g, h]
    }

    pub(super) const fn from_bytes([a, b, c, d, e, f, g, h]: [u8; STATE_BYTES]) -> Self {
        Self {
            shape: u32::from_le_bytes([a, b, c, d]),
            from: u16::from_le_bytes([e, f]),
            place: u16::from_le_bytes([g, h]),
        }
    }
}

/// Why something cannot be packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// Too many different pasts, or too many subjects, for the numbers by which they are found.
    #[error("no more room in one snapshot: split the subjects among several")]
    Full,
    /// Something that was packed earlier cannot be read.
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
}

/// A past as it is packed: what it has in common with others, and its times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Life {
    pub(super) state: u32,
    pub(super) times: Box<[Time]>,
}

impl Life {
    /// The same past, lived at other times; `None` unless they are as many, and ascend.
    #[must_use]
    pub fn at(&self, times: &[Time]) -> Option<Self> {
        let ascends = times.iter().zip(times.iter().skip(1)).all(|(a, b)| a < b);
        (times.len() == self.times.len() && ascends).then(|| Self { state: self.state, times: times.into() })
    }

    /// The times at which it was lived, ascending.
    #[must_use]
    pub fn times(&self) -> &[Time] {
        &self.times
    }
}

/// Where the states of a [`Past`] can be read again.
pub(super) trait Source {
    fn state(&self, number: u32) -> Result<State, Unanswered>;

    /// The bytes that begin there with their own length.
    fn text(&self, place: u32) -> Result<Vec<u8>, Unanswered>;

    /// The record of a state, with the time of each rank put in.
    fn record(&self, state: State, time: impl Fn(u16) -> Option<Time>) -> Result<Record, Unanswered> {
        let bytes = self.text(state.shape)?;
        shape::decode(&bytes, time, |place| self.text(place).ok()).ok_or(Unanswered::Damaged)
    }

    /// All states of the past that ends with that one, the first of them first.
    fn states_until(&self, last: u32) -> Result<Vec<State>, Unanswered> {
        let place = self.state(last)?.place;
        let first = last.checked_sub(u32::from(place)).ok_or(Unanswered::Damaged)?;
        (first..=last).map(|number| self.state(number)).collect()
    }
}

/// The dictionary while it is being written.
#[derive(Debug, Clone, Default)]
pub(super) struct Dictionary {
    pub(super) texts: Vec<u8>,
    pub(super) states: Vec<State>,
    // Ordered, since what people choose must not be able to slow down whoever packs it.
    text_places: BTreeMap<Box<[u8]>, u32>,
    lives: BTreeMap<Vec<(u32, u16)>, u32>,
}

impl Dictionary {
    /// The past, packed. `None` for one that only the full rule can tell about.
    pub(super) fn life(&mut self, past: &[(Time, Record)]) -> Result<Option<Life>, PackError> {
        let mut times = BTreeSet::new();
        for (from, record) in past {
            if shape::hangs_on_names(record) {
                return Ok(None);
            }
            times.insert(*from);
            shape::times_of(record, &mut times);
        }
        if times.len() > TIMES_MAX {
            return Ok(None);
        }
        let times: Box<[Time]> = times.into_iter().collect();
        let mut key = Vec::with_capacity(past.len());
        for (from, record) in past {
            let bytes = shape::encode(record, &times, |text| self.place_of(text)).ok_or(PackError::Full)?;
            let rank = times.binary_search(from).ok().and_then(|rank| u16::try_from(rank).ok());
            key.push((self.place_of(&bytes).ok_or(PackError::Full)?, rank.ok_or(PackError::Full)?));
        }
        let state = match self.lives.get(&key) {
            Some(known) => *known,
            None => self.add(key)?,
        };
        Ok(Some(Life { state, times }))
    }

    fn add(&mut self, key: Vec<(u32, u16)>) -> Result<u32, PackError> {
        if self.states.len() + key.len() > STATES_MAX || key.is_empty() {
            return Err(PackError::Full);
        }
        for (place, (shape, from)) in key.iter().enumerate() {
            let place = u16::try_from(place).map_err(|_| PackError::Full)?;
            self.states.push(State { shape: *shape, from: *from, place });
        }
        let last = u32::try_from(self.states.len() - 1).map_err(|_| PackError::Full)?;
        self.lives.insert(key, last);
        Ok(last)
    }

    /// Where these bytes are kept; `None` where they would be out of reach.
    fn place_of(&mut self, bytes: &[u8]) -> Option<u32> {
        if let Some(known) = self.text_places.get(bytes) {
            return Some(*known);
        }
        let place = u32::try_from(self.texts.len()).ok()?;
        write(&mut self.texts, u64::try_from(bytes.len()).ok()?);
        self.texts.extend_from_slice(bytes);
        self.text_places.insert(bytes.into(), place);
        Some(place)
    }

    /// Takes a past over from where it was packed before: the state that it has here, and how many times it has.
    pub(super) fn adopt(&mut self, source: &impl Source, last: u32) -> Result<(u32, usize), PackError> {
        // With its rank for each time, so that ranks stay what they are.
        let at_rank = |rank: u16| Some(Time::from_ms(u64::from(rank)));
        let record = |state: State| Ok((Time::from_ms(u64::from(state.from)), source.record(state, at_rank)?));
        let states = source.states_until(last)?;
        let past = states.into_iter().map(record).collect::<Result<Vec<_>, Unanswered>>()?;
        let life = self.life(&past)?;
        Ok(life.map_or((NOT_HELD, 0), |life| (life.state, life.times.len())))
    }

    /// What is packed of this past: `None` for one that only the full rule can tell about.
    pub(super) fn pack(&mut self, past: &Past) -> Result<Option<Life>, PackError> {
        // Somebody of whom nothing is known any more is there all the same.
        match past.states() {
            [] => self.life(&[(Time::from_ms(0), past.record())]),
            states => self.life(states),
        }
    }
}

impl Source for Dictionary {
    fn state(&self, number: u32) -> Result<State, Unanswered> {
        let state = usize::try_from(number).ok().and_then(|number| self.states.get(number));
        state.copied().ok_or(Unanswered::Damaged)
    }

    fn text(&self, place: u32) -> Result<Vec<u8>, Unanswered> {
        let after = usize::try_from(place).ok().and_then(|place| self.texts.get(place..));
        let mut reader = super::varint::Reader::new(after.ok_or(Unanswered::Damaged)?);
        let length: usize = reader.number().ok_or(Unanswered::Damaged)?;
        reader.bytes(length).map(Vec::from).ok_or(Unanswered::Damaged)
    }
}
