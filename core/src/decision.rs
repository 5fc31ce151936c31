//! Turns what is known about a subject into what may be done with their data.
//!
//! [`decide`] is the only place where anything is allowed. It reads no clock, store or page,
//! so browser, server and auditor reach the same [`Decision`] from the same facts. It is total: every
//! question has an answer, and the answer to what is not known is no.

use crate::choice::{Answering, Choice, Stance, Surface};
use crate::id::{
    ChoiceId, DataId, FeatureId, HASH_BYTES, Language, NoticeHash, PolicyHash, ProcessorId, PurposeId, Target,
};
use crate::policy::{Control, Country, LegalBasis, OwnUse, Policy, Processor, Purpose, Retention, Safeguard, Training};
use crate::record::{Event, EventKind, Record, Status};
use crate::regime::{Jurisdiction, Regime};
use crate::time::{Period, Time};
use crate::word::words;
use alloc::vec::Vec;

/// What somebody wants to do with a subject's data. The subject is the one whose [`Record`] is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What for.
    pub purpose: PurposeId,
    /// By whom; none for the site itself.
    pub processor: Option<ProcessorId>,
    /// With which data; none for all that the purpose uses.
    pub data: Option<DataId>,
}

/// The circumstances of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// When it is asked.
    pub now: Time,
    /// Where the subject is; the strictest regime is taken when that is not known.
    pub jurisdiction: Option<Jurisdiction>,
}

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
        /// Denied: the subject agreed to a policy that is no longer in force.
        PolicyReplaced = "policy-replaced",
        /// Denied: it would start on in this regime, and the subject has switched it off.
        Objected = "objected",
        /// Denied: the policy has no such purpose.
        UnknownPurpose = "unknown-purpose",
        /// Denied: the policy has no such processor.
        UnknownProcessor = "unknown-processor",
        /// Denied: the policy has no such category of data.
        UnknownData = "unknown-data",
        /// Denied: the purpose does not employ this processor.
        ProcessorNotUsed = "processor-not-used",
        /// Denied: the purpose does not use this data, or the processor does not get it.
        DataNotCovered = "data-not-covered",
        /// Denied: the data is strictly limited to other purposes, whatever was granted (P14).
        PurposeLimited = "purpose-limited",
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
            | Self::Objected
            | Self::UnknownPurpose
            | Self::UnknownProcessor
            | Self::UnknownData
            | Self::ProcessorNotUsed
            | Self::DataNotCovered
            | Self::PurposeLimited => false,
        }
    }

    /// Whether it is the subject's word, or its lack, that denies; then features may be lost by it.
    const fn is_subjects(self) -> bool {
        match self {
            Self::NotGiven
            | Self::Refused
            | Self::Withdrawn
            | Self::Expired
            | Self::PolicyReplaced
            | Self::Objected => true,
            Self::Given
            | Self::Notified
            | Self::NotObjected
            | Self::UnknownPurpose
            | Self::UnknownProcessor
            | Self::UnknownData
            | Self::ProcessorNotUsed
            | Self::DataNotCovered
            | Self::PurposeLimited => false,
        }
    }
}

/// A duty that comes with being allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obligation {
    /// Delete the data within this period of collecting it.
    DeleteWithin(Period),
    /// Delete the data as soon as it has served its use.
    DeleteAfterUse,
    /// Delete the data when the subject asks, or closes the account.
    DeleteOnRequest,
    /// The processor trains nothing on it (P4, P17).
    NoTraining,
    /// The processor uses it for no ends of its own (P11).
    NoOwnUse,
    /// The data leaves the EEA under this safeguard.
    TransferSafeguard(Country, Safeguard),
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
    /// The choices that it rests on, the purpose's before the processor's.
    pub events: Vec<ChoiceId>,
    /// What whoever is allowed must do; empty for a deny.
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

/// Decides `question` for the subject whose record this is.
#[must_use]
pub fn decide(policy: &Policy, record: &Record, question: &Question, context: &Context) -> Decision {
    let regime = Regime::of(context.jurisdiction.as_ref());
    let asked = Asked { policy, record, now: context.now, regime };
    let of_purpose = Target::purpose(question.purpose.clone());
    let Some(purpose) = policy.purpose(&question.purpose) else {
        return asked.deny(Reason::UnknownPurpose, of_purpose, None);
    };
    let basis = Some(purpose.terms_in(regime).basis);
    let processor = match &question.processor {
        None => None,
        Some(id) => match policy.processor(id) {
            None => return asked.deny(Reason::UnknownProcessor, of_processor(question, id), basis),
            Some(processor) => Some(processor),
        },
    };
    if let Err((reason, target)) = within_policy(policy, question, purpose, processor) {
        return asked.deny(reason, target, basis);
    }

    let by_purpose = asked.word_on(purpose, of_purpose.clone());
    match processor {
        // The purpose must be allowed, and the processor within it (R33).
        Some(processor) if by_purpose.reason.allows() => {
            let target = of_processor(question, &processor.id);
            let by_processor = asked.word_on(purpose, target.clone());
            asked.conclude(target, basis, &[by_purpose, by_processor], by_processor.reason, || {
                obligations_of_processor(processor)
            })
        }
        Some(_) | None => asked
            .conclude(of_purpose, basis, &[by_purpose], by_purpose.reason, || alloc::vec![deletion(purpose.retention)]),
    }
}

/// Every target that [`decide`] allows, in the policy's order: the table that a page's gate obeys.
#[must_use]
pub fn allowed(policy: &Policy, record: &Record, context: &Context) -> Vec<Target> {
    policy
        .targets()
        .filter(|target| {
            let question =
                Question { purpose: target.purpose.clone(), processor: target.processor.clone(), data: None };
            decide(policy, record, &question, context).allows()
        })
        .collect()
}

/// What [`allowed`] will be once somebody has taken this stance towards everything, or has said nothing: the
/// outcomes that a banner can bring about, known beforehand so that a page can obey them without asking.
#[must_use]
pub fn allowed_after(policy: &Policy, stance: Option<Stance>, context: &Context) -> Vec<Target> {
    let stances = stance.map_or_else(Vec::new, |stance| policy.choosable().map(|t| (t, stance)).collect());
    let answering = Answering {
        policy: policy.hash(),
        notice: NoticeHash::from_bytes([0; HASH_BYTES]),
        language: Language::undetermined(),
        surface: Surface::Banner,
    };
    // Without a switch there is no choice, and nothing that one could change.
    let choice = Choice::restore(ChoiceId::from_parts(0, &[0; 10]), answering, stances).ok();
    let event = choice.map(|choice| Event { at: context.now, kind: EventKind::Chosen(choice) });
    allowed(policy, &Record::fold(&event), context)
}

fn of_processor(question: &Question, processor: &ProcessorId) -> Target {
    Target::processor(question.purpose.clone(), processor.clone())
}

/// What the policy itself rules out: no grant can widen it.
fn within_policy(
    policy: &Policy,
    question: &Question,
    purpose: &Purpose,
    processor: Option<&Processor>,
) -> Result<(), (Reason, Target)> {
    let of_purpose = || Target::purpose(purpose.id.clone());
    if let Some(data) = &question.data {
        let category = policy.data(data).ok_or_else(|| (Reason::UnknownData, of_purpose()))?;
        if !category.only_for.is_empty() && !category.only_for.contains(&purpose.id) {
            return Err((Reason::PurposeLimited, of_purpose()));
        }
        if !purpose.data.contains(data) {
            return Err((Reason::DataNotCovered, of_purpose()));
        }
    }
    if let Some(processor) = processor {
        let target = Target::processor(purpose.id.clone(), processor.id.clone());
        let Some(usage) = processor.use_for(&purpose.id) else {
            return Err((Reason::ProcessorNotUsed, target));
        };
        if question.data.as_ref().is_some_and(|data| !usage.data.contains(data)) {
            return Err((Reason::DataNotCovered, target));
        }
    }
    Ok(())
}

/// The rule: what say the subject has, and what the subject has said.
const fn rule(control: Control, status: Status) -> Reason {
    match (control, status) {
        (Control::Notified, _) => Reason::Notified,
        (Control::OptIn | Control::OptOut, Status::Given) => Reason::Given,
        (Control::OptIn, Status::Unknown) => Reason::NotGiven,
        (Control::OptIn, Status::Refused) => Reason::Refused,
        (Control::OptIn, Status::Withdrawn) => Reason::Withdrawn,
        (Control::OptIn, Status::Expired) => Reason::Expired,
        (Control::OptIn, Status::Replaced) => Reason::PolicyReplaced,
        (Control::OptOut, Status::Unknown | Status::Expired | Status::Replaced) => Reason::NotObjected,
        (Control::OptOut, Status::Refused | Status::Withdrawn) => Reason::Objected,
    }
}

/// What is the same for every step of one question.
struct Asked<'a> {
    policy: &'a Policy,
    record: &'a Record,
    now: Time,
    regime: Regime,
}

/// What the rule says of one target, and what that rests on.
#[derive(Clone, Copy)]
struct Word {
    reason: Reason,
    rests_on: Option<ChoiceId>,
    expires: Option<Time>,
}

impl Asked<'_> {
    fn word_on(&self, purpose: &Purpose, target: Target) -> Word {
        let control = purpose.terms_in(self.regime).control;
        let reason = rule(control, self.record.status(&target, self.policy, self.now));
        let mark = match control {
            Control::Notified => None,
            Control::OptIn | Control::OptOut => self.record.mark(&target),
        };
        let expires = mark.filter(|_| reason == Reason::Given).map(|m| m.at.after(self.policy.parts().validity));
        Word { reason, rests_on: mark.map(|m| m.choice), expires }
    }

    fn deny(&self, reason: Reason, target: Target, basis: Option<LegalBasis>) -> Decision {
        self.conclude(target, basis, &[], reason, Vec::new)
    }

    fn conclude(
        &self,
        target: Target,
        basis: Option<LegalBasis>,
        words: &[Word],
        reason: Reason,
        obligations: impl FnOnce() -> Vec<Obligation>,
    ) -> Decision {
        let mut events: Vec<ChoiceId> = words.iter().filter_map(|w| w.rests_on).collect();
        events.dedup();
        let features_lost = if reason.is_subjects() {
            self.policy.features_lost(&target).map(|f| f.id.clone()).collect()
        } else {
            Vec::new()
        };
        let recheck = self.now.after(self.policy.parts().recheck);
        Decision {
            reason,
            decided_by: target,
            basis,
            regime: self.regime,
            policy: self.policy.hash(),
            events,
            obligations: if reason.allows() { obligations() } else { Vec::new() },
            features_lost,
            valid_until: words.iter().filter_map(|w| w.expires).fold(recheck, Time::min),
        }
    }
}

const fn deletion(retention: Retention) -> Obligation {
    match retention {
        Retention::AfterUse => Obligation::DeleteAfterUse,
        Retention::Within(period) => Obligation::DeleteWithin(period),
        Retention::OnRequest => Obligation::DeleteOnRequest,
    }
}

fn obligations_of_processor(processor: &Processor) -> Vec<Obligation> {
    let mut obligations = alloc::vec![deletion(processor.retention)];
    if processor.trains == Training::Never {
        obligations.push(Obligation::NoTraining);
    }
    if processor.own_use == OwnUse::Never {
        obligations.push(Obligation::NoOwnUse);
    }
    match processor.safeguard {
        Safeguard::Eea => {}
        Safeguard::Adequacy | Safeguard::StandardContractualClauses => {
            obligations.push(Obligation::TransferSafeguard(processor.country, processor.safeguard));
        }
    }
    obligations
}
