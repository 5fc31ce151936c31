//! Reads questions: a misspelt field must not turn into a wider one.

use consentry_core::wire::QuestionDoc;
use consentry_core::{AccountId, HASH_BYTES, Subject, Time};
use serde_json::Value;
use wasm_bindgen::prelude::{JsError, wasm_bindgen};

/// The question in its one spelling, by which an answer is remembered.
///
/// # Errors
/// What is wrong with it.
#[wasm_bindgen(js_name = readQuestion)]
pub fn read_question(question: &str) -> Result<String, JsError> {
    Ok(serde_json::to_string(&parse(question)?)?)
}

/// A question about everybody of a list, who is not named in it: its fields and values, as JSON.
///
/// # Errors
/// What is wrong with it.
#[wasm_bindgen(js_name = readQuery)]
pub fn read_query(query: &str) -> Result<String, JsError> {
    let mut fields = serde_json::to_value(about_nobody(query)?)?;
    fields.as_object_mut().map(|fields| fields.remove("subject"));
    Ok(fields.to_string())
}

pub(crate) fn parse(question: &str) -> Result<QuestionDoc, JsError> {
    serde_json::from_str(question).map_err(|error| JsError::new(&without_values(&error.to_string())))
}

/// A question that says nobody, about somebody who is nobody.
pub(crate) fn about_nobody(query: &str) -> Result<QuestionDoc, JsError> {
    let mut fields: Value = serde_json::from_str(query).map_err(|_| JsError::new("it is no JSON"))?;
    let object = fields.as_object_mut().ok_or_else(|| JsError::new("it is no object"))?;
    if object.contains_key("subject") {
        return Err(JsError::new("it says `subject`, and who is asked about stands in the list"));
    }
    let nobody = Subject::Account(AccountId::from_bytes([0; HASH_BYTES]));
    object.insert("subject".into(), nobody.to_string().into());
    serde_json::from_value(fields).map_err(|error| JsError::new(&without_values(&error.to_string())))
}

/// A moment by JavaScript's clock. It has no fractions here, and nothing before 1970.
pub(crate) const fn time(ms: f64) -> Time {
    Time::from_ms(ms as u64)
}

/// What is wrong, without what was said, which may be somebody. Names of fields are the code's own.
pub(crate) fn without_values(message: &str) -> String {
    if message.starts_with("unknown field") || message.starts_with("missing field") {
        return message.into();
    }
    message.split(['`', '"']).enumerate().map(|(n, part)| if n % 2 == 0 { part } else { "…" }).collect()
}
