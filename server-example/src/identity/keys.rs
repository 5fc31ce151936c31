//! Who may sign for a site: several keys at once, so that one can take another's place, each with its name and its algorithm.
//!
//! In goes what an operator writes ([`IdentityConfig`]), out come keys that can be used ([`IdentityKeys`]), or what to do about it.

use super::IdentityError;
use super::claims::Claims;
use super::jws::{Algorithm, Compact};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use consentry_core::{SiteId, Time};
use ed25519_dalek::{Signature, VerifyingKey};
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// Most keys of one site: the one that signs, the one before and the one after it, and room to spare.
const IDENTITY_KEYS_MAX: usize = 16;
/// Longest name of a key, in bytes.
const KEY_ID_BYTES_MAX: usize = 64;
/// Shortest secret, in bytes: as long as the hash (RFC 7518 section 3.2).
const SECRET_BYTES_MIN: usize = 32;
/// Longest secret, in bytes: whatever is longer is another file.
const SECRET_BYTES_MAX: usize = 1024;

/// Who may sign for one site, as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityConfig {
    /// What `iss` must say; anything if nothing is said here.
    pub issuer: Option<String>,
    /// The keys. A new one is added before the back end signs with it, and an old one taken away a day after.
    pub keys: Vec<KeyConfig>,
}

/// A key, as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "alg", deny_unknown_fields)]
pub enum KeyConfig {
    /// The back end keeps the private key, and this server the public one.
    #[serde(rename = "EdDSA")]
    EdDsa {
        /// The key's name in a token's header.
        kid: String,
        /// 32 bytes in base64url without padding: `x` of the JWK (RFC 8037 section 2).
        public_key: String,
    },
    /// Both have the same secret.
    #[serde(rename = "HS256")]
    Hs256 {
        /// The key's name in a token's header.
        kid: String,
        /// The file that holds the secret: 32 bytes or more, of which a line break at the end is none.
        secret_file: PathBuf,
    },
}

/// Why what is written cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityConfigError {
    /// The file with all of it cannot be read.
    #[error("cannot read `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is not TOML of the expected form.
    #[error("`{}` is not as docs/embed.md describes it", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// Where.
        source: Box<toml::de::Error>,
    },
    /// Nobody could sign.
    #[error("name at least one key and at most {IDENTITY_KEYS_MAX}, or take the site out")]
    Count,
    /// A name that no token could have.
    #[error("expected a `kid` of 1 to {KEY_ID_BYTES_MAX} bytes")]
    KeyId,
    /// A token could mean either.
    #[error("two keys are called `{kid}`: give each a name of its own")]
    Twice {
        /// The name.
        kid: String,
    },
    /// Not the 32 bytes of a public key, or one that fits any signature.
    #[error("`public_key` of `{kid}`: expected an Ed25519 public key, 32 bytes in base64url without padding")]
    PublicKey {
        /// The key's name.
        kid: String,
    },
    /// The secret's file cannot be read.
    #[error("cannot read `{}`, the secret of `{kid}`", path.display())]
    SecretFile {
        /// The key's name.
        kid: String,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A secret that could be guessed.
    #[error("the secret of `{kid}` has {given} bytes: take {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} random ones")]
    SecretLength {
        /// The key's name.
        kid: String,
        /// Its length, in bytes.
        given: usize,
    },
}

/// Reads a TOML file with an [`IdentityConfig`] for each site. Paths within it start from its folder.
///
/// # Errors
/// [`IdentityConfigError`].
pub fn read_identities(path: &Path) -> Result<BTreeMap<SiteId, IdentityKeys>, IdentityConfigError> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|source| IdentityConfigError::File { path: path.into(), source })?;
    let sites: BTreeMap<SiteId, IdentityConfig> = toml::from_str(&text)
        .map_err(|source| IdentityConfigError::Form { path: path.into(), source: Box::new(source) })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    sites.into_iter().map(|(site, config)| Ok((site, config.load(folder)?))).collect()
}

impl IdentityConfig {
    /// The keys that this describes. Paths start from `folder`.
    ///
    /// # Errors
    /// [`IdentityConfigError`].
    pub fn load(&self, folder: &Path) -> Result<IdentityKeys, IdentityConfigError> {
        if !(1..=IDENTITY_KEYS_MAX).contains(&self.keys.len()) {
            return Err(IdentityConfigError::Count);
        }
        let mut keys = BTreeMap::new();
        for config in &self.keys {
            let (kid, key) = config.load(folder)?;
            if !(1..=KEY_ID_BYTES_MAX).contains(&kid.len()) {
                return Err(IdentityConfigError::KeyId);
            }
            if keys.insert(kid.to_owned(), key).is_some() {
                return Err(IdentityConfigError::Twice { kid: kid.to_owned() });
            }
        }
        Ok(IdentityKeys { issuer: self.issuer.clone(), keys })
    }
}

impl KeyConfig {
    fn load(&self, folder: &Path) -> Result<(&str, Key), IdentityConfigError> {
        match self {
            Self::EdDsa { kid, public_key } => {
                let bytes = URL_SAFE_NO_PAD.decode(public_key).ok().and_then(|bytes| bytes.try_into().ok());
                let key = bytes.and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok()).filter(|key| !key.is_weak());
                let key = key.ok_or_else(|| IdentityConfigError::PublicKey { kid: kid.clone() })?;
                Ok((kid, Key::EdDsa(Box::new(key))))
            }
            Self::Hs256 { kid, secret_file } => {
                let path = folder.join(secret_file);
                let read = std::fs::read(&path);
                let mut secret =
                    read.map_err(|source| IdentityConfigError::SecretFile { kid: kid.clone(), path, source })?;
                // Most ways of writing a file end it with one.
                let end = secret.strip_suffix(b"\n").map(|rest| rest.strip_suffix(b"\r").unwrap_or(rest).len());
                secret.truncate(end.unwrap_or(secret.len()));
                let is_long_enough = (SECRET_BYTES_MIN..=SECRET_BYTES_MAX).contains(&secret.len());
                let mac = Hmac::new_from_slice(&secret).ok().filter(|_| is_long_enough);
                let wrong = || IdentityConfigError::SecretLength { kid: kid.clone(), given: secret.len() };
                Ok((kid, Key::Hs256(Box::new(mac.ok_or_else(wrong)?))))
            }
        }
    }
}

/// Who may sign for one site.
#[derive(Debug, Clone)]
pub struct IdentityKeys {
    issuer: Option<String>,
    keys: BTreeMap<String, Key>, // INVARIANT: not empty.
}

impl IdentityKeys {
    /// What `token` claims, if one of these keys has signed it for `site`, and it is good at `now`.
    pub(super) fn claims(&self, site: &SiteId, token: &str, now: Time) -> Result<Claims, IdentityError> {
        let token = Compact::parse(token)?;
        self.keys.get(&token.key).ok_or(IdentityError::UnknownKey)?.verify(&token)?;
        Claims::read(&token.payload, site, self.issuer.as_deref(), now)
    }
}

/// A key, and with it the one algorithm that it is for: a public key is no secret, whatever a token's header says.
#[derive(Clone)]
enum Key {
    EdDsa(Box<VerifyingKey>),
    Hs256(Box<Hmac<Sha256>>),
}

impl Key {
    fn verify(&self, token: &Compact<'_>) -> Result<(), IdentityError> {
        let is_good = match (self, token.algorithm) {
            (Self::EdDsa(key), Algorithm::EdDsa) => {
                // Strictly: of each message a key has signed there is one signature that is taken (RFC 8032 section 5.1.7).
                let signature = Signature::from_slice(&token.signature).map_err(|_| IdentityError::Signature)?;
                key.verify_strict(token.signed, &signature).is_ok()
            }
            (Self::Hs256(mac), Algorithm::Hs256) => {
                // In constant time.
                Hmac::clone(mac).chain_update(token.signed).verify_slice(&token.signature).is_ok()
            }
            (Self::EdDsa(_), Algorithm::Hs256) | (Self::Hs256(_), Algorithm::EdDsa) => {
                return Err(IdentityError::Algorithm);
            }
        };
        if is_good { Ok(()) } else { Err(IdentityError::Signature) }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EdDsa(_) => "EdDsa(…)",
            Self::Hs256(_) => "Hs256(…)",
        })
    }
}
