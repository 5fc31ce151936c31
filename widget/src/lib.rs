//! The preference centre: what a person sees and does when they choose one by one.
//!
//! [`Model`] knows: the policy, what was chosen so far, where each switch stands. [`Action`]s go in, an [`Effect`] comes
//! out, and no web type takes part, so all of it is tested natively. [`Centre`] shows a model, and [`listen`] is the way
//! in from the page: the events of `docs/wire.md`, the dialog's place in the document, the clock.
//!
//! Deliberately absent: the banner, storage and network, which are the loader's; and deciding, which is the core's.

mod action;
mod centre;
mod element;
mod events;
mod from_js;
mod known;
mod model;
mod page;
mod past;
mod purposes;
mod reduce;
mod rights;
mod sections;

pub use action::{Action, Answer, Chosen, Effect, Moment, Sync};
pub use centre::{Centre, Kind, Shown};
pub use known::{BrowserSignal, Earlier, Known, Told, What};
pub use model::{AfterDemand, Doubt, Group, Model, Position};
pub use page::listen;
pub use past::Entry;
pub use rights::Right;
