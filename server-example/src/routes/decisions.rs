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
use consentry_core::{Event, PolicyHistory, Record, Subject, Time, decide};
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
        AskDoc::One(question) => subjects(question).collect(),
        AskDoc::Many(questions) => questions.iter().flat_map(subjects).collect(),
    };
    let records = Records::of(app.store().events(site.id(), subjects).await?);
    let now = app.clock().now();
    Ok(Json(match ask {
        AskDoc::One(question) => Answer::One(Box::new(records.decide(site.history(), &question, now))),
        AskDoc::Many(questions) => {
            let decisions = questions.iter().map(|question| records.decide(site.history(), question, now));
            Answer::Many { v: V1, decisions: decisions.collect() }
        }
    }))
}

/// Whose events an answer rests on: the subject's, and those of the device that an account is signed in on.
fn subjects(question: &QuestionDoc) -> impl Iterator<Item = Subject> {
    core::iter::once(question.subject).chain(question.device.map(Subject::Device))
}

/// The site, for a back end that has shown one of its keys.
pub(crate) struct BackEnd(Arc<Site>);

impl FromRequestParts<App> for BackEnd {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let KnownSite(site) = KnownSite::from_request_parts(parts, app).await?;
        let admission = app.admission();
        let key = match ApiKey::from_headers(&parts.headers) {
            Ok(key) => key.hash(),
            Err(error) => return Err(admission.by_address(&parts.extensions, &parts.headers).err().unwrap_or(error)),
        };
        admission.by_key(key, &parts.extensions, &parts.headers)?;
        admission.by_site(site.id())?;
        if !app.store().knows_key(key, site.id()).await? {
            return Err(ApiError::WrongKey);
        }
        admission.knows_key(key);
        Ok(Self(site))
    }
}

/// What happened to each subject asked about, and the fold of it: most questions are about now.
struct Records(HashMap<Subject, (Vec<Event>, Record)>);

impl Records {
    fn of(events: HashMap<Subject, Vec<Event>>) -> Self {
        let folded = |(subject, events): (Subject, Vec<Event>)| {
            let record = Record::of(subject, &events);
            (subject, (events, record))
        };
        Self(events.into_iter().map(folded).collect())
    }

    fn decide(&self, history: &PolicyHistory, question: &QuestionDoc, now: Time) -> DecisionDoc {
        let record = subjects(question).map(|subject| self.record(subject, question)).reduce(Record::merge);
        decide(history, &record.unwrap_or_default(), &question.question(), &question.context(now)).into()
    }

    /// Somebody nobody has heard of has an empty record, which allows nothing that must be asked for (R16).
    fn record(&self, subject: Subject, question: &QuestionDoc) -> Record {
        match self.0.get(&subject) {
            None => Record::of(subject, []),
            Some((_, record)) if question.as_of_ms.is_none() && question.happened_by_ms.is_none() => record.clone(),
            Some((events, _)) => Record::of(subject, events.iter().filter(|event| question.counts(event))),
        }
    }
}
