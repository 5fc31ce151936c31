//! `GET /v1/sites/{site}/propagation`: how far what people chose has reached those who process their data; and how they confirm it.

use super::webhooks::Named;
use crate::app::App;
use crate::auth::Scope;
use crate::back_end::BackEnd;
use crate::document::{Document, EVENT_BYTES_MAX};
use crate::problem::ApiError;
use crate::store::{Confirmed, Telling, WebhookState};
use axum::Json;
use axum::extract::State;
use consentry_core::wire::{V1, whole};
use consentry_core::{ProcessorId, Time};
use serde::{Deserialize, Serialize};

const HOUR_MS: u64 = 60 * 60 * 1_000;

/// Where everybody stands.
#[derive(Debug, Serialize)]
pub(crate) struct Propagation {
    v: V1,
    webhooks: Vec<Standing>,
    /// Processors of the policy that no webhook tells anything.
    untold: Vec<ProcessorId>,
}

#[derive(Debug, Serialize)]
struct Standing {
    webhook: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    processor: Option<ProcessorId>,
    state: Reached,
    /// The last entry that it was told of, or that does not concern it.
    #[serde(skip_serializing_if = "Option::is_none")]
    told: Option<u64>,
    /// The last entry that it has acted on, by its own account.
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmed: Option<u64>,
    /// How many entries it was not told of, those that were given up among them.
    waiting: u64,
    /// How many messages its processor has not confirmed.
    unconfirmed: u64,
    /// When the oldest of either was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    since_ms: Option<Time>,
}

/// Where one of them stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Reached {
    /// It was told of everything, and has not confirmed all of it, or need not.
    Told,
    /// It has confirmed everything.
    Confirmed,
    /// There is something that it was not told of yet.
    Waiting,
    /// Something has waited, or not been confirmed, for too long.
    Overdue,
}

/// What a receiver says that it has acted on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Confirmation {
    #[expect(dead_code, reason = "read, so that another version is refused")]
    v: V1,
    #[serde(deserialize_with = "whole")]
    through: u64,
}

/// That it was kept.
#[derive(Debug, Serialize)]
pub(crate) struct Through {
    v: V1,
    through: u64,
}

pub(crate) async fn show(State(app): State<App>, back_end: BackEnd) -> Result<Json<Propagation>, ApiError> {
    let site = back_end.may(Scope::Admin)?;
    let tellings = app.store().webhooks(site.id()).await?;
    let is_told = |processor: &ProcessorId| {
        let mut active = tellings.iter().filter(|telling| telling.webhook.state == WebhookState::Active);
        active.any(|telling| telling.webhook.processor.as_ref() == Some(processor))
    };
    let processors = site.policy().parts().processors.iter().map(|processor| &processor.id);
    let untold = processors.filter(|processor| !is_told(processor)).cloned().collect();
    let (now, overdue_ms) = (app.clock().now(), u64::from(app.webhooks().overdue_hours) * HOUR_MS);
    let webhooks = tellings.iter().map(|telling| Standing::of(telling, now, overdue_ms)).collect();
    Ok(Json(Propagation { v: V1, webhooks, untold }))
}

pub(crate) async fn confirm(
    State(app): State<App>,
    back_end: BackEnd,
    Named(id): Named,
    Document(Confirmation { through, .. }): Document<Confirmation, EVENT_BYTES_MAX>,
) -> Result<Json<Through>, ApiError> {
    let site = back_end.may(Scope::Write)?;
    match app.store().confirm_webhook(site.id(), id, through).await? {
        Confirmed::Kept => Ok(Json(Through { v: V1, through })),
        Confirmed::Unknown => Err(ApiError::NotFound),
        Confirmed::Untold => Err(ApiError::NotTold),
    }
}

impl Standing {
    fn of(telling: &Telling, now: Time, overdue_ms: u64) -> Self {
        let Telling { webhook, untold, dead, unconfirmed } = telling;
        let waiting = untold.count + dead.count;
        let since = [untold.since, dead.since, unconfirmed.since].into_iter().flatten().min();
        // A processor that nothing has concerned yet has nothing to confirm.
        let has_confirmed = webhook.processor.is_some() || webhook.confirmed.is_some_and(|seq| seq + 1 >= webhook.next);
        let state = if since.is_some_and(|since| now.as_ms().saturating_sub(since.as_ms()) > overdue_ms) {
            Reached::Overdue
        } else if waiting > 0 {
            Reached::Waiting
        } else if unconfirmed.count > 0 || !has_confirmed {
            Reached::Told
        } else {
            Reached::Confirmed
        };
        Self {
            webhook: webhook.id.to_string(),
            processor: webhook.processor.clone(),
            state,
            told: webhook.next.checked_sub(1),
            confirmed: webhook.confirmed,
            waiting,
            unconfirmed: unconfirmed.count,
            since_ms: since,
        }
    }
}
