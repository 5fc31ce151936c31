//! What is answered: may it be done, why, and what comes with it.
//!
//! Deliberately absent: how an answer is found, which is for [`crate::decide`] alone.

use crate::id::{EventId, FeatureId, PolicyHash, Target};
use crate::policy::{Country, LegalBasis, Safeguard};
use crate::regime::Regime;
use crate::time::{Period, Time};
use crate::word::words;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

words! {
    /// Why a decision is as it is.
    pub enum Reason {
        /// Allowed: the subject has agreed.
        Given = "given",
        /// Allowed: the subject is told of it and has no switch for it.
        Notified = "notified",
        /// Allowed: it starts on in this regime, and the subject has not switched it off.
        NotObjected = "not-objected",
        /// Denied: the subject was never asked, or has not answered.
        NotGiven = "not-given",
        /// Denied: the subject has refused.
        Refused = "refused",
        /// Denied: the subject had agreed, and no longer does.
        Withdrawn = "withdrawn",
        /// Denied: the subject agreed too long ago.
        Expired = "expired",
        /// Denied: the subject agreed to less than what the policy in force does (R29).
        PolicyReplaced = "policy-replaced",
        /// Denied: the subject agreed again after an opt-out, and has not confirmed it (R27).
        Unconfirmed = "unconfirmed",
        /// Denied: the subject has objected: by switching off what starts on, or by right (GDPR Art. 21).
        Objected = "objected",
        /// Denied: the subject's browser asks not to sell or share (R23 to R25).
        Signal = "signal",
        /// Denied: the subject has restricted the processing (Art. 18).
        Restricted = "restricted",
        /// Denied: the subject has asked for erasure and said nothing since (Art. 17).
        Erased = "erased",
        /// Denied: the subject is too young to choose, and no guardian stands by the choice (R32).
        Minor = "minor",
        /// Denied: the site is not meant for people so young (P22).
        UnderAge = "under-age",
        /// Denied: no policy is in force yet.
        NoPolicy = "no-policy",
        /// Denied: the policy has no such purpose.
        UnknownPurpose = "unknown-purpose",
        /// Denied: the policy has no such processor.
        UnknownProcessor = "unknown-processor",
        /// Denied: the policy has no such category of data.
        UnknownData = "unknown-data",
        /// Denied: the policy has no such mode.
        UnknownMode = "unknown-mode",
        /// Denied: the purpose does not employ this processor.
        ProcessorNotUsed = "processor-not-used",
        /// Denied: the purpose does not use this data, or the processor does not get it.
        DataNotCovered = "data-not-covered",
        /// Denied: the data is strictly limited to other purposes, whatever was granted (P14).
        PurposeLimited = "purpose-limited",
        /// Denied: nobody may train on the data for this purpose, or the processor never trains (P4, P17).
        TrainingExcluded = "training-excluded",
        /// Denied: whoever asks may not use the data for ends of its own (P11).
        OwnUseExcluded = "own-use-excluded",
        /// Denied: the mode in which the data came about rules it out (P29).
        ModeExcluded = "mode-excluded",
        /// Denied: the data would be used in a form more telling than the purpose allows (P28).
        FormNotCovered = "form-not-covered",
    }
}

impl Reason {
    /// Whether a decision for this reason allows.
    #[must_use]
    pub const fn allows(self) -> bool {
        match self {
            Self::Given | Self::Notified | Self::NotObjected => true,
            Self::NotGiven
            | Self::Refused
            | Self::Withdrawn
            | Self::Expired
            | Self::PolicyReplaced
            | Self::Unconfirmed
            | Self::Objected
            | Self::Signal
            | Self::Restricted
            | Self::Erased
            | Self::Minor
            | Self::UnderAge
            | Self::NoPolicy
            | Self::UnknownPurpose
            | Self::UnknownProcessor
            | Self::UnknownData
            | Self::UnknownMode
            | Self::ProcessorNotUsed
            | Self::DataNotCovered
            | Self::PurposeLimited
            | Self::TrainingExcluded
            | Self::OwnUseExcluded
            | Self::ModeExcluded
            | Self::FormNotCovered => false,
        }
    }

    /// Whether it is the subject's word, or its lack, that denies; then features may be lost by it.
    pub(crate) const fn is_subjects(self) -> bool {
        match self {
            Self::NotGiven
            | Self::Refused
            | Self::Withdrawn
            | Self::Expired
            | Self::PolicyReplaced
            | Self::Unconfirmed
            | Self::Objected
            | Self::Signal
            | Self::Restricted
            | Self::Erased
            | Self::Minor
            | Self::UnderAge => true,
            Self::Given
            | Self::Notified
            | Self::NotObjected
            | Self::NoPolicy
            | Self::UnknownPurpose
            | Self::UnknownProcessor
            | Self::UnknownData
            | Self::UnknownMode
            | Self::ProcessorNotUsed
            | Self::DataNotCovered
            | Self::PurposeLimited
            | Self::TrainingExcluded
            | Self::OwnUseExcluded
            | Self::ModeExcluded
            | Self::FormNotCovered => false,
        }
    }
}

/// A duty that comes with a decision: with being allowed, but for [`Obligation::Erase`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obligation {
    /// Delete the data within this period of collecting it.
    DeleteWithin(Period),
    /// Delete the data as soon as it has served its use.
    DeleteAfterUse,
    /// Delete the data once the subject has been away for this period.
    DeleteAfterInactivity(Period),
    /// Delete the data when the subject asks, or closes the account.
    DeleteOnRequest,
    /// Delete copies kept in case of a disaster within this period of deleting the data.
    DeleteBackupsWithin(Period),
    /// Replace what names the subject before the data is used.
    PseudonymiseFirst,
    /// Remove for good what points to the subject before the data is used (P19, P28).
    AnonymiseFirst,
    /// The processor trains nothing on it (P4, P17).
    NoTraining,
    /// The processor uses it for no ends of its own (P11).
    NoOwnUse,
    /// The data leaves the EEA under this safeguard.
    TransferSafeguard(Country, Safeguard),
    /// Send this along with the request to the processor, by name and value.
    RequestFlag(Box<str>, Box<str>),
    /// Erase all that is kept of this subject: it should never have been collected (P22). Comes with a denial.
    Erase,
}

/// May it be done, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Why; [`Reason::allows`] says whether it may be done.
    pub reason: Reason,
    /// The purpose, or the processor within it, that settled it.
    pub decided_by: Target,
    /// The legal basis in this regime; none where the purpose is not known.
    pub basis: Option<LegalBasis>,
    /// The regime that was applied.
    pub regime: Regime,
    /// The policy that was applied.
    pub policy: PolicyHash,
    /// The events that it rests on, the purpose's before the processor's.
    pub events: Vec<EventId>,
    /// What whoever asked must do.
    pub obligations: Vec<Obligation>,
    /// What the site cannot offer because the subject has not agreed; empty for an allow.
    pub features_lost: Vec<FeatureId>,
    /// Until when it may be relied on without asking again (R35).
    pub valid_until: Time,
}

impl Decision {
    /// Whether it may be done.
    #[must_use]
    pub const fn allows(&self) -> bool {
        self.reason.allows()
    }
}

impl fmt::Display for Decision {
    /// One line for whoever has to find out why: what, why, on what it rests, until when.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answer = if self.allows() { "allow" } else { "deny" };
        write!(f, "{answer} {}: {}; regime {}", self.decided_by, self.reason, self.regime)?;
        if let Some(basis) = self.basis {
            write!(f, ", basis {basis}")?;
        }
        write!(f, ", policy {}", self.policy)?;
        for (n, event) in self.events.iter().enumerate() {
            write!(f, "{}{event}", if n == 0 { ", events " } else { " " })?;
        }
        for (n, feature) in self.features_lost.iter().enumerate() {
            write!(f, "{}{feature}", if n == 0 { ", lost " } else { " " })?;
        }
        write!(f, ", until {} ms", self.valid_until.as_ms())
    }
}
