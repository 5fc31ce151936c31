//! The policies of one site, one after the other.
//!
//! A new policy is published first and holds later: until then the old terms rule (R30, P25). Which one holds depends on the time
//! alone, so that a question about the past gets the answer of the past. A page knows the newest alone.

#[cfg(feature = "whole")]
use crate::change::diff;
use crate::id::{PolicyHash, SiteId};
use crate::policy::Policy;
use crate::time::{Period, Time};
#[cfg(feature = "whole")]
use alloc::vec::Vec;

/// Most policies in a history.
pub const VERSIONS_MAX: usize = 64;

/// A policy, and its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The policy.
    pub policy: Policy,
    /// When people were told of it.
    pub published: Time,
    /// From when it holds.
    pub effective: Time,
}

/// Why a policy cannot follow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// It is another site's.
    #[error("a policy of `{given}` among those of `{expected}`")]
    OtherSite {
        /// The site of the history.
        expected: SiteId,
        /// The site of the policy.
        given: SiteId,
    },
    /// More than [`VERSIONS_MAX`].
    #[error("more than {VERSIONS_MAX} policies")]
    TooMany,
    /// It would hold before it is published, or before the one that it replaces.
    #[error("a policy cannot hold before it is published, nor before the one that it replaces")]
    TooEarly,
    /// It widens something, and its predecessor has promised to say so earlier (P25).
    #[error("it widens something, so it must be published {needed} before it holds")]
    ShortNotice {
        /// What was promised.
        needed: Period,
    },
}

/// Every policy that a site has published. INVARIANT: at least one, of one site, ascending by the time from which they hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyHistory {
    first: Version,
    #[cfg(feature = "whole")]
    later: Vec<Version>,
}

impl From<Policy> for PolicyHistory {
    /// One policy that has held since the beginning of time.
    fn from(policy: Policy) -> Self {
        let beginning = Time::from_ms(0);
        Self::starting(Version { policy, published: beginning, effective: beginning })
    }
}

impl PolicyHistory {
    /// A history that starts with this policy. Before it holds, nothing is allowed.
    #[must_use]
    pub const fn starting(first: Version) -> Self {
        Self {
            first,
            #[cfg(feature = "whole")]
            later: Vec::new(),
        }
    }

    /// The history with one more policy.
    ///
    /// # Errors
    /// [`HistoryError`].
    #[cfg(feature = "whole")]
    pub fn then(mut self, next: Version) -> Result<Self, HistoryError> {
        let Version { policy: last, effective, .. } = self.last();
        let (expected, given) = (&last.parts().site, &next.policy.parts().site);
        if expected != given {
            return Err(HistoryError::OtherSite { expected: expected.clone(), given: given.clone() });
        }
        if self.later.len() + 1 >= VERSIONS_MAX {
            return Err(HistoryError::TooMany);
        }
        if next.effective < next.published || next.effective <= *effective {
            return Err(HistoryError::TooEarly);
        }
        if let Some(needed) = last.parts().changes.notice
            && next.effective < next.published.after(needed)
            && diff(last, &next.policy).any(|(_, change)| change.asks_again())
        {
            return Err(HistoryError::ShortNotice { needed });
        }
        self.later.push(next);
        Ok(self)
    }

    /// Every policy, in the order in which they hold.
    pub fn versions(&self) -> impl DoubleEndedIterator<Item = &Version> {
        #[cfg(feature = "whole")]
        let later = &self.later[..];
        #[cfg(not(feature = "whole"))]
        let later: &[Version] = &[];
        core::iter::once(&self.first).chain(later)
    }

    fn last(&self) -> &Version {
        self.versions().next_back().unwrap_or(&self.first)
    }

    /// The policy that people are shown: the last published.
    #[must_use]
    pub fn newest(&self) -> &Policy {
        &self.last().policy
    }

    /// The policy that holds at `now`; none before the first one does.
    #[must_use]
    pub fn in_force(&self, now: Time) -> Option<&Policy> {
        self.versions().rev().find(|v| v.effective <= now).map(|v| &v.policy)
    }

    /// When, after `now`, another policy comes into force.
    #[must_use]
    pub fn next_change(&self, now: Time) -> Option<Time> {
        self.versions().map(|v| v.effective).find(|effective| *effective > now)
    }

    /// The policy of that name, if it was ever published.
    #[must_use]
    pub fn published(&self, hash: PolicyHash) -> Option<&Policy> {
        self.versions().rev().map(|v| &v.policy).find(|policy| policy.hash() == hash)
    }
}
