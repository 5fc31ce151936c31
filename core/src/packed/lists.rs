//! Long lists, asked of a replica that is kept up with a ledger: what the replica says of each, but for those who were erased.
//!
//! The packed replica does not know who was erased and not heard of since: their names are hashes that only they can be asked after by. So
//! who is on a list is named where that may make a difference, and nowhere else: those of whom the replica knows nothing, if anybody was
//! erased before its snapshot; and everybody, if somebody was after it.

use super::Unanswered;
use super::erased::Trace;
use super::follow::{Follower, nothing_left};
use super::key::PackKey;
use super::prepared::{Kind, Prepared};
use super::wanted::{Mark, Said, Wanted, When};
use crate::id::{AccountId, DeviceId, HASH_BYTES, SiteId, Subject};
use crate::time::Time;
use alloc::vec::Vec;

/// A version 4 UUID.
const ANY_UUID: [u8; 16] = [0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 0];

/// Who has changed: [`Follower::changed_since`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changed<'a> {
    /// Their hashes ([`Wanted::hash`]).
    pub hashes: &'a [u64],
    /// Those who were erased, whoever they are.
    pub erased: &'a [Trace],
}

impl<B: AsRef<[u8]>> Follower<B> {
    /// The key under which subjects are found here: that of [`Wanted::new`].
    #[must_use]
    pub const fn key(&self) -> &PackKey {
        self.replica.key()
    }

    /// The site: that of [`Trace::new`].
    #[must_use]
    pub const fn site(&self) -> &SiteId {
        &self.site
    }

    /// How far it has come.
    #[must_use]
    pub const fn mark(&self) -> Mark {
        self.replica.mark(self.heard_erased.len())
    }

    /// All who have changed since then; `None` if it was another replica, or too long ago to tell.
    #[must_use]
    pub fn changed_since(&self, mark: &Mark) -> Option<Changed<'_>> {
        let hashes = self.replica.changed_since(mark)?;
        Some(Changed { hashes, erased: self.heard_erased.get(mark.erased()..)? })
    }

    /// What is said of each of these, as [`Follower::decide`] or [`Follower::decide_as_of`] says it; they come in any order. It is quick
    /// for those whose hashes lie together: some ten thousand of one [part](Wanted::part) at once. `trace` is asked for what would be left
    /// of one of them, by their place in `wanted`; `told` is told each one's place in the list.
    ///
    /// # Errors
    /// [`Unanswered::OtherPolicies`], or [`Unanswered::Damaged`] once an entry could not be taken; what else cannot be answered is said of
    /// each.
    pub fn tell(
        &self,
        prepared: &mut Prepared,
        wanted: &[Wanted],
        when: When,
        trace: impl Fn(usize) -> Option<Trace>,
        mut told: impl FnMut(usize, Said),
    ) -> Result<(), Unanswered> {
        self.is_whole()?;
        self.replica.check_policy(prepared)?;
        let before = |prepared: &Prepared, number: usize, kind: Kind| {
            let at = if self.erased.is_empty() { None } else { self.erased.traced(trace(number)?) };
            at.map(|at| said_of_erased(prepared, kind, at, when))
        };
        if self.erased_since.is_empty() {
            return self.replica.tell(prepared, wanted, when, before, told);
        }
        let since = wanted.iter().enumerate().filter_map(|(number, one)| {
            let at = self.erased_since.traced(trace(number)?)?;
            Some((one.place(), said_of_erased(prepared, one.kind(), at, when)))
        });
        let since: Vec<(usize, Said)> = since.collect();
        let mut since = since.into_iter().peekable();
        self.replica.tell(prepared, wanted, when, before, |place, said| {
            // They come in the order of `wanted` from both.
            told(place, since.next_if(|(erased, _)| *erased == place).map_or(said, |(_, said)| said));
        })
    }
}

/// Whoever it is, it makes no difference to what is said of them.
#[cold]
fn said_of_erased(prepared: &Prepared, kind: Kind, at: Time, when: When) -> Said {
    let subject = match kind {
        Kind::Device => DeviceId::from_bytes(ANY_UUID).map(Subject::Device),
        Kind::Account => Some(AccountId::from_bytes([0; HASH_BYTES]).into()),
    };
    let Some(subject) = subject else { return Said::from(Err(Unanswered::NotHeld)) };
    let past = nothing_left(subject, at);
    let decision = match when {
        When::Now(now) => prepared.decide(&past.record(), now),
        When::AsOf(then) => prepared.decide(&past.as_of(then), then),
    };
    Said::from(Ok(decision.reason))
}
