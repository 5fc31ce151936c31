//! The preference centre: what a person sees and does when they choose one by one.
//!
//! [`Model`] knows: the policy, what was chosen so far, where each switch stands. [`Action`]s go in, an [`Effect`] comes
//! out, and no web type takes part, so all of it is tested natively. [`Centre`] shows a model, and [`listen`] is the way
//! in from the page: the events of `docs/wire.md`, the dialog's place in the document, the clock.
//!
//! Deliberately absent: the banner, storage and network, which are the loader's; and deciding, which is the core's.

mod action;
mod centre;
mod dialog;
mod events;
mod from_js;
mod model;

pub use action::{Action, Chosen, Effect, Moment, Sync};
pub use centre::{Centre, Shown};
pub use dialog::listen;
pub use model::{Group, Model, Position};
