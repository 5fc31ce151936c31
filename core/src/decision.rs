//! Turns what is known about a subject into what may be done with their data.
//!
//! [`decide`] is the only place where anything is allowed. It reads no clock, store or page,
//! so browser, server and auditor reach the same [`Decision`] from the same facts. It is total: every
//! question has an answer, and the answer to what is not known is no.
//!
//! What comes first counts more: what the policy itself rules out, which no grant can widen; a minor without a guardian; erasure,
//! restriction, objection; Global Privacy Control; the subject's latest word; the default of the place.

use crate::answer::{Decision, Obligation, Reason};
#[cfg(feature = "whole")]
use crate::change::change_of;
use crate::choice::{Answering, Choice, Stance, Surface};
use crate::context::Context;
use crate::history::PolicyHistory;
use crate::id::{DataId, EventId, HASH_BYTES, Language, NoticeHash, ProcessorId, PurposeId, Target};
use crate::law::Law;
use crate::policy::{
    Activity, Control, DataForm, LegalBasis, OwnUse, Policy, Processor, Purpose, PurposeKind, Retention, Safeguard,
    Training,
};
use crate::record::{DemandKind, Event, EventKind, Mark, Record, Stamp, Standing};
use crate::regime::Regime;
use crate::time::Time;
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
    /// What would be done with it.
    pub activity: Activity,
}

impl Question {
    /// Whether the site itself, or a processor, may do what the purpose says, with all its data.
    #[must_use]
    pub fn about(target: Target) -> Self {
        let Target { purpose, processor } = target;
        Self { purpose, processor, data: None, activity: Activity::Process }
    }
}

/// Decides `question` for the subject whose record this is.
#[must_use]
pub fn decide(history: &PolicyHistory, record: &Record, question: &Question, context: &Context) -> Decision {
    let in_force = history.in_force(context.now);
    // Before the first policy holds, its own terms say for how long that may be relied on, and nothing else.
    let policy = in_force.unwrap_or_else(|| history.newest());
    let law = policy.law(context.jurisdiction.as_ref());
    let asked = Asked { history, policy, record, context, law };
    let of_purpose = || Target::purpose(question.purpose.clone());
    if in_force.is_none() {
        return asked.deny(Reason::NoPolicy, of_purpose(), None);
    }
    let Some(purpose) = policy.purpose(&question.purpose) else {
        return asked.deny(Reason::UnknownPurpose, of_purpose(), None);
    };
    let processor = match &question.processor {
        None => None,
        Some(id) => match policy.processor(id) {
            None => {
                let target = Target::processor(question.purpose.clone(), id.clone());
                return asked.deny(Reason::UnknownProcessor, target, Some(purpose));
            }
            Some(processor) => Some(processor),
        },
    };
    if let Err((reason, by_processor)) = asked.within_policy(question, purpose, processor) {
        let by = processor.filter(|_| by_processor);
        return asked.deny(
            reason,
            Target { purpose: purpose.id.clone(), processor: by.map(|p| p.id.clone()) },
            Some(purpose),
        );
    }

    // Allow = purpose and processor and transfer (R33). The first that denies settles it; if none does, the last.
    let mut words = Words::default();
    let mut settled = (purpose, None);
    words.push(asked.word_on(purpose, None));
    if words.allow()
        && let Some(processor) = processor
    {
        settled = (purpose, Some(processor));
        words.push(asked.word_on(purpose, Some(processor)));
        if words.allow()
            && let Some(transfer) = processor.transfer.as_ref().and_then(|id| policy.purpose(id))
        {
            words.push(asked.word_on(transfer, None));
            if !words.allow() {
                settled = (transfer, None);
            }
        }
    }
    asked.conclude(purpose, processor, settled, &words)
}

/// Every target that [`decide`] allows, in the order of the newest policy: the table that a page's gate obeys.
#[must_use]
pub fn allowed(history: &PolicyHistory, record: &Record, context: &Context) -> Vec<Target> {
    let targets = history.newest().targets();
    targets.filter(|target| decide(history, record, &Question::about(target.clone()), context).allows()).collect()
}

/// What [`allowed`] will be once somebody has taken this stance towards everything, or has said nothing: the
/// outcomes that a banner can bring about, known beforehand so that a page can obey them without asking.
#[must_use]
pub fn allowed_after(history: &PolicyHistory, stance: Option<Stance>, context: &Context) -> Vec<Target> {
    allowed(history, &record_after(history.newest(), stance, context.now), context)
}

/// The record of somebody who has taken this stance towards everything that `policy` asks, or has said nothing.
pub(crate) fn record_after(policy: &Policy, stance: Option<Stance>, at: Time) -> Record {
    let stances = stance.map_or_else(Vec::new, |stance| policy.choosable().map(|t| (t, stance)).collect());
    let answering = Answering {
        policy: policy.hash(),
        notice: NoticeHash::from_bytes([0; HASH_BYTES]),
        language: Language::undetermined(),
        surface: Surface::Banner,
        confirmed: false,
    };
    // Without a switch there is no choice, and nothing that one could change.
    let choice = Choice::restore(EventId::from_parts(0, &[0; 10]), answering, stances).ok();
    let event = choice.map(|choice| Event { at, kind: EventKind::Chosen(choice) });
    Record::fold(&event)
}

/// What the last word on a target is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Status {
    /// Nothing was ever said. That is no consent (R16).
    Unknown,
    /// Granted, for at least what the policy in force does, and not expired.
    Given,
    /// Refused.
    Refused,
    /// Refused after it had been granted.
    Withdrawn,
    /// Granted too long ago.
    Expired,
    /// Granted for less than what the policy in force does.
    Replaced,
    /// Granted again after an opt-out, and not confirmed.
    Unconfirmed,
    /// Stopped by a signal that no later and specific choice has overruled.
    Signalled,
    /// Granted by a minor for whom nobody stood yet.
    Minor,
}

/// The rule: what say the subject has, and what the subject has said.
pub(crate) const fn rule(control: Control, status: Status) -> Reason {
    match (control, status) {
        (Control::Notified, _) => Reason::Notified,
        (Control::OptIn | Control::OptOut, Status::Given) => Reason::Given,
        (Control::OptIn | Control::OptOut, Status::Unconfirmed) => Reason::Unconfirmed,
        (Control::OptIn | Control::OptOut, Status::Signalled) => Reason::Signal,
        (Control::OptIn | Control::OptOut, Status::Minor) => Reason::Minor,
        (Control::OptIn, Status::Unknown) => Reason::NotGiven,
        (Control::OptIn, Status::Refused) => Reason::Refused,
        (Control::OptIn, Status::Withdrawn) => Reason::Withdrawn,
        (Control::OptIn, Status::Expired) => Reason::Expired,
        // Whoever said yes to less has not said yes to more, even where silence would do (P25).
        (Control::OptIn | Control::OptOut, Status::Replaced) => Reason::PolicyReplaced,
        (Control::OptOut, Status::Unknown | Status::Expired) => Reason::NotObjected,
        (Control::OptOut, Status::Refused | Status::Withdrawn) => Reason::Objected,
    }
}

/// What the rule says of one target, and what that rests on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Word {
    pub(crate) reason: Reason,
    rests_on: Option<EventId>,
    pub(crate) until: Option<Time>,
}

/// At most one word each on purpose, processor and transfer; the last settles the question.
#[derive(Debug, Default)]
struct Words {
    said: [Option<Word>; 3],
}

impl Words {
    fn push(&mut self, word: Word) {
        if let Some(free) = self.said.iter_mut().find(|w| w.is_none()) {
            *free = Some(word);
        }
    }

    fn iter(&self) -> impl DoubleEndedIterator<Item = &Word> {
        self.said.iter().flatten()
    }

    fn reason(&self) -> Reason {
        self.iter().next_back().map_or(Reason::UnknownPurpose, |w| w.reason)
    }

    fn allow(&self) -> bool {
        self.reason().allows()
    }
}

/// What is the same for every step of one question.
pub(crate) struct Asked<'a> {
    pub(crate) history: &'a PolicyHistory,
    pub(crate) policy: &'a Policy,
    pub(crate) record: &'a Record,
    pub(crate) context: &'a Context,
    pub(crate) law: Law,
}

impl Asked<'_> {
    fn is_minor(&self) -> bool {
        self.context.age.is_some_and(|age| age.is_below(self.law.consent_age))
    }

    /// The regime of the place; the strictest for minors, and for those too young to be sold or advertised to.
    fn regime_for(&self, purpose: &Purpose) -> Regime {
        let too_young = |age| self.context.age.is_some_and(|band| band.is_below(age));
        if self.is_minor() || (purpose.answers_gpc() && too_young(self.law.advertising_age)) {
            Regime::OptIn
        } else {
            self.law.regime
        }
    }

    /// What the policy itself rules out: no grant can widen it. Also says whether it is about the processor.
    fn within_policy(
        &self,
        question: &Question,
        purpose: &Purpose,
        processor: Option<&Processor>,
    ) -> Result<(), (Reason, bool)> {
        if let Some(data) = &question.data {
            let category = self.policy.data(data).ok_or((Reason::UnknownData, false))?;
            if !category.only_for.is_empty() && !category.only_for.contains(&purpose.id) {
                return Err((Reason::PurposeLimited, false));
            }
            if !purpose.data.contains(data) {
                return Err((Reason::DataNotCovered, false));
            }
        }
        if let Some(processor) = processor {
            let usage = processor.use_for(&purpose.id).ok_or((Reason::ProcessorNotUsed, true))?;
            if question.data.as_ref().is_some_and(|data| !usage.data.contains(data)) {
                return Err((Reason::DataNotCovered, true));
            }
        }
        match question.activity {
            Activity::Process => {}
            Activity::Train => {
                if purpose.kind != PurposeKind::Training {
                    return Err((Reason::TrainingExcluded, processor.is_some()));
                }
            }
            // The site's own ends are its purposes; a processor's are what it discloses.
            Activity::OwnEnds => {
                if processor.is_none_or(|p| p.own_use == OwnUse::Never) {
                    return Err((Reason::OwnUseExcluded, processor.is_some()));
                }
            }
        }
        if let Some(id) = &self.context.mode {
            let mode = self.policy.mode(id).ok_or((Reason::UnknownMode, false))?;
            if mode.denies.contains(&purpose.id) {
                return Err((Reason::ModeExcluded, false));
            }
        }
        if let (Some(form), Some(training)) = (self.context.form, purpose.training)
            && form < training.form
        {
            return Err((Reason::FormNotCovered, false));
        }
        Ok(())
    }

    /// What stands against the purpose whatever was chosen: age, erasure, restriction, objection.
    fn against(&self, purpose: &Purpose) -> Option<(Reason, Option<EventId>)> {
        if purpose.is_choosable()
            && let Some(age) = self.context.age
        {
            if self.policy.parts().minimum_age.is_some_and(|minimum| age.is_below(minimum)) {
                return Some((Reason::UnderAge, None));
            }
            if self.is_minor() && !self.context.guardian.is_some_and(|g| g.holds(self.context.now)) {
                return Some((Reason::Minor, None));
            }
        }
        // Legal claims and the rights of others are not the subject's to stop (Art. 17(3), 18(2), 21(1)).
        if purpose.kind.is_for_others() {
            return None;
        }
        // Whoever chooses again after an erasure is back; what may be done by then is for the choice to say.
        if let Some(erased) = self.record.erased()
            && !self.record.chose_after(erased.at)
        {
            return Some((Reason::Erased, Some(erased.event)));
        }
        if let Some(restricted) = self.record.demand(DemandKind::Restriction, purpose) {
            return Some((Reason::Restricted, Some(restricted.event)));
        }
        let basis = purpose.terms_in(self.regime_for(purpose)).basis;
        // A contract or a law gives no right to object (Art. 21(1)).
        let objectable = purpose.is_choosable() || basis == LegalBasis::LegitimateInterest;
        if objectable && let Some(objected) = self.record.demand(DemandKind::Objection, purpose) {
            return Some((Reason::Objected, Some(objected.event)));
        }
        None
    }

    pub(crate) fn word_on(&self, purpose: &Purpose, processor: Option<&Processor>) -> Word {
        if let Some((reason, rests_on)) = self.against(purpose) {
            return Word { reason, rests_on, until: None };
        }
        let control = purpose.terms_in(self.regime_for(purpose)).control;
        if control == Control::Notified {
            return Word { reason: Reason::Notified, rests_on: None, until: None };
        }
        let target = Target { purpose: purpose.id.clone(), processor: processor.map(|p| p.id.clone()) };
        let mark = self.record.mark(&target, purpose.kind.scope());
        // An erasure ends all that was said before it, and nothing starts on by itself after it.
        if let Some(erased) = self.record.erased()
            && mark.is_none_or(|m| m.at <= erased.at)
        {
            return Word { reason: Reason::Erased, rests_on: Some(erased.event), until: None };
        }
        // Where device and account meet, a refused purpose carries the other's processors with it, too, and of two words at once
        // the no counts (R33, R39).
        if processor.is_some()
            && self.record.is_joined()
            && let Some(yes) = mark.filter(|m| m.standing.is_yes())
            && let Some(refused) = self.record.last_refused(&Target::purpose(purpose.id.clone()))
            && refused.at >= yes.at
        {
            let reason = rule(control, Status::Withdrawn);
            return Word { reason, rests_on: Some(refused.event), until: None };
        }
        let status = self.status(mark, purpose, processor.is_some());
        let reason = rule(control, status);
        let rests_on = match status {
            Status::Signalled => self.record.signal().map(|s| s.event),
            Status::Unknown
            | Status::Given
            | Status::Refused
            | Status::Withdrawn
            | Status::Expired
            | Status::Replaced
            | Status::Unconfirmed
            | Status::Minor => mark.map(|m| m.choice),
        };
        let until = mark.filter(|_| reason == Reason::Given).map(|m| m.at.after(self.policy.validity_of(purpose)));
        Word { reason, rests_on, until }
    }

    /// What the last word on a target is worth now, under the policy in force.
    fn status(&self, mark: Option<&Mark>, purpose: &Purpose, is_processor: bool) -> Status {
        // The signal is about the purpose; its processors follow the purpose anyway.
        let signalled = !is_processor && self.is_signalled(mark, purpose);
        let Some(mark) = mark else { return if signalled { Status::Signalled } else { Status::Unknown } };
        let yes = match mark.standing {
            Standing::Refused => return Status::Refused,
            Standing::Withdrawn => return Status::Withdrawn,
            Standing::Granted | Standing::Restored => self.worth_of_yes(mark, purpose),
        };
        match yes {
            _ if signalled => Status::Signalled,
            // Once the choice that overruled the signal counts no more, the signal does again.
            Status::Expired | Status::Replaced if self.hears_signal(purpose) && !is_processor => Status::Signalled,
            Status::Given if !is_processor && self.needs_confirmation(mark, purpose) => Status::Unconfirmed,
            yes => yes,
        }
    }

    pub(crate) fn worth_of_yes(&self, mark: &Mark, purpose: &Purpose) -> Status {
        if !self.covers(mark) {
            Status::Replaced
        } else if self.context.now >= mark.at.after(self.policy.validity_of(purpose)) {
            Status::Expired
        } else if self.is_minor() && self.context.guardian.is_none_or(|g| mark.at < g.from) {
            Status::Minor
        } else {
            Status::Given
        }
    }

    /// Whether the policy that the choice answered promised no less about this target than the one in force does.
    fn covers(&self, mark: &Mark) -> bool {
        if mark.policy == self.policy.hash() {
            return true;
        }
        #[cfg(feature = "whole")]
        if let Some(answered) = self.history.published(mark.policy) {
            return !change_of(answered, self.policy, &mark.target).asks_again();
        }
        false
    }

    /// Whether a signal speaks of this purpose, was sent, and must be honoured here.
    fn hears_signal(&self, purpose: &Purpose) -> bool {
        let sent = self.context.signal.is_some() || self.record.signal().is_some();
        sent && purpose.answers_gpc() && !self.law.signals.is_empty()
    }

    /// Whether a signal stops this purpose: one that was sent, unless a later and specific choice speaks against it (R25).
    fn is_signalled(&self, mark: Option<&Mark>, purpose: &Purpose) -> bool {
        // What this browser says now, and has not said before, is later than any choice, whatever other browsers said.
        let is_new = self.context.signal.is_some() && !self.record.has_own_signal();
        self.hears_signal(purpose)
            && match (self.record.signal(), mark) {
                (Some(signal), Some(mark)) => is_new || mark.at <= signal.at || !mark.surface.is_specific(),
                (None, _) | (_, None) => true,
            }
    }

    /// An opt-in to sale, sharing or targeted advertising after an opt-out, by switch or by signal, on the device or with the
    /// account, takes two steps, and the second comes after the opt-out (R27).
    fn needs_confirmation(&self, mark: &Mark, purpose: &Purpose) -> bool {
        if !self.law.two_steps || !purpose.answers_gpc() {
            return false;
        }
        let refused = self.record.last_refused(&mark.target);
        let signal = self.record.signal().filter(|_| self.hears_signal(purpose));
        let opted_out = refused.max(signal);
        let is_confirmed = |out: Stamp| mark.confirmed.is_some_and(|confirmed| confirmed >= out.at);
        opted_out.is_some_and(|out| !is_confirmed(out))
    }

    fn deny(&self, reason: Reason, decided_by: Target, purpose: Option<&Purpose>) -> Decision {
        let regime = purpose.map_or(self.law.regime, |p| self.regime_for(p));
        Decision {
            reason,
            decided_by,
            basis: purpose.map(|p| p.terms_in(regime).basis),
            regime,
            policy: self.policy.hash(),
            events: Vec::new(),
            obligations: Vec::new(),
            features_lost: Vec::new(),
            valid_until: self.valid_until(),
        }
    }

    fn conclude(
        &self,
        purpose: &Purpose,
        processor: Option<&Processor>,
        (by_purpose, by_processor): (&Purpose, Option<&Processor>),
        words: &Words,
    ) -> Decision {
        let reason = words.reason();
        let decided_by = Target { purpose: by_purpose.id.clone(), processor: by_processor.map(|p| p.id.clone()) };
        let mut events: Vec<EventId> = words.iter().filter_map(|w| w.rests_on).collect();
        events.dedup();
        let features_lost = if reason.is_subjects() {
            self.policy.features_lost(&decided_by).map(|f| f.id.clone()).collect()
        } else {
            Vec::new()
        };
        let obligations = match reason {
            Reason::UnderAge => alloc::vec![Obligation::Erase],
            reason if reason.allows() => self.obligations(purpose, processor),
            _ => Vec::new(),
        };
        let valid_until = words.iter().filter_map(|w| w.until).fold(self.valid_until(), Time::min);
        Decision { events, obligations, features_lost, valid_until, ..self.deny(reason, decided_by, Some(by_purpose)) }
    }

    /// Until when an answer can be relied on as far as policy and circumstances go.
    fn valid_until(&self) -> Time {
        let now = self.context.now;
        let guardian = self.context.guardian.iter().flat_map(|g| [g.from, g.until]);
        guardian
            .chain(self.history.next_change(now))
            .filter(|time| *time > now)
            .fold(now.after(self.policy.parts().recheck), Time::min)
    }

    fn obligations(&self, purpose: &Purpose, processor: Option<&Processor>) -> Vec<Obligation> {
        let mode = self.context.mode.as_ref().and_then(|id| self.policy.mode(id)).and_then(|m| m.retention);
        // What a law or the security of others demands to be kept, no mode shortens.
        let mode = mode.filter(|_| !purpose.kind.is_for_others());
        let kept = processor.map_or_else(|| purpose.retention_for(self.context.plan.as_ref()), |p| p.retention);
        // Room for all that a processor without flags brings with it: growing costs more than the rest of this.
        let mut obligations = Vec::with_capacity(6);
        obligations.push(deletion(mode.map_or(kept, |most| kept.min(most))));
        if processor.is_none()
            && let Some(period) = purpose.backups
        {
            obligations.push(Obligation::DeleteBackupsWithin(period));
        }
        if self.context.form.is_none() {
            match purpose.training.map(|t| t.form) {
                Some(DataForm::Anonymised) => obligations.push(Obligation::AnonymiseFirst),
                Some(DataForm::Pseudonymised) => obligations.push(Obligation::PseudonymiseFirst),
                Some(DataForm::Raw) | None => {}
            }
        }
        if let Some(processor) = processor {
            obligations_of_processor(purpose, processor, &mut obligations);
        }
        obligations
    }
}

const fn deletion(retention: Retention) -> Obligation {
    match retention {
        Retention::AfterUse => Obligation::DeleteAfterUse,
        Retention::Within(period) => Obligation::DeleteWithin(period),
        Retention::AfterInactivity(period) => Obligation::DeleteAfterInactivity(period),
        Retention::OnRequest => Obligation::DeleteOnRequest,
    }
}

fn obligations_of_processor(purpose: &Purpose, processor: &Processor, obligations: &mut Vec<Obligation>) {
    // One that trains with consent does so for purposes of that kind alone.
    if processor.trains == Training::Never || purpose.kind != PurposeKind::Training {
        obligations.push(Obligation::NoTraining);
    }
    if processor.own_use == OwnUse::Never {
        obligations.push(Obligation::NoOwnUse);
    }
    match processor.safeguard {
        Safeguard::Eea => {}
        Safeguard::Adequacy | Safeguard::StandardContractualClauses | Safeguard::ExplicitConsent => {
            obligations.push(Obligation::TransferSafeguard(processor.country, processor.safeguard));
        }
    }
    let flags = processor.flags.iter().cloned();
    obligations.extend(flags.map(|(name, value)| Obligation::RequestFlag(name, value)));
}
