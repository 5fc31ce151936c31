//! By when a request must be answered, by the law of the place (R20).
//!
//! In goes a place of the core's table of laws. Where nothing is known of the place, or its law names no number of days, the days of the
//! GDPR stand: the law that most of the table follows. No legal advice.

use crate::calendar;
use consentry_core::Time;

/// The days of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due {
    /// By when it must be answered.
    pub(crate) due: Time,
    /// By when at the latest, if the subject is told in time that it takes longer; none where that is not possible.
    pub(crate) latest: Option<Time>,
}

/// A length of time as laws have it.
#[derive(Debug, Clone, Copy)]
enum Term {
    /// By the calendar: the same day of a later month, or its last (Regulation 1182/71 Art. 3(2)(c)). That a term which ends on a
    /// holiday or at a weekend lasts longer (Art. 3(4)), and until midnight, is left out: it only helps whoever is late.
    Months(i32),
    /// Days of 24 hours.
    Days(u32),
}

impl Due {
    /// The days of a request that came at `received`. `place` is as the core's table has it: `DE`, `US-CA`, or empty.
    pub(crate) fn of(place: &str, received: Time) -> Self {
        let (first, whole) = terms(place);
        Self { due: first.after(received), latest: whole.map(|whole| whole.after(received)) }
    }
}

/// The first term, and the whole with its extension; both from when the request came.
fn terms(place: &str) -> (Term, Option<Term>) {
    match (place, place.split('-').next().unwrap_or_default()) {
        // Fla. Stat. 501.706: 45 days and 15 more. No other state gives less, so that it stands where the state is not known, too.
        ("US-FL" | "US", _) => (Term::Days(45), Some(Term::Days(60))),
        // Iowa Code 715D.3(2): 90 days and 45 more.
        ("US-IA", _) => (Term::Days(90), Some(Term::Days(135))),
        // Cal. Civ. Code 1798.130(a)(2), 11 CCR 7021(b): 45 days and 45 more; the laws of the other states in the table have the same.
        (_, "US") => (Term::Days(45), Some(Term::Days(90))),
        // CQLR c P-39.1 s. 32: 30 days.
        ("CA-QC", _) => (Term::Days(30), None),
        // PIPEDA s. 8(3), (4): 30 days and 30 more.
        (_, "CA") => (Term::Days(30), Some(Term::Days(60))),
        // FADP Art. 25(7): 30 days. What more there may be has no number.
        (_, "CH") => (Term::Days(30), None),
        // LGPD Art. 19(II): 15 days.
        (_, "BR") => (Term::Days(15), None),
        // Enforcement decree of PIPA Art. 41(4): 10 days.
        (_, "KR") => (Term::Days(10), None),
        // APP 12.4: a reasonable period, which the OAIC takes to be 30 days.
        (_, "AU") => (Term::Days(30), None),
        // GDPR Art. 12(3), UK GDPR alike: one month, and two more.
        (_, _) => (Term::Months(1), Some(Term::Months(3))),
    }
}

impl Term {
    fn after(self, time: Time) -> Time {
        match self {
            Self::Months(months) => calendar::months_after(time, months),
            Self::Days(days) => calendar::days_after(time, days),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use consentry_core::law::LAWS;

    fn check(place: &str, received: &str, due: &str, latest: Option<&str>) {
        let time = |text: &str| calendar::moment(text).unwrap();
        let found = Due::of(place, time(received));
        assert_eq!((found.due, found.latest), (time(due), latest.map(time)), "{place} {received}");
    }

    #[test]
    fn r20_a_month_is_one_of_the_calendar_and_ends_with_a_shorter_one() {
        check("DE", "2026-03-15T10:00:00Z", "2026-04-15T10:00:00Z", Some("2026-06-15T10:00:00Z"));
        check("DE", "2026-01-31T10:00:00Z", "2026-02-28T10:00:00Z", Some("2026-04-30T10:00:00Z"));
        check("", "2028-01-30T23:59:59Z", "2028-02-29T23:59:59Z", Some("2028-04-30T23:59:59Z"));
        check("GB", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z", Some("2027-03-01T00:00:00Z"));
    }

    #[test]
    fn r20_in_california_it_is_45_days_and_45_more() {
        check("US-CA", "2026-01-01T00:00:00Z", "2026-02-15T00:00:00Z", Some("2026-04-01T00:00:00Z"));
        check("CA-QC", "2026-01-01T00:00:00Z", "2026-01-31T00:00:00Z", None);
    }

    #[test]
    fn r20_other_states_give_less_or_more_and_an_unknown_one_the_least() {
        for place in ["US-FL", "US"] {
            check(place, "2026-01-01T00:00:00Z", "2026-02-15T00:00:00Z", Some("2026-03-02T00:00:00Z"));
        }
        check("US-IA", "2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z", Some("2026-05-16T00:00:00Z"));
        check("US-TX", "2026-01-01T00:00:00Z", "2026-02-15T00:00:00Z", Some("2026-04-01T00:00:00Z"));
    }

    #[test]
    fn no_extension_ends_before_what_it_extends() {
        for law in LAWS {
            let due = Due::of(law.place, Time::from_ms(1_763_800_000_000));
            assert!(due.latest.is_none_or(|latest| latest > due.due), "{}", law.place);
        }
    }
}
