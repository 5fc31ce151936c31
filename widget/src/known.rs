//! What the page knows of its visitor when it asks for the centre, and what that is worth under the policy shown.
//!
//! A page knows one policy alone, so the server tells it what became of answers to earlier ones ([`Earlier`]): they count as
//! answers to this one, but for grants of what has grown since (R29).

use consentry_core::wire::KnownChoiceDoc;
use consentry_core::{
    Answering, Choice, Demand, Event, EventId, EventKind, Policy, PolicyHash, Record, Signal, Stance, Target, Time,
};

/// What is known of somebody: what they did, and what their browser says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// What happened, in any order.
    pub told: Vec<Told>,
    /// What earlier policies were, to this one.
    pub earlier: Vec<Earlier>,
    /// What the browser says.
    pub signal: BrowserSignal,
    /// Whether there is a server, which keeps what was chosen and can be asked for more than the browser knows.
    pub has_server: bool,
}

/// What the browser says about selling and sharing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BrowserSignal {
    /// Nothing.
    #[default]
    None,
    /// No, and no law or promise makes us follow it here.
    NotHere,
    /// No, and we follow it. It is as old as its first record; where there is none, it came as the centre opened.
    Honoured(Time),
}

/// Something that happened, as it was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// When.
    pub at: Time,
    /// What.
    pub what: What,
    /// Whether the server has it.
    pub is_kept: bool,
}

/// What can have happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A choice.
    Chosen(KnownChoiceDoc),
    /// A right was used, or its use taken back.
    Demanded(Demand),
    /// The browser's signal came for the first time.
    Signalled,
}

/// A policy that was replaced, seen from the one that is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Earlier {
    /// Its name.
    pub policy: Option<PolicyHash>,
    /// Targets whose grant does not count any more.
    pub ends: Vec<Target>,
    /// Targets that are asked about again.
    pub asks: Vec<Target>,
    /// What has changed, in a line for each purpose.
    pub lines: Vec<String>,
    /// The day from which the newer policy holds.
    pub from: Option<String>,
}

/// Something that happened, as the centre works with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Past {
    pub(crate) event: Event,
    pub(crate) is_kept: bool,
    is_by_name: bool,
}

/// What was told, in the order of time. What no longer reads as anything never happened (R34).
pub(crate) fn in_order(told: Vec<Told>, policy: &Policy) -> Vec<Past> {
    let mut ordered: Vec<Past> = Vec::with_capacity(told.len());
    for Told { at, what, is_kept } in told {
        let mut is_by_name = false;
        let event = match what {
            What::Chosen(doc) => {
                is_by_name = doc.outcome.is_some();
                doc.into_event(policy).ok()
            }
            What::Demanded(demand) => Some(Event { at, kind: EventKind::Demanded(unnamed(), demand) }),
            What::Signalled => Some(Event { at, kind: EventKind::Signalled(unnamed(), Signal::Gpc) }),
        };
        if let Some(event) = event {
            let gap = ordered.partition_point(|earlier| earlier.event.at <= event.at);
            ordered.insert(gap, Past { event, is_kept, is_by_name });
        }
    }
    ordered
}

/// The name of what is told without one: nobody asks for it here.
pub(crate) const fn unnamed() -> EventId {
    EventId::from_parts(0, &[0; 10])
}

impl Past {
    pub(crate) const fn new(event: Event) -> Self {
        Self { event, is_kept: false, is_by_name: false }
    }

    pub(crate) const fn choice(&self) -> Option<&Choice> {
        match &self.event.kind {
            EventKind::Chosen(choice) => Some(choice),
            EventKind::Demanded(..) | EventKind::Signalled(..) | EventKind::Linked(..) | EventKind::Lent(..) => None,
        }
    }

    /// Puts what happened into the record, for what it is worth under `policy`. What an earlier policy's grant does not
    /// cover stays that policy's: whoever said yes to less has not said nothing either (P25).
    pub(crate) fn apply_to(&self, record: &mut Record, earlier: &[Earlier], policy: PolicyHash) {
        let Some((choice, then)) = self.choice().and_then(|choice| Some((choice, answered(choice, earlier)?))) else {
            return record.apply(&self.event);
        };
        for counts in [false, true] {
            let is_meant = |(target, stance): &&(Target, Stance)| {
                counts == (*stance == Stance::Refuse || !then.ends.contains(target))
            };
            let stances = choice.stances().iter().filter(is_meant).cloned().collect();
            let answering = choice.answering().clone();
            let answering = if counts { Answering { policy, ..answering } } else { answering };
            // Without a stance it is no choice, and there is nothing to apply.
            if let Ok(choice) = Choice::restore(choice.id(), answering, stances) {
                record.apply(&Event { at: self.event.at, kind: EventKind::Chosen(choice) });
            }
        }
    }

    /// Adds to `asks` what this choice leaves to be asked again, and takes off it what was answered. What was refused by
    /// name rests (R12); an outcome by name said nothing about what was new.
    pub(crate) fn ask_again(&self, asks: &mut Vec<Target>, earlier: &[Earlier]) {
        let Some(choice) = self.choice() else { return };
        let stance = |target: &Target| choice.stances().iter().find(|(t, _)| t == target).map(|(_, stance)| *stance);
        asks.retain(|target| stance(target).is_none());
        for target in answered(choice, earlier).into_iter().flat_map(|then| &then.asks) {
            if (self.is_by_name || stance(target) != Some(Stance::Refuse)) && !asks.contains(target) {
                asks.push(target.clone());
            }
        }
    }
}

/// The earlier policy that was answered, if it was an earlier one.
pub(crate) fn answered<'a>(choice: &Choice, earlier: &'a [Earlier]) -> Option<&'a Earlier> {
    earlier.iter().find(|then| then.policy == Some(choice.answering().policy))
}
