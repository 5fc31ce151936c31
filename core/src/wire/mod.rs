//! The JSON that crosses the borders of the house, as `docs/wire.md` has it, and its reading back into
//! types that cannot lie. Documents end in `Doc`; what they say is checked on the way in by the same
//! constructors that everything else uses.
//!
//! What somebody sends refuses unknown fields, so that a misspelt one cannot widen a question.

mod choice;
mod decision;
mod policy;
mod posted;
mod word;

pub use choice::{CentreDoc, ChoiceDoc, EventDoc, KnownChoiceDoc, Outcome, StancesDoc, TextsDoc, WireError};
pub use decision::{AskDoc, DecisionDoc, DecisionError, GuardianDoc, ObligationDoc, QUESTIONS_MAX, QuestionDoc};
#[cfg(feature = "whole")]
pub use policy::{ChangesDoc, FlagDoc, LawDoc, ModeDoc, NeverDoc, PlanDoc, TrainingDoc};
pub use policy::{ControllerDoc, DataDoc, FeatureDoc, PolicyDoc, ProcessorDoc, PurposeDoc, TermsDoc, UseDoc};
pub use posted::{DemandDoc, SignalDoc};
pub use word::{V1, said, whole};
