//! `POST /v1/sites/{site}/identity`: links a browser to whoever is signed in there, and says what is allowed by the word of both.

use crate::address::Peer;
use crate::app::{App, KnownSite};
use crate::auth::DeviceToken;
use crate::document::{Document, IDENTITY_BYTES_MAX};
use crate::identity::Identity;
use crate::keep::{append_new, link};
use crate::problem::ApiError;
use crate::site::Site;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::{Extension, Json};
use consentry_core::wire::V1;
use consentry_core::{
    Context, DeviceId, EventKind, Jurisdiction, Question, Record, Signal, Subject, Target, Time, decide,
};
use serde::{Deserialize, Serialize};

/// Who is signed in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IdentityDoc {
    #[serde(rename = "v")]
    _v: V1,
    /// What the site's back end has signed.
    token: String,
}

/// What a page must keep to while somebody is signed in.
#[derive(Debug, Serialize)]
pub(crate) struct Allowed {
    v: V1,
    account: Subject,
    allowed: Vec<Target>,
    until_ms: Time,
}

pub(crate) async fn create(
    State(app): State<App>,
    KnownSite(site): KnownSite,
    headers: HeaderMap,
    peer: Option<Extension<Peer>>,
    Document(doc): Document<IdentityDoc, IDENTITY_BYTES_MAX>,
) -> Result<Json<Allowed>, ApiError> {
    let identity = app.identify(site.id(), &doc.token)?;
    let device = own_device(&app, &site, &headers).await?;
    let account = Subject::Account(identity.account);
    let subjects = std::iter::once(account).chain(device.map(Subject::Device)).collect();
    let records = site.recent.read(app.store(), site.published(), subjects).await?;
    if let Some(device) = device {
        link(&app, &site, identity.account, device, &records.linked(account, None)).await?;
    }
    let record = records.record(account, device, None);
    let place = || app.jurisdiction(peer.map(|Extension(peer)| peer), &headers);
    let context = context(&app, &identity, &headers, place);
    let honours = !site.policy().law(context.jurisdiction.as_ref()).signals.is_empty();
    if let Some(signal) = context.signal.filter(|_| honours && record.signal().is_none()) {
        // From here on it counts on every device (R23). Once: of a signal that is written down each time no choice could be later (R25).
        append_new(&app, &site, identity.account, |id| EventKind::Signalled(id, signal)).await?;
    }
    Ok(Json(allowed(&site, &identity, &record, &context)))
}

/// The browser, where it has a name by now, and shows that it is its own.
async fn own_device(app: &App, site: &Site, headers: &HeaderMap) -> Result<Option<DeviceId>, ApiError> {
    if !headers.contains_key(header::AUTHORIZATION) {
        return Ok(None);
    }
    let DeviceToken { device, secret } = DeviceToken::from_headers(headers)?;
    app.store().record(site.id(), Subject::Device(device), secret).await?;
    Ok(Some(device))
}

/// The token's word on where somebody is counts for more than an address.
fn context(
    app: &App,
    identity: &Identity,
    headers: &HeaderMap,
    place: impl FnOnce() -> Option<Jurisdiction>,
) -> Context {
    let Identity { jurisdiction, age, plan, .. } = identity.clone();
    Context {
        jurisdiction: jurisdiction.or_else(place),
        age,
        plan,
        signal: sends_gpc(headers).then_some(Signal::Gpc),
        ..Context::at(app.clock().now())
    }
}

/// What the core says of every target.
fn allowed(site: &Site, identity: &Identity, record: &Record, context: &Context) -> Allowed {
    let account = Subject::Account(identity.account);
    let mut answer = Allowed { v: V1, account, allowed: Vec::new(), until_ms: identity.until };
    for target in site.policy().targets() {
        let decision = decide(site.history(), record, &Question::about(target.clone()), context);
        answer.until_ms = answer.until_ms.min(decision.valid_until);
        if decision.allows() {
            answer.allowed.push(target);
        }
    }
    answer
}

/// `Sec-GPC` counts only when it is exactly `1` (R22).
fn sends_gpc(headers: &HeaderMap) -> bool {
    headers.get("sec-gpc").is_some_and(|value| value == "1")
}
