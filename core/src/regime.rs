//! Where a person is, and how they must be asked there. What the law of a place says stands in [`crate::law`].

use crate::law::Law;
use crate::word::words;
use alloc::boxed::Box;
use core::fmt;
use core::str::FromStr;

words! {
    /// How a person must be asked, from the strictest to the least strict.
    pub enum Regime {
        /// Nothing optional without an explicit yes (GDPR Art. 6(1)(a) and 7, ePrivacy Art. 5(3)). Taken wherever nothing looser is certain.
        OptIn = "opt-in",
        /// As before, but storage for statistics or appearance may start and must stop on request (United Kingdom, PECR Sch. A1).
        Mixed = "mixed",
        /// Some purposes may start and must stop on request (the comprehensive privacy laws of US states).
        OptOut = "opt-out",
    }
}

impl Regime {
    /// The regime of a jurisdiction; the strictest when it is not known (R34).
    #[must_use]
    pub fn of(jurisdiction: Option<&Jurisdiction>) -> Self {
        Law::of(jurisdiction).regime
    }

    /// Somewhere this regime holds, for those who must decide for a whole regime at once; none stands for the strictest.
    #[must_use]
    pub fn somewhere(self) -> Option<Jurisdiction> {
        match self {
            Self::OptIn => None,
            Self::Mixed => Some(Jurisdiction("GB".into())),
            Self::OptOut => Some(Jurisdiction("US-VA".into())),
        }
    }
}

/// The European Economic Area by ISO 3166-1: the member states of the EU, Iceland, Liechtenstein, Norway.
pub const EEA: [&str; 30] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS", "IT", "LI", "LT",
    "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
];

/// A country (ISO 3166-1 alpha-2) or a part of one (ISO 3166-2), e.g. `DE` or `US-CA`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

    /// The country that it is, or is a part of.
    #[must_use]
    pub fn country(&self) -> &str {
        self.0.split_once('-').map_or(&*self.0, |(country, _)| country)
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
            ("GB", Regime::Mixed),
            ("CA-QC", Regime::OptIn),
            ("CA-ON", Regime::OptOut),
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
