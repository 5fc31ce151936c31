//! What a person can do in the preference centre, and what can come of it.

use consentry_core::{Choice, EventId, Stance, Surface, Target, Time};

use crate::known::Told;
use crate::rights::Right;

/// Something that happens to the preference centre.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// The switch of this target is moved.
    Toggle(Target),
    /// What was asked a second time is to be done.
    Confirm,
    /// What was asked a second time is not to be done.
    Back,
    /// The switches are saved as they stand.
    Save,
    /// Everything that has a switch is granted, or refused, and saved.
    SaveAll(Stance),
    /// The page says something about these, on a surface of its own.
    Set(Surface, Vec<(Target, Stance)>),
    /// A right is used; or lifted, while it stands.
    Use(Right),
    /// The receipt of a choice is wanted.
    Receipt(EventId),
    /// The centre is left without a choice.
    Leave,
    /// The loader tells what became of choices made earlier.
    Synced(Sync),
    /// The loader tells what became of a right that was used, or lifted.
    Answered(Right, Answer),
    /// The server's record, in the place of what this browser knows.
    Recorded(Vec<Told>),
}

/// What must happen outside of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The centre closes, having made this choice, or none. Where it is a part of the page, it stays.
    Close(Option<Chosen>),
    /// Somebody uses a right.
    Use(Right),
    /// Somebody no longer wants what they demanded.
    Lift(Right),
    /// Somebody wants the receipt of this choice.
    Receipt(EventId),
}

/// What became of a right that was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It was done.
    Done,
    /// What stood is lifted.
    Lifted,
    /// It did not work.
    Failed,
}

/// A choice, and what it allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The choice.
    pub choice: Choice,
    /// What the page's gate obeys from now on.
    pub allowed: Vec<Target>,
    /// For how long that holds.
    pub until: Time,
    /// From when it is asked again. The beginning of time while something with a switch was never answered.
    pub ask: Time,
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
