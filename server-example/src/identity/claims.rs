//! What a token claims, once its signature has been found good: for whom, by whom, until when, and whose it is.

use super::IdentityError;
use super::jws::Members;
use consentry_core::{AgeBand, Jurisdiction, PlanId, SiteId, Time};
use serde_json::Value;
use std::collections::BTreeMap;
use std::str::FromStr;

/// Longest account id, in characters, as JSON Schema counts them too. Only its hash is kept.
pub(crate) const ACCOUNT_CHARS_MAX: usize = 256;
/// How far ahead a token may expire: one that is stolen must not be good for long.
const LIFE_MS_MAX: u64 = 24 * 60 * 60 * 1000;
/// How far the clocks of the site's back end and of this server may be apart.
const LEEWAY_MS: u64 = 60 * 1000;

/// The claims that are understood here (RFC 7519 section 4.1), and the site's own. Others are the site's business.
#[derive(Debug)]
pub(super) struct Claims {
    /// The account id as the site has it. It goes no further than into a keyed hash.
    pub(super) subject: String,
    pub(super) until: Time,
    pub(super) jurisdiction: Option<Jurisdiction>,
    pub(super) age: Option<AgeBand>,
    pub(super) plan: Option<PlanId>,
}

impl Claims {
    pub(super) fn read(payload: &[u8], site: &SiteId, issuer: Option<&str>, now: Time) -> Result<Self, IdentityError> {
        let Members(claims) = Members::parse(payload)?;
        let now = now.as_ms();
        let until = time(&claims, "exp")?.ok_or(IdentityError::Claim("exp"))?.saturating_add(LEEWAY_MS);
        if now >= until {
            return Err(IdentityError::Expired);
        }
        if until > now.saturating_add(LIFE_MS_MAX).saturating_add(2 * LEEWAY_MS) {
            return Err(IdentityError::TooLongLived);
        }
        for name in ["iat", "nbf"] {
            if time(&claims, name)?.is_some_and(|from| from > now.saturating_add(LEEWAY_MS)) {
                return Err(IdentityError::NotYetValid);
            }
        }
        if !is_for(claims.get("aud"), site) {
            return Err(IdentityError::Audience);
        }
        if issuer.is_some_and(|issuer| claims.get("iss").and_then(Value::as_str) != Some(issuer)) {
            return Err(IdentityError::Issuer);
        }
        let subject = claims.get("sub").and_then(Value::as_str).filter(|id| is_account_id(id));
        Ok(Self {
            subject: subject.ok_or(IdentityError::Claim("sub"))?.into(),
            until: Time::from_ms(until),
            jurisdiction: word(&claims, "jurisdiction")?,
            age: word(&claims, "age_band")?,
            plan: word(&claims, "plan")?,
        })
    }
}

/// Whether a token could name an account so.
pub(crate) fn is_account_id(id: &str) -> bool {
    (1..=ACCOUNT_CHARS_MAX).contains(&id.chars().count())
}

/// Whole seconds since the Unix epoch, as milliseconds. RFC 7519 section 2 would take fractions too; nobody needs them.
fn time(claims: &BTreeMap<String, Value>, name: &'static str) -> Result<Option<u64>, IdentityError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let seconds = value.as_u64().ok_or(IdentityError::Claim(name))?;
    Ok(Some(seconds.saturating_mul(1000)))
}

/// One site, or several of which this is one.
fn is_for(audience: Option<&Value>, site: &SiteId) -> bool {
    match audience {
        Some(Value::String(one)) => one == site.as_str(),
        Some(Value::Array(several)) => several.iter().any(|one| one.as_str() == Some(site.as_str())),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => false,
    }
}

/// A word that is misspelt must not pass for one that was never said: it may be an age.
fn word<T: FromStr>(claims: &BTreeMap<String, Value>, name: &'static str) -> Result<Option<T>, IdentityError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    value.as_str().and_then(|word| word.parse().ok()).map(Some).ok_or(IdentityError::Claim(name))
}
