//! Which pages may speak to the routes for browsers (WHATWG Fetch, CORS).
//!
//! The site's own origins and no others: neither a wildcard, nor whatever origin asks. Deliberately absent: cookies and
//! other credentials that a browser would send by itself; what authorises is in a header that a script must set.

use crate::app::{App, KnownSite};
use crate::problem::ApiError;
use crate::site::Site;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Lets a request of the site's own pages pass, and refuses all others.
pub(crate) async fn guard(
    State(app): State<App>,
    KnownSite(site): KnownSite,
    request: Request,
    next: Next,
) -> Response {
    if is_of_our_own_origin(&request) {
        return admit(&app, &site, request, next).await;
    }
    let Some(origin) = site.own_origin(request.headers()).cloned() else {
        return ApiError::ForeignOrigin.into_response();
    };
    // Inside, so that a page may read that it has to wait.
    let mut response = admit(&app, &site, request, next).await;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after"));
    response
}

/// Lets a request pass that is not one too many.
async fn admit(app: &App, site: &Site, request: Request, next: Next) -> Response {
    let admission = app.admission();
    let counted = admission.by_address(request.extensions(), request.headers());
    let counted = counted.and_then(|()| admission.by_site(site.id()));
    match counted.and_then(|()| admission.enter()) {
        Ok(_counted) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

/// Browsers name no origin when a page reads from the server that it came from itself; then they say so here (W3C Fetch
/// Metadata). Scripts can set neither header.
fn is_of_our_own_origin(request: &Request) -> bool {
    let headers = request.headers();
    request.method() == Method::GET
        && !headers.contains_key(header::ORIGIN)
        && headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin")
}

/// What a page may send, for a browser that asks before it does. Behind [`guard`], which says to whom.
pub(crate) async fn preflight() -> (StatusCode, [(HeaderName, &'static str); 3]) {
    let allowed = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, consentry-identity, content-type"),
        // Two hours, which is as long as Chromium remembers it.
        (header::ACCESS_CONTROL_MAX_AGE, "7200"),
    ];
    (StatusCode::NO_CONTENT, allowed)
}
