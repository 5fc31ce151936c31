//! The consent model and the decision of Consentry.
//!
//! One question is answered here: *may this data of this person be used for this purpose, by this
//! processor, now?* Facts go in (a [`Policy`], a [`Record`] folded from [`Event`]s, a [`Question`],
//! a [`Context`]), a [`Decision`] with its reason comes out, and [`decide`] is the only place where
//! anything is allowed. Browser, server and tests run this same code.
//!
//! Deliberately absent: IO, clocks, randomness, async, web and SQL. Time and random bytes are given
//! by the caller. `serde` is spoken at the borders only, in [`wire`] and [`source`]; files are read by the
//! caller.

#![no_std]

extern crate alloc;
#[cfg(any(feature = "load", feature = "packed"))]
extern crate std;

#[cfg(feature = "whole")]
mod account;
mod answer;
#[cfg(feature = "whole")]
mod asking;
#[cfg(feature = "whole")]
mod change;
mod choice;
#[cfg(feature = "whole")]
mod compile;
mod context;
#[cfg(feature = "load")]
mod day;
mod decision;
#[cfg(feature = "whole")]
mod earlier;
#[cfg(any(feature = "load", feature = "packed"))]
mod erasure;
mod faults;
mod history;
mod id;
pub mod law;
mod policy;
mod record;
mod regime;
mod time;
mod word;

#[cfg(feature = "load")]
pub mod ledger;
#[cfg(feature = "load")]
pub mod linked;
#[cfg(feature = "load")]
pub mod notice;
#[cfg(feature = "packed")]
pub mod packed;
#[cfg(feature = "load")]
mod plural;
#[cfg(feature = "load")]
pub mod source;
#[cfg(feature = "wire")]
pub mod wire;

#[cfg(feature = "whole")]
pub use account::{lends, linked_devices, links, own_events};
pub use answer::{Decision, Obligation, Reason};
#[cfg(feature = "whole")]
pub use asking::{Asking, to_ask};
#[cfg(feature = "whole")]
pub use change::{Change, change_of, diff};
pub use choice::{Answering, Choice, ChoiceError, Draft, STANCES_MAX, Stance, Surface};
#[cfg(feature = "whole")]
pub use compile::{Ask, Compiled, NUMBERED_MAX, State, Verdict};
pub use context::{AgeBand, Context, Guardian};
#[cfg(feature = "load")]
pub use day::day_in;
pub use decision::{Question, allowed, allowed_after, decide};
#[cfg(feature = "whole")]
pub use earlier::{EARLIER_MAX, Earlier, earlier};
#[cfg(any(feature = "load", feature = "packed"))]
pub use erasure::erased_name;
pub use faults::{Faulty, Place, PolicyFault};
pub use history::{HistoryError, PolicyHistory, VERSIONS_MAX, Version};
pub use id::{
    AccountId, DataId, DeviceId, EventId, FeatureId, HASH_BYTES, ID_BYTES_MAX, IdError, LANGUAGE_BYTES_MAX, Language,
    ModeId, NoticeHash, PlanId, PolicyHash, ProcessorId, PurposeId, SiteId, Subject, Target,
};
pub use law::{Law, LawChange, Right, Signal};
pub use policy::{
    Activity, Announcement, Changes, Channel, Control, Controller, CookieFunction, Country, CountryError,
    DATA_CATEGORIES_MAX, DataCategory, DataForm, FEATURES_MAX, FLAGS_MAX, Feature, LAW_CHANGES_MAX, LegalBasis,
    MODES_MAX, Mode, ModelOwner, ModelTraining, Never, OwnUse, PLANS_MAX, PROCESSORS_MAX, PURPOSES_MAX, Parts, Policy,
    Processor, Purpose, PurposeKind, Retention, RetentionError, Role, Safeguard, Scope, Terms, Training, Use,
};
pub use record::{AsOf, Demand, DemandKind, Event, EventKind, Mark, Record, Stamp, Standing};
pub use regime::{EEA, Jurisdiction, JurisdictionError, Regime};
pub use time::{Period, PeriodError, Time};
pub use word::UnknownWord;
