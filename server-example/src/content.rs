//! Something that is served as it is: compressed once, named by its hash, and not sent to those who have it.

use crate::negotiation;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256, Sha384};
use std::fmt::Write;

/// How much of a SHA-256 names a file, in bytes. Its integrity is checked by more; this only has to tell versions apart.
const NAME_BYTES: usize = 8;

/// Bytes to serve.
#[derive(Debug, Clone)]
pub(crate) struct Content {
    media_type: &'static str,
    plain: Bytes,
    brotli: Bytes,
    /// Hexadecimal digits that change with the bytes.
    pub(crate) name: String,
}

impl Content {
    /// Compresses these bytes, which takes a second or so for a large file.
    pub(crate) fn new(media_type: &'static str, plain: Bytes) -> Self {
        let brotli = compress(&plain);
        Self::compressed(media_type, plain, brotli)
    }

    /// Bytes that are only named here, or written to a file: served, they would not be compressed.
    pub(crate) fn uncompressed(media_type: &'static str, plain: Bytes) -> Self {
        Self::compressed(media_type, plain, Bytes::new())
    }

    /// Bytes that somebody has compressed before.
    pub(crate) fn compressed(media_type: &'static str, plain: Bytes, brotli: Bytes) -> Self {
        let digest = Sha256::digest(&plain);
        let mut name = String::with_capacity(2 * NAME_BYTES);
        for byte in digest.iter().take(NAME_BYTES) {
            // Writing to a string does not fail.
            let _ = write!(name, "{byte:02x}");
        }
        Self { media_type, plain, brotli, name }
    }

    /// The bytes as they are.
    pub(crate) const fn plain(&self) -> &Bytes {
        &self.plain
    }

    /// What a page compares the bytes with (W3C Subresource Integrity).
    pub(crate) fn integrity(&self) -> String {
        format!("sha384-{}", STANDARD.encode(Sha384::digest(&self.plain)))
    }

    /// The answer to a request with these headers: Brotli where it is taken, and nothing to whoever has it already.
    /// For every page to use, so no secret may ever be in it.
    pub(crate) fn answer(&self, request: &HeaderMap, cache_control: &HeaderValue, vary: &HeaderValue) -> Response {
        let is_brotli = !self.brotli.is_empty() && negotiation::takes_brotli(request);
        // Two encodings are two sequences of bytes, so a strong tag must tell them apart.
        let tag = if is_brotli { format!("\"{}-br\"", self.name) } else { format!("\"{}\"", self.name) };
        let is_known = has_tag(request, &tag);
        let mut response = Response::new(if is_known {
            Body::empty()
        } else {
            Body::from(if is_brotli { self.brotli.clone() } else { self.plain.clone() })
        });
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, cache_control.clone());
        headers.insert(header::VARY, vary.clone());
        headers.extend(HeaderValue::try_from(tag).map(|tag| (header::ETAG, tag)));
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        if is_brotli {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
        }
        response
    }
}

/// Whether `If-None-Match` names the tag, which for this purpose may be marked as weak (RFC 9110 section 13.1.2).
fn has_tag(request: &HeaderMap, tag: &str) -> bool {
    let values = request.get_all(header::IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    let mut tags = values.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

/// The smallest window that Brotli has, by its binary logarithm (RFC 7932, section 9.1).
const WINDOW_BITS_MIN: i32 = 10;
/// And the largest that is of use for what is served here.
const WINDOW_BITS_MAX: i32 = 22;

/// Brotli at its highest level: it runs once, and is sent to everybody. The window is no larger than what it looks out on: the encoder
/// takes eight bytes and more for each of it, and a larger one finds nothing else.
fn compress(plain: &Bytes) -> Bytes {
    // Sixteen bytes of a window are not to be looked at.
    let bits = (plain.len() + 16).next_power_of_two().ilog2().cast_signed();
    let lgwin = bits.clamp(WINDOW_BITS_MIN, WINDOW_BITS_MAX);
    let parameters = brotli::enc::BrotliEncoderParams { quality: 11, lgwin, ..Default::default() };
    let mut compressed = Vec::new();
    match brotli::BrotliCompress(&mut &plain[..], &mut compressed, &parameters) {
        Ok(_) => compressed.into(),
        // Memory to memory, this does not fail; if it did, the plain bytes would be served.
        Err(_) => Bytes::new(),
    }
}
