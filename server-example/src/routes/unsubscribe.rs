//! `/v1/sites/{site}/unsubscribe/{token}`: a link in a mail (RFC 8058). To open it shows one button and changes nothing, since programs
//! that look for viruses open links, too; to post to it ends the mails. And `POST /v1/sites/{site}/unsubscribe-links`, which makes them.

use crate::app::{App, KnownSite};
use crate::auth::Scope;
use crate::back_end::BackEnd;
use crate::document::{self, Document, EVENT_BYTES_MAX};
use crate::metrics::EventLabel;
use crate::negotiation;
use crate::problem::ApiError;
use crate::site::Site;
use crate::store::{Appended, NewEntry};
use crate::unsubscribe::{ONE_CLICK, Unsubscription, find, path};
use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequestParts, RawPathParams, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use consentry_core::notice::Direction;
use consentry_core::wire::V1;
use consentry_core::{EventId, PurposeId, Record, Regime, Subject, own_events};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Nothing may run, be fetched, or frame it; the one form posts to where it came from.
const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);
const STYLE: &str = "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:10vh auto;padding:0 1rem}\
    button{font:inherit;padding:.6rem 1.4rem}";

/// For whom a link is wanted, and what it ends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkRequest {
    #[expect(dead_code, reason = "that it is there is all that matters")]
    v: V1,
    subject: Subject,
    purpose: PurposeId,
}

/// The link, and the headers of a mail that have it.
#[derive(Debug, Serialize)]
pub(crate) struct LinkDoc {
    v: V1,
    url: String,
    headers: LinkHeaders,
}

/// Headers as RFC 8058 section 3.1 wants them.
#[derive(Debug, Serialize)]
struct LinkHeaders {
    #[serde(rename = "List-Unsubscribe")]
    unsubscribe: String,
    #[serde(rename = "List-Unsubscribe-Post")]
    post: &'static str,
}

pub(crate) async fn create_link(
    State(app): State<App>,
    back_end: BackEnd,
    Document(LinkRequest { subject, purpose, .. }): Document<LinkRequest, EVENT_BYTES_MAX>,
) -> Result<(StatusCode, Json<LinkDoc>), ApiError> {
    let site = back_end.may(Scope::Write)?;
    let pepper = app.pepper().ok_or(ApiError::NotSetUp("--pepper"))?;
    let base = Some(app.public_url()).filter(|url| !url.is_empty()).ok_or(ApiError::NotSetUp("--public-url"))?;
    find(site.history(), &purpose)?;
    let token = Unsubscription { subject, purpose }.token(site.id(), pepper);
    let url = format!("{base}{}", path(site.id(), &token));
    let headers = LinkHeaders { unsubscribe: format!("<{url}>"), post: ONE_CLICK };
    Ok((StatusCode::CREATED, Json(LinkDoc { v: V1, url, headers })))
}

/// What a link that was made here says, and at which site.
pub(crate) struct Link {
    site: Arc<Site>,
    said: Unsubscription,
}

impl FromRequestParts<App> for Link {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let KnownSite(site) = KnownSite::from_request_parts(parts, app).await?;
        app.admission().by_site(site.id())?;
        let params = RawPathParams::from_request_parts(parts, app).await.map_err(|_| ApiError::NotFound)?;
        let token = params.iter().find_map(|(name, value)| (name == "token").then_some(value));
        let pepper = app.pepper().ok_or(ApiError::NotFound)?;
        let said = token.and_then(|token| Unsubscription::of_token(token, site.id(), pepper));
        said.map(|said| Self { site, said }).ok_or(ApiError::NotFound)
    }
}

pub(crate) async fn show(Link { site, said }: Link, headers: HeaderMap) -> Result<Response, ApiError> {
    page(&site, &said, &headers, Shown::Button)
}

pub(crate) async fn create(
    State(app): State<App>,
    Link { site, said }: Link,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let body = document::read_in_time(body, EVENT_BYTES_MAX).await?;
    if !is_one_click(&headers, &body) {
        return Err(ApiError::Malformed(format!("expected a form that says `{ONE_CLICK}`")));
    }
    let now = app.clock().now();
    let mut events = app.store().events(site.id(), vec![said.subject]).await?;
    let events = events.remove(&said.subject).unwrap_or_default();
    let record = Record::of(said.subject, own_events(site.history(), &events).iter());
    let mut random = [0; 10];
    getrandom::fill(&mut random).map_err(|_| ApiError::Unavailable)?;
    let kind = said.event(&site, EventId::from_parts(now.as_ms(), &random))?;
    // Mail programs post again when in doubt.
    if !said.is_said(&kind, &site, &record, now) {
        let subject = said.subject;
        let event = EventLabel::of(&kind);
        let entry = NewEntry { site: site.id().clone(), subject, secret: None, kind, at: now };
        if let Appended::New(_) = app.store().append(entry).await? {
            app.metrics().kept(site.id(), event);
        }
    }
    page(&site, &said, &headers, Shown::Done)
}

/// Whether a form says what RFC 8058 section 3.2 has a mail program post, in either of the two encodings of forms.
fn is_one_click(headers: &HeaderMap, body: &[u8]) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let Ok(text) = std::str::from_utf8(body) else { return false };
    if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return text.trim_end().split('&').any(|pair| pair == ONE_CLICK);
    }
    essence.eq_ignore_ascii_case("multipart/form-data")
        && text.split("\r\n\r\n").zip(text.split("\r\n\r\n").skip(1)).any(|(head, value)| {
            head.contains("name=\"List-Unsubscribe\"") && value.split("\r\n").next() == Some("One-Click")
        })
}

/// What the page has below the purpose's own words.
#[derive(Debug, Clone, Copy)]
enum Shown {
    Button,
    Done,
}

/// The purpose as the notice tells of it, in the reader's language, and what can be done or was.
fn page(site: &Site, said: &Unsubscription, headers: &HeaderMap, shown: Shown) -> Result<Response, ApiError> {
    let language = negotiation::language(&site.languages, None, headers).ok_or(ApiError::NotFound)?;
    let notice = site.published().notice(language, Regime::OptIn).ok_or(ApiError::NotFound)?;
    // What is not in the notice any more has no title but its name.
    let text = |key: &str| match notice.texts.get(key) {
        missing if missing == key => escaped(said.purpose.as_str()),
        text => escaped(text),
    };
    let title = text(&format!("purpose.{}.title", said.purpose));
    let what = text(&format!("purpose.{}.text", said.purpose));
    let rest = match shown {
        Shown::Button => {
            let (name, value) = ONE_CLICK.split_once('=').unwrap_or_default();
            let button = text("ui.off");
            format!(
                "<form method=\"post\"><input type=\"hidden\" name=\"{name}\" value=\"{value}\">\
                 <button>{title}: {button}</button></form>"
            )
        }
        Shown::Done => format!("<p role=\"status\">{title}: {}. {}</p>", text("ui.off"), text("rights.done")),
    };
    let direction = match notice.direction {
        Direction::LeftToRight => "ltr",
        Direction::RightToLeft => "rtl",
    };
    let html = format!(
        "<!doctype html><html lang=\"{language}\" dir=\"{direction}\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"robots\" content=\"noindex\">\
         <title>{title}</title><style>{STYLE}</style><main><h1>{title}</h1><p>{what}</p>{rest}</main></html>"
    );
    Ok(([(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY)], Html(html)).into_response())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
