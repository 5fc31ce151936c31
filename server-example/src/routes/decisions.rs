//! `POST /v1/sites/{site}/decisions`: answers a back end, for one question or for many, before it processes anything.

use crate::app::{App, KnownSite};
use crate::auth::ApiKey;
use crate::document::{ASK_BYTES_MAX, Document};
use crate::problem::ApiError;
use crate::records::Records;
use crate::site::Site;
use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use consentry_core::wire::{AskDoc, DecisionDoc, QuestionDoc, V1};
use consentry_core::{Subject, Time, decide};
use serde::Serialize;
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
        AskDoc::One(question) => subjects(question).collect(),
        AskDoc::Many(questions) => questions.iter().flat_map(subjects).collect(),
    };
    let records = Records::read(app.store(), &site, subjects).await?;
    let now = app.clock().now();
    Ok(Json(match ask {
        AskDoc::One(question) => Answer::One(Box::new(decision(&records, &site, &question, now))),
        AskDoc::Many(questions) => {
            let decisions = questions.iter().map(|question| decision(&records, &site, question, now));
            Answer::Many { v: V1, decisions: decisions.collect() }
        }
    }))
}

/// Whose events an answer rests on: the subject's, and those of the device that an account is signed in on.
fn subjects(question: &QuestionDoc) -> impl Iterator<Item = Subject> {
    core::iter::once(question.subject).chain(question.device.map(Subject::Device))
}

/// The site, for a back end that has shown one of its keys.
pub(crate) struct BackEnd(pub(crate) Arc<Site>);

impl FromRequestParts<App> for BackEnd {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let KnownSite(site) = KnownSite::from_request_parts(parts, app).await?;
        let key = ApiKey::from_headers(&parts.headers)?;
        if app.store().knows_key(key.hash(), site.id()).await? { Ok(Self(site)) } else { Err(ApiError::WrongKey) }
    }
}

fn decision(records: &Records<'_>, site: &Site, question: &QuestionDoc, now: Time) -> DecisionDoc {
    let past = (question.as_of_ms.is_some() || question.happened_by_ms.is_some()).then_some(question);
    let record = records.record(question.subject, question.device, past);
    decide(site.history(), &record, &question.question(), &question.context(now)).into()
}
