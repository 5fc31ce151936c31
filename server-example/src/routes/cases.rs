//! `/v1/sites/{site}/cases`: rights that cannot be done at once. People open cases and see how far they are; a back end lists them, those
//! that are due first before the others, and says what becomes of them.

use crate::address::Peer;
use crate::app::{App, KnownSite};
use crate::auth::{DeviceToken, Scope};
use crate::back_end::BackEnd;
use crate::cases::{CASES_LISTED_MAX, Case, CaseRight, CaseState, OpenedCase};
use crate::document::{CASE_BYTES_MAX, Document};
use crate::problem::ApiError;
use crate::routes::script::law;
use axum::extract::{RawPathParams, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::{Extension, Json};
use consentry_core::wire::{V1, said};
use consentry_core::{EventId, Subject, Time};
use serde::{Deserialize, Serialize};

/// A case as somebody opens it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCaseDoc {
    #[expect(dead_code, reason = "that it is there is all that matters")]
    v: V1,
    id: EventId,
    right: CaseRight,
    #[serde(default, deserialize_with = "said")]
    note: Option<String>,
}

/// What becomes of a case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CaseChangeDoc {
    #[expect(dead_code, reason = "that it is there is all that matters")]
    v: V1,
    state: CaseState,
    #[serde(default, deserialize_with = "said")]
    reason: Option<String>,
}

/// A case as it is shown.
#[derive(Debug, Serialize)]
pub(crate) struct CaseDoc {
    id: EventId,
    right: CaseRight,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    state: CaseState,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    place: String,
    received_at_ms: Time,
    due_at_ms: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_at_ms: Option<Time>,
    changed_at_ms: Time,
    overdue: bool,
}

/// A case, to one who looks after the site.
#[derive(Debug, Serialize)]
pub(crate) struct KnownCaseDoc {
    subject: Subject,
    #[serde(flatten)]
    case: CaseDoc,
}

/// One case, or what it has become.
#[derive(Debug, Serialize)]
pub(crate) struct OneCase<T> {
    v: V1,
    #[serde(flatten)]
    case: T,
}

/// Several.
#[derive(Debug, Serialize)]
pub(crate) struct Cases<T> {
    v: V1,
    cases: Vec<T>,
}

impl CaseDoc {
    pub(crate) fn of(case: &Case, now: Time) -> Self {
        Self {
            id: case.id,
            right: case.right,
            note: case.note.clone(),
            state: case.state,
            reason: case.reason.clone(),
            place: case.place.clone(),
            received_at_ms: case.received,
            due_at_ms: case.due,
            latest_at_ms: case.latest,
            changed_at_ms: case.changed,
            overdue: case.is_overdue(now),
        }
    }
}

impl KnownCaseDoc {
    fn of(case: &Case, now: Time) -> Self {
        Self { subject: case.subject, case: CaseDoc::of(case, now) }
    }
}

pub(crate) async fn create(
    State(app): State<App>,
    KnownSite(site): KnownSite,
    headers: HeaderMap,
    peer: Option<Extension<Peer>>,
    Document(doc): Document<NewCaseDoc, CASE_BYTES_MAX>,
) -> Result<(StatusCode, Json<OneCase<CaseDoc>>), ApiError> {
    let token = DeviceToken::from_headers(&headers)?;
    let (now, place) = (app.clock().now(), law(&app, &site, peer, &headers).place);
    let case = Case::opened(doc.id, token.subject(), doc.right, doc.note, place, now)?;
    let (status, kept) = match app.store().open_case(site.id(), case, token.secret).await?? {
        OpenedCase::New(case) => (StatusCode::CREATED, case),
        OpenedCase::Known(case) => (StatusCode::OK, case),
    };
    Ok((status, Json(OneCase { v: V1, case: CaseDoc::of(&kept, now) })))
}

pub(crate) async fn own(
    State(app): State<App>,
    KnownSite(site): KnownSite,
    headers: HeaderMap,
) -> Result<Json<Cases<CaseDoc>>, ApiError> {
    let token = DeviceToken::from_headers(&headers)?;
    let cases = app.store().cases_of(site.id(), token.subject(), Some(token.secret)).await?;
    let now = app.clock().now();
    Ok(Json(Cases { v: V1, cases: cases.iter().map(|case| CaseDoc::of(case, now)).collect() }))
}

pub(crate) async fn all(
    State(app): State<App>,
    back_end: BackEnd,
    uri: Uri,
) -> Result<Json<Cases<KnownCaseDoc>>, ApiError> {
    let site = back_end.may(Scope::Admin)?;
    let states: Vec<CaseState> = match uri.query() {
        None | Some("") => CaseState::ALL.iter().copied().filter(|state| state.is_open()).collect(),
        Some(query) => {
            let word = query.strip_prefix("state=");
            let word = word.ok_or_else(|| ApiError::Malformed("only `state` can be asked".into()))?;
            vec![word.parse().map_err(|error| ApiError::Malformed(format!("`state`: {error}")))?]
        }
    };
    // By the day on which they are due: those that should have been done already come first.
    let cases = app.store().cases(site.id(), &states, CASES_LISTED_MAX).await?;
    let now = app.clock().now();
    Ok(Json(Cases { v: V1, cases: cases.iter().map(|case| KnownCaseDoc::of(case, now)).collect() }))
}

pub(crate) async fn change(
    State(app): State<App>,
    back_end: BackEnd,
    params: RawPathParams,
    Document(doc): Document<CaseChangeDoc, CASE_BYTES_MAX>,
) -> Result<Json<OneCase<KnownCaseDoc>>, ApiError> {
    let site = back_end.may(Scope::Admin)?;
    let named = params.iter().find_map(|(name, value)| (name == "id").then_some(value));
    let id: EventId = named.and_then(|id| id.parse().ok()).ok_or(ApiError::UnknownCase)?;
    let case = app.store().case(site.id(), id).await?.ok_or(ApiError::UnknownCase)?;
    let (was, now) = (case.state, app.clock().now());
    let changed = case.become_of(doc.state, doc.reason, now)?;
    if app.store().change_case(site.id(), changed.clone(), was).await? {
        Ok(Json(OneCase { v: V1, case: KnownCaseDoc::of(&changed, now) }))
    } else {
        Err(ApiError::CaseMoved)
    }
}
