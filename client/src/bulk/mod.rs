//! Lists of people, filtered: of whom on it may it be done, of how many not, and why.
//!
//! ```text
//! slice ─► filter ─► Filtered: a bit for each, and how many for which reason
//! iterator ─► Filter::only ─► those of whom the answer is yes, in constant memory
//! file ─► file::filter ─► a file of those, in constant memory
//! ids of one's own ─► IdMap::ask ─► Asked: a bit test for each, or a bitmap in and a bitmap out
//! ```
//!
//! All of them answer from a [`Follower`], with what [`Follower::decide`] says of each, or from a [`crate::Replica`], which holds one that
//! follows the server meanwhile ([`Answers`]). Whoever cannot be answered about is not allowed, and is counted with the reason for that. A
//! withdrawal or an erasure that the replica knows of counts in everything that is asked after it.
//!
//! ```no_run
//! # use consentry_client::bulk::{self, Options};
//! # use consentry_core::{DeviceId, Time, packed::{Follower, Prepared, Unanswered, When}};
//! # fn train_on(_: &DeviceId) {}
//! # fn f(follower: &Follower<Vec<u8>>, question: &Prepared, now: Time, devices: &[DeviceId]) -> Result<(), Unanswered> {
//! let filtered = bulk::filter(follower, question, devices, &Options::all_cores(When::Now(now)))?;
//! filtered.allowed().filter_map(|place| devices.get(place)).for_each(train_on);
//! print!("{}", filtered.counts); // 6012 allow: given, 3301 deny: refused, …
//! # Ok(())
//! # }
//! ```
//!
//! Deliberately absent: where the replica comes from and how it is kept up, clocks, and columns of other libraries, which are a [`List`] of
//! theirs or hand their memory over as slices. `docs/bulk.md` shows how it is used; `docs/benchmarks.md` what it takes.

mod answers;
mod bits;
mod counts;
pub mod file;
mod filter;
mod id_map;
mod known;
mod list;
mod order;
#[cfg(test)]
mod tests;

#[cfg(feature = "replica")]
pub(crate) use answers::sealed;
pub use answers::{Answers, Timed};
pub use counts::Counts;
#[cfg(feature = "replica")]
pub(crate) use filter::cores;
pub use filter::{Filter, Filtered, Only, Options};
pub use id_map::{Asked, Id, IdMap, IdMapError};
pub use list::List;

use consentry_core::packed::{Follower, Prepared, Unanswered};

/// For which of these it may be done, and for how many not and why.
///
/// This is for one list. Whoever asks about several keeps a [`Filter`], which remembers what was decided. Of a replica that follows a server,
/// its own `allowed` is the same.
///
/// # Errors
/// [`Unanswered::OtherPolicies`]; what else cannot be answered is counted.
pub fn filter<B: AsRef<[u8]> + Sync, L: List + ?Sized>(
    follower: &Follower<B>,
    question: &Prepared,
    ids: &L,
    options: &Options,
) -> Result<Filtered, Unanswered> {
    Filter::new(question, options).filter(follower, ids)
}
