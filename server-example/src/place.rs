//! Where a visitor is, as far as the operator's proxy or geo file says: the country and, where it matters, the part of it.
//!
//! Whatever is missing, unreadable or contradictory is nowhere, and nobody knows where that is: people are then asked as in the
//! strictest regime (R34).

use crate::geo::GeoFile;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use consentry_core::Jurisdiction;
use std::net::IpAddr;
use std::str::FromStr;

/// A content delivery network that says where a visitor is in headers of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cdn {
    /// `CF-IPCountry` and `CF-Region-Code`, once the managed transform "add visitor location headers" is on.
    Cloudflare,
    /// `CloudFront-Viewer-Country` and `CloudFront-Viewer-Country-Region`, once the origin request policy lists them.
    Cloudfront,
}

/// Why a name is not a [`Cdn`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected `cloudflare` or `cloudfront`; of any other, name the headers in `jurisdiction_header` and `jurisdiction_part_header`"
)]
pub struct CdnError;

impl FromStr for Cdn {
    type Err = CdnError;

    fn from_str(name: &str) -> Result<Self, CdnError> {
        match name {
            "cloudflare" => Ok(Self::Cloudflare),
            "cloudfront" => Ok(Self::Cloudfront),
            _ => Err(CdnError),
        }
    }
}

impl Cdn {
    /// The header with the country, and the one with the part of it.
    #[must_use]
    pub const fn headers(self) -> (HeaderName, HeaderName) {
        match self {
            Self::Cloudflare => (HeaderName::from_static("cf-ipcountry"), HeaderName::from_static("cf-region-code")),
            Self::Cloudfront => (
                HeaderName::from_static("cloudfront-viewer-country"),
                HeaderName::from_static("cloudfront-viewer-country-region"),
            ),
        }
    }
}

/// How this server learns where a visitor is.
#[derive(Debug)]
pub(crate) struct Places {
    /// The header with a country (`DE`), or with a part of one (`US-CA`).
    pub(crate) header: Option<HeaderName>,
    /// The header with the part alone (`CA`).
    pub(crate) part_header: Option<HeaderName>,
    /// Asked where the headers say nothing that can be read.
    pub(crate) geo: Option<GeoFile>,
}

impl Places {
    /// Whether anybody is ever known to be anywhere.
    pub(crate) const fn knows_any(&self) -> bool {
        self.header.is_some() || self.geo.is_some()
    }

    /// Where a request comes from.
    pub(crate) fn jurisdiction(&self, headers: &HeaderMap, client: Option<IpAddr>) -> Option<Jurisdiction> {
        let value = |name: &Option<HeaderName>| headers.get(name.as_ref()?)?.to_str().ok().map(str::trim);
        let said = value(&self.header).and_then(|country| combine(country, value(&self.part_header)));
        said.or_else(|| self.geo.as_ref()?.jurisdiction(client?))
    }

    /// Five minutes old is fresh enough; for a day, an old one is better than a wait.
    pub(crate) const fn script_cache_control(&self) -> HeaderValue {
        if self.knows_any() {
            // A cache between the operator's proxy and the visitor sees neither the headers that it would have to vary by, nor the address.
            HeaderValue::from_static("private, max-age=300, stale-while-revalidate=86400")
        } else {
            HeaderValue::from_static("public, max-age=300, stale-while-revalidate=86400")
        }
    }

    /// What a script depends on.
    pub(crate) fn script_vary(&self) -> HeaderValue {
        let mut names = String::from("accept-encoding, accept-language");
        for name in [&self.header, &self.part_header].into_iter().flatten() {
            names.push_str(", ");
            names.push_str(name.as_str());
        }
        HeaderValue::try_from(names).unwrap_or(HeaderValue::from_static("*"))
    }
}

/// The code of ISO 3166-2 for a part of a country, where both are given and fit; else the country alone.
pub(crate) fn combine(country: &str, part: Option<&str>) -> Option<Jurisdiction> {
    let alone: Jurisdiction = country.parse().ok()?;
    let whole = part.and_then(|part| {
        // Some say the part alone, some the whole code.
        let part = part.strip_prefix(country).and_then(|rest| rest.strip_prefix('-')).unwrap_or(part);
        format!("{country}-{part}").parse().ok()
    });
    Some(whole.unwrap_or(alone))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(country: &str, part: Option<&str>, expected: Option<&str>) {
        let found = combine(country, part);
        assert_eq!(found.as_ref().map(Jurisdiction::as_str), expected, "{country} {part:?}");
    }

    #[test]
    fn country_and_part_are_one_code() {
        check("US", Some("CA"), Some("US-CA"));
        check("US", Some("US-CA"), Some("US-CA"));
        check("GB", Some("ENG"), Some("GB-ENG"));
        check("FR", Some("75"), Some("FR-75"));
        check("DE", None, Some("DE"));
        check("US-CA", None, Some("US-CA"));
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        check("US", Some(""), Some("US"));
        check("US", Some("California"), Some("US"));
        check("US-CA", Some("CA"), Some("US-CA"));
        // Cloudflare's word for Tor, and no country at all.
        check("T1", Some("CA"), None);
        check("", Some("CA"), None);
        check("us", None, None);
    }
}
