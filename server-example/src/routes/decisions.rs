//! `POST /v1/sites/{site}/decisions`: answers a back end, for one question or for many, before it processes anything.

use crate::app::App;
use crate::auth::Scope;
use crate::back_end::BackEnd;
use crate::document::{ASK_BYTES_MAX, Document};
use crate::problem::ApiError;
use crate::records::{Records, subjects};
use axum::Json;
use axum::extract::State;
use consentry_core::wire::{AskDoc, DecisionDoc, V1};
use serde::Serialize;

/// As many decisions as there were questions.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Answer {
    One(Box<DecisionDoc>),
    Many { v: V1, decisions: Vec<DecisionDoc> },
}

pub(crate) async fn create(
    State(app): State<App>,
    back_end: BackEnd,
    Document(ask): Document<AskDoc, ASK_BYTES_MAX>,
) -> Result<Json<Answer>, ApiError> {
    let site = back_end.may(Scope::Ask)?;
    let subjects = match &ask {
        AskDoc::One(question) => subjects(question).collect(),
        AskDoc::Many(questions) => questions.iter().flat_map(subjects).collect(),
    };
    let records = Records::read(app.store(), site.published(), subjects).await?;
    let now = app.clock().now();
    Ok(Json(match ask {
        AskDoc::One(question) => Answer::One(Box::new(records.decide(&question, now).into())),
        AskDoc::Many(questions) => {
            let decisions = questions.iter().map(|question| records.decide(question, now).into());
            Answer::Many { v: V1, decisions: decisions.collect() }
        }
    }))
}
