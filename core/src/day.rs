//! A day as people write it in each language that Consentry speaks (Unicode CLDR, the long form).

use crate::id::Language;
use crate::time::Time;
use alloc::format;
use alloc::string::{String, ToString};

/// How a language writes days: with `{d}`, `{m}` and `{y}`, and its months as they stand after a day.
struct Writing {
    language: &'static str,
    pattern: &'static str,
    months: [&'static str; 12],
}

macro_rules! writings {
    ($( $language:literal $pattern:literal [$($month:literal)+]; )+) => {
        const WRITINGS: &[Writing] = &[ $( Writing { language: $language, pattern: $pattern, months: [$($month),+] }, )+ ];
    };
}

writings! {
    "ar" "{d} {m} {y}" ["يناير" "فبراير" "مارس" "أبريل" "مايو" "يونيو" "يوليو" "أغسطس" "سبتمبر" "أكتوبر" "نوفمبر" "ديسمبر"];
    "cs" "{d}. {m} {y}" ["ledna" "února" "března" "dubna" "května" "června" "července" "srpna" "září" "října" "listopadu" "prosince"];
    "da" "{d}. {m} {y}" ["januar" "februar" "marts" "april" "maj" "juni" "juli" "august" "september" "oktober" "november" "december"];
    "de" "{d}. {m} {y}" ["Januar" "Februar" "März" "April" "Mai" "Juni" "Juli" "August" "September" "Oktober" "November" "Dezember"];
    "en" "{d} {m} {y}" ["January" "February" "March" "April" "May" "June" "July" "August" "September" "October" "November" "December"];
    "es" "{d} de {m} de {y}" ["enero" "febrero" "marzo" "abril" "mayo" "junio" "julio" "agosto" "septiembre" "octubre" "noviembre" "diciembre"];
    "fi" "{d}. {m} {y}" ["tammikuuta" "helmikuuta" "maaliskuuta" "huhtikuuta" "toukokuuta" "kesäkuuta" "heinäkuuta" "elokuuta" "syyskuuta" "lokakuuta" "marraskuuta" "joulukuuta"];
    "fr" "{d} {m} {y}" ["janvier" "février" "mars" "avril" "mai" "juin" "juillet" "août" "septembre" "octobre" "novembre" "décembre"];
    "it" "{d} {m} {y}" ["gennaio" "febbraio" "marzo" "aprile" "maggio" "giugno" "luglio" "agosto" "settembre" "ottobre" "novembre" "dicembre"];
    "ja" "{y}年{m}月{d}日" ["1" "2" "3" "4" "5" "6" "7" "8" "9" "10" "11" "12"];
    "ko" "{y}년 {m}월 {d}일" ["1" "2" "3" "4" "5" "6" "7" "8" "9" "10" "11" "12"];
    "nl" "{d} {m} {y}" ["januari" "februari" "maart" "april" "mei" "juni" "juli" "augustus" "september" "oktober" "november" "december"];
    "pl" "{d} {m} {y}" ["stycznia" "lutego" "marca" "kwietnia" "maja" "czerwca" "lipca" "sierpnia" "września" "października" "listopada" "grudnia"];
    "pt" "{d} de {m} de {y}" ["janeiro" "fevereiro" "março" "abril" "maio" "junho" "julho" "agosto" "setembro" "outubro" "novembro" "dezembro"];
    "sv" "{d} {m} {y}" ["januari" "februari" "mars" "april" "maj" "juni" "juli" "augusti" "september" "oktober" "november" "december"];
    "tr" "{d} {m} {y}" ["Ocak" "Şubat" "Mart" "Nisan" "Mayıs" "Haziran" "Temmuz" "Ağustos" "Eylül" "Ekim" "Kasım" "Aralık"];
    "zh" "{y}年{m}月{d}日" ["1" "2" "3" "4" "5" "6" "7" "8" "9" "10" "11" "12"];
}

/// The day of `time`, in universal time, as `language` writes it; as ISO 8601 does where the language is none that Consentry speaks.
#[must_use]
pub fn day_in(language: &Language, time: Time) -> String {
    let timestamp = i64::try_from(time.as_ms()).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    let Some(timestamp) = timestamp else { return time.to_string() };
    let date = timestamp.to_zoned(jiff::tz::TimeZone::UTC).date();
    let writing = WRITINGS.iter().find(|writing| writing.language == language.as_str());
    let month = usize::try_from(date.month()).ok().and_then(|month| writing?.months.get(month.checked_sub(1)?));
    match (writing, month) {
        (Some(writing), Some(month)) => {
            let (day, year) = (date.day().to_string(), date.year().to_string());
            writing.pattern.replace("{d}", &day).replace("{m}", month).replace("{y}", &year)
        }
        (_, _) => format!("{date}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 12 December 2026, and a little before midnight.
    const EVENING_MS: u64 = 1_797_119_999_999;

    #[test]
    fn a_day_is_written_as_its_language_does() {
        for (language, expected) in [
            ("en", "12 December 2026"),
            ("de", "12. Dezember 2026"),
            ("es", "12 de diciembre de 2026"),
            ("ja", "2026年12月12日"),
            ("ko", "2026년 12월 12일"),
            ("pl", "12 grudnia 2026"),
            ("tlh", "2026-12-12"),
        ] {
            let language = language.parse().expect("a language");
            assert_eq!(day_in(&language, Time::from_ms(EVENING_MS)), expected);
        }
        assert_eq!(day_in(&"en".parse().expect("a language"), Time::from_ms(0)), "1 January 1970");
    }

    #[test]
    fn the_end_of_time_is_a_number() {
        let language = "en".parse().expect("a language");
        assert_eq!(day_in(&language, Time::from_ms(u64::MAX)), "18446744073709551615 ms");
    }

    #[test]
    fn every_language_has_twelve_months_of_its_own() {
        for writing in WRITINGS {
            let mut months = writing.months;
            months.sort_unstable();
            assert!(months.windows(2).all(|pair| pair[0] != pair[1]), "{}", writing.language);
            assert!(["{d}", "{m}", "{y}"].iter().all(|part| writing.pattern.contains(part)), "{}", writing.language);
        }
    }
}
