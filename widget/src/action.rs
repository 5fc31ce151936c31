//! What a person can do in the preference centre, and what comes of it.
//!
//! [`Model::reduce`] is the only place where a model changes. It touches no page: what must happen outside comes out as
//! an [`Effect`], and time and chance come in as a [`Moment`].

use consentry_core::{Choice, Draft, Event, EventId, EventKind, Stance, Target, Time, allowed};

use crate::model::{Model, Position};

/// Something that happens to the preference centre.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// The switch of this target is moved.
    Toggle(Target),
    /// The switches are saved as they stand.
    Save,
    /// Everything that has a switch is granted, or refused, and saved.
    SaveAll(Stance),
    /// The centre is left without a choice.
    Leave,
    /// The loader tells what became of choices made earlier.
    Synced(Sync),
}

/// What must happen outside of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The centre closes, having made this choice, or none.
    Close(Option<Chosen>),
}

/// A choice, and what it allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The choice.
    pub choice: Choice,
    /// What the page's gate obeys from now on.
    pub allowed: Vec<Target>,
    /// When it must be asked again.
    pub until: Time,
}

/// When a choice is made, by the browser's clock, and chance enough to name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The time.
    pub now: Time,
    /// Random bytes.
    pub random: [u8; 10],
}

/// How far a choice has come on its way to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// It is being sent.
    Saving,
    /// The server has it.
    Saved,
    /// It is kept here until there is a network.
    Offline,
    /// The server has it not: its policy was replaced.
    Superseded,
    /// The server has it not, for another reason.
    Failed,
}

impl Sync {
    /// The state by its name on the wire.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "saving" => Self::Saving,
            "saved" => Self::Saved,
            "offline" => Self::Offline,
            "superseded" => Self::Superseded,
            "failed" => Self::Failed,
            _ => return None,
        })
    }

    /// The key of what is said of it.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Saving => "ui.saving",
            Self::Saved => "ui.saved",
            Self::Offline => "ui.offline",
            Self::Superseded => "ui.superseded",
            Self::Failed => "ui.unsent",
        }
    }
}

impl Model {
    /// Takes an action into account. `moment` is asked for only when a choice is made.
    pub fn reduce(&mut self, action: Action, moment: impl FnOnce() -> Moment) -> Option<Effect> {
        let draft = match action {
            Action::Toggle(target) => {
                self.toggle(&target);
                return None;
            }
            Action::Synced(sync) => {
                self.sync = Some(sync);
                return None;
            }
            Action::Leave => return Some(Effect::Close(None)),
            Action::Save => self.draft(),
            Action::SaveAll(stance) => Draft::all(self.answering.clone(), self.policy(), stance),
        };
        Some(Effect::Close(self.choose(draft, moment())))
    }

    fn toggle(&mut self, target: &Target) {
        if self.position(target) == Some(Position::Locked) {
            return;
        }
        if let Some(switch) = self.switches.iter_mut().find(|switch| switch.target == *target) {
            switch.is_on = !switch.is_on;
        }
    }

    /// None where the policy has no switch at all, so that there is nothing to choose.
    fn choose(&mut self, draft: Draft, moment: Moment) -> Option<Chosen> {
        let id = EventId::from_parts(moment.now.as_ms(), &moment.random);
        let choice = draft.commit(&self.history, id).ok()?;
        self.context.now = moment.now;
        self.record.apply(&Event { at: moment.now, kind: EventKind::Chosen(choice.clone()) });
        Some(Chosen {
            choice,
            allowed: allowed(&self.history, &self.record, &self.context),
            until: moment.now.after(self.policy().shortest_validity()),
        })
    }
}
