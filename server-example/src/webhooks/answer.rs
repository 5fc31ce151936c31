//! What became of a message on its way.

use super::endpoint::EndpointError;
use consentry_core::Time;
use std::time::UNIX_EPOCH;

/// How long a receiver may say that it must not be asked again, in milliseconds: a day.
const RETRY_AFTER_MS_MAX: u64 = 24 * 60 * 60 * 1_000;

/// What a receiver says to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// It has it (2xx).
    Told,
    /// It is gone for good (410).
    Gone,
    /// Anything else.
    Refused {
        /// The status.
        status: u16,
        /// Before when it does not want to be asked again.
        not_before: Option<Time>,
    },
}

/// Why no receiver said anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum SendError {
    /// Nothing may be sent there.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// Nobody takes the connection.
    #[error("the host takes no connection")]
    Connect,
    /// It cannot prove that it is who it should be.
    #[error("no TLS connection: is the certificate valid for the host?")]
    Tls,
    /// What it says is not HTTP, or it hung up.
    #[error("the connection broke off without an answer")]
    Http,
    /// It took too long.
    #[error("no answer in time")]
    Slow,
}

/// What `Retry-After` says (RFC 9110, section 10.2.3): seconds, or a date.
pub(super) fn not_before(retry_after: &str, now: Time) -> Option<Time> {
    let latest = Time::from_ms(now.as_ms().saturating_add(RETRY_AFTER_MS_MAX));
    let from = match retry_after.trim().parse::<u64>() {
        Ok(seconds) => Time::from_ms(now.as_ms().saturating_add(seconds.saturating_mul(1_000))),
        Err(_) => {
            let date = httpdate::parse_http_date(retry_after).ok()?.duration_since(UNIX_EPOCH).ok()?;
            Time::from_ms(u64::try_from(date.as_millis()).ok()?)
        }
    };
    Some(from.min(latest)).filter(|from| *from > now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_may_say_when_to_come_again_within_a_day() {
        let now = Time::from_ms(1_763_800_000_000); // Sat, 22 Nov 2025 08:26:40 GMT
        for (said, seconds) in [
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("0", None),
            ("-1", None),
            ("soon", None),
            ("", None),
            ("99999999999999999999", None),
            ("18446744073709551615", Some(86_400)),
            ("Sat, 22 Nov 2025 08:27:40 GMT", Some(60)),
            ("Sat, 22 Nov 2025 08:26:40 GMT", None),
            ("Mon, 22 Nov 2027 08:26:40 GMT", Some(86_400)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", None),
        ] {
            let expected = seconds.map(|seconds: u64| Time::from_ms(now.as_ms() + seconds * 1_000));
            assert_eq!(not_before(said, now), expected, "{said}");
        }
    }
}
