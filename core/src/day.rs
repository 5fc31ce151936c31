//! A day as people write it in each language (Unicode CLDR, the long form).

use crate::id::Language;
use crate::time::Time;
use alloc::string::{String, ToString};
use icu_datetime::FixedCalendarDateTimeFormatter;
use icu_datetime::fieldsets::YMD;
use icu_datetime::input::Date;
use icu_locale_core::Locale;

/// The day in which `time` is, at Greenwich, as it is written in `language`: `December 12, 2026`, `12. Dezember 2026`, `2026年12月12日`.
///
/// A time beyond the calendar stays a number, and a language that CLDR does not know writes the day by its own general form.
#[must_use]
pub fn day_in(language: &Language, time: Time) -> String {
    written(language, time).unwrap_or_else(|| time.to_string())
}

fn written(language: &Language, time: Time) -> Option<String> {
    let timestamp = jiff::Timestamp::from_millisecond(i64::try_from(time.as_ms()).ok()?).ok()?;
    let day = timestamp.to_zoned(jiff::tz::TimeZone::UTC).date();
    let month = u8::try_from(day.month()).ok()?;
    let date = Date::try_new_gregorian(day.year().into(), month, u8::try_from(day.day()).ok()?).ok()?;
    let locale = Locale::try_from_str(language.as_str()).ok()?;
    let formatter = FixedCalendarDateTimeFormatter::try_new((&locale).into(), YMD::long()).ok()?;
    Some(formatter.format(&date).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 12 December 2026, and a little before midnight.
    const EVENING_MS: u64 = 1_797_119_999_999;

    #[allow(clippy::expect_used, reason = "a test that cannot go on should say so at once")]
    fn check(language: &str, ms: u64, expected: &str) {
        assert_eq!(day_in(&language.parse().expect("a language"), Time::from_ms(ms)), expected);
    }

    #[test]
    fn a_day_is_written_as_its_language_does() {
        for (language, expected) in [
            ("en", "December 12, 2026"),
            ("en-GB", "12 December 2026"),
            ("de", "12. Dezember 2026"),
            ("es", "12 de diciembre de 2026"),
            ("is", "12. desember 2026"),
            ("ja", "2026年12月12日"),
            ("pl", "12 grudnia 2026"),
            ("uk", "12 грудня 2026\u{202f}р."),
        ] {
            check(language, EVENING_MS, expected);
        }
        check("en", 0, "January 1, 1970");
    }

    #[test]
    fn the_end_of_time_is_a_number() {
        check("en", u64::MAX, "18446744073709551615 ms");
    }
}
