//! Rights that cannot be done at once: somebody asks, a person of the site's answers, and the law says by when.
//!
//! A case is work in hand and no evidence, so that it changes, and goes with its subject. What can be done at once is no case but a
//! demand (objection, restriction, erasure of the record) or a route of its own (the export).
//!
//! Deliberately absent: the database, the clock, and the law, which is `due.rs`.

use crate::due::Due;
use consentry_core::{EventId, Subject, Time};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Longest note and longest reason, in characters.
pub(crate) const NOTE_CHARS_MAX: usize = 2_000;
/// Most cases of one subject: a person who needs more writes a letter.
pub(crate) const CASES_OF_SUBJECT_MAX: usize = 20;
/// Most cases in one list.
pub(crate) const CASES_LISTED_MAX: usize = 1_000;

/// Why a word names no right or state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected one of {expected}")]
pub struct UnknownWord {
    expected: &'static str,
}

macro_rules! words {
    ($( $(#[$meta:meta])* pub enum $name:ident { $( $(#[$vmeta:meta])* $variant:ident = $word:literal, )+ } )+) => { $(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $( $(#[$vmeta])* $variant, )+ }

        impl $name {
            /// Every variant, in the order of declaration.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// Its word on the wire and in the database.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                let found = Self::ALL.iter().find(|variant| variant.as_str() == word);
                found.copied().ok_or(UnknownWord { expected: concat!($( "`", $word, "` " ),+) })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )+ };
}

words! {
    /// What is asked for.
    pub enum CaseRight {
        /// A copy of all that the site holds, beyond the record that the export has at once (GDPR Art. 15).
        Access = "access",
        /// Correction (Art. 16).
        Rectification = "rectification",
        /// Erasure of what lies elsewhere than in the record (Art. 17).
        Erasure = "erasure",
        /// Data in a form to take along, or sent to another controller (Art. 20).
        Portability = "portability",
        /// A person instead of a machine (Art. 22).
        HumanReview = "human-review",
        /// A complaint (Art. 12(4), 77).
        Complaint = "complaint",
        /// Anything else.
        Other = "other",
    }

    /// How far it is.
    pub enum CaseState {
        /// Nobody has looked at it yet.
        Received = "received",
        /// Somebody works on it.
        InProgress = "in-progress",
        /// It takes longer, and the subject was told why (Art. 12(3)).
        Extended = "extended",
        /// It is done.
        Done = "done",
        /// It is refused, and the subject was told why (Art. 12(4)).
        Refused = "refused",
    }
}

impl CaseState {
    /// Whether somebody still has to do something.
    #[must_use]
    pub const fn is_open(self) -> bool {
        match self {
            Self::Received | Self::InProgress | Self::Extended => true,
            Self::Done | Self::Refused => false,
        }
    }
}

/// Something that somebody asked for, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Its name: a UUIDv7, minted by whoever asks.
    pub id: EventId,
    /// Whose right it is.
    pub subject: Subject,
    /// Which right.
    pub right: CaseRight,
    /// What the person wrote, at most 2 000 characters.
    pub note: Option<String>,
    /// How far it is.
    pub state: CaseState,
    /// Why it is refused or takes longer, at most 2 000 characters.
    pub reason: Option<String>,
    /// The place whose law sets the days; empty where nothing is known.
    pub place: String,
    /// When it came.
    pub received: Time,
    /// By when it must be done.
    pub due: Time,
    /// By when at the latest, where it can still be extended.
    pub latest: Option<Time>,
    /// When its state last changed.
    pub changed: Time,
}

/// What became of a case that somebody opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenedCase {
    /// It is open now.
    New(Case),
    /// It was opened before, and is this by now.
    Known(Case),
}

/// Why a case is not opened. Nothing has changed then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CaseRefusal {
    /// The subject has registered another secret.
    #[error("another secret is registered for this subject")]
    WrongSecret,
    /// The id names another case.
    #[error("another case has this id")]
    IdReused,
    /// Too many of one subject.
    #[error("a subject has at most {CASES_OF_SUBJECT_MAX} cases")]
    TooMany,
}

/// Why a case does not become what was wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CaseChangeError {
    /// It has come to its end, or would go back to its beginning.
    #[error("a case that is `{from}` does not become `{to}`")]
    Order { from: CaseState, to: CaseState },
    /// The law of the place knows no extension, or it was used.
    #[error("this case cannot be extended: the law of its place does not provide for it, or it was extended before")]
    NoExtension,
    /// The subject must be told before it is due.
    #[error("this case was due already: an extension must be told before that")]
    TooLate,
    /// Nobody may be refused or kept waiting without being told why.
    #[error("`{0}` needs a `reason`")]
    NoReason(CaseState),
    /// It was not taken in hand, it says nothing, or it is longer than [`NOTE_CHARS_MAX`].
    #[error("a text is 1 to {NOTE_CHARS_MAX} characters without control characters")]
    Text,
}

impl Case {
    /// A case that came at `now`, due by the law of `place`.
    ///
    /// # Errors
    /// [`CaseChangeError::Text`].
    pub(crate) fn opened(
        id: EventId,
        subject: Subject,
        right: CaseRight,
        note: Option<String>,
        place: &str,
        now: Time,
    ) -> Result<Self, CaseChangeError> {
        check_text(note.as_deref())?;
        let Due { due, latest } = Due::of(place, now);
        let (state, place) = (CaseState::Received, place.to_owned());
        Ok(Self { id, subject, right, note, state, reason: None, place, received: now, due, latest, changed: now })
    }

    /// The case once it is in the state `to`.
    ///
    /// # Errors
    /// [`CaseChangeError`].
    pub(crate) fn become_of(
        mut self,
        to: CaseState,
        reason: Option<String>,
        now: Time,
    ) -> Result<Self, CaseChangeError> {
        check_text(reason.as_deref())?;
        let from = self.state;
        match (from, to) {
            (CaseState::Done | CaseState::Refused, _) | (_, CaseState::Received) => {
                return Err(CaseChangeError::Order { from, to });
            }
            (_, CaseState::Extended) => {
                let latest = self.latest.take().ok_or(CaseChangeError::NoExtension)?;
                if now > self.due {
                    return Err(CaseChangeError::TooLate);
                }
                self.due = latest;
            }
            (_, CaseState::InProgress | CaseState::Done | CaseState::Refused) => {}
        }
        if reason.is_none() && matches!(to, CaseState::Extended | CaseState::Refused) {
            return Err(CaseChangeError::NoReason(to));
        }
        (self.state, self.reason, self.changed) = (to, reason.or(self.reason), now.max(self.changed));
        Ok(self)
    }

    /// Whether it should have been done by `now`.
    pub(crate) fn is_overdue(&self, now: Time) -> bool {
        self.state.is_open() && now > self.due
    }

    /// Whether `other` asks for the same, whenever it came.
    pub(crate) fn asks_the_same(&self, other: &Self) -> bool {
        (self.id, self.subject, self.right, &self.note) == (other.id, other.subject, other.right, &other.note)
    }
}

fn check_text(text: Option<&str>) -> Result<(), CaseChangeError> {
    let is_text = |text: &str| {
        (1..=NOTE_CHARS_MAX).contains(&text.chars().count())
            && !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
    };
    if text.is_none_or(is_text) { Ok(()) } else { Err(CaseChangeError::Text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_ms(1_763_800_000_000);

    fn case(place: &str) -> Case {
        let subject = "device:7f9c0c52-7a41-4f5e-9d0e-0a2b1c3d4e5f".parse().unwrap();
        Case::opened(EventId::from_parts(1, &[0; 10]), subject, CaseRight::Access, None, place, NOW).unwrap()
    }

    #[test]
    fn a_case_is_extended_once_with_a_reason_and_in_time() {
        let opened = case("DE");
        let why = || Some("many requests".to_owned());
        assert_eq!(
            opened.clone().become_of(CaseState::Extended, None, NOW),
            Err(CaseChangeError::NoReason(CaseState::Extended))
        );
        let late = Time::from_ms(opened.due.as_ms() + 1);
        assert_eq!(opened.clone().become_of(CaseState::Extended, why(), late), Err(CaseChangeError::TooLate));
        assert!(opened.is_overdue(late) && !opened.is_overdue(opened.due));
        let (latest, extended) = (opened.latest, opened.become_of(CaseState::Extended, why(), NOW).unwrap());
        assert_eq!((Some(extended.due), extended.latest), (latest, None));
        assert_eq!(extended.become_of(CaseState::Extended, why(), NOW), Err(CaseChangeError::NoExtension));
    }

    #[test]
    fn what_is_done_or_refused_stays_so() {
        let refused = case("US-CA").become_of(CaseState::Refused, Some("no such data".into()), NOW).unwrap();
        for to in CaseState::ALL {
            let changed = refused.clone().become_of(*to, Some("x".into()), NOW);
            assert_eq!(changed, Err(CaseChangeError::Order { from: CaseState::Refused, to: *to }));
        }
        assert!(!refused.is_overdue(Time::from_ms(u64::MAX)));
        assert_eq!(
            case("DE").become_of(CaseState::Refused, None, NOW),
            Err(CaseChangeError::NoReason(CaseState::Refused))
        );
    }

    #[test]
    fn a_text_is_bounded() {
        for wrong in [String::new(), "a".repeat(NOTE_CHARS_MAX + 1), "a\0b".into()] {
            assert_eq!(check_text(Some(&wrong)), Err(CaseChangeError::Text));
        }
        assert_eq!(check_text(Some(&"ü".repeat(NOTE_CHARS_MAX))), Ok(()));
    }
}
