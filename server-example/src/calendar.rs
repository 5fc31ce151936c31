//! Days and months by the calendar, and points in time as people write them.

use consentry_core::{Period, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// Why a text is not a point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a time as in RFC 3339, such as `2026-11-22T08:30:00Z`, or milliseconds since 1970")]
pub(crate) struct MomentError;

/// The time that a text names: RFC 3339 with its offset, or milliseconds since the Unix epoch.
pub(crate) fn moment(text: &str) -> Result<Time, MomentError> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map(Time::from_ms).map_err(|_| MomentError);
    }
    let timestamp: Timestamp = text.parse().map_err(|_| MomentError)?;
    u64::try_from(timestamp.as_millisecond()).map(Time::from_ms).map_err(|_| MomentError)
}

/// The same time of the same day, so many months later, at Greenwich; of the month's last day where it has no such day. The end of the
/// calendar where that is further than it goes.
pub(crate) fn months_after(time: Time, months: i32) -> Time {
    let later = || {
        let timestamp = Timestamp::from_millisecond(i64::try_from(time.as_ms()).ok()?).ok()?;
        let later = timestamp.to_zoned(TimeZone::UTC).checked_add(months.months()).ok()?;
        u64::try_from(later.timestamp().as_millisecond()).ok()
    };
    later().map_or(Time::from_ms(u64::MAX), Time::from_ms)
}

/// So many times 24 hours later.
pub(crate) fn days_after(time: Time, days: u32) -> Time {
    let ms = u64::from(days).saturating_mul(Period::DAY.as_ms());
    Time::from_ms(time.as_ms().saturating_add(ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_with_its_offset_or_milliseconds() {
        let expected = Ok(Time::from_ms(1_763_800_000_000));
        for text in ["1763800000000", "2025-11-22T08:26:40Z", "2025-11-22T09:26:40+01:00"] {
            assert_eq!(moment(text), expected, "{text}");
        }
        for wrong in ["", "2025-11-22", "2025-11-22T08:26:40", "1969-12-31T23:59:59Z", "now", "99999999999999999999"] {
            assert_eq!(moment(wrong), Err(MomentError), "{wrong}");
        }
    }

    #[test]
    fn the_end_of_the_calendar_is_the_end() {
        assert_eq!(months_after(Time::from_ms(u64::MAX), 1), Time::from_ms(u64::MAX));
    }
}
