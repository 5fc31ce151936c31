//! `POST /v1/sites/{site}/decisions`: answers a back end, for one question or for many, before it processes anything.

use crate::app::App;
use crate::auth::Scope;
use crate::back_end::Asking;
use crate::document::{ASK_BYTES_MAX, Document};
use crate::metrics::Template;
use crate::negotiation;
use crate::problem::ApiError;
use crate::records::{Records, subjects};
use crate::replica::Grouped;
use crate::site::Site;
use axum::Json;
use axum::extract::State;
use consentry_core::wire::{AskDoc, DecisionDoc, QuestionDoc, V1};
use consentry_core::{Decision, Language, Subject};
use serde::Serialize;

/// As many decisions as there were questions.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Answer {
    One(Box<Decided>),
    Many { v: V1, decisions: Vec<Decided> },
    Same { v: V1, decisions: Vec<Decided>, answers: Vec<usize> },
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
    asking: Asking,
    Document(ask): Document<AskDoc, ASK_BYTES_MAX>,
) -> Result<Json<Answer>, ApiError> {
    let (site, looked) = asking.may(Scope::Ask, &app).await?;
    app.metrics().asked(route, ask.count());
    let read = |subjects| site.recent.read_since(looked, app.store(), site.published(), subjects);
    let decided = |records: &Records<'_>, question: &QuestionDoc| {
        Decided::of(records.decide(question, app.clock().now()), question, &site)
    };
    Ok(Json(match ask {
        AskDoc::One(question) => {
            let records = read(subjects(&question).collect()).await?;
            Answer::One(Box::new(decided(&records, &question)))
        }
        AskDoc::Many(questions) => {
            let records = read(questions.iter().flat_map(subjects).collect()).await?;
            let decisions = questions.iter().map(|question| decided(&records, question));
            Answer::Many { v: V1, decisions: decisions.collect() }
        }
        AskDoc::Same(question, subjects) => same(&app, &site, *question, &subjects).await?,
    }))
}

/// The same question about each of these.
async fn same(app: &App, site: &Site, mut question: QuestionDoc, subjects: &[Subject]) -> Result<Answer, ApiError> {
    let ready = site.live.ready(app.store(), site.published(), app.clock()).await?;
    let now = app.clock().now();
    let known = ready.and_then(|ready| ready.decisions(&question, subjects, now));
    let mut grouped = known.unwrap_or_else(|| Grouped::nothing(subjects.len()));
    let unanswered: Vec<(usize, Subject)> = grouped.unanswered(subjects).collect();
    if !unanswered.is_empty() {
        let asked = unanswered.iter().map(|(_, subject)| *subject).collect();
        let records = site.recent.read(app.store(), site.published(), asked).await?;
        let now = app.clock().now();
        for (place, subject) in unanswered {
            question.subject = subject;
            grouped.say(place, records.decide(&question, now));
        }
    }
    let Grouped { decisions, answers, .. } = grouped;
    let decisions = decisions.into_iter().map(|decision| Decided::of(decision, &question, site));
    Ok(Answer::Same { v: V1, decisions: decisions.collect(), answers: answers.into_iter().flatten().collect() })
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
