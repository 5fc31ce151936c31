//! What is worth another try, and when.
//!
//! A question changes nothing, so that sending it twice is harmless. What the server has understood and refused (4xx but 429) stays refused.

use super::transport::{Lost, Response};
use crate::clock::Clock;
use crate::error::AskError;
use consentry_core::Time;
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use std::time::{Duration, UNIX_EPOCH};
use tokio::time::Instant;

/// How often a request is sent at most.
pub(crate) const TRIES_MAX: u32 = 4;
/// The first wait, in milliseconds, which each further one doubles.
const WAIT_MS: u64 = 50;
/// By how much more than a server asks for is waited at most, in milliseconds, so that not all come back at once.
const MORE_MS_MAX: u64 = 100;
/// Longest part of a problem's detail that is repeated, in characters.
const DETAIL_CHARS_MAX: usize = 300;

/// Sends until there is an answer, it is of no use to try again, or the time is up.
pub(crate) async fn until_answered<F>(
    within: Duration,
    clock: &Clock,
    send: impl Fn() -> F,
) -> Result<Response, AskError>
where
    F: Future<Output = Result<Response, Lost>>,
{
    let deadline = Instant::now() + within;
    let mut tries = 0;
    loop {
        tries += 1;
        let outcome = tokio::time::timeout_at(deadline, send()).await.map_err(|_| AskError::TooSlow { within })?;
        let (error, asked_for) = match outcome {
            Ok(response) if response.status == StatusCode::OK => return Ok(response),
            Ok(response) => match response.status.as_u16() {
                status @ (429 | 502 | 503 | 504) => {
                    (AskError::Busy { status, tries }, retry_after(&response.headers, clock.now()))
                }
                _ => return Err(refused(&response)),
            },
            Err(Lost::Connection(cause)) => (AskError::Unreachable { cause: cause.into(), tries }, None),
            Err(Lost::TooLong) => {
                return Err(AskError::Unreadable { cause: "it is longer than any answer can be".into() });
            }
        };
        let wait = asked_for
            .map_or_else(|| back_off(tries), |time| time + Duration::from_millis(fastrand::u64(0..=MORE_MS_MAX)));
        // Whoever is told to come back later than there is time for need not wait to hear that.
        if tries >= TRIES_MAX || Instant::now().checked_add(wait).is_none_or(|then| then >= deadline) {
            return Err(error);
        }
        tokio::time::sleep(wait).await;
    }
}

/// Between half of the wait and all of it.
fn back_off(tries: u32) -> Duration {
    let wait_ms = WAIT_MS.saturating_mul(1 << tries.saturating_sub(1).min(TRIES_MAX));
    Duration::from_millis(fastrand::u64(wait_ms / 2..=wait_ms))
}

/// RFC 9110 section 10.2.3: seconds, or a date.
fn retry_after(headers: &HeaderMap, now: Time) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let then = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(then.saturating_sub(Duration::from_millis(now.as_ms())))
}

pub(super) fn refused(response: &Response) -> AskError {
    /// What is read of a problem (RFC 9457).
    #[derive(Default, Deserialize)]
    struct ProblemDoc {
        #[serde(rename = "type", default)]
        kind: String,
        #[serde(default)]
        detail: String,
    }
    let status = response.status.as_u16();
    let ProblemDoc { kind, detail } = serde_json::from_slice(&response.body).unwrap_or_default();
    // What stands in front of a server says no more than the status.
    match (status, kind.strip_prefix("/problems/").unwrap_or_default()) {
        (401 | 403, "" | "wrong-key") => AskError::WrongKey { status },
        (404, "" | "not-found" | "unknown-site") => AskError::NotFound,
        (_, _) if detail.is_empty() => AskError::Refused { status, detail: "it does not say why".into() },
        (_, _) => AskError::Refused { status, detail: detail.chars().take(DETAIL_CHARS_MAX).collect() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::body::Bytes;
    use std::cell::RefCell;

    /// Waits as tokio's clock in hand measures them, for answers that come at once.
    async fn asked(within: Duration, answers: &[Option<(u16, &str)>]) -> (Result<Bytes, AskError>, Vec<u64>) {
        let began = Instant::now();
        let (times, answers) = (RefCell::new(Vec::new()), RefCell::new(answers.iter()));
        let clock = Clock::Held(std::sync::Arc::new(1_763_800_000_000.into()));
        let outcome = until_answered(within, &clock, || {
            times.borrow_mut().push(u64::try_from(began.elapsed().as_millis()).unwrap());
            let answer = answers.borrow_mut().next().copied().expect("it was asked more often than there are answers");
            async move {
                let Some((status, retry_after)) = answer else { return Err(Lost::Connection("cut".into())) };
                let mut headers = HeaderMap::new();
                if !retry_after.is_empty() {
                    headers.insert(header::RETRY_AFTER, retry_after.parse().unwrap());
                }
                let status = StatusCode::from_u16(status).unwrap();
                Ok(Response { status, headers, body: Bytes::from_static(br#"{"detail":"why"}"#) })
            }
        })
        .await;
        (outcome.map(|response| response.body), times.into_inner())
    }

    const WITHIN: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn what_is_lost_or_busy_is_tried_again_after_a_wait_that_grows() {
        let (outcome, times) = asked(WITHIN, &[None, Some((502, "")), Some((504, "")), Some((200, ""))]).await;
        assert!(outcome.is_ok(), "{outcome:?}");
        for (n, pair) in times.windows(2).enumerate() {
            let (wait, longest) = (pair[1] - pair[0], WAIT_MS << n);
            // The runtime's clock counts whole milliseconds, and rounds up.
            assert!((longest / 2..=longest + 1).contains(&wait), "wait {n} of {times:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn after_four_tries_it_is_given_up() {
        let (outcome, times) = asked(WITHIN, &[None, None, None, None]).await;
        assert_eq!(outcome, Err(AskError::Unreachable { cause: "cut".into(), tries: 4 }));
        assert_eq!(times.len(), 4);
        let (outcome, _) = asked(WITHIN, &[Some((503, "")), None, None, Some((429, ""))]).await;
        assert_eq!(outcome, Err(AskError::Busy { status: 429, tries: 4 }));
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_told_when_to_come_again_waits_until_then() {
        // 2 s after the clock that is held.
        for retry_after in ["2", "Sat, 22 Nov 2025 08:26:42 GMT"] {
            for status in [429, 503] {
                let (outcome, times) = asked(WITHIN, &[Some((status, retry_after)), Some((200, ""))]).await;
                assert!(outcome.is_ok(), "{outcome:?}");
                assert!((2_000..=2_101).contains(&times[1]), "{retry_after}: {times:?}");
            }
        }
        // Which is already over.
        let (_, times) = asked(WITHIN, &[Some((503, "Sat, 22 Nov 2025 08:26:00 GMT")), Some((200, ""))]).await;
        assert!(times[1] <= 101, "{times:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_told_to_come_after_the_time_is_up_is_told_at_once() {
        for retry_after in ["5", "86400", "18446744073709551615"] {
            let (outcome, times) = asked(WITHIN, &[Some((503, retry_after))]).await;
            assert_eq!((outcome, times), (Err(AskError::Busy { status: 503, tries: 1 }), vec![0]), "{retry_after}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_refused_is_not_tried_again() {
        for (status, error) in [
            (400, AskError::Refused { status: 400, detail: "why".into() }),
            (401, AskError::WrongKey { status: 401 }),
            (403, AskError::WrongKey { status: 403 }),
            (404, AskError::NotFound),
            (408, AskError::Refused { status: 408, detail: "why".into() }),
            (413, AskError::Refused { status: 413, detail: "why".into() }),
            // No redirect is followed, and nothing but 200 is an answer.
            (307, AskError::Refused { status: 307, detail: "why".into() }),
            (204, AskError::Refused { status: 204, detail: "why".into() }),
            (500, AskError::Refused { status: 500, detail: "why".into() }),
        ] {
            assert_eq!(asked(WITHIN, &[Some((status, "1"))]).await, (Err(error), vec![0]));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_never_answers_is_waited_for_until_the_time_is_up_and_no_longer() {
        let began = Instant::now();
        let outcome = until_answered(WITHIN, &Clock::System, std::future::pending::<Result<Response, Lost>>).await;
        assert_eq!(outcome.map(|response| response.body), Err(AskError::TooSlow { within: WITHIN }));
        assert_eq!(began.elapsed(), WITHIN);
    }
}
