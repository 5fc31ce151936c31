//! A new snapshot out of an old one and what has changed since, without anything that nobody is in any more.

use super::Unanswered;
use super::build::Sorted;
use super::dictionary::{Dictionary, NOT_HELD, PackError};
use super::entry::{Entry, Times};
use super::header::Origin;
use super::replica::{Held, Replica};
use crate::time::Time;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

impl<B: AsRef<[u8]>> Replica<B> {
    /// A snapshot of all that is known, as [`super::Builder`] would make it. Both are read once, in the order in which they lie, so that it
    /// takes no more memory than the snapshot that it makes and what is packed for many.
    ///
    /// # Errors
    /// [`PackError`].
    pub fn merge(&self, origin: Origin) -> Result<Vec<u8>, PackError> {
        let (packed, later) = (&self.packed, &self.later);
        let changed = later.sorted();
        let sorted = Sorted {
            key: packed.key().clone(),
            policy: packed.policy(),
            dictionary: Dictionary::default(),
            times: Vec::new(),
            base: later.base.min(packed.base()),
        };
        let subjects = packed.subjects() + changed.len();
        let mut changed = changed.into_iter().peekable();
        let mut old = packed.entries().peekable();
        // Whoever has changed is taken from there, and not from the snapshot.
        let both = core::iter::from_fn(move || {
            let next = match (old.peek(), changed.peek()) {
                (Some(Err(damaged)), _) => Some(Err(PackError::from(*damaged))),
                (Some(Ok((was, _))), Some((is, _))) if was == is => {
                    old.next();
                    None
                }
                (Some(Ok((was, _))), Some((is, _))) if is < was => None,
                (Some(Ok((hash, entry))), _) => Some(Ok((*hash, (Held::Packed(packed), *entry)))),
                (None, _) => None,
            };
            match next {
                Some(entry) => {
                    old.next();
                    Some(entry)
                }
                None => changed.next().map(|(hash, entry)| Ok((hash, (Held::Later(later), entry)))),
            }
        });
        let (mut of_packed, mut of_later) = (Adopted::default(), Adopted::default());
        sorted.write(origin, subjects, both, |dictionary, times, (held, entry)| match &held {
            Held::Packed(_) => of_packed.entry(&held, entry, dictionary, times),
            Held::Later(_) => of_later.entry(&held, entry, dictionary, times),
        })
    }
}

/// What states of one dictionary have become in another, and how many times whoever is in them has.
#[derive(Default)]
struct Adopted {
    known: BTreeMap<u32, (u32, usize)>,
}

impl Adopted {
    /// The entry as it is in the new snapshot.
    fn entry<B: AsRef<[u8]>>(
        &mut self,
        held: &Held<'_, B>,
        entry: Entry,
        dictionary: &mut Dictionary,
        list: &mut Vec<Time>,
    ) -> Result<Entry, PackError> {
        if entry.state == NOT_HELD {
            return Ok(entry);
        }
        let (state, count) = match self.known.get(&entry.state) {
            Some(known) => *known,
            None => {
                let adopted = dictionary.adopt(held, entry.state)?;
                self.known.insert(entry.state, adopted);
                adopted
            }
        };
        let times = match entry.times {
            Times::Here(..) => entry.times,
            Times::From(_) => {
                let place = list.len();
                for rank in 0..count {
                    let rank = u16::try_from(rank).map_err(|_| Unanswered::Damaged)?;
                    list.push(held.time(&entry.times, rank)?);
                }
                Times::From(place)
            }
        };
        Ok(Entry { state, times })
    }
}
