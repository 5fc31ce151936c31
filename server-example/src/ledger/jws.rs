//! Receipts as compact JWS (RFC 7515) signed with Ed25519 (RFC 8037).
//!
//! The same key signs checkpoints. One cannot be passed off as the other: what is signed here is base64url with a dot in it and no line
//! break, and every checkpoint has lines.

use super::key::VerifierKey;
use super::signer::Signer;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use consentry_core::SiteId;
use serde::{Deserialize, Serialize};

/// How it is signed (RFC 8037 section 3.1). RFC 9864 would have it say `Ed25519`, which many readers do not know yet.
const ALGORITHM: &str = "EdDSA";
/// Other names for the same.
const ALGORITHMS: [&str; 2] = [ALGORITHM, "Ed25519"];

/// Why a text is not a JWS of the ledger's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JwsError {
    /// Not three parts, or a header of another kind.
    #[error("this is neither JSON nor a compact JWS that is signed with EdDSA")]
    Form,
    /// Signed by somebody else.
    #[error("the JWS is signed by a key that was not named")]
    Unknown,
    /// Not signed at all.
    #[error("the signature on the JWS is not that of `{0}`")]
    Signature(String),
}

#[derive(Serialize)]
struct NewHeader<'a> {
    alg: &'static str,
    kid: &'a str,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: String,
    /// What must be understood (RFC 7515 section 4.1.11): we understand nothing of that kind.
    crit: Option<serde_json::Value>,
}

/// Signs these claims with the site's current key.
pub(crate) fn compact(signer: &Signer, site: &SiteId, claims: &impl Serialize) -> String {
    let (key, verifier) = signer.current(site);
    let part = |json: Result<Vec<u8>, serde_json::Error>| URL_SAFE_NO_PAD.encode(json.unwrap_or_default());
    // Texts and numbers as JSON: that does not fail.
    let header = part(serde_json::to_vec(&NewHeader { alg: ALGORITHM, kid: &verifier.kid() }));
    let signed = format!("{header}.{}", part(serde_json::to_vec(claims)));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// The claims of a JWS that one of these keys has signed; without keys those of any.
pub(super) fn open(text: &str, keys: Option<&[VerifierKey]>) -> Result<Vec<u8>, JwsError> {
    let (signed, signature) = text.rsplit_once('.').ok_or(JwsError::Form)?;
    let (header, claims) = signed.split_once('.').ok_or(JwsError::Form)?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| JwsError::Form);
    let Header { alg, kid, crit } = serde_json::from_slice(&decode(header)?).map_err(|_| JwsError::Form)?;
    let (claims, signature) = (decode(claims)?, decode(signature)?);
    if !ALGORITHMS.contains(&&*alg) || crit.is_some() {
        return Err(JwsError::Form);
    }
    if let Some(keys) = keys {
        let key = keys.iter().find(|key| key.kid() == kid).ok_or(JwsError::Unknown)?;
        if !key.is_signature(signed.as_bytes(), &signature) {
            return Err(JwsError::Signature(kid));
        }
    }
    Ok(claims)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{LedgerKeys, LedgerName};
    use consentry_core::Time;
    use serde_json::json;

    #[test]
    fn a_jws_is_opened_by_the_key_that_signed_it_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let signer = |keys| Signer { name: LedgerName::of_url(""), keys };
        let site = "adforge".parse().unwrap();
        let old = signer(LedgerKeys::open(&path, Time::from_ms(1)).unwrap());
        let text = compact(&old, &site, &json!({ "v": 1 }));
        let keys = old.verifiers(&site);
        assert_eq!(open(&text, Some(&keys)), Ok(br#"{"v":1}"#.to_vec()));
        let new = signer(LedgerKeys::rotate(&path, Time::from_ms(2)).unwrap());
        assert!(open(&text, Some(&new.verifiers(&site))).is_ok());
        let other = signer(LedgerKeys::open(&folder.path().join("other"), Time::from_ms(1)).unwrap());
        assert_eq!(open(&text, Some(&other.verifiers(&site))), Err(JwsError::Unknown));
        for index in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            assert!(open(&String::from_utf8(changed).unwrap(), Some(&keys)).is_err(), "{index}");
        }
        let with = |header: &str| {
            let signed = format!("{}.e30", URL_SAFE_NO_PAD.encode(header));
            let signature = URL_SAFE_NO_PAD.encode(old.keys.current().sign(signed.as_bytes()));
            open(&format!("{signed}.{signature}"), Some(&keys))
        };
        let kid = keys[0].kid();
        assert_eq!(with(&json!({ "alg": "Ed25519", "kid": kid }).to_string()), Ok(b"{}".to_vec()));
        assert_eq!(with(&json!({ "alg": "none", "kid": kid }).to_string()), Err(JwsError::Form));
        assert_eq!(with(&json!({ "alg": "EdDSA", "kid": kid, "crit": ["b64"] }).to_string()), Err(JwsError::Form));
        assert_eq!(with(&json!({ "alg": "EdDSA" }).to_string()), Err(JwsError::Form));
    }
}
