//! Points in time and lengths of time, as numbers that cannot be mistaken for one another.
//! The core never asks what time it is.

use core::fmt;
use core::str::FromStr;

/// A point in time: milliseconds since the Unix epoch, by the server's clock unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The time `ms` milliseconds after the Unix epoch.
    #[must_use]
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_ms(self) -> u64 {
        self.0
    }

    /// This time and then `period`; the end of time when that is further than a number can say.
    #[must_use]
    pub const fn after(self, period: Period) -> Self {
        Self(self.0.saturating_add(period.as_ms()))
    }
}

#[cfg(feature = "load")]
impl fmt::Display for Time {
    /// As RFC 3339 has it, in universal time; in milliseconds where that is beyond its last year.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match i64::try_from(self.0).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()) {
            Some(timestamp) => timestamp.fmt(f),
            None => write!(f, "{} ms", self.0),
        }
    }
}

/// A length of time in whole minutes, at least one and at most [`Period::MINUTES_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(u32); // INVARIANT: 1..=MINUTES_MAX; only `from_minutes` builds one.

/// Why a text or number is not a [`Period`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// Not a whole number and a unit.
    #[error("expected a number and a unit: `5 minutes`, `24 hours` or `365 days`")]
    Form,
    /// Zero, or more than a century.
    #[error("expected at least a minute and at most 36500 days")]
    Range,
}

impl Period {
    /// A day.
    pub const DAY: Self = Self(24 * 60);

    /// A hundred years of 365 days: longer than any promise of deletion should be.
    pub const MINUTES_MAX: u32 = 36_500 * 24 * 60;

    /// A period of `minutes`.
    ///
    /// # Errors
    /// [`PeriodError::Range`] for zero and for more than [`Period::MINUTES_MAX`].
    pub const fn from_minutes(minutes: u32) -> Result<Self, PeriodError> {
        if minutes == 0 || minutes > Self::MINUTES_MAX {
            return Err(PeriodError::Range);
        }
        Ok(Self(minutes))
    }

    /// The length in minutes.
    #[must_use]
    pub const fn as_minutes(self) -> u32 {
        self.0
    }

    /// The length in milliseconds.
    #[must_use]
    pub const fn as_ms(self) -> u64 {
        self.0 as u64 * 60_000
    }
}

impl FromStr for Period {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, unit) = text.split_once(' ').ok_or(PeriodError::Form)?;
        let number: u32 = number.parse().map_err(|_| PeriodError::Form)?;
        let minutes = match unit {
            "minute" | "minutes" => 1,
            "hour" | "hours" => 60,
            "day" | "days" => 24 * 60,
            _ => return Err(PeriodError::Form),
        };
        Self::from_minutes(number.checked_mul(minutes).ok_or(PeriodError::Range)?)
    }
}

impl fmt::Display for Period {
    /// In the largest unit that divides it, as a policy file would write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, unit) = match self.0 {
            m if m.is_multiple_of(24 * 60) => (m / (24 * 60), "day"),
            m if m.is_multiple_of(60) => (m / 60, "hour"),
            m => (m, "minute"),
        };
        let plural = if number == 1 { "" } else { "s" };
        write!(f, "{number} {unit}{plural}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_period_reads_back_as_it_is_written() {
        for text in ["1 minute", "5 minutes", "1 hour", "24 minutes", "36 hours", "1 day", "365 days"] {
            assert_eq!(text.parse::<Period>().map(|p| p.to_string()), Ok(text.into()));
        }
        assert_eq!("24 hours".parse::<Period>().map(|p| p.to_string()), Ok("1 day".into()));
    }

    #[test]
    fn a_period_that_says_nothing_is_refused() {
        for text in ["", "5", "five minutes", "5 weeks", "-5 days", "5  days", "0.5 days"] {
            assert_eq!(text.parse::<Period>(), Err(PeriodError::Form), "{text}");
        }
        for text in ["0 days", "36501 days", "4294967295 days"] {
            assert_eq!(text.parse::<Period>(), Err(PeriodError::Range), "{text}");
        }
    }

    #[test]
    fn time_stops_at_its_end_instead_of_wrapping() {
        let end = Time::from_ms(u64::MAX);
        assert_eq!(end.after(Period(1)), end);
    }
}
