//! `GET /v1/sites/{site}/ledger/…`: checkpoint, tiles, entries and keys of a site's ledger, as C2SP tlog-tiles has them.
//!
//! They are for everybody, from any page: a proof is worth something once others than its giver can check it. Nothing in them is about
//! anybody. A leaf has the site, the time, and a commitment to the payload under 32 random bytes that are never served here, so that
//! nobody can confirm a guess; and it stays the same when payload and salt are erased. What anybody can see is how many events there
//! were, and when.

use crate::app::{App, KnownSite};
use crate::ledger::{SignedHeads, TileName, tile_bytes};
use crate::problem::ApiError;
use axum::body::Body;
use axum::extract::{RawPathParams, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

/// Two seconds: enough that a crowd is answered from a cache, and soon enough for whoever has just chosen.
const CHECKPOINT_CACHE: HeaderValue = HeaderValue::from_static("public, max-age=2");
/// A tile of a certain width never changes.
const TILE_CACHE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const KEYS_CACHE: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// `GET /v1/sites/{site}/ledger/checkpoint`
pub(crate) async fn checkpoint(State(app): State<App>, KnownSite(site): KnownSite) -> Result<Response, ApiError> {
    let signed = heads(&app)?.checkpoint(app.store(), site.id()).await?;
    Ok(public("text/plain; charset=utf-8", CHECKPOINT_CACHE, signed.note().to_owned().into()))
}

/// `GET /v1/sites/{site}/ledger/tile/{tile}`: a tile of hashes, or a bundle of entries.
pub(crate) async fn tile(
    State(app): State<App>,
    KnownSite(site): KnownSite,
    path: RawPathParams,
) -> Result<Response, ApiError> {
    heads(&app)?;
    let name = path.iter().find(|(name, _)| *name == "tile").and_then(|(_, tile)| tile.parse::<TileName>().ok());
    let tile = tile_bytes(app.store(), site.id(), name.ok_or(ApiError::NotFound)?).await?.ok_or(ApiError::NotFound)?;
    Ok(public("application/octet-stream", TILE_CACHE, tile.into()))
}

/// Public keys as a JWK Set (RFC 7517 section 5), each also as C2SP signed-note writes it.
#[derive(Debug, Serialize)]
struct KeysDoc {
    keys: Vec<KeyDoc>,
}

#[derive(Debug, Serialize)]
struct KeyDoc {
    kty: &'static str,
    crv: &'static str,
    alg: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    kid: String,
    x: String,
    /// Ours: whoever does not know it passes over it (RFC 7517 section 4).
    note: String,
}

/// `GET /v1/sites/{site}/ledger/keys`: what checkpoints and receipts are checked with, oldest first; the last one signs.
pub(crate) async fn keys(State(app): State<App>, KnownSite(site): KnownSite) -> Result<Response, ApiError> {
    let keys = heads(&app)?.signer.verifiers(site.id()).into_iter().map(|key| KeyDoc {
        kty: "OKP",
        crv: "Ed25519",
        alg: "EdDSA",
        usage: "sig",
        kid: key.kid(),
        x: URL_SAFE_NO_PAD.encode(key.as_bytes()),
        note: key.to_string(),
    });
    // Texts as JSON: that does not fail.
    let keys = serde_json::to_vec(&KeysDoc { keys: keys.collect() }).unwrap_or_default();
    Ok(public("application/jwk-set+json", KEYS_CACHE, keys.into()))
}

/// Where nobody signs, there is no ledger to show.
pub(super) fn heads(app: &App) -> Result<&SignedHeads, ApiError> {
    app.heads().ok_or(ApiError::NotFound)
}

fn public(media_type: &'static str, cache: HeaderValue, body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, cache);
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    response
}
