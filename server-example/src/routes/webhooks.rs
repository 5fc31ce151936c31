//! `/v1/sites/{site}/webhooks`: who is told of what is kept, and with which secret they know it.

use crate::app::App;
use crate::auth::Scope;
use crate::back_end::BackEnd;
use crate::document::{Document, EVENT_BYTES_MAX};
use crate::problem::ApiError;
use crate::store::{NewWebhook, Telling, Webhook, WebhookId};
use crate::webhooks::Endpoint;
use axum::Json;
use axum::extract::{FromRequestParts, RawPathParams, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use consentry_core::wire::{V1, said};
use consentry_core::{ProcessorId, Time};
use serde::{Deserialize, Serialize};

/// A webhook that is wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    #[expect(dead_code, reason = "read, so that another version is refused")]
    v: V1,
    url: String,
    #[serde(default, deserialize_with = "said")]
    processor: Option<ProcessorId>,
}

/// A webhook's secret, shown this once.
#[derive(Debug, Serialize)]
pub(crate) struct Secret {
    v: V1,
    id: String,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    processor: Option<ProcessorId>,
    secret: String,
}

/// The site's webhooks.
#[derive(Debug, Serialize)]
pub(crate) struct Webhooks {
    v: V1,
    webhooks: Vec<WebhookDoc>,
}

#[derive(Debug, Serialize)]
struct WebhookDoc {
    id: String,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    processor: Option<ProcessorId>,
    state: &'static str,
    created_at_ms: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    rotated_at_ms: Option<Time>,
    first: u64,
    next: u64,
    waiting: u64,
    tries: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_try_at_ms: Option<Time>,
    dead_letters: u64,
}

/// The webhook that a request's path names.
pub(crate) struct Named(pub(crate) WebhookId);

impl FromRequestParts<App> for Named {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let params = RawPathParams::from_request_parts(parts, app).await.map_err(|_| ApiError::NotFound)?;
        let name = params.iter().find_map(|(name, value)| (name == "webhook").then_some(value));
        name.and_then(|name| name.parse().ok()).map(Self).ok_or(ApiError::NotFound)
    }
}

pub(crate) async fn create(
    State(app): State<App>,
    back_end: BackEnd,
    Document(wanted): Document<Wanted, EVENT_BYTES_MAX>,
) -> Result<(StatusCode, Json<Secret>), ApiError> {
    let site = back_end.may(Scope::Admin)?;
    let key = app.webhooks().key.as_ref().ok_or(ApiError::NotSetUp("--webhook-key"))?;
    let endpoint = Endpoint::parse(&wanted.url, app.webhooks().reach)?;
    if let Some(processor) = &wanted.processor
        && site.policy().processor(processor).is_none()
    {
        return Err(ApiError::NoProcessor(processor.clone()));
    }
    let id = WebhookId::generate().map_err(|error| {
        tracing::error!("no id can be drawn: {error}");
        ApiError::Unavailable
    })?;
    let (url, processor) = (endpoint.as_str().to_owned(), wanted.processor);
    let new = NewWebhook {
        id,
        site: site.id().clone(),
        url: url.clone(),
        processor: processor.clone(),
        at: app.clock().now(),
    };
    if !app.store().add_webhook(new).await? {
        return Err(ApiError::TooManyWebhooks);
    }
    let secret = key.secret(id, 0).reveal();
    Ok((StatusCode::CREATED, Json(Secret { v: V1, id: id.to_string(), url, processor, secret })))
}

pub(crate) async fn list(State(app): State<App>, back_end: BackEnd) -> Result<Json<Webhooks>, ApiError> {
    let site = back_end.may(Scope::Admin)?;
    let tellings = app.store().webhooks(site.id()).await?;
    Ok(Json(Webhooks { v: V1, webhooks: tellings.into_iter().map(WebhookDoc::of).collect() }))
}

pub(crate) async fn remove(
    State(app): State<App>,
    back_end: BackEnd,
    Named(id): Named,
) -> Result<StatusCode, ApiError> {
    let site = back_end.may(Scope::Admin)?;
    let is_removed = app.store().remove_webhook(site.id(), id).await?;
    if is_removed { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::NotFound) }
}

pub(crate) async fn rotate(
    State(app): State<App>,
    back_end: BackEnd,
    Named(id): Named,
) -> Result<Json<Secret>, ApiError> {
    let site = back_end.may(Scope::Admin)?;
    let key = app.webhooks().key.as_ref().ok_or(ApiError::NotSetUp("--webhook-key"))?;
    let rotated = app.store().rotate_webhook(site.id(), id, app.clock().now()).await?.ok_or(ApiError::NotFound)?;
    let Webhook { url, processor, generation, .. } = rotated;
    Ok(Json(Secret { v: V1, id: id.to_string(), url, processor, secret: key.secret(id, generation).reveal() }))
}

impl WebhookDoc {
    fn of(telling: Telling) -> Self {
        let Telling { webhook, untold, dead, unconfirmed: _ } = telling;
        let Webhook {
            id, site: _, url, processor, state, created_at, rotated_at, first, next, tries, next_try_at, ..
        } = webhook;
        Self {
            id: id.to_string(),
            url,
            processor,
            state: state.as_str(),
            created_at_ms: created_at,
            rotated_at_ms: rotated_at,
            first,
            next,
            waiting: untold.count,
            tries,
            next_try_at_ms: (tries > 0).then_some(next_try_at),
            dead_letters: dead.count,
        }
    }
}
