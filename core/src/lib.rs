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
#[cfg(feature = "load")]
extern crate std;

mod choice;
mod decision;
mod faults;
mod id;
mod policy;
mod record;
mod regime;
mod time;
mod word;

#[cfg(feature = "load")]
pub mod notice;
#[cfg(feature = "load")]
pub mod source;
#[cfg(feature = "wire")]
pub mod wire;

pub use choice::{Answering, Choice, ChoiceError, Draft, STANCES_MAX, Stance, Surface};
pub use decision::{Context, Decision, Obligation, Question, Reason, allowed, allowed_after, decide};
pub use faults::{Faulty, Place, PolicyFault};
pub use id::{
    ChoiceId, DataId, DeviceId, FeatureId, HASH_BYTES, ID_BYTES_MAX, IdError, LANGUAGE_BYTES_MAX, Language, NoticeHash,
    PolicyHash, ProcessorId, PurposeId, SiteId, Subject, Target,
};
pub use policy::{
    Control, Controller, Country, CountryError, DATA_CATEGORIES_MAX, DataCategory, FEATURES_MAX, Feature, LegalBasis,
    OwnUse, PROCESSORS_MAX, PURPOSES_MAX, Parts, Policy, Processor, Purpose, PurposeKind, Retention, RetentionError,
    Safeguard, Terms, Training, Use,
};
pub use record::{Event, EventKind, Mark, Record, Standing, Status};
pub use regime::{EEA, Jurisdiction, JurisdictionError, Regime};
pub use time::{Period, PeriodError, Time};
pub use word::UnknownWord;
