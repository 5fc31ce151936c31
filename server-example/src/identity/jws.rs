//! A compact JWS (RFC 7515 section 3.1), taken apart: nothing here is believed yet.
//!
//! Each part has one spelling: base64url without padding, and with no bits left over. JSON is read to its end, and an object that names
//! something twice is none (RFC 7515 section 4, RFC 7519 section 4): readers differ over which of the two counts.

use super::{IdentityError, TOKEN_BYTES_MAX};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// How a token can be signed. A token says it, and only that of its key is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// Ed25519 (RFC 8037; under its own name in RFC 9864).
    EdDsa,
    /// HMAC with SHA-256 (RFC 7518 section 3.2).
    Hs256,
}

/// The parts of a token.
#[derive(Debug)]
pub(super) struct Compact<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) key: String,
    /// What the signature is over.
    pub(super) signed: &'a [u8],
    pub(super) payload: Vec<u8>,
    pub(super) signature: Vec<u8>,
}

impl<'a> Compact<'a> {
    pub(super) fn parse(token: &'a str) -> Result<Self, IdentityError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(IdentityError::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(IdentityError::Form)?;
        // A further `.` is none of base64url's letters.
        let (header, payload) = signed.split_once('.').ok_or(IdentityError::Form)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| IdentityError::Form);
        let (payload, signature) = (decode(payload)?, decode(signature)?);
        let Members(header) = Members::parse(&decode(header)?)?;
        if header.contains_key("crit") {
            return Err(IdentityError::Critical);
        }
        let algorithm = match header.get("alg").and_then(Value::as_str) {
            Some("EdDSA" | "Ed25519") => Algorithm::EdDsa,
            Some("HS256") => Algorithm::Hs256,
            Some(_) | None => return Err(IdentityError::Algorithm),
        };
        let key = header.get("kid").and_then(Value::as_str).ok_or(IdentityError::UnknownKey)?.into();
        Ok(Self { algorithm, key, signed: signed.as_bytes(), payload, signature })
    }
}

/// A JSON object that names nothing twice.
#[derive(Debug)]
pub(super) struct Members(pub(super) BTreeMap<String, Value>);

impl Members {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, IdentityError> {
        serde_json::from_slice(bytes).map_err(|_| IdentityError::Json)
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a name stands twice"));
            }
        }
        Ok(Members(members))
    }
}
