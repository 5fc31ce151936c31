//! Reads what is sent: in time, no longer than it may be, and as exactly the type that was meant.

use crate::identity::TOKEN_BYTES_MAX;
use crate::problem::ApiError;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use http_body_util::LengthLimitError;
use serde::de::DeserializeOwned;
use std::error::Error;
use std::time::Duration;

/// Longest choice, in bytes: with a stance towards everything that the largest policy has, and room to spare.
pub(crate) const CHOICE_BYTES_MAX: usize = 64 * 1024;
/// Longest signal or demand, in bytes: a handful of names.
pub(crate) const EVENT_BYTES_MAX: usize = 4 * 1024;
/// Longest request that brings an identity token, in bytes: the token, and what is around it.
pub(crate) const IDENTITY_BYTES_MAX: usize = TOKEN_BYTES_MAX + 1024;
/// Longest request for decisions, in bytes: a thousand questions with the longest names.
pub(crate) const ASK_BYTES_MAX: usize = 512 * 1024;
/// Longest case, in bytes: a note of which every character is escaped.
pub(crate) const CASE_BYTES_MAX: usize = 32 * 1024;
/// How long a body may take to arrive.
pub(crate) const BODY_SECONDS_MAX: u64 = 10;
/// Longest message about what cannot be read, in characters. It may repeat a name that was sent.
const DETAIL_CHARS_MAX: usize = 300;
/// From how many characters on a word may be an id, a hash or a secret.
const ID_CHARS_MIN: usize = 32;

/// The request's body, read as `T` from at most `BYTES_MAX` bytes of JSON.
#[derive(Debug)]
pub(crate) struct Document<T, const BYTES_MAX: usize>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned, const BYTES_MAX: usize> FromRequest<S> for Document<T, BYTES_MAX> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let body = read_in_time(body, BYTES_MAX).await?;
        if !is_json(&parts.headers) {
            return Err(ApiError::NotJson);
        }
        serde_json::from_slice(&body).map(Self).map_err(|error| ApiError::Malformed(without_ids(&error.to_string())))
    }
}

/// A body of at most `bytes_max` bytes, if it arrives in time.
pub(crate) async fn read_in_time(body: Body, bytes_max: usize) -> Result<Bytes, ApiError> {
    let body = tokio::time::timeout(Duration::from_secs(BODY_SECONDS_MAX), read(body, bytes_max));
    body.await.map_err(|_| ApiError::Slow)?
}

async fn read(body: Body, bytes_max: usize) -> Result<Bytes, ApiError> {
    axum::body::to_bytes(body, bytes_max).await.map_err(|error| {
        if error.source().is_some_and(|source| source.is::<LengthLimitError>()) {
            ApiError::TooLarge { bytes_max }
        } else {
            ApiError::Malformed("the body broke off".into())
        }
    })
}

/// Whether the media type is JSON's, whatever its parameters. Asking for it also means that a page of another origin
/// cannot send anything without a preflight.
fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = media_type.and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

/// A message that may repeat what was sent, with every long word left out: an answer ends up in logs, and no subject,
/// choice or secret belongs there.
pub(crate) fn without_ids(message: &str) -> String {
    let is_of_word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    let mut shown = String::new();
    let mut rest = message;
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.find(|c| !is_of_word(c)).unwrap_or(rest.len()));
        shown.push_str(if word.chars().count() < ID_CHARS_MIN { word } else { "…" });
        let (between, after) = after.split_at(after.find(is_of_word).unwrap_or(after.len()));
        shown.push_str(between);
        rest = after;
    }
    shown.chars().take(DETAIL_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_repeats_no_id_hash_or_secret() {
        let subject = "device:7F9C0C52-7A41-4F5E-9D0E-0A2B1C3D4E5F";
        assert_eq!(without_ids(&format!("`{subject}`: expected a UUID")), "`device:…`: expected a UUID");
        assert_eq!(without_ids(&format!("`{}` at column 7", "a_-Z".repeat(11))), "`…` at column 7");
        assert_eq!(without_ids("`ai-trainign`, €: unknown"), "`ai-trainign`, €: unknown");
        assert_eq!(without_ids(&"ab ".repeat(500)).chars().count(), DETAIL_CHARS_MAX);
        assert_eq!(without_ids(""), "");
    }

    #[test]
    fn json_is_told_by_its_media_type() {
        let headers = |value: &str| HeaderMap::from_iter([(header::CONTENT_TYPE, value.parse().unwrap())]);
        for json in ["application/json", "Application/JSON; charset=utf-8", "application/json ;x"] {
            assert!(is_json(&headers(json)), "{json}");
        }
        for other in ["", "text/plain", "application/jsonp", "application/problem+json"] {
            assert!(!is_json(&headers(other)), "{other}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
