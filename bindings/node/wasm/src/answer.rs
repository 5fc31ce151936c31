//! Reads what the server answers. What is not understood is an error, and an error is no permission.

use crate::question::without_values;
use consentry_core::Period;
use consentry_core::wire::{DecisionDoc, ObligationDoc, V1};
use serde::Deserialize;
use serde_json::{Value, json};
use wasm_bindgen::prelude::{JsError, wasm_bindgen};

/// A decision, with nothing in it that this version does not know.
///
/// # Errors
/// What is wrong with it.
#[wasm_bindgen(js_name = readDecision)]
pub fn read_decision(answer: &str) -> Result<String, JsError> {
    let doc: Value = serde_json::from_str(answer).map_err(|_| JsError::new("it is no JSON, or breaks off"))?;
    let decision = decision(doc).map_err(|cause| JsError::new(&cause))?;
    Ok(serde_json::to_string(&decision)?)
}

/// As many decisions as there are, each for itself: `{"decision":{…}}` or `{"cause":"…"}`.
///
/// # Errors
/// It is no list of decisions.
#[wasm_bindgen(js_name = readDecisions)]
pub fn read_decisions(answer: &str) -> Result<String, JsError> {
    #[derive(Deserialize)]
    struct ManyDoc {
        #[serde(rename = "v")]
        _v: V1,
        decisions: Vec<Value>,
    }
    let ManyDoc { decisions, .. } =
        serde_json::from_str(answer).map_err(|_| JsError::new("it is no list of decisions"))?;
    let each = decisions.into_iter().map(|doc| match decision(doc) {
        Ok(decision) => json!({ "decision": decision }),
        Err(cause) => json!({ "cause": cause }),
    });
    Ok(Value::Array(each.collect()).to_string())
}

/// A reason or an obligation that this version does not know is no JSON of this form; what contradicts itself is no decision.
fn decision(doc: Value) -> Result<DecisionDoc, String> {
    let doc: DecisionDoc = serde_json::from_value(doc).map_err(|error| without_values(&error.to_string()))?;
    let DecisionDoc { allow, reason, obligations, .. } = &doc;
    if *allow != reason.allows() {
        return Err(format!("`allow` is {allow}, and the reason `{reason}` says otherwise"));
    }
    for obligation in obligations {
        match obligation {
            ObligationDoc::Erase if *allow => {
                return Err("it allows, and has the obligation `erase`, which comes with a denial".into());
            }
            ObligationDoc::DeleteWithin { minutes }
            | ObligationDoc::DeleteAfterInactivity { minutes }
            | ObligationDoc::DeleteBackupsWithin { minutes } => {
                Period::from_minutes(*minutes).map_err(|error| error.to_string())?;
            }
            ObligationDoc::Erase
            | ObligationDoc::DeleteAfterUse
            | ObligationDoc::DeleteOnRequest
            | ObligationDoc::PseudonymiseFirst
            | ObligationDoc::AnonymiseFirst
            | ObligationDoc::NoTraining
            | ObligationDoc::NoOwnUse
            | ObligationDoc::TransferSafeguard { .. }
            | ObligationDoc::RequestFlag { .. } => {}
        }
    }
    Ok(doc)
}
