//! The history of choices, as it is told: when, what changed, and how.

use consentry_core::{DemandKind, EventId, EventKind, Stance, Surface, Target, Time};

use crate::model::Model;

/// One line of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When it happened.
    pub at: Time,
    /// What stands otherwise than before, in the policy's order.
    pub changes: Vec<(Target, Stance)>,
    /// The key of how it happened.
    pub key: &'static str,
    /// Whether it is a demand taken back.
    pub is_lifted: bool,
    /// The choice that can have a receipt, if it is one.
    pub choice: Option<EventId>,
    /// Whether the server has it.
    pub is_kept: bool,
}

impl Model {
    /// What happened, newest first. A processor that went off with its purpose is not told of by itself.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        let mut state: Vec<(Target, Stance)> = Vec::new();
        let mut entries: Vec<Entry> = self
            .past
            .iter()
            .map(|past| {
                let mut changes = Vec::new();
                let (key, choice, is_lifted) = match &past.event.kind {
                    // No page is told of links.
                    EventKind::Signalled(..) | EventKind::Linked(..) | EventKind::Lent(..) => {
                        ("history.signal", None, false)
                    }
                    EventKind::Demanded(_, demand) => (demand_key(demand.kind), None, !demand.stands),
                    EventKind::Chosen(choice) => {
                        for switch in &self.switches {
                            let said = choice.stances().iter().find(|(target, _)| *target == switch.target);
                            let Some(said) = said else { continue };
                            let is_new = !state.contains(said);
                            state.retain(|(target, _)| *target != said.0);
                            state.push(said.clone());
                            let purpose = (Target::purpose(said.0.purpose.clone()), Stance::Refuse);
                            if is_new && (said.0.processor.is_none() || !state.contains(&purpose)) {
                                changes.push(said.clone());
                            }
                        }
                        (surface_key(choice.answering().surface), Some(choice.id()), false)
                    }
                };
                Entry { at: past.event.at, changes, key, is_lifted, choice, is_kept: past.is_kept }
            })
            .collect();
        entries.reverse();
        entries
    }
}

const fn surface_key(surface: Surface) -> &'static str {
    match surface {
        Surface::Banner => "history.banner",
        Surface::Centre => "history.centre",
        Surface::Page => "history.page",
        Surface::Script => "history.script",
        Surface::Import => "history.import",
    }
}

pub(crate) const fn demand_key(kind: DemandKind) -> &'static str {
    match kind {
        DemandKind::Objection => "history.objection",
        DemandKind::Restriction => "history.restriction",
        DemandKind::Erasure => "history.erasure",
    }
}
