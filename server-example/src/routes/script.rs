//! `GET /{site}.js`: the one tag's one hop, composed and compressed before anybody asked, or when somebody first did from such a place.

use crate::address::Peer;
use crate::app::App;
use crate::negotiation;
use crate::problem::ApiError;
use crate::site::Site;
use axum::Extension;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use consentry_core::Law;

pub(crate) async fn show(
    State(app): State<App>,
    name: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
    peer: Option<Extension<Peer>>,
) -> Result<Response, ApiError> {
    let Path(name) = name.map_err(|_| ApiError::NotFound)?;
    let site = app.site(name.strip_suffix(".js").ok_or(ApiError::NotFound)?).ok_or(ApiError::UnknownSite)?;
    let language = negotiation::language(&site.languages, asked_language(&uri), &headers).ok_or(ApiError::NotFound)?;
    let law = law(&app, &site, peer, &headers);
    let composed = site.script(language, &law, app.clock().now()).ok_or(ApiError::NotFound)?;
    Ok(composed.script.answer(&headers, app.script_cache_control(), app.script_vary()))
}

/// The law of where the visitor is, as the policy has it; the strictest if nobody knows (R34).
pub(crate) fn law(app: &App, site: &Site, peer: Option<Extension<Peer>>, headers: &HeaderMap) -> Law {
    site.policy().law(app.jurisdiction(peer.map(|Extension(peer)| peer), headers).as_ref())
}

/// The language in `?lang=`. A language tag has no character that a query would have to escape.
fn asked_language(uri: &Uri) -> Option<&str> {
    uri.query()?.split('&').find_map(|pair| pair.strip_prefix("lang="))
}
