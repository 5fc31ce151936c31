//! `POST /v1/sites/{site}/decisions`: answers a back end, for one question or for many, before it processes anything.

use crate::app::App;
use crate::auth::Scope;
use crate::back_end::BackEnd;
use crate::document::{ASK_BYTES_MAX, Document};
use crate::metrics::Template;
use crate::negotiation;
use crate::problem::ApiError;
use crate::records::subjects;
use crate::site::Site;
use axum::Json;
use axum::extract::State;
use consentry_core::wire::{AskDoc, DecisionDoc, QuestionDoc, V1};
use consentry_core::{Decision, Language};
use serde::Serialize;

/// As many decisions as there were questions.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Answer {
    One(Box<Decided>),
    Many { v: V1, decisions: Vec<Decided> },
}

/// A decision, explained where that was asked for.
#[derive(Debug, Serialize)]
pub(crate) struct Decided {
    #[serde(flatten)]
    decision: DecisionDoc,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<Explanation>,
}

/// Why a decision is as it is, in words.
#[derive(Debug, Serialize)]
struct Explanation {
    /// For the person whose data it is.
    sentence: String,
    /// The language of that, one of the policy's.
    language: Language,
    /// For whoever has to find out why.
    line: String,
}

pub(crate) async fn create(
    State(app): State<App>,
    route: Template,
    back_end: BackEnd,
    Document(ask): Document<AskDoc, ASK_BYTES_MAX>,
) -> Result<Json<Answer>, ApiError> {
    let site = back_end.may(Scope::Ask)?;
    let (subjects, count) = match &ask {
        AskDoc::One(question) => (subjects(question).collect(), 1),
        AskDoc::Many(questions) => (questions.iter().flat_map(subjects).collect(), questions.len()),
    };
    app.metrics().asked(route, count);
    let records = site.recent.read(app.store(), site.published(), subjects).await?;
    let now = app.clock().now();
    let decide = |question: &QuestionDoc| Decided::of(records.decide(question, now), question, &site);
    Ok(Json(match ask {
        AskDoc::One(question) => Answer::One(Box::new(decide(&question))),
        AskDoc::Many(questions) => {
            let decisions = questions.iter().map(decide);
            Answer::Many { v: V1, decisions: decisions.collect() }
        }
    }))
}

impl Decided {
    fn of(decision: Decision, question: &QuestionDoc, site: &Site) -> Self {
        let notice = question.explain.as_ref().and_then(|language| {
            let language = negotiation::nearest(&site.languages, language)?;
            site.published().notice(language, decision.regime)
        });
        let explanation = notice.map(|notice| Explanation {
            sentence: notice.explain(&decision),
            language: notice.language.clone(),
            line: decision.to_string(),
        });
        Self { decision: decision.into(), explanation }
    }
}
