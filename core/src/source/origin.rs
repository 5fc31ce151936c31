//! Which pages may speak for a site.

use alloc::boxed::Box;
use core::fmt;
use core::str::FromStr;

/// Longest origin, in bytes: a host name has at most 253, and there are scheme and port.
pub const ORIGIN_BYTES_MAX: usize = 272;

/// A page's origin as browsers write it (RFC 6454 section 6.2), e.g. `https://www.example`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(Box<str>); // INVARIANT: `http` or `https`, a host in lower case, perhaps a port, no path.

/// Why a text is not an [`Origin`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected scheme and host without a path, such as `https://www.example` or `http://127.0.0.1:8080`")]
pub struct OriginError;

impl Origin {
    /// The origin as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(OriginError)?;
        let is_of_host = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b':' | b'[' | b']');
        let is_origin = text.len() <= ORIGIN_BYTES_MAX && !host.is_empty() && host.bytes().all(is_of_host);
        if is_origin { Ok(Self(text.into())) } else { Err(OriginError) }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_no_path() {
        for text in ["https://adforge.example", "http://127.0.0.1:8080", "http://[::1]:80"] {
            assert!(text.parse::<Origin>().is_ok(), "{text}");
        }
        for text in
            ["", "*", "null", "adforge.example", "https://", "https://a/", "https://A", "ftp://a", "https://a b"]
        {
            assert_eq!(text.parse::<Origin>(), Err(OriginError), "{text}");
        }
    }
}
