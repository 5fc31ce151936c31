//! Where a person is, and how strictly they must be asked there.
//!
//! Deliberately thin: two regimes, and the rule that whatever is not known takes the strictest.

use crate::word::words;
use alloc::boxed::Box;
use core::fmt;
use core::str::FromStr;

words! {
    /// How a person must be asked.
    pub enum Regime {
        /// Nothing optional without an explicit yes (GDPR Art. 6(1)(a) and 7, ePrivacy Art. 5(3)). Taken wherever nothing looser is certain.
        OptIn = "opt-in",
        /// Some purposes may start and must stop on request (the comprehensive privacy laws of US states).
        OptOut = "opt-out",
    }
}

/// States whose comprehensive privacy law is in force, by ISO 3166-2 (STANDARDS: 20 states, November 2026).
const OPT_OUT_STATES: [&str; 20] = [
    "CA", "VA", "CO", "CT", "UT", "TX", "FL", "MT", "OR", "DE", "IA", "MD", "MN", "NE", "NH", "NJ", "TN", "IN", "KY",
    "RI",
];

/// The European Economic Area by ISO 3166-1: the member states of the EU, Iceland, Liechtenstein, Norway.
pub const EEA: [&str; 30] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS", "IT", "LI", "LT",
    "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
];

impl Regime {
    /// The regime of a jurisdiction; the strictest when it is not known (R34).
    #[must_use]
    pub fn of(jurisdiction: Option<&Jurisdiction>) -> Self {
        match jurisdiction.and_then(|j| j.0.strip_prefix("US-")) {
            Some(state) if OPT_OUT_STATES.contains(&state) => Self::OptOut,
            Some(_) | None => Self::OptIn,
        }
    }
}

impl Regime {
    /// Somewhere this regime holds, for those who must decide for a whole regime at once; none stands for the strictest.
    #[must_use]
    pub fn somewhere(self) -> Option<Jurisdiction> {
        match self {
            Self::OptIn => None,
            Self::OptOut => Some(Jurisdiction("US-CA".into())),
        }
    }
}

/// A country (ISO 3166-1 alpha-2) or a part of one (ISO 3166-2), e.g. `DE` or `US-CA`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Jurisdiction(Box<str>); // INVARIANT: two capitals, then optionally `-` and 1 to 3 capitals or digits.

/// Why a text is not a jurisdiction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a country or a part of one, such as `DE` or `US-CA`")]
pub struct JurisdictionError;

impl Jurisdiction {
    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Jurisdiction {
    type Err = JurisdictionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (country, part) = text.split_once('-').map_or((text, None), |(c, p)| (c, Some(p)));
        let well_formed = country.len() == 2
            && country.bytes().all(|b| b.is_ascii_uppercase())
            && part.is_none_or(|p| {
                (1..=3).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
            });
        if well_formed { Ok(Self(text.into())) } else { Err(JurisdictionError) }
    }
}

impl fmt::Display for Jurisdiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r34_whatever_is_not_known_takes_the_strictest_regime() {
        assert_eq!(Regime::of(None), Regime::OptIn);
        for (code, regime) in [
            ("DE", Regime::OptIn),
            ("US", Regime::OptIn),
            ("US-NY", Regime::OptIn),
            ("ZZ", Regime::OptIn),
            ("US-CA", Regime::OptOut),
            ("US-RI", Regime::OptOut),
        ] {
            let jurisdiction = code.parse().expect("well formed");
            assert_eq!(Regime::of(Some(&jurisdiction)), regime, "{code}");
        }
    }

    #[test]
    fn a_jurisdiction_is_a_code() {
        for text in ["", "D", "de", "DEU", "US-", "US-ca", "US-CALI", "US-CA-1"] {
            assert_eq!(text.parse::<Jurisdiction>(), Err(JurisdictionError), "{text}");
        }
    }
}
