//! Where a webhook is told, and the addresses that this leads to right now.
//!
//! A host is resolved anew for each message, all its addresses are checked, and the connection goes to one of those that were checked. So
//! a name that leads elsewhere from one question to the next gains nothing.

use super::reach::Reach;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use url::{Host, Url};

/// Longest address of a webhook, in bytes.
const URL_BYTES_MAX: usize = 2_048;
/// Most addresses of one host that are looked at.
const ADDRESSES_MAX: usize = 32;

/// Why an address is none of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Not an address, or too long.
    #[error("expected an address such as `https://example.com/webhooks`, of at most {URL_BYTES_MAX} bytes")]
    Form,
    /// Anybody on the way could read it.
    #[error("expected `https://`: a server may be started with `--webhooks-to-private-addresses` to send without TLS")]
    Scheme,
    /// It would be logged and listed.
    #[error("expected no name and password before the host: a message is known by its signature")]
    Credentials,
    /// Nobody sends that part.
    #[error("expected nothing after `#`")]
    Fragment,
    /// It leads to this machine, or into a network that is not public.
    #[error("the host is not public: a server may be started with `--webhooks-to-private-addresses` to reach it")]
    Private,
    /// Nobody knows where the host is.
    #[error("the host cannot be found")]
    Unknown,
}

/// Where a webhook is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    url: Url, // INVARIANT: `https`, or `http` where that is allowed; a host, no credentials, no fragment.
    reach: Reach,
}

impl Endpoint {
    /// Reads an address as browsers do (WHATWG URL), so that every spelling of a number is one: `0x7f.1` is 127.0.0.1.
    pub(crate) fn parse(text: &str, reach: Reach) -> Result<Self, EndpointError> {
        // What browsers would take out in silence may be there to mislead somebody.
        let is_plain = text.len() <= URL_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        let url = Url::parse(text).ok().filter(|_| is_plain).ok_or(EndpointError::Form)?;
        match (url.scheme(), reach) {
            ("https", Reach::Public | Reach::Anywhere) | ("http", Reach::Anywhere) => {}
            ("http", Reach::Public) => return Err(EndpointError::Scheme),
            (_, _) => return Err(EndpointError::Form),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::Credentials);
        }
        if url.fragment().is_some() {
            return Err(EndpointError::Fragment);
        }
        let is_public = match url.host().ok_or(EndpointError::Form)? {
            Host::Ipv4(address) => reach.allows(address.into()),
            Host::Ipv6(address) => reach.allows(address.into()),
            // Resolvers know these without asking anybody (RFC 6761).
            Host::Domain(name) => {
                let name = name.trim_end_matches('.');
                let is_local = name == "localhost" || name.ends_with(".localhost") || !name.contains('.');
                reach == Reach::Anywhere || !is_local
            }
        };
        if is_public { Ok(Self { url, reach }) } else { Err(EndpointError::Private) }
    }

    /// The address, in its one spelling.
    pub(crate) fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// Whether TLS is spoken.
    pub(super) fn is_secure(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The host as a certificate names it: without the brackets of IPv6, and without a dot at its end.
    pub(super) fn name(&self) -> String {
        match self.url.host() {
            Some(Host::Domain(name)) => name.trim_end_matches('.').into(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => String::new(),
        }
    }

    /// The host and port as a request names them.
    pub(super) fn authority(&self) -> &str {
        self.url.authority()
    }

    /// The path, and the query if there is one.
    pub(super) fn path(&self) -> &str {
        &self.url[url::Position::BeforePath..url::Position::AfterQuery]
    }

    /// The addresses that a connection may go to: all that the host has, or an error if one of them may not be reached.
    pub(super) async fn addresses(&self, resolver: &Resolver) -> Result<Vec<SocketAddr>, EndpointError> {
        let port = self.url.port_or_known_default().ok_or(EndpointError::Form)?;
        let found = match self.url.host().ok_or(EndpointError::Form)? {
            Host::Ipv4(address) => vec![IpAddr::V4(address)],
            Host::Ipv6(address) => vec![IpAddr::V6(address)],
            Host::Domain(name) => resolver.resolve(name).await.ok_or(EndpointError::Unknown)?,
        };
        if found.is_empty() || found.len() > ADDRESSES_MAX {
            return Err(EndpointError::Unknown);
        }
        // One that may not be reached among others that may is no accident.
        if found.iter().any(|address| !self.reach.allows(*address)) {
            return Err(EndpointError::Private);
        }
        Ok(found.into_iter().map(|address| SocketAddr::new(address, port)).collect())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who knows where a host is.
#[derive(Debug)]
pub(super) enum Resolver {
    /// The system.
    System,
    /// Somebody who gives one answer after the other, and says in the end how often they were asked.
    #[cfg(test)]
    Held(std::sync::Mutex<std::collections::VecDeque<Vec<IpAddr>>>),
}

impl Resolver {
    async fn resolve(&self, name: &str) -> Option<Vec<IpAddr>> {
        match self {
            Self::System => {
                let found = tokio::net::lookup_host((name, 0)).await.ok()?;
                Some(found.map(|address| address.ip()).take(ADDRESSES_MAX + 1).collect())
            }
            #[cfg(test)]
            Self::Held(answers) => answers.lock().ok()?.pop_front(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn an_address_that_leads_inside_is_refused_however_it_is_written() {
        use EndpointError::*;
        for (text, expected) in [
            ("https://example.com/hooks?a=b", Ok("https://example.com/hooks?a=b")),
            ("HTTPS://EXAMPLE.com:443", Ok("https://example.com/")),
            ("https://example.com:8443/", Ok("https://example.com:8443/")),
            ("https://example.com./", Ok("https://example.com./")),
            ("https://1.1.1.1/", Ok("https://1.1.1.1/")),
            ("https://[2606:4700:4700::1111]/", Ok("https://[2606:4700:4700::1111]/")),
            ("https://bücher.example/", Err(Form)),
            ("https://xn--bcher-kva.example/", Ok("https://xn--bcher-kva.example/")),
            ("http://example.com/", Err(Scheme)),
            ("ftp://example.com/", Err(Form)),
            ("file:///etc/passwd", Err(Form)),
            ("gopher://127.0.0.1/", Err(Form)),
            ("example.com", Err(Form)),
            ("https:///", Err(Form)),
            ("https://", Err(Form)),
            ("https://exa mple.com/", Err(Form)),
            ("https://example.com\n/", Err(Form)),
            ("https://example.com\\@127.0.0.1/", Err(Form)),
            ("https://example.com/#part", Err(Fragment)),
            ("https://somebody@example.com/", Err(Credentials)),
            ("https://somebody:secret@example.com/", Err(Credentials)),
            ("https://example.com@127.0.0.1/", Err(Credentials)),
            ("https://:secret@example.com/", Err(Credentials)),
            ("https://localhost/", Err(Private)),
            ("https://LOCALHOST/", Err(Private)),
            ("https://localhost./", Err(Private)),
            ("https://a.localhost/", Err(Private)),
            ("https://intranet/", Err(Private)),
            ("https://127.0.0.1/", Err(Private)),
            ("https://127.0.0.1./", Err(Private)),
            ("https://127.1/", Err(Private)),
            ("https://2130706433/", Err(Private)),
            ("https://017700000001/", Err(Private)),
            ("https://0177.0.0.1/", Err(Private)),
            ("https://0x7f.1/", Err(Private)),
            ("https://0x7f000001/", Err(Private)),
            ("https://0x7F.0x0.0x0.0x1/", Err(Private)),
            ("https://%31%32%37.0.0.1/", Err(Private)),
            ("https://0/", Err(Private)),
            ("https://0xa9fea9fe/latest/meta-data/", Err(Private)),
            ("https://169.254.169.254/", Err(Private)),
            ("https://256.256.256.256/", Err(Form)),
            ("https://[::1]/", Err(Private)),
            ("https://[::]/", Err(Private)),
            ("https://[0:0:0:0:0:ffff:7f00:1]/", Err(Private)),
            ("https://[::ffff:127.0.0.1]/", Err(Private)),
            ("https://[64:ff9b::10.0.0.1]/", Err(Private)),
            ("https://[2002:7f00:1::]/", Err(Private)),
            ("https://[fe80::1]/", Err(Private)),
            ("https://[fe80::1%25eth0]/", Err(Form)),
            ("https://[fe80::1%eth0]/", Err(Form)),
            ("https://[fd00::1]/", Err(Private)),
        ] {
            let read = Endpoint::parse(text, Reach::Public);
            assert_eq!(read.as_ref().map(Endpoint::as_str), expected.as_ref().copied(), "{text}");
        }
        let long = format!("https://example.com/{}", "a".repeat(URL_BYTES_MAX));
        assert_eq!(Endpoint::parse(&long, Reach::Public), Err(Form));
        for anywhere in ["http://127.0.0.1:8080/", "http://localhost/", "https://[::1]/", "https://intranet/"] {
            assert!(Endpoint::parse(anywhere, Reach::Anywhere).is_ok(), "{anywhere}");
        }
    }

    async fn check(answer: &[&str], expected: Result<usize, EndpointError>) {
        let endpoint = Endpoint::parse("https://example.com/", Reach::Public).unwrap();
        let answer = answer.iter().map(|address| address.parse().unwrap()).collect();
        let resolver = Resolver::Held(Mutex::new([answer].into()));
        let found = endpoint.addresses(&resolver).await;
        assert_eq!(found.map(|found| found.len()), expected);
    }

    #[tokio::test]
    async fn a_name_counts_for_what_it_leads_to() {
        check(&["1.1.1.1"], Ok(1)).await;
        check(&["1.1.1.1", "2606:4700:4700::1111"], Ok(2)).await;
        check(&["127.0.0.1"], Err(EndpointError::Private)).await;
        check(&["1.1.1.1", "10.0.0.1"], Err(EndpointError::Private)).await;
        check(&["::ffff:192.168.0.1"], Err(EndpointError::Private)).await;
        check(&[], Err(EndpointError::Unknown)).await;
        check(&["1.1.1.1"; ADDRESSES_MAX + 1], Err(EndpointError::Unknown)).await;
    }
}
