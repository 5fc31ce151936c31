//! A decider that is slow and plain: it keeps no record, looks through the whole history for every
//! question, and says each rule in the words of the requirement. `decide` must agree with it.

use consentry_core::{
    Choice, Context, Control, Decision, Event, EventKind, Obligation, OwnUse, Policy, Processor, Purpose, PurposeId,
    Question, Reason, Regime, Retention, Safeguard, Stance, Target, Terms, Time, Training,
};

/// Decides `question` by looking through all that happened.
#[must_use]
pub fn decide_naively(policy: &Policy, history: &[Event], question: &Question, context: &Context) -> Decision {
    let regime = Regime::of(context.jurisdiction.as_ref());
    let mut decision = Decision {
        reason: Reason::UnknownPurpose,
        decided_by: Target::purpose(question.purpose.clone()),
        basis: None,
        regime,
        policy: policy.hash(),
        events: Vec::new(),
        obligations: Vec::new(),
        features_lost: Vec::new(),
        valid_until: context.now.after(policy.parts().recheck),
    };

    // Nobody may do what the policy does not speak of.
    let Some(purpose) = policy.parts().purposes.iter().find(|p| p.id == question.purpose) else { return decision };
    let terms = purpose.terms_in(regime);
    decision.basis = Some(terms.basis);
    let processor = question.processor.as_ref().map(|id| policy.parts().processors.iter().find(|p| p.id == *id));
    if processor == Some(None) {
        decision.reason = Reason::UnknownProcessor;
        decision.decided_by.processor.clone_from(&question.processor);
        return decision;
    }
    let processor = processor.flatten();
    if let Some((reason, at_processor)) = outside_of_policy(policy, question, purpose, processor) {
        decision.reason = reason;
        if at_processor {
            decision.decided_by.processor.clone_from(&question.processor);
        }
        return decision;
    }

    // Allow(purpose, processor) = purpose and processor.
    let mut steps = vec![decision.decided_by.clone()];
    if let Some(processor) = processor {
        steps.push(Target::processor(purpose.id.clone(), processor.id.clone()));
    }
    for target in steps {
        decision.decided_by = target;
        let word = last_word(policy, history, &decision.decided_by, terms, context.now);
        decision.reason = word.reason;
        if let Some(event) = word.event {
            let id = choice(event).id();
            if decision.events.last() != Some(&id) {
                decision.events.push(id);
            }
            if word.reason == Reason::Given {
                decision.valid_until = decision.valid_until.min(event.at.after(policy.parts().validity));
            }
        }
        if !word.reason.allows() {
            decision.features_lost = features_that_need(policy, &decision.decided_by);
            return decision;
        }
    }
    decision.obligations = match processor {
        None => vec![deletion(purpose.retention)],
        Some(processor) => obligations(processor),
    };
    decision
}

fn outside_of_policy(
    policy: &Policy,
    question: &Question,
    purpose: &Purpose,
    processor: Option<&Processor>,
) -> Option<(Reason, bool)> {
    if let Some(data) = &question.data {
        let Some(category) = policy.parts().data.iter().find(|d| d.id == *data) else {
            return Some((Reason::UnknownData, false));
        };
        if !category.only_for.is_empty() && !category.only_for.contains(&purpose.id) {
            return Some((Reason::PurposeLimited, false));
        }
        if !purpose.data.contains(data) {
            return Some((Reason::DataNotCovered, false));
        }
    }
    let usage = processor?.uses.iter().find(|u| u.purpose == purpose.id);
    match (usage, &question.data) {
        (None, _) => Some((Reason::ProcessorNotUsed, true)),
        (Some(usage), Some(data)) if !usage.data.contains(data) => Some((Reason::DataNotCovered, true)),
        (Some(_), _) => None,
    }
}

struct LastWord<'a> {
    reason: Reason,
    event: Option<&'a Event>,
}

fn last_word<'a>(policy: &Policy, history: &'a [Event], target: &Target, terms: Terms, now: Time) -> LastWord<'a> {
    if terms.control == Control::Notified {
        return LastWord { reason: Reason::Notified, event: None };
    }
    let said: Vec<(&Event, Stance)> = said_of(history, target);
    let opt_in = terms.control == Control::OptIn;
    let Some((event, stance)) = said.last() else {
        let reason = if opt_in { Reason::NotGiven } else { Reason::NotObjected };
        return LastWord { reason, event: None };
    };
    let ever_granted = said.iter().any(|(_, stance)| *stance == Stance::Grant);
    let reason = match stance {
        Stance::Refuse if !opt_in => Reason::Objected,
        Stance::Refuse if ever_granted => Reason::Withdrawn,
        Stance::Refuse => Reason::Refused,
        Stance::Grant if choice(event).answering().policy != policy.hash() => {
            if opt_in {
                Reason::PolicyReplaced
            } else {
                Reason::NotObjected
            }
        }
        Stance::Grant if now >= event.at.after(policy.parts().validity) => {
            if opt_in {
                Reason::Expired
            } else {
                Reason::NotObjected
            }
        }
        Stance::Grant => Reason::Given,
    };
    LastWord { reason, event: Some(event) }
}

/// Everything that was ever said of `target`, oldest first. The refusal of a purpose is said of every
/// processor that had been spoken of, and outweighs what the same choice says of the processor.
fn said_of<'a>(history: &'a [Event], target: &Target) -> Vec<(&'a Event, Stance)> {
    let mut said = Vec::new();
    for event in history {
        let own = stance_in(choice(event), target);
        let of_purpose = stance_in(choice(event), &Target::purpose(target.purpose.clone()));
        let is_processor = target.processor.is_some();
        if is_processor && of_purpose == Some(Stance::Refuse) && (own.is_some() || !said.is_empty()) {
            said.push((event, Stance::Refuse));
        } else if let Some(stance) = own {
            said.push((event, stance));
        }
    }
    said
}

fn choice(event: &Event) -> &Choice {
    match &event.kind {
        EventKind::Chosen(choice) => choice,
    }
}

fn stance_in(choice: &Choice, target: &Target) -> Option<Stance> {
    choice.stances().iter().find(|(t, _)| t == target).map(|(_, stance)| *stance)
}

fn features_that_need(policy: &Policy, target: &Target) -> Vec<consentry_core::FeatureId> {
    let of_purpose = |purpose: &PurposeId| *purpose == target.purpose;
    let mut lost = Vec::new();
    for feature in &policy.parts().features {
        let needs = match &target.processor {
            None => feature.needs.iter().any(|n| of_purpose(&n.purpose)),
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
        Retention::OnRequest => Obligation::DeleteOnRequest,
    }
}

fn obligations(processor: &Processor) -> Vec<Obligation> {
    let mut obligations = vec![deletion(processor.retention)];
    if processor.trains == Training::Never {
        obligations.push(Obligation::NoTraining);
    }
    if processor.own_use == OwnUse::Never {
        obligations.push(Obligation::NoOwnUse);
    }
    if processor.safeguard != Safeguard::Eea {
        obligations.push(Obligation::TransferSafeguard(processor.country, processor.safeguard));
    }
    obligations
}
