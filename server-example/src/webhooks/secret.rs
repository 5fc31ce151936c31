//! Secrets of webhooks: made of the server's key whenever they are needed, and kept nowhere.

use crate::key_file::{self, KEY_BYTES, KeyFileError};
use crate::store::{Webhook, WebhookId};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use consentry_core::Time;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use std::path::Path;

/// For how long the secret before the current one signs as well, in milliseconds: a day.
const ROTATION_MS: u64 = 24 * 60 * 60 * 1_000;
/// What tells secrets of webhooks from whatever else is made of the server's key.
const DOMAIN: &[u8] = b"consentry webhook 1\0";
/// What a secret begins with (Standard Webhooks).
const SECRET_PREFIX: &str = "whsec_";

/// What the secrets of all webhooks are made of: 32 random bytes that the server keeps.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookKey([u8; KEY_BYTES]);

impl WebhookKey {
    /// The key that these bytes are.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// The key in that file; a new one if there is no such file, which only its owner may read from then on.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn open(path: &Path) -> Result<Self, KeyFileError> {
        key_file::open(path).map(Self)
    }

    /// The secret of a webhook that was rotated `generation` times.
    pub(crate) fn secret(&self, id: WebhookId, generation: u64) -> Secret {
        Secret(hmac(&self.0, &[DOMAIN, id.as_bytes(), &generation.to_be_bytes()]))
    }

    /// The secrets that sign for a webhook now: the current one, and for a day after it was rotated the one before.
    pub(crate) fn signing(&self, webhook: &Webhook, now: Time) -> Vec<Secret> {
        let mut secrets = vec![self.secret(webhook.id, webhook.generation)];
        let is_fresh = webhook.rotated_at.is_some_and(|at| now.as_ms() < at.as_ms().saturating_add(ROTATION_MS));
        secrets.extend(
            webhook.generation.checked_sub(1).filter(|_| is_fresh).map(|before| self.secret(webhook.id, before)),
        );
        secrets
    }
}

impl fmt::Debug for WebhookKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookKey(…)")
    }
}

/// What a receiver knows a message by.
#[derive(Clone)]
pub(crate) struct Secret([u8; KEY_BYTES]);

impl Secret {
    /// The secret as its owner must keep it: `whsec_` and base64.
    pub(crate) fn reveal(&self) -> String {
        format!("{SECRET_PREFIX}{}", STANDARD.encode(self.0))
    }

    /// A signature in version 1 of Standard Webhooks.
    pub(super) fn sign(&self, parts: &[&[u8]]) -> String {
        format!("v1,{}", STANDARD.encode(hmac(&self.0, parts)))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// HMAC-SHA-256 (RFC 2104).
fn hmac(key: &[u8; KEY_BYTES], parts: &[&[u8]]) -> [u8; KEY_BYTES] {
    // A key that is shorter than a block is filled up with zeros, says the RFC, so that there is no length to be refused.
    let mut block = [0; 64];
    if let Some(start) = block.first_chunk_mut() {
        *start = *key;
    }
    let mut mac = Hmac::<Sha256>::new(&block.into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_its_webhooks_and_generations_alone() {
        let key = WebhookKey::from_bytes([7; 32]);
        let id = WebhookId::from_bytes([1; 16]);
        let secret = key.secret(id, 0).reveal();
        assert_eq!(secret, key.secret(id, 0).reveal());
        assert_eq!((secret.len(), &secret[..6]), (6 + 44, "whsec_"));
        assert_ne!(secret, key.secret(id, 1).reveal());
        assert_ne!(secret, key.secret(WebhookId::from_bytes([2; 16]), 0).reveal());
        assert_ne!(secret, WebhookKey::from_bytes([8; 32]).secret(id, 0).reveal());
        assert_eq!(format!("{key:?} {:?}", key.secret(id, 0)), "WebhookKey(…) Secret(…)");
    }
}
