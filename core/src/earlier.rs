//! What has become of choices under earlier policies: what of them counts no more, and what is asked again.
//!
//! A page keeps the list of what was allowed when somebody chose, and not why. So it is told, for each earlier policy, what to take
//! from that list, whatever was chosen. The list is the same whether something was granted or had started on by itself: where one of
//! them would still count and the other would not, the page counts neither, nor what hangs on another transfer than before. Nothing is ever added to it: what a new policy allows by
//! itself starts, on a page where somebody has chosen before, with the next choice. In both cases the page allows less than
//! [`crate::decide`] would, and never more.
//!
//! Deliberately absent: time. A choice ends on a page after the shorter of the two validities, which the page knows.

use crate::asking::to_ask;
use crate::choice::Stance;
use crate::context::Context;
use crate::decision::{allowed, record_after};
use crate::history::PolicyHistory;
use crate::id::{PolicyHash, Target};
use crate::policy::Policy;
use crate::regime::Jurisdiction;
use crate::time::Time;
use alloc::vec::Vec;

/// Most earlier policies that a page is told about; whoever chose under one before these is asked about everything.
pub const EARLIER_MAX: usize = 8;

/// What has become of choices under one earlier policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// That policy.
    pub policy: PolicyHash,
    /// Of what was allowed then, what is not any more: in the order of that policy, and then of what is new in the newest.
    pub ends: Vec<Target>,
    /// What is asked again of those who granted it, and of everybody where it is new: in the order of the newest policy.
    pub asks: Vec<Target>,
}

/// What has become of choices under the last [`EARLIER_MAX`] policies before the newest, the latest first, for whoever is at one of
/// `places` at `now`.
#[must_use]
pub fn earlier(history: &PolicyHistory, places: &[Option<Jurisdiction>], now: Time) -> Vec<Earlier> {
    let mut found: Vec<Earlier> = Vec::new();
    for version in history.versions().rev() {
        let old = &version.policy;
        let is_known = old.hash() == history.newest().hash() || found.iter().any(|known| known.policy == old.hash());
        if !is_known && found.len() < EARLIER_MAX {
            found.push(Earlier {
                policy: old.hash(),
                ends: ends(old, history, places, now),
                asks: asks(old, history, now),
            });
        }
    }
    found
}

/// What somebody who granted all of it then is asked about now.
fn asks(old: &Policy, history: &PolicyHistory, now: Time) -> Vec<Target> {
    let granted = record_after(old, Some(Stance::Grant), now);
    to_ask(history, &granted, &Context::at(now)).into_iter().map(|(target, _)| target).collect()
}

fn ends(old: &Policy, history: &PolicyHistory, places: &[Option<Jurisdiction>], now: Time) -> Vec<Target> {
    let newest = history.newest();
    let mut ended: Vec<Target> = newest.targets().filter(|target| !old.has(target)).collect();
    for context in contexts(old, history, places, now) {
        ended.extend(lost(old, history, &context));
    }
    let in_force = history.in_force(now).unwrap_or(newest);
    let transfer_of = |policy: &Policy, target: &Target| {
        let processor = target.processor.as_ref().and_then(|id| policy.processor(id));
        processor.and_then(|processor| processor.transfer.clone())
    };
    let is_ended = |target: &Target| {
        ended.contains(target)
            || ended.contains(&Target::purpose(target.purpose.clone()))
            // What hangs on another transfer than before may hang on one that somebody has refused.
            || transfer_of(in_force, target).is_some_and(|transfer| {
                transfer_of(old, target).as_ref() != Some(&transfer) || ended.contains(&Target::purpose(transfer))
            })
    };
    let new = newest.targets().filter(|target| !old.has(target));
    old.targets().chain(new).filter(is_ended).collect()
}

/// What was allowed under the old policy alone and is not under all of them, for those who had granted everything and for those who had
/// said nothing of it. With the target's own word these are all that allow: a refusal allowed nothing then.
fn lost(old: &Policy, history: &PolicyHistory, context: &Context) -> Vec<Target> {
    let alone = PolicyHistory::from(old.clone());
    let mut lost = Vec::new();
    for stance in [None, Some(Stance::Grant)] {
        let record = record_after(old, stance, context.now);
        let still = allowed(history, &record, context);
        lost.extend(allowed(&alone, &record, context).into_iter().filter(|target| !still.contains(target)));
    }
    lost
}

/// One context for each pair of regimes that then and now make in these places: nothing else of a place bears on one choice without
/// age and signal.
fn contexts(old: &Policy, history: &PolicyHistory, places: &[Option<Jurisdiction>], now: Time) -> Vec<Context> {
    let current = history.in_force(now).unwrap_or_else(|| history.newest());
    let mut pairs = Vec::new();
    let mut contexts = Vec::new();
    for place in places {
        let pair = (old.law(place.as_ref()).regime, current.law(place.as_ref()).regime);
        if !pairs.contains(&pair) {
            pairs.push(pair);
            contexts.push(Context { jurisdiction: place.clone(), ..Context::at(now) });
        }
    }
    contexts
}
