//! Who must be asked, and what about.
//!
//! Nobody is asked what they have answered: a refusal is kept as long as a consent, and rests at least as long as the law says (R12).
//! Of a new policy only what is new or wider is asked again (R29, P25).

use crate::change::{Change, change_of};
use crate::context::Context;
use crate::history::PolicyHistory;
use crate::id::Target;
use crate::record::{Mark, Record};
use crate::word::words;
use alloc::vec::Vec;

words! {
    /// Why somebody is to be asked about a target.
    pub enum Asking {
        /// They never said anything about it.
        Never = "never-asked",
        /// It does more than when they answered.
        Widened = "widened",
        /// They answered too long ago.
        Expired = "expired",
    }
}

/// What the subject of this record is to be asked about at the time of `context`, under the newest policy and in its order; empty where
/// they have answered everything. Processors of a purpose that was refused, and rests, are not asked about.
#[must_use]
pub fn to_ask(history: &PolicyHistory, record: &Record, context: &Context) -> Vec<(Target, Asking)> {
    let asking = |target: Target| {
        let of_purpose = Target::purpose(target.purpose.clone());
        let rests = target.processor.is_some()
            && last_word(history, record, &of_purpose)
                .is_some_and(|mark| !mark.standing.is_yes() && asking_about(history, mark, context).is_none());
        if rests {
            return None;
        }
        let asking = match last_word(history, record, &target) {
            None => Some(Asking::Never),
            Some(mark) => asking_about(history, mark, context),
        };
        asking.map(|asking| (target, asking))
    };
    history.newest().choosable().filter_map(asking).collect()
}

fn last_word<'a>(history: &PolicyHistory, record: &'a Record, target: &Target) -> Option<&'a Mark> {
    let scope = history.newest().purpose(&target.purpose)?.kind.scope();
    record.mark(target, scope)
}

fn asking_about(history: &PolicyHistory, mark: &Mark, context: &Context) -> Option<Asking> {
    let policy = history.newest();
    let validity = policy.purpose(&mark.target.purpose).map_or(policy.parts().validity, |p| policy.validity_of(p));
    if mark.standing.is_yes() {
        let covers = mark.policy == policy.hash()
            || history.published(mark.policy).is_some_and(|answered| {
                let change = change_of(answered, policy, &mark.target);
                !change.asks_again() && change != Change::Gone
            });
        return match covers {
            false => Some(Asking::Widened),
            true => (context.now >= mark.at.after(validity)).then_some(Asking::Expired),
        };
    }
    let rest = policy.law(context.jurisdiction.as_ref()).rest();
    (context.now >= mark.at.after(validity.max(rest))).then_some(Asking::Expired)
}
