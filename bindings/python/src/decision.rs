//! What was answered, for Python to read.

use crate::errors;
use consentry_core::wire::DecisionDoc;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use serde_json::Value;

/// May it be done, why, and what comes with it. True if it may.
#[pyclass(frozen, eq, module = "consentry")]
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Decision(pub(crate) consentry_client::Decision);

#[pymethods]
impl Decision {
    /// Whether it may be done.
    #[getter]
    fn allow(&self) -> bool {
        self.0.allows()
    }

    fn __bool__(&self) -> bool {
        self.0.allows()
    }

    /// Why.
    #[getter]
    fn reason<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        errors::words(py)?.getattr("Reason")?.call1((self.0.reason.as_str(),))
    }

    /// The purpose, or the processor within it (`purpose/processor`), that settled it.
    #[getter]
    fn decided_by(&self) -> String {
        self.0.decided_by.to_string()
    }

    /// The legal basis in this regime; none where the purpose is not known.
    #[getter]
    fn basis(&self) -> Option<&'static str> {
        self.0.basis.map(|basis| basis.as_str())
    }

    /// The regime that was applied.
    #[getter]
    fn regime(&self) -> &'static str {
        self.0.regime.as_str()
    }

    /// The policy that was applied, by its hash.
    #[getter]
    fn policy(&self) -> String {
        self.0.policy.to_string()
    }

    /// The events that it rests on. A replica does not know them.
    #[getter]
    fn events<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.0.events.iter().map(ToString::to_string))
    }

    /// What whoever asked must do, as docs/wire.md has it.
    #[getter]
    pub(crate) fn obligations<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let Value::Object(mut doc) = self.doc()? else { return Err(not_json()) };
        let Some(Value::Array(obligations)) = doc.remove("obligations") else { return Err(not_json()) };
        let obligations: Vec<_> = obligations.iter().map(|one| obligation(py, one)).collect::<PyResult<_>>()?;
        PyTuple::new(py, obligations)
    }

    /// What the site cannot offer because the subject has not agreed; empty for an allow.
    #[getter]
    fn features_lost<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.0.features_lost.iter().map(|feature| feature.as_str()))
    }

    /// Until when it may be relied on without asking again, in milliseconds since the Unix epoch.
    #[getter]
    fn valid_until_ms(&self) -> u64 {
        self.0.valid_until.as_ms()
    }

    /// As docs/wire.md has it.
    fn to_json(&self) -> PyResult<String> {
        Ok(self.doc()?.to_string())
    }

    fn __repr__(&self) -> String {
        // Without the events that it rests on, which are somebody's.
        let consentry_client::Decision { reason, decided_by, regime, .. } = &self.0;
        let answer = if self.allow() { "allow" } else { "deny" };
        format!("<Decision: {answer} {decided_by}: {reason} (regime {regime})>")
    }
}

impl Decision {
    fn doc(&self) -> PyResult<Value> {
        serde_json::to_value(DecisionDoc::from(self.0.clone())).map_err(|_| not_json())
    }
}

/// An obligation is an object of texts and numbers.
fn obligation<'py>(py: Python<'py>, obligation: &Value) -> PyResult<Bound<'py, PyDict>> {
    let fields = PyDict::new(py);
    for (name, value) in obligation.as_object().ok_or_else(not_json)? {
        match (value.as_str(), value.as_u64()) {
            (Some(text), _) => fields.set_item(name, text)?,
            (None, Some(number)) => fields.set_item(name, number)?,
            // Whoever does not understand an obligation cannot keep it.
            (None, None) => return Err(not_json()),
        }
    }
    Ok(fields)
}

fn not_json() -> PyErr {
    PyRuntimeError::new_err("this decision cannot be written as JSON")
}
