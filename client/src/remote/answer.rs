//! Reads what the server answers. What is not understood is an error, and an error is no permission.

use super::unreadable;
use crate::error::AskError;
use consentry_core::wire::{DecisionDoc, V1};
use consentry_core::{Decision, Language, Subject};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// A decision, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// What was decided.
    pub decision: Decision,
    /// Why, in words; none where the policy has none in this regime.
    pub explanation: Option<Explanation>,
}

/// Why a decision is as it is, in words.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Explanation {
    /// For the person whose data it is.
    pub sentence: String,
    /// The language of that, one of the policy's.
    pub language: Language,
    /// For whoever has to find out why.
    pub line: String,
}

/// As many decisions as there were questions, each still to be read.
#[derive(Deserialize)]
struct ManyDoc<'a> {
    #[serde(rename = "v")]
    _v: V1,
    #[serde(borrow)]
    decisions: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct ExplainedDoc {
    #[serde(default)]
    explanation: Option<Explanation>,
}

#[derive(Deserialize)]
struct AccountsDoc {
    #[serde(rename = "v")]
    _v: V1,
    accounts: Vec<Subject>,
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, AskError> {
    // Where in the answer, and never what stands there: it may be about somebody.
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => unreadable(&format_args!("{}", without_texts(&error.to_string()))),
        _ => unreadable(&"it is no JSON, or breaks off"),
    })
}

/// What stands in backticks or quotes came from the answer.
fn without_texts(message: &str) -> String {
    message.split(['`', '"']).enumerate().map(|(n, part)| if n % 2 == 0 { part } else { "…" }).collect()
}

pub(super) fn decision(body: &[u8]) -> Result<Decision, AskError> {
    read::<DecisionDoc>(body)?.try_into().map_err(|error: consentry_core::wire::DecisionError| unreadable(&error))
}

/// Each for itself, in the order of the questions.
pub(super) fn decisions(body: &[u8], asked: usize) -> Result<Vec<Result<Decision, AskError>>, AskError> {
    let many: ManyDoc<'_> = serde_json::from_slice(body).map_err(|_| unreadable(&"it is no list of decisions"))?;
    let answered = many.decisions.len();
    if answered != asked {
        return Err(AskError::Miscounted { asked, answered });
    }
    Ok(many.decisions.into_iter().map(|doc| decision(doc.get().as_bytes())).collect())
}

pub(super) fn explained(body: &[u8]) -> Result<Explained, AskError> {
    let ExplainedDoc { explanation } = read(body)?;
    Ok(Explained { decision: decision(body)?, explanation })
}

pub(super) fn accounts(body: &[u8], asked: usize) -> Result<Vec<Subject>, AskError> {
    let AccountsDoc { accounts, .. } = read(body)?;
    let answered = accounts.len();
    if answered == asked { Ok(accounts) } else { Err(AskError::Miscounted { asked, answered }) }
}
