//! Who is signed in: an identity token that the site's own back end has signed, and what is believed of it.
//!
//! In goes a compact JWS (RFC 7515) and the time; out comes an [`Identity`], whose account is a keyed hash of the id that the site has
//! for it. A token is believed for one site, by a key that this site has configured, with the algorithm of that key alone: what the
//! token itself says of its algorithm can only be wrong.
//!
//! The parts of a token are read here rather than by a crate for JSON Web Tokens, because those tell the algorithm by the header, take
//! a claim that is given twice, or do not know `Ed25519` (RFC 9864). The signatures are those of `ed25519-dalek` and `hmac`.
//!
//! Deliberately absent: whatever a token names beside its key (`jku`, `jwk`, `x5u`), encryption, and the account id, which is gone once
//! it is hashed.

mod claims;
mod jws;
mod keys;
mod pepper;

pub(crate) use claims::is_account_id;
pub use keys::{IdentityConfig, IdentityConfigError, IdentityKeys, KeyConfig, read_identities};
pub use pepper::Pepper;

pub(crate) use claims::ACCOUNT_CHARS_MAX;

use crate::problem::ApiError;
use axum::http::{HeaderMap, HeaderName};
use consentry_core::{AccountId, AgeBand, Jurisdiction, PlanId, SiteId, Time};
use std::collections::BTreeMap;

/// The header in which a page says who is signed in. It comes beside `Authorization`, which says which browser it is.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("consentry-identity");

/// Longest token, in bytes.
pub(crate) const TOKEN_BYTES_MAX: usize = 4 * 1024;

/// Why a token is not believed. Nothing of the token is repeated: it names an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The operator has configured nobody who may sign tokens for this site.
    #[error("this site has no keys for identity tokens: name them in the file of `--identity`")]
    NoKeys,
    /// Longer than `TOKEN_BYTES_MAX`.
    #[error("an identity token has at most {TOKEN_BYTES_MAX} bytes")]
    TooLong,
    /// Not a compact JWS.
    #[error("expected a compact JWS: three parts in base64url without padding, joined by `.`")]
    Form,
    /// The first or second part is not an object in which each name stands once.
    #[error("header and claims must be JSON objects that name nothing twice")]
    Json,
    /// No `alg` that is taken.
    #[error("expected `alg` to be `EdDSA`, `Ed25519` or `HS256`, and to be that of the key")]
    Algorithm,
    /// The header wants something to be understood that is not.
    #[error("the header's `crit` names what is not understood here")]
    Critical,
    /// No key of that name.
    #[error("`kid` names none of the site's keys")]
    UnknownKey,
    /// Signed by somebody else, or changed since.
    #[error("the signature is not that of the key")]
    Signature,
    /// A claim is missing or has another form.
    #[error("expected the claim `{0}` as docs/wire.md has it")]
    Claim(&'static str),
    /// Meant for another site.
    #[error("`aud` does not name this site")]
    Audience,
    /// Signed in another's name.
    #[error("`iss` is not the issuer that is configured for this site")]
    Issuer,
    /// Too old.
    #[error("the token has expired: sign a new one")]
    Expired,
    /// From the future.
    #[error("the token is not valid yet: compare the clocks")]
    NotYetValid,
    /// A token that is stolen must not be good for long.
    #[error("a token may be valid for 24 hours at most")]
    TooLongLived,
}

/// An account that is signed in, as a token says that was believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The account, under a keyed hash.
    pub account: AccountId,
    /// Until when the token is good.
    pub until: Time,
    /// Where the person is, if the site says so.
    pub jurisdiction: Option<Jurisdiction>,
    /// How old the person is, if the site says so.
    pub age: Option<AgeBand>,
    /// The plan that the account is on, if the site says so.
    pub plan: Option<PlanId>,
}

/// Who may sign for which site, and what account ids are hashed with.
#[derive(Debug)]
pub(crate) struct Identities {
    keys: BTreeMap<SiteId, IdentityKeys>,
    pepper: Pepper,
}

impl Identities {
    pub(crate) const fn new(keys: BTreeMap<SiteId, IdentityKeys>, pepper: Pepper) -> Self {
        Self { keys, pepper }
    }

    /// Whoever this token names, if it is believed at `now`.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub(crate) fn identify(&self, site: &SiteId, token: &str, now: Time) -> Result<Identity, IdentityError> {
        let keys = self.keys.get(site).ok_or(IdentityError::NoKeys)?;
        let claims = keys.claims(site, token, now)?;
        Ok(Identity {
            account: self.pepper.account(site, &claims.subject),
            until: claims.until,
            jurisdiction: claims.jurisdiction,
            age: claims.age,
            plan: claims.plan,
        })
    }

    /// What account ids are hashed with.
    pub(crate) const fn pepper(&self) -> &Pepper {
        &self.pepper
    }

    /// The name that an account of a site is kept under, whether anything is known of it or not.
    ///
    /// # Errors
    /// [`IdentityError::NoKeys`] for a site without accounts, [`IdentityError::Claim`] for an id that no token could name.
    pub(crate) fn account(&self, site: &SiteId, id: &str) -> Result<AccountId, IdentityError> {
        if !self.keys.contains_key(site) {
            return Err(IdentityError::NoKeys);
        }
        if is_account_id(id) { Ok(self.pepper.account(site, id)) } else { Err(IdentityError::Claim("sub")) }
    }
}

/// The token that comes with a request, if one does.
pub(crate) fn token_of(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else { return Ok(None) };
    // Of two that differ nobody could say who is meant.
    if values.next().is_some() {
        return Err(IdentityError::Form.into());
    }
    Ok(Some(value.to_str().map_err(|_| IdentityError::Form)?))
}

#[cfg(test)]
mod tests;
