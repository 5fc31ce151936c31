//! Where a site is at its server.

use crate::error::SetUpError;
use consentry_core::SiteId;
use http::Uri;
use std::fmt;

/// The addresses under `/v1/sites/{site}/` (docs/wire.md).
pub(crate) struct Address {
    /// INVARIANT: a URI with scheme, host and path, which ends in a slash.
    base: String,
}

impl Address {
    pub(crate) fn new(url: &str, site: &SiteId) -> Result<Self, SetUpError> {
        let uri: Uri = url.parse().map_err(|_| SetUpError::Url)?;
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        let has_host = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        // What `Uri` reads past.
        if !is_http || !has_host || uri.host().is_none_or(str::is_empty) || url.contains(['?', '#']) {
            return Err(SetUpError::Url);
        }
        let base = format!("{}/v1/sites/{site}/", url.trim_end_matches('/'));
        // What ends in these names is one as well.
        base.parse::<Uri>().map_err(|_| SetUpError::Url)?;
        Ok(Self { base })
    }

    /// The address of one of the site's routes, with its query.
    pub(crate) fn of(&self, name: &str) -> Uri {
        // Names and queries are made here, of what may stand in an address.
        format!("{}{name}", self.base).parse().unwrap_or_default()
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_under_its_server() {
        for (url, address) in [
            ("https://consent.example", "https://consent.example/v1/sites/adforge/decisions"),
            ("https://consent.example/", "https://consent.example/v1/sites/adforge/decisions"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1/sites/adforge/decisions"),
            ("http://[::1]:8080", "http://[::1]:8080/v1/sites/adforge/decisions"),
            ("https://example.org/consent/", "https://example.org/consent/v1/sites/adforge/decisions"),
        ] {
            assert_eq!(Address::new(url, &SiteId::named("adforge")).unwrap().of("decisions"), address, "{url}");
        }
    }

    #[test]
    fn what_is_no_servers_address_is_refused() {
        for url in [
            "",
            "consent.example",
            "/consent",
            "ftp://consent.example",
            "file:///etc/passwd",
            "https://",
            "https:///adforge",
            "https://me:secret@consent.example",
            "https://consent.example?site=adforge",
            "https://consent.example#adforge",
            "https://consent example",
        ] {
            let refused = Address::new(url, &SiteId::named("adforge"));
            assert_eq!(refused.map(drop), Err(SetUpError::Url), "{url}");
        }
    }
}
