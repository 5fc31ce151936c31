//! What the law of a place says, as data: one table, each row with its source.
//!
//! The table is as of [`TABLE_DATE`], and no legal advice. Where a law is silent or disputed the stricter reading stands, and whatever
//! the table does not name takes its first row, the strictest. A policy can be stricter than the table, never looser.

use crate::regime::{Jurisdiction, Regime};
use crate::time::Period;
use crate::word::words;

/// The month that the table speaks of.
pub const TABLE_DATE: &str = "2026-11";

words! {
    /// Something that a browser says to every site.
    pub enum Signal {
        /// Global Privacy Control: do not sell or share.
        Gpc = "gpc",
    }
}

impl Signal {
    /// The signal that a `Sec-GPC` header carries. It counts only when it is exactly `1` (R22).
    #[must_use]
    pub fn in_header(sec_gpc: &[u8]) -> Option<Self> {
        (sec_gpc == b"1").then_some(Self::Gpc)
    }
}

words! {
    /// What a person can demand.
    pub enum Right {
        /// A copy of what is kept (GDPR Art. 15).
        Access = "access",
        /// Correction (Art. 16).
        Rectification = "rectification",
        /// Erasure (Art. 17).
        Erasure = "erasure",
        /// Restriction (Art. 18).
        Restriction = "restriction",
        /// Data in a form to take along (Art. 20).
        Portability = "portability",
        /// Objection (Art. 21).
        Objection = "objection",
        /// Withdrawal of consent (Art. 7(3)).
        Withdrawal = "withdrawal",
        /// No sale, no sharing, no targeted advertising (Cal. Civ. Code 1798.120).
        OptOut = "opt-out",
    }
}

#[cfg(feature = "whole")]
const EEA_RIGHTS: &[Right] = &[
    Right::Access,
    Right::Rectification,
    Right::Erasure,
    Right::Restriction,
    Right::Portability,
    Right::Objection,
    Right::Withdrawal,
];
#[cfg(feature = "whole")]
const US_RIGHTS: &[Right] =
    &[Right::Access, Right::Rectification, Right::Erasure, Right::Portability, Right::Withdrawal, Right::OptOut];
#[cfg(feature = "whole")]
const PIPEDA_RIGHTS: &[Right] = &[Right::Access, Right::Rectification, Right::Erasure, Right::Withdrawal];

/// The law of one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Law {
    /// The place by ISO 3166-1 or 3166-2; empty for the strictest, which holds wherever no other row does.
    pub place: &'static str,
    /// How people must be asked.
    pub regime: Regime,
    /// Below this age in years a choice needs a guardian (R32).
    pub consent_age: u8,
    /// Below this age in years sale, sharing and targeted advertising take the strictest regime's terms.
    pub advertising_age: u8,
    /// For how many days a refusal is not asked again (R12).
    pub rest_days: u16,
    /// The signals that must be honoured (R22 to R25).
    pub signals: &'static [Signal],
    /// Whether an opt-in to sale, sharing or targeted advertising after an opt-out takes two steps (R27).
    pub two_steps: bool,
    /// What people can demand.
    #[cfg(feature = "whole")]
    pub rights: &'static [Right],
    /// Where this stands.
    #[cfg(feature = "whole")]
    pub source: &'static str,
}

/// Where a policy is stricter than the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LawChange {
    /// The place whose row, or the country whose rows, it is about.
    pub place: Jurisdiction,
    /// A stricter regime.
    pub regime: Option<Regime>,
    /// A higher age.
    pub consent_age: Option<u8>,
    /// A longer rest.
    pub rest: Option<Period>,
    /// Honours every signal, though the law does not ask for it.
    pub signals: bool,
}

macro_rules! laws {
    ($( $place:literal $regime:ident $age:literal $ads:literal $rest:literal [$($signal:ident)?] $two:literal $rights:ident $source:literal; )+) => {
        /// The table, the strictest first.
        pub static LAWS: &[Law] = &[STRICTEST, $( Law {
            place: $place,
            regime: Regime::$regime,
            consent_age: $age,
            advertising_age: $ads,
            rest_days: $rest,
            signals: &[$(Signal::$signal)?],
            two_steps: $two,
            #[cfg(feature = "whole")]
            rights: $rights,
            #[cfg(feature = "whole")]
            source: $source,
        }, )+ ];
    };
}

// Place, regime, age of consent, age for advertising, days of rest, signals, two steps, rights, source.
laws! {
    "AT" OptIn 14 18 184 [] false EEA_RIGHTS "GDPR; DSG § 4(4)";
    "BE" OptIn 13 18 184 [] false EEA_RIGHTS "GDPR; Law of 30 July 2018 Art. 7";
    "BG" OptIn 14 18 184 [] false EEA_RIGHTS "GDPR; ZZLD Art. 25c";
    "CY" OptIn 14 18 184 [] false EEA_RIGHTS "GDPR; Law 125(I)/2018 s. 8";
    "CZ" OptIn 15 18 184 [] false EEA_RIGHTS "GDPR; Act 110/2019 § 7";
    "DE" OptIn 16 18 184 [] false EEA_RIGHTS "GDPR; Art. 8(1), no national rule";
    "DK" OptIn 15 18 184 [] false EEA_RIGHTS "GDPR; databeskyttelsesloven § 6(2), 2024";
    "EE" OptIn 13 18 184 [] false EEA_RIGHTS "GDPR; IKS § 8";
    "ES" OptIn 14 18 184 [] false EEA_RIGHTS "GDPR; LOPDGDD Art. 7";
    "FI" OptIn 13 18 184 [] false EEA_RIGHTS "GDPR; Act 1050/2018 § 5";
    "FR" OptIn 15 18 184 [] false EEA_RIGHTS "GDPR; Loi 78-17 Art. 45; rest: CNIL 2020-092";
    "GR" OptIn 15 18 184 [] false EEA_RIGHTS "GDPR; Law 4624/2019 Art. 21";
    "HR" OptIn 16 18 184 [] false EEA_RIGHTS "GDPR; Art. 8(1), law NN 42/2018 Art. 19";
    "HU" OptIn 16 18 184 [] false EEA_RIGHTS "GDPR; Art. 8(1), no national rule";
    "IE" OptIn 16 18 184 [] false EEA_RIGHTS "GDPR; Data Protection Act 2018 s. 31";
    "IS" OptIn 13 18 184 [] false EEA_RIGHTS "GDPR; Act 90/2018 Art. 10";
    "IT" OptIn 14 18 184 [] false EEA_RIGHTS "GDPR; Codice privacy Art. 2-quinquies; rest: Garante 231/2021";
    "LI" OptIn 16 18 184 [] false EEA_RIGHTS "GDPR; DSG Art. 6";
    "LT" OptIn 14 18 184 [] false EEA_RIGHTS "GDPR; ADTAĮ Art. 6";
    "LU" OptIn 16 18 184 [] false EEA_RIGHTS "GDPR; Art. 8(1), no national rule";
    "LV" OptIn 13 18 184 [] false EEA_RIGHTS "GDPR; FPDAL s. 33";
    "MT" OptIn 13 18 184 [] false EEA_RIGHTS "GDPR; S.L. 586.11";
    "NL" OptIn 16 18 184 [] false EEA_RIGHTS "GDPR; UAVG Art. 5";
    "NO" OptIn 13 18 184 [] false EEA_RIGHTS "GDPR; personopplysningsloven § 5";
    "PL" OptIn 16 18 184 [] false EEA_RIGHTS "GDPR; Art. 8(1), no national rule";
    "PT" OptIn 13 18 184 [] false EEA_RIGHTS "GDPR; Lei 58/2019 Art. 16";
    "RO" OptIn 16 18 184 [] false EEA_RIGHTS "GDPR; Art. 8(1), no national rule";
    "SE" OptIn 13 18 184 [] false EEA_RIGHTS "GDPR; Act 2018:218 ch. 2 § 4";
    "SI" OptIn 15 18 184 [] false EEA_RIGHTS "GDPR; ZVOP-2 Art. 8";
    "SK" OptIn 16 18 184 [] false EEA_RIGHTS "GDPR; Act 18/2018 § 15";
    "GB" Mixed 13 18 184 [] false EEA_RIGHTS "UK GDPR; Data Protection Act 2018 s. 9; PECR Sch. A1 as of February 2026";
    "CH" OptIn 16 18 184 [] false EEA_RIGHTS "FADP (SR 235.1); TCA Art. 45c; no age in the law, so that of GDPR Art. 8(1)";
    "US" OptIn 13 16 184 [Gpc] false US_RIGHTS "COPPA, 15 U.S.C. 6501; no comprehensive federal law, so nothing looser is certain";
    "US-CA" OptOut 13 16 366 [Gpc] true US_RIGHTS "Cal. Civ. Code 1798.100 ff., 1798.120(c); 11 CCR 7025, 7028";
    "US-CO" OptOut 13 18 184 [Gpc] false US_RIGHTS "C.R.S. 6-1-1301 ff.";
    "US-CT" OptOut 13 18 184 [Gpc] false US_RIGHTS "Conn. Gen. Stat. 42-515 ff.";
    "US-DE" OptOut 13 18 184 [Gpc] false US_RIGHTS "Del. Code tit. 6 ch. 12D";
    "US-FL" OptOut 13 18 184 [] false US_RIGHTS "Fla. Stat. 501.701 ff.";
    "US-IA" OptOut 13 16 184 [] false US_RIGHTS "Iowa Code ch. 715D";
    "US-IN" OptOut 13 16 184 [] false US_RIGHTS "Ind. Code 24-15";
    "US-KY" OptOut 13 16 184 [] false US_RIGHTS "KRS 367.3611 ff.";
    "US-MD" OptOut 13 18 184 [Gpc] false US_RIGHTS "Md. Code, Com. Law 14-4701 ff.";
    "US-MN" OptOut 13 16 184 [Gpc] false US_RIGHTS "Minn. Stat. ch. 325M";
    "US-MT" OptOut 13 18 184 [Gpc] false US_RIGHTS "Mont. Code 30-14-2801 ff.";
    "US-NE" OptOut 13 16 184 [Gpc] false US_RIGHTS "Neb. Rev. Stat. 87-1101 ff.";
    "US-NH" OptOut 13 16 184 [Gpc] false US_RIGHTS "RSA ch. 507-H";
    "US-NJ" OptOut 13 17 184 [Gpc] false US_RIGHTS "N.J.S.A. 56:8-166.4 ff.";
    "US-OR" OptOut 13 16 184 [Gpc] false US_RIGHTS "ORS 646A.570 ff.";
    "US-RI" OptOut 13 16 184 [] false US_RIGHTS "R.I. Gen. Laws ch. 6-48.1";
    "US-TN" OptOut 13 16 184 [] false US_RIGHTS "Tenn. Code 47-18-3301 ff.";
    "US-TX" OptOut 13 16 184 [Gpc] false US_RIGHTS "Tex. Bus. & Com. Code ch. 541";
    "US-UT" OptOut 13 16 184 [] false US_RIGHTS "Utah Code 13-61";
    "US-VA" OptOut 13 16 184 [] false US_RIGHTS "Va. Code 59.1-575 ff.";
    "BR" OptIn 18 18 184 [] false EEA_RIGHTS "LGPD (Law 13.709/2018) Arts. 7, 14, 18; Law 15.211/2025";
    "CA" OptOut 14 18 184 [] false PIPEDA_RIGHTS "PIPEDA Sch. 1 cl. 4.3; OPC guidelines on meaningful consent (the stricter age of the provinces)";
    "CA-QC" OptIn 14 18 184 [] false EEA_RIGHTS "CQLR c P-39.1 ss. 4.1, 8.1, 14 (Law 25)";
    "IN" OptIn 18 18 184 [] false PIPEDA_RIGHTS "DPDP Act 2023 ss. 6, 9, 11 to 14";
    "JP" OptOut 16 18 184 [] false PIPEDA_RIGHTS "APPI Arts. 18, 27, 31; PPC Q&A 1-62 (12 to 15: the stricter end)";
    "KR" OptIn 14 18 184 [] false EEA_RIGHTS "PIPA Arts. 15, 22, 22-2, 35 to 37";
    "AU" OptOut 15 18 184 [] false PIPEDA_RIGHTS "Privacy Act 1988 APP 3, 6, 7; OAIC guidelines B.60 ff.";
}

/// What holds where nothing else is known to: the strictest of each column.
const STRICTEST: Law = Law {
    place: "",
    regime: Regime::OptIn,
    consent_age: 18,
    advertising_age: 18,
    rest_days: 366,
    signals: Signal::ALL,
    two_steps: true,
    #[cfg(feature = "whole")]
    rights: Right::ALL,
    #[cfg(feature = "whole")]
    source: "the strictest of each column",
};

impl Law {
    /// The law where somebody is: of the part of the country, else of the country, else the strictest (R34).
    #[must_use]
    pub fn of(jurisdiction: Option<&Jurisdiction>) -> Self {
        let row = |place: &str| LAWS.iter().find(|law| law.place == place);
        let of_place = jurisdiction.and_then(|j| row(j.as_str()).or_else(|| row(j.country())));
        *of_place.unwrap_or(&STRICTEST)
    }

    /// The same, with what a policy says for that place. A change can only make it stricter.
    pub(crate) fn with(mut self, changes: &[LawChange], jurisdiction: Option<&Jurisdiction>) -> Self {
        let Some(jurisdiction) = jurisdiction else { return self };
        let holds = |c: &&LawChange| c.place == *jurisdiction || c.place.as_str() == jurisdiction.country();
        for change in changes.iter().filter(holds) {
            self.regime = self.regime.min(change.regime.unwrap_or(self.regime));
            self.consent_age = self.consent_age.max(change.consent_age.unwrap_or_default());
            let days = change.rest.map_or(0, |rest| rest.as_minutes().div_ceil(24 * 60));
            self.rest_days = self.rest_days.max(u16::try_from(days).unwrap_or(u16::MAX));
            if change.signals {
                self.signals = Signal::ALL;
            }
        }
        self
    }

    /// How long a refusal is not asked again.
    #[must_use]
    pub fn rest(&self) -> Period {
        let day = Period::DAY;
        Period::from_minutes(u32::from(self.rest_days).max(1).saturating_mul(day.as_minutes())).unwrap_or(day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regime::EEA;
    use alloc::vec::Vec;

    #[test]
    fn every_place_has_one_row_and_a_source() {
        for (n, law) in LAWS.iter().enumerate() {
            assert!(LAWS.iter().skip(n + 1).all(|other| other.place != law.place), "{} twice", law.place);
            assert!(law.place.is_empty() || law.place.parse::<Jurisdiction>().is_ok(), "{}", law.place);
            #[cfg(feature = "whole")]
            assert!(!law.source.is_empty(), "{} without a source", law.place);
        }
    }

    #[test]
    fn r34_no_row_is_stricter_than_the_one_for_the_unknown() {
        let strictest = Law::of(None);
        for law in LAWS {
            assert!(strictest.regime <= law.regime, "{}", law.place);
            assert!(strictest.consent_age >= law.consent_age && strictest.advertising_age >= law.advertising_age);
            assert!(strictest.rest_days >= law.rest_days, "{}", law.place);
            assert!(law.signals.iter().all(|s| strictest.signals.contains(s)), "{}", law.place);
            #[cfg(feature = "whole")]
            assert!(law.rights.iter().all(|r| strictest.rights.contains(r)), "{}", law.place);
            assert!(strictest.two_steps || !law.two_steps, "{}", law.place);
        }
        assert_eq!(Law::of(Some(&"ZZ".parse().expect("well formed"))), strictest);
    }

    #[test]
    fn every_state_of_the_eea_is_opt_in_with_an_age_of_13_to_16() {
        for state in EEA {
            let law = Law::of(Some(&state.parse().expect("well formed")));
            assert_eq!(law.place, state);
            assert_eq!(law.regime, Regime::OptIn, "{state}");
            assert!((13..=16).contains(&law.consent_age), "{state}");
        }
    }

    #[cfg(feature = "whole")]
    #[test]
    fn p18_p30_rights_depend_on_the_place() {
        let rights = |place: &str| Law::of(Some(&place.parse().expect("well formed"))).rights;
        assert!(rights("DE").contains(&Right::Objection) && !rights("DE").contains(&Right::OptOut));
        assert!(rights("US-CA").contains(&Right::OptOut) && !rights("US-CA").contains(&Right::Restriction));
    }

    #[test]
    fn r22_the_header_counts_only_when_it_is_exactly_one() {
        assert_eq!(Signal::in_header(b"1"), Some(Signal::Gpc));
        for value in [b"".as_slice(), b"0", b"true", b"1 ", b" 1", b"1, 1", b"11", b"\"1\""] {
            assert_eq!(Signal::in_header(value), None, "{value:?}");
        }
    }

    #[test]
    fn r12_the_rest_is_half_a_year_at_least_and_a_year_in_california() {
        let rest = |place: &str| Law::of(Some(&place.parse().expect("well formed"))).rest();
        for place in ["FR", "IT"] {
            assert!(rest(place).as_minutes() >= 181 * 24 * 60, "{place}");
        }
        assert!(rest("US-CA").as_minutes() >= 365 * 24 * 60);
    }

    #[test]
    fn twelve_states_recognise_global_privacy_control() {
        let states: Vec<_> =
            LAWS.iter().filter(|l| l.place.starts_with("US-") && !l.signals.is_empty()).map(|l| l.place).collect();
        let known = ["CA", "CO", "CT", "DE", "MD", "MN", "MT", "NE", "NH", "NJ", "OR", "TX"];
        assert_eq!(states, known.map(|state| alloc::format!("US-{state}")));
    }
}
