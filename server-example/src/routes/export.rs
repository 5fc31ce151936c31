//! `GET` and `POST /v1/sites/{site}/export`: all that is kept of a subject, to take along (R19): for whoever holds the subject's secret,
//! and for a back end that answers in the site's name.

use crate::address::Peer;
use crate::app::{App, KnownSite};
use crate::auth::{DeviceToken, Scope};
use crate::back_end::BackEnd;
use crate::cases::Case;
use crate::document::{Document, EVENT_BYTES_MAX};
use crate::negotiation;
use crate::problem::ApiError;
use crate::routes::cases::CaseDoc;
use crate::routes::record::EntryDoc;
use crate::routes::script::law;
use crate::site::Site;
use crate::store::Entry;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use consentry_core::wire::V1;
use consentry_core::{Event, PolicyHash, Regime, SiteId, Subject, Time, linked};
use serde::{Deserialize, Serialize};

/// The media type of JSON-LD.
const LINKED: &str = "application/ld+json";
/// Stands for a country that nobody has said (ISO 3166, user-assigned).
const UNKNOWN_COUNTRY: &str = "ZZ";

/// Whose record a back end wants.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportRequest {
    #[expect(dead_code, reason = "that it is there is all that matters")]
    v: V1,
    subject: Subject,
}

/// All that is kept of a subject.
#[derive(Debug, Serialize)]
pub(crate) struct ExportDoc {
    v: V1,
    site: SiteId,
    subject: Subject,
    policy: PolicyHash,
    exported_at_ms: Time,
    events: Vec<EntryDoc>,
    cases: Vec<CaseDoc>,
}

pub(crate) async fn show(
    State(app): State<App>,
    KnownSite(site): KnownSite,
    headers: HeaderMap,
    peer: Option<Extension<Peer>>,
) -> Result<Response, ApiError> {
    let token = DeviceToken::from_headers(&headers)?;
    let subject = token.subject();
    let entries = app.store().record(site.id(), subject, token.secret).await?;
    let cases = app.store().cases_of(site.id(), subject, Some(token.secret)).await?;
    let regime = law(&app, &site, peer, &headers).regime;
    answer(&app, &site, &headers, regime, Kept { subject, entries, cases })
}

pub(crate) async fn create(
    State(app): State<App>,
    back_end: BackEnd,
    headers: HeaderMap,
    Document(ExportRequest { subject, .. }): Document<ExportRequest, EVENT_BYTES_MAX>,
) -> Result<Response, ApiError> {
    let site = back_end.may(Scope::Export)?;
    let mut events = app.store().events(site.id(), vec![subject]).await?;
    let mut entries = Vec::new();
    for event in events.remove(&subject).unwrap_or_default() {
        // Not there any more only if it was erased meanwhile.
        if let Some(seq) = app.store().ledger_position(site.id(), event.id()).await? {
            entries.push(Entry { seq, event });
        }
    }
    let cases = app.store().cases_of(site.id(), subject, None).await?;
    // Where a back end asks from says nothing of where the person is (R34).
    answer(&app, &site, &headers, Regime::OptIn, Kept { subject, entries, cases })
}

/// All that there is of a subject.
struct Kept {
    subject: Subject,
    entries: Vec<Entry>,
    cases: Vec<Case>,
}

fn answer(app: &App, site: &Site, headers: &HeaderMap, regime: Regime, kept: Kept) -> Result<Response, ApiError> {
    let now = app.clock().now();
    let Kept { subject, entries, cases } = kept;
    if negotiation::takes(headers, LINKED) {
        let events: Vec<Event> = entries.into_iter().map(|entry| entry.event).collect();
        let text = as_linked(app, site, headers, regime, subject, &events).ok_or(ApiError::Unavailable)?;
        return Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(LINKED))], text).into_response());
    }
    let events = entries.iter().map(EntryDoc::from).collect();
    let cases = cases.iter().map(|case| CaseDoc::of(case, now)).collect();
    let policy = site.policy().hash();
    let doc = ExportDoc { v: V1, site: site.id().clone(), subject, policy, exported_at_ms: now, events, cases };
    Ok(Json(doc).into_response())
}

/// The record by ISO/IEC TS 27560, with the words of the notice that suits whoever asks.
fn as_linked(
    app: &App,
    site: &Site,
    headers: &HeaderMap,
    regime: Regime,
    subject: Subject,
    events: &[Event],
) -> Option<String> {
    let language = negotiation::language(&site.languages, None, headers)?;
    let notice = site.published().notice(language, regime);
    let notice = notice.or_else(|| site.published().notice(language, Regime::OptIn))?;
    let country = app.storage_country().or_else(|| UNKNOWN_COUNTRY.parse().ok())?;
    Some(linked::write(site.history(), notice, subject, events, country, app.clock().now()))
}
