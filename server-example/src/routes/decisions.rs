//! `POST /v1/sites/{site}/decisions`: answers a back end, for one question or for many, before it processes anything.

use crate::app::{App, KnownSite};
use crate::auth::ApiKey;
use crate::document::{ASK_BYTES_MAX, Document};
use crate::problem::ApiError;
use crate::site::Site;
use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use consentry_core::wire::{AskDoc, DecisionDoc, QuestionDoc, V1};
use consentry_core::{Event, Policy, Record, Subject, Time, decide};
use serde::Serialize;
use std::collections::HashMap;
use std::sync::Arc;

/// As many decisions as there were questions.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Answer {
    One(Box<DecisionDoc>),
    Many { v: V1, decisions: Vec<DecisionDoc> },
}

pub(crate) async fn create(
    State(app): State<App>,
    BackEnd(site): BackEnd,
    Document(ask): Document<AskDoc, ASK_BYTES_MAX>,
) -> Result<Json<Answer>, ApiError> {
    let subjects = match &ask {
        AskDoc::One(question) => vec![question.subject],
        AskDoc::Many(questions) => questions.iter().map(|question| question.subject).collect(),
    };
    let records = Records::of(app.store().events(site.id(), subjects).await?);
    let now = app.clock().now();
    Ok(Json(match ask {
        AskDoc::One(question) => Answer::One(Box::new(records.decide(&site.policy, question, now))),
        AskDoc::Many(questions) => {
            let decisions = questions.into_iter().map(|question| records.decide(&site.policy, question, now));
            Answer::Many { v: V1, decisions: decisions.collect() }
        }
    }))
}

/// The site, for a back end that has shown one of its keys.
pub(crate) struct BackEnd(Arc<Site>);

impl FromRequestParts<App> for BackEnd {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let KnownSite(site) = KnownSite::from_request_parts(parts, app).await?;
        let key = ApiKey::from_headers(&parts.headers)?;
        if app.store().knows_key(key.hash(), site.id()).await? { Ok(Self(site)) } else { Err(ApiError::WrongKey) }
    }
}

/// The folds of all subjects asked about.
struct Records(HashMap<Subject, Record>);

impl Records {
    fn of(events: HashMap<Subject, Vec<Event>>) -> Self {
        Self(events.into_iter().map(|(subject, events)| (subject, Record::fold(&events))).collect())
    }

    fn decide(&self, policy: &Policy, question: QuestionDoc, now: Time) -> DecisionDoc {
        let (subject, question, context) = question.into_parts(now);
        // Somebody nobody has heard of has an empty record, which allows nothing that must be asked for (R16).
        let unheard_of = Record::default();
        decide(policy, self.0.get(&subject).unwrap_or(&unheard_of), &question, &context).into()
    }
}
