//! A decider that is slow and plain: it keeps no record, looks through the whole history for every
//! question, and says each rule in the words of the requirement. `decide` must agree with it.

use consentry_core::law::LAWS;
use consentry_core::{
    Activity, Choice, Context, Control, DataForm, Decision, DemandKind, Event, EventId, EventKind, FeatureId, Law,
    LegalBasis, Obligation, OwnUse, Policy, PolicyHistory, Processor, Purpose, PurposeKind, Question, Reason, Regime,
    Retention, Safeguard, Signal, Stance, Target, Time, Training, change_of,
};

/// All that ever happened to a person: on the device, and with the account if one is signed in.
#[derive(Debug, Clone, Copy)]
pub struct Life<'a> {
    /// The device's events, in the order of the ledger.
    pub device: &'a [Event],
    /// The account's; none if nobody is signed in.
    pub account: Option<&'a [Event]>,
}

/// Decides `question` by looking through all that happened.
#[must_use]
pub fn decide_naively(history: &PolicyHistory, life: Life<'_>, question: &Question, context: &Context) -> Decision {
    // The old terms rule until the new ones take effect (R30).
    let in_force = history.versions().rfind(|v| v.effective <= context.now).map(|v| &v.policy);
    let policy = in_force.unwrap_or(history.newest());
    let law = law_at(policy, context);
    let mut decision = Decision {
        reason: Reason::NoPolicy,
        decided_by: Target::purpose(question.purpose.clone()),
        basis: None,
        regime: law.regime,
        policy: policy.hash(),
        events: Vec::new(),
        obligations: Vec::new(),
        features_lost: Vec::new(),
        valid_until: context.now.after(policy.parts().recheck),
    };
    let mut borders: Vec<Time> = history.versions().map(|v| v.effective).collect();
    borders.extend(context.guardian.iter().flat_map(|g| [g.from, g.until]));
    for border in borders.into_iter().filter(|time| *time > context.now) {
        decision.valid_until = decision.valid_until.min(border);
    }
    if in_force.is_none() {
        return decision;
    }

    // Nobody may do what the policy does not speak of.
    let Some(purpose) = policy.parts().purposes.iter().find(|p| p.id == question.purpose) else {
        decision.reason = Reason::UnknownPurpose;
        return decision;
    };
    let asked = Asked { history, policy, law, life, context };
    decision.regime = asked.regime(purpose);
    decision.basis = Some(purpose.terms_in(decision.regime).basis);
    let processor = question.processor.as_ref().map(|id| policy.parts().processors.iter().find(|p| p.id == *id));
    if processor == Some(None) {
        decision.reason = Reason::UnknownProcessor;
        decision.decided_by.processor.clone_from(&question.processor);
        return decision;
    }
    let processor = processor.flatten();
    if let Some((reason, at_processor)) = asked.outside_of_policy(question, purpose, processor) {
        decision.reason = reason;
        if at_processor {
            decision.decided_by.processor.clone_from(&question.processor);
        }
        return decision;
    }

    // Allow(purpose, processor) = purpose and processor and transfer.
    let transfer = processor.and_then(|p| p.transfer.as_ref());
    let transfer = transfer.and_then(|id| policy.parts().purposes.iter().find(|p| p.id == *id));
    let mut steps = vec![(purpose, None)];
    steps.extend(processor.map(|p| (purpose, Some(p))));
    steps.extend(transfer.map(|p| (p, None)));
    for (n, (purpose, processor)) in steps.into_iter().enumerate() {
        let word = asked.word(purpose, processor);
        decision.reason = word.reason;
        if n < 2 || !word.reason.allows() {
            let processor = processor.map(|p| p.id.clone());
            decision.decided_by = Target { purpose: purpose.id.clone(), processor };
            decision.regime = asked.regime(purpose);
            decision.basis = Some(purpose.terms_in(decision.regime).basis);
        }
        if let Some(event) = word.event
            && decision.events.last() != Some(&event)
        {
            decision.events.push(event);
        }
        decision.valid_until = word.until.into_iter().fold(decision.valid_until, Time::min);
        if !word.reason.allows() {
            decision.features_lost = features_that_need(policy, &decision.decided_by);
            if word.reason == Reason::UnderAge {
                decision.obligations = vec![Obligation::Erase];
            }
            return decision;
        }
    }
    decision.obligations = asked.obligations(purpose, processor);
    decision
}

fn law_at(policy: &Policy, context: &Context) -> Law {
    let strictest = LAWS[0];
    let Some(place) = &context.jurisdiction else { return strictest };
    let rows = [place.as_str(), &place.as_str()[..2]];
    let row = rows.iter().find_map(|name| LAWS.iter().find(|law| law.place == *name));
    let mut law = *row.unwrap_or(&strictest);
    for change in policy.parts().laws.iter().filter(|c| rows.contains(&c.place.as_str())) {
        if let Some(regime) = change.regime
            && regime < law.regime
        {
            law.regime = regime;
        }
        if let Some(age) = change.consent_age
            && age > law.consent_age
        {
            law.consent_age = age;
        }
        if change.signals {
            law.signals = &[Signal::Gpc];
        }
    }
    law
}

struct Asked<'a> {
    history: &'a PolicyHistory,
    policy: &'a Policy,
    law: Law,
    life: Life<'a>,
    context: &'a Context,
}

struct Word {
    reason: Reason,
    event: Option<EventId>,
    until: Option<Time>,
}

/// One thing that was said of a target.
#[derive(Clone, Copy)]
struct Said<'a> {
    event: &'a Event,
    choice: &'a Choice,
    stance: Stance,
    ever_granted_before: bool,
    ever_refused_before: bool,
    confirmed: Option<Time>,
}

impl<'a> Asked<'a> {
    fn is_minor(&self) -> bool {
        self.context.age.is_some_and(|age| age.at_least() < self.law.consent_age)
    }

    /// Whether it is about selling, sharing, or advertising by what is known of somebody.
    fn sells(purpose: &Purpose) -> bool {
        use consentry_core::CookieFunction::Advertising;
        matches!(purpose.kind, PurposeKind::Sale | PurposeKind::Sharing | PurposeKind::Advertising)
            || purpose.function == Some(Advertising)
    }

    fn regime(&self, purpose: &Purpose) -> Regime {
        let too_young_to_sell = self.context.age.is_some_and(|age| age.at_least() < self.law.advertising_age);
        if self.is_minor() || (Self::sells(purpose) && too_young_to_sell) { Regime::OptIn } else { self.law.regime }
    }

    fn outside_of_policy(
        &self,
        question: &Question,
        purpose: &Purpose,
        processor: Option<&Processor>,
    ) -> Option<(Reason, bool)> {
        if let Some(data) = &question.data {
            let Some(category) = self.policy.parts().data.iter().find(|d| d.id == *data) else {
                return Some((Reason::UnknownData, false));
            };
            if !category.only_for.is_empty() && !category.only_for.contains(&purpose.id) {
                return Some((Reason::PurposeLimited, false));
            }
            if !purpose.data.contains(data) {
                return Some((Reason::DataNotCovered, false));
            }
        }
        if let Some(processor) = processor {
            let Some(usage) = processor.uses.iter().find(|u| u.purpose == purpose.id) else {
                return Some((Reason::ProcessorNotUsed, true));
            };
            if question.data.as_ref().is_some_and(|data| !usage.data.contains(data)) {
                return Some((Reason::DataNotCovered, true));
            }
        }
        let own_ends_disclosed = processor.is_some_and(|p| p.own_use == OwnUse::Discloses);
        if question.activity == Activity::Train && purpose.kind != PurposeKind::Training {
            return Some((Reason::TrainingExcluded, processor.is_some()));
        }
        if question.activity == Activity::OwnEnds && !own_ends_disclosed {
            return Some((Reason::OwnUseExcluded, processor.is_some()));
        }
        if let Some(name) = &self.context.mode {
            let Some(mode) = self.policy.parts().modes.iter().find(|m| m.id == *name) else {
                return Some((Reason::UnknownMode, false));
            };
            if mode.denies.contains(&purpose.id) {
                return Some((Reason::ModeExcluded, false));
            }
        }
        let tells = |form: DataForm| match form {
            DataForm::Raw => 2,
            DataForm::Pseudonymised => 1,
            DataForm::Anonymised => 0,
        };
        let most = purpose.training.map(|t| tells(t.form));
        let would = self.context.form.map(tells);
        (most.is_some() && would.is_some() && would > most).then_some((Reason::FormNotCovered, false))
    }

    fn word(&self, purpose: &Purpose, processor: Option<&Processor>) -> Word {
        if let Some((reason, event)) = self.stands_against(purpose) {
            return Word { reason, event, until: None };
        }
        let control = purpose.terms_in(self.regime(purpose)).control;
        if control == Control::Notified {
            return Word { reason: Reason::Notified, event: None, until: None };
        }
        let target = Target { purpose: purpose.id.clone(), processor: processor.map(|p| p.id.clone()) };
        let opt_in = control == Control::OptIn;
        let last = self.last_said(&target, purpose);
        if let Some((at, id)) = self.last_erasure()
            && last.is_none_or(|said| said.event.at <= at)
        {
            return Word { reason: Reason::Erased, event: Some(id), until: None };
        }
        let of_purpose = Target::purpose(purpose.id.clone());
        if let Some(said) = last.filter(|said| said.stance == Stance::Grant)
            && processor.is_some()
            && self.device_and_account_both_spoke()
            && let Some((at, id)) = self.last_refusal(&of_purpose)
            && at >= said.event.at
        {
            let reason = if opt_in { Reason::Withdrawn } else { Reason::Objected };
            return Word { reason, event: Some(id), until: None };
        }
        let signal_counts = processor.is_none()
            && Self::sells(purpose)
            && !self.law.signals.is_empty()
            && (self.context.signal.is_some() || self.last_signal().is_some());
        let by_signal = Word { reason: Reason::Signal, event: self.last_signal().map(|(_, id)| id), until: None };
        let Some(said) = last else {
            if signal_counts {
                return by_signal;
            }
            let reason = if opt_in { Reason::NotGiven } else { Reason::NotObjected };
            return Word { reason, event: None, until: None };
        };
        let because = |reason| Word { reason, event: Some(said.event.id()), until: None };
        if said.stance == Stance::Refuse {
            return because(match (opt_in, said.ever_granted_before) {
                (false, _) => Reason::Objected,
                (true, true) => Reason::Withdrawn,
                (true, false) => Reason::Refused,
            });
        }

        // A yes. A signal beats it, unless it is later and specific.
        let overrules = self.last_signal().is_some_and(|(at, _)| said.event.at > at)
            && said.choice.answering().surface.is_specific();
        if signal_counts && !overrules {
            return by_signal;
        }
        let validity = purpose.validity.unwrap_or(self.policy.parts().validity);
        let expires = said.event.at.after(validity);
        let too_old = self.context.now >= expires;
        if !self.still_covers(said.choice, &target) || too_old {
            let covers = self.still_covers(said.choice, &target);
            return match (signal_counts, covers, opt_in) {
                (true, _, _) => by_signal,
                (false, false, _) => because(Reason::PolicyReplaced),
                (false, true, false) => because(Reason::NotObjected),
                (false, true, true) => because(Reason::Expired),
            };
        }
        if self.is_minor() && self.context.guardian.is_none_or(|g| said.event.at < g.from) {
            return because(Reason::Minor);
        }
        let opted_out = self.last_refusal(&target).max(self.last_signal().filter(|_| signal_counts));
        let unconfirmed = opted_out.is_some_and(|(at, _)| said.confirmed.is_none_or(|confirmed| confirmed < at));
        if processor.is_none() && self.law.two_steps && Self::sells(purpose) && unconfirmed {
            return because(Reason::Unconfirmed);
        }
        Word { until: Some(expires), ..because(Reason::Given) }
    }

    /// Age first, then erasure, restriction and objection.
    fn stands_against(&self, purpose: &Purpose) -> Option<(Reason, Option<EventId>)> {
        let choosable = purpose.terms.control != Control::Notified;
        if let Some(age) = self.context.age.filter(|_| choosable) {
            if self.policy.parts().minimum_age.is_some_and(|minimum| age.at_least() < minimum) {
                return Some((Reason::UnderAge, None));
            }
            let guarded = self.context.guardian.is_some_and(|g| (g.from..g.until).contains(&self.context.now));
            if self.is_minor() && !guarded {
                return Some((Reason::Minor, None));
            }
        }
        if matches!(purpose.kind, PurposeKind::Legal | PurposeKind::Security | PurposeKind::Moderation) {
            return None;
        }
        if let Some((at, id)) = self.last_erasure()
            && !self.lives().any(|events| chose_after(events, at))
        {
            return Some((Reason::Erased, Some(id)));
        }
        if let Some(id) = self
            .standing_demand(DemandKind::Restriction, Some(purpose))
            .or(self.standing_demand(DemandKind::Restriction, None))
        {
            return Some((Reason::Restricted, Some(id)));
        }
        let by_interest = purpose.terms_in(self.regime(purpose)).basis == LegalBasis::LegitimateInterest;
        if choosable || by_interest {
            let advertises = matches!(purpose.kind, PurposeKind::Marketing | PurposeKind::Advertising);
            let of_marketing = || self.standing_demand(DemandKind::Objection, None).filter(|_| advertises);
            let id = self.standing_demand(DemandKind::Objection, Some(purpose)).or_else(of_marketing);
            return id.map(|id| (Reason::Objected, Some(id)));
        }
        None
    }

    fn lives(&self) -> impl Iterator<Item = &'a [Event]> {
        std::iter::once(self.life.device).chain(self.life.account)
    }

    /// The later of what device and account say counts; of two at once, the one that stands.
    fn standing_demand(&self, kind: DemandKind, purpose: Option<&Purpose>) -> Option<EventId> {
        let mut last = None;
        for events in self.lives() {
            let mut of_this = None;
            for event in since_erasure(events) {
                if let EventKind::Demanded(id, demand) = &event.kind
                    && demand.kind == kind
                    && demand.purpose.as_ref() == purpose.map(|p| &p.id)
                {
                    of_this = Some((event.at, demand.stands, *id));
                }
            }
            last = last.max(of_this);
        }
        last.filter(|(_, stands, _)| *stands).map(|(_, _, id)| id)
    }

    fn last_erasure(&self) -> Option<(Time, EventId)> {
        self.lives().flatten().filter(|e| is_erasure(e)).map(|e| (e.at, e.id())).max()
    }

    fn device_and_account_both_spoke(&self) -> bool {
        self.life.account.is_some() && since_erasure(self.life.device).iter().any(|e| choice(e).is_some())
    }

    /// The last refusal on either side, in the order of each side's ledger.
    fn last_refusal(&self, target: &Target) -> Option<(Time, EventId)> {
        let of_side = |events| {
            let said = said_of(events, target);
            said.iter().rfind(|said| said.stance == Stance::Refuse).map(|said| (said.event.at, said.event.id()))
        };
        self.lives().filter_map(of_side).max()
    }

    fn last_signal(&self) -> Option<(Time, EventId)> {
        let signals = self.lives().flat_map(since_erasure).filter(|e| matches!(e.kind, EventKind::Signalled(..)));
        signals.map(|e| (e.at, e.id())).max()
    }

    /// What counts of all that was said of the target (R39).
    fn last_said(&self, target: &Target, purpose: &Purpose) -> Option<Said<'a>> {
        let of_device = said_of(self.life.device, target).last().copied();
        let Some(account) = self.life.account else { return of_device };
        let of_account = said_of(account, target).last().copied();
        let a_no = |said: &Said<'a>| said.stance == Stance::Refuse;
        match purpose.kind {
            PurposeKind::Cookies => of_device.or(of_account.filter(a_no)),
            PurposeKind::Training | PurposeKind::Marketing => of_account.or(of_device.filter(a_no)),
            _ => match (of_device, of_account) {
                (Some(device), None) if device.stance == Stance::Grant => None,
                (Some(device), Some(account)) => Some(if rank(&device) > rank(&account) { device } else { account }),
                (device, account) => account.or(device),
            },
        }
    }

    fn still_covers(&self, choice: &Choice, target: &Target) -> bool {
        let answered = choice.answering().policy;
        let published = self.history.versions().rfind(|v| v.policy.hash() == answered);
        published.is_some_and(|v| !change_of(&v.policy, self.policy, target).asks_again())
    }

    fn obligations(&self, purpose: &Purpose, processor: Option<&Processor>) -> Vec<Obligation> {
        let mode = self.context.mode.as_ref().and_then(|id| self.policy.parts().modes.iter().find(|m| m.id == *id));
        let mut kept = match processor {
            Some(processor) => processor.retention,
            None => {
                let by_plan =
                    purpose.retention_by_plan.iter().find(|(plan, _)| self.context.plan.as_ref() == Some(plan));
                by_plan.map_or(purpose.retention, |(_, retention)| *retention)
            }
        };
        let for_others = matches!(purpose.kind, PurposeKind::Legal | PurposeKind::Security | PurposeKind::Moderation);
        if let Some(most) = mode.and_then(|m| m.retention)
            && !for_others
            && most < kept
        {
            kept = most;
        }
        let mut obligations = vec![deletion(kept)];
        if let (None, Some(period)) = (processor, purpose.backups) {
            obligations.push(Obligation::DeleteBackupsWithin(period));
        }
        match (self.context.form, purpose.training.map(|t| t.form)) {
            (None, Some(DataForm::Anonymised)) => obligations.push(Obligation::AnonymiseFirst),
            (None, Some(DataForm::Pseudonymised)) => obligations.push(Obligation::PseudonymiseFirst),
            _ => {}
        }
        let Some(processor) = processor else { return obligations };
        if purpose.kind != PurposeKind::Training || processor.trains == Training::Never {
            obligations.push(Obligation::NoTraining);
        }
        if processor.own_use == OwnUse::Never {
            obligations.push(Obligation::NoOwnUse);
        }
        if processor.safeguard != Safeguard::Eea {
            obligations.push(Obligation::TransferSafeguard(processor.country, processor.safeguard));
        }
        for (name, value) in &processor.flags {
            obligations.push(Obligation::RequestFlag(name.clone(), value.clone()));
        }
        obligations
    }
}

/// The later counts for more, then the refusal, then the harder one, then the id.
fn rank(said: &Said<'_>) -> (Time, u8, EventId) {
    let standing = match (said.stance, said.ever_granted_before, said.ever_refused_before) {
        (Stance::Grant, _, false) => 0,
        (Stance::Grant, _, true) => 1,
        (Stance::Refuse, false, _) => 2,
        (Stance::Refuse, true, _) => 3,
    };
    (said.event.at, standing, said.event.id())
}

fn is_erasure(event: &Event) -> bool {
    matches!(&event.kind, EventKind::Demanded(_, demand) if demand.kind == DemandKind::Erasure)
}

/// What was erased is gone.
fn since_erasure(events: &[Event]) -> &[Event] {
    let start = events.iter().rposition(is_erasure).map_or(0, |n| n + 1);
    &events[start..]
}

/// Whether the last word on anything is later than that.
fn chose_after(events: &[Event], time: Time) -> bool {
    let targets = since_erasure(events).iter().filter_map(choice).flat_map(Choice::stances).map(|(t, _)| t);
    targets.into_iter().any(|target| said_of(events, target).last().is_some_and(|said| said.event.at > time))
}

fn choice(event: &Event) -> Option<&Choice> {
    match &event.kind {
        EventKind::Chosen(choice) => Some(choice),
        EventKind::Signalled(..) | EventKind::Demanded(..) | EventKind::Linked(..) | EventKind::Lent(..) => None,
    }
}

/// Everything that was ever said of `target`, oldest first. The refusal of a purpose is said of every
/// processor that had been spoken of, and outweighs what the same choice says of the processor.
fn said_of<'a>(events: &'a [Event], target: &Target) -> Vec<Said<'a>> {
    let mut all: Vec<Said<'a>> = Vec::new();
    for event in since_erasure(events) {
        let Some(choice) = choice(event) else { continue };
        let own = stance_in(choice, target);
        let of_purpose = stance_in(choice, &Target::purpose(target.purpose.clone()));
        let is_processor = target.processor.is_some();
        let carried = is_processor && of_purpose == Some(Stance::Refuse) && (own.is_some() || !all.is_empty());
        let Some(stance) = (if carried { Some(Stance::Refuse) } else { own }) else { continue };
        let goes_on = all.last().filter(|last| last.stance == Stance::Grant).and_then(|last| last.confirmed);
        let confirms = choice.answering().confirmed;
        all.push(Said {
            event,
            choice,
            stance,
            ever_granted_before: all.iter().any(|said| said.stance == Stance::Grant),
            ever_refused_before: all.iter().any(|said| said.stance == Stance::Refuse),
            confirmed: if confirms { Some(event.at) } else { goes_on },
        });
    }
    all
}

fn stance_in(choice: &Choice, target: &Target) -> Option<Stance> {
    choice.stances().iter().find(|(t, _)| t == target).map(|(_, stance)| *stance)
}

fn features_that_need(policy: &Policy, target: &Target) -> Vec<FeatureId> {
    let mut lost = Vec::new();
    for feature in &policy.parts().features {
        let needs = match &target.processor {
            None => feature.needs.iter().any(|n| n.purpose == target.purpose),
            Some(_) => feature.needs.contains(target),
        };
        if needs {
            lost.push(feature.id.clone());
        }
    }
    lost
}

fn deletion(retention: Retention) -> Obligation {
    match retention {
        Retention::AfterUse => Obligation::DeleteAfterUse,
        Retention::Within(period) => Obligation::DeleteWithin(period),
        Retention::AfterInactivity(period) => Obligation::DeleteAfterInactivity(period),
        Retention::OnRequest => Obligation::DeleteOnRequest,
    }
}
