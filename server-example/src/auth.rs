//! Who speaks: a browser by its device's secret, a back end by its API key.
//!
//! Both secrets are 32 random bytes, so that nobody can guess one however fast the hash, and a slow one (argon2 and
//! its like, made for passwords) would only slow down those who know it. What is kept is SHA-256 over a prefix that
//! tells the two apart, and the secret. Neither can be printed: no type here shows what it holds.

use crate::problem::ApiError;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use consentry_core::{DeviceId, Subject};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use subtle::ConstantTimeEq;

/// Length of a device's secret and of an API key, in bytes.
const SECRET_BYTES: usize = 32;
/// Length of a hash of one, in bytes.
const HASH_BYTES: usize = 32;
/// What an API key begins with, so that it is known for one wherever it is found.
const KEY_PREFIX: &str = "ck_";

macro_rules! secret_hashes {
    ($( $(#[$meta:meta])* $name:ident = $domain:literal; )+) => { $(
        $(#[$meta])*
        #[derive(Clone, Copy)]
        pub struct $name([u8; HASH_BYTES]);

        impl $name {
            /// The hash of a secret.
            #[must_use]
            pub fn of(secret: &[u8; SECRET_BYTES]) -> Self {
                Self(Sha256::new().chain_update($domain).chain_update(secret).finalize().into())
            }

            /// The hash that these bytes are.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; HASH_BYTES]) -> Self {
                Self(bytes)
            }

            /// The hash's bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; HASH_BYTES] {
                &self.0
            }

            /// Whether both are of the same secret. Takes the same time whatever the answer.
            #[must_use]
            pub fn is_same(&self, other: &Self) -> bool {
                self.0.ct_eq(&other.0).into()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )+ };
}

secret_hashes! {
    /// What is kept of a device's secret. There is no comparison but [`SecretHash::is_same`]:
    ///
    /// ```compile_fail,E0369
    /// let hash = consentry_server::SecretHash::of(&[7; 32]);
    /// let _ = hash == hash;
    /// ```
    SecretHash = b"consentry device secret 1\0";
    /// What is kept of an API key.
    KeyHash = b"consentry api key 1\0";
}

impl KeyHash {
    /// What a key is called where it must be told from others, and not be used: the first four bytes of its hash.
    #[must_use]
    pub fn id(&self) -> KeyId {
        let [a, b, c, d, ..] = self.0;
        KeyId([a, b, c, d])
    }
}

/// Length of a key's id, in bytes.
pub(crate) const KEY_ID_BYTES: usize = 4;

/// Names an API key: eight hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyId([u8; KEY_ID_BYTES]);

impl KeyId {
    /// The first bytes of the key's hash.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; KEY_ID_BYTES] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

/// Why a text is not a [`KeyId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected the eight hexadecimal digits that `consentry key list` shows")]
pub struct KeyIdError;

impl FromStr for KeyId {
    type Err = KeyIdError;

    fn from_str(text: &str) -> Result<Self, KeyIdError> {
        let is_hex = text.len() == 2 * KEY_ID_BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u32::from_str_radix(text, 16).ok().filter(|_| is_hex).ok_or(KeyIdError)?;
        Ok(Self(number.to_be_bytes()))
    }
}

/// What an API key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Ask for decisions.
    Ask,
    /// Keep events in the name of subjects: imports, what was said by telephone.
    Write,
    /// Read what is kept: the change feed, exports, a subject's record.
    Export,
    /// Everything that is about the site and not about one subject: webhooks, cases.
    Admin,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 4] = [Self::Ask, Self::Write, Self::Export, Self::Admin];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Write => "write",
            Self::Export => "export",
            Self::Admin => "admin",
        }
    }
}

/// Why a text names no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected `ask`, `write`, `export` or `admin`")]
pub struct ScopeError;

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(word: &str) -> Result<Self, ScopeError> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word).ok_or(ScopeError)
    }
}

/// A set of scopes: words with a space between them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// Whether `scope` is one of them.
    #[must_use]
    pub fn has(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<T: IntoIterator<Item = Scope>>(scopes: T) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl FromStr for Scopes {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        text.split_whitespace().map(str::parse).collect()
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.0.iter().map(|scope| scope.as_str()).collect();
        f.write_str(&words.join(" "))
    }
}

/// A browser that says whose it is, and how it can know: `Authorization: Bearer <subject's UUID>.<device secret>`.
#[derive(Debug)]
pub(crate) struct DeviceToken {
    pub(crate) device: DeviceId,
    pub(crate) secret: SecretHash,
}

impl DeviceToken {
    pub(crate) fn from_headers(headers: &HeaderMap) -> Result<Self, ApiError> {
        let token = bearer(headers).and_then(|token| token.split_once('.')).ok_or(ApiError::NoSecret)?;
        let device: DeviceId = token.0.parse().map_err(|_| ApiError::NoSecret)?;
        let secret = decode(token.1).ok_or(ApiError::NoSecret)?;
        Ok(Self { device, secret: SecretHash::of(&secret) })
    }

    pub(crate) const fn subject(&self) -> Subject {
        Subject::Device(self.device)
    }
}

/// Looked at before the body is: whoever is nobody learns nothing of what can be sent.
impl<S: Sync> FromRequestParts<S> for DeviceToken {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        Self::from_headers(&parts.headers)
    }
}

/// A back end's key, as it is shown once and then forgotten.
pub struct ApiKey([u8; SECRET_BYTES]);

impl ApiKey {
    /// A new key.
    ///
    /// # Errors
    /// [`getrandom::Error`], where the machine has no randomness to give.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; SECRET_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The key as its owner must keep it: `ck_` and 43 characters.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{KEY_PREFIX}{}", URL_SAFE_NO_PAD.encode(self.0))
    }

    /// What is kept of it.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        KeyHash::of(&self.0)
    }

    pub(crate) fn from_headers(headers: &HeaderMap) -> Result<Self, ApiError> {
        let key = bearer(headers).and_then(|token| token.strip_prefix(KEY_PREFIX)).and_then(decode);
        key.map(Self).ok_or(ApiError::NoKey)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

/// The credentials of the `Bearer` scheme (RFC 6750), whose name may be in any case.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, credentials) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(credentials)
}

/// Reads 43 characters of base64url. Their last one must leave no bits over, so that a secret has one spelling.
fn decode(text: &str) -> Option<[u8; SECRET_BYTES]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICE: &str = "7f9c0c52-7a41-4f5e-9d0e-0a2b1c3d4e5f";

    fn headers(authorization: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::AUTHORIZATION, authorization.parse().unwrap())])
    }

    #[test]
    fn a_device_token_is_a_subject_and_its_secret() {
        let secret = "A".repeat(43);
        let token = DeviceToken::from_headers(&headers(&format!("Bearer {DEVICE}.{secret}"))).unwrap();
        assert_eq!(token.subject().to_string(), format!("device:{DEVICE}"));
        assert!(token.secret.is_same(&SecretHash::of(&[0; 32])));
        for wrong in [
            String::new(),
            format!("{DEVICE}.{secret}"),
            format!("Basic {DEVICE}.{secret}"),
            format!("Bearer {DEVICE}"),
            format!("Bearer {DEVICE}."),
            format!("Bearer {DEVICE}.{}", "A".repeat(42)),
            format!("Bearer {DEVICE}.{}B", "A".repeat(42)),
            format!("Bearer {DEVICE}.{secret}="),
            format!("Bearer device:{DEVICE}.{secret}"),
            format!("Bearer {}.{secret}", DEVICE.to_uppercase()),
        ] {
            assert!(DeviceToken::from_headers(&headers(&wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_api_key_reads_back_as_it_is_revealed() {
        let key = ApiKey::generate().unwrap();
        let revealed = key.reveal();
        assert_eq!(revealed.len(), 46);
        let read = ApiKey::from_headers(&headers(&format!("bearer {revealed}"))).unwrap();
        assert!(read.hash().is_same(&key.hash()));
        assert!(!ApiKey::generate().unwrap().hash().is_same(&key.hash()));
    }

    #[test]
    fn a_secret_is_not_a_key_even_if_the_bytes_are_the_same() {
        assert_ne!(SecretHash::of(&[7; 32]).as_bytes(), KeyHash::of(&[7; 32]).as_bytes());
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        let key = ApiKey([7; 32]);
        assert_eq!(
            format!("{key:?} {:?} {:?}", key.hash(), SecretHash::of(&[7; 32])),
            "ApiKey(…) KeyHash(…) SecretHash(…)"
        );
    }
}
