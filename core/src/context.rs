//! The circumstances of a question: when, where, who and how.
//!
//! Whoever asks vouches for them. What is left out is not known, and takes the strictest reading that still lets a person be asked at
//! all: an age that nobody has stated is not presumed to be a child's.

use crate::id::{ModeId, PlanId};
use crate::law::Signal;
use crate::policy::DataForm;
use crate::regime::Jurisdiction;
use crate::time::Time;
use crate::word::words;

words! {
    /// How old a person is, as finely as the laws of [`crate::law`] tell ages apart.
    pub enum AgeBand {
        /// Younger than 13.
        Under13 = "under-13",
        /// 13.
        Thirteen = "13",
        /// 14.
        Fourteen = "14",
        /// 15.
        Fifteen = "15",
        /// 16 or 17.
        SixteenOrSeventeen = "16-17",
        /// 18 or older.
        Adult = "adult",
    }
}

impl AgeBand {
    /// The age in years that somebody in this band has at least.
    #[must_use]
    pub const fn at_least(self) -> u8 {
        match self {
            Self::Under13 => 0,
            Self::Thirteen => 13,
            Self::Fourteen => 14,
            Self::Fifteen => 15,
            Self::SixteenOrSeventeen => 16,
            Self::Adult => 18,
        }
    }

    /// Whether somebody in this band may be younger than `years`.
    #[must_use]
    pub const fn is_below(self, years: u8) -> bool {
        self.at_least() < years
    }
}

/// For how long somebody with parental responsibility has been known to stand by a minor's choices (GDPR Art. 8(2)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guardian {
    /// When that was verified; choices made before do not count.
    pub from: Time,
    /// When it ends, or must be verified again.
    pub until: Time,
}

impl Guardian {
    /// Whether it holds at `now`.
    #[must_use]
    pub fn holds(&self, now: Time) -> bool {
        self.from <= now && now < self.until
    }
}

/// The circumstances of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// When it is asked.
    pub now: Time,
    /// Where the subject is; the strictest law is taken when that is not known.
    pub jurisdiction: Option<Jurisdiction>,
    /// How old the subject is.
    pub age: Option<AgeBand>,
    /// A guardian who stands by a minor's choices.
    pub guardian: Option<Guardian>,
    /// The plan that the subject is on.
    pub plan: Option<PlanId>,
    /// The way of working in which the data came about.
    pub mode: Option<ModeId>,
    /// What the subject's browser says right now.
    pub signal: Option<Signal>,
    /// The form in which the data would be used.
    pub form: Option<DataForm>,
}

impl Context {
    /// A question at `now`, of which nothing else is known.
    #[must_use]
    pub const fn at(now: Time) -> Self {
        Self { now, jurisdiction: None, age: None, guardian: None, plan: None, mode: None, signal: None, form: None }
    }
}
