//! Who speaks: a browser by its device's secret, a back end by its API key.
//!
//! Both secrets are 32 random bytes, so that nobody can guess one however fast the hash, and a slow one (argon2 and
//! its like, made for passwords) would only slow down those who know it. What is kept is SHA-256 over a prefix that
//! tells the two apart, and the secret. Neither can be printed: no type here shows what it holds.

use crate::problem::ApiError;
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use consentry_core::{DeviceId, Subject};
use sha2::{Digest, Sha256};
use std::fmt;
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
    /// What is kept of a device's secret.
    SecretHash = b"consentry device secret 1\0";
    /// What is kept of an API key.
    KeyHash = b"consentry api key 1\0";
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
