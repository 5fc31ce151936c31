//! Errors, and words, as Python has them: classes of `consentry._errors` and `consentry._words`.

use crate::decision::Decision;
use consentry_client::{AskError, PermitError, ReplicaError, RequireError, SetUpError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// The module of words.
pub(crate) fn words(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    py.import("consentry._words")
}

/// There is no answer.
pub(crate) fn ask(py: Python<'_>, error: &AskError) -> PyErr {
    ask_value(py, error).map_or_else(|failed| failed, PyErr::from_value)
}

/// The same as something to hand out among answers.
pub(crate) fn ask_value<'py>(py: Python<'py>, error: &AskError) -> PyResult<Bound<'py, PyAny>> {
    class(py, "AskError")?.call1((error.to_string(), kind(error)))
}

/// Nobody can be asked like this.
pub(crate) fn set_up(py: Python<'_>, error: &SetUpError) -> PyErr {
    raise(py, "SetUpError", error.to_string())
}

/// There is no replica.
pub(crate) fn replica(py: Python<'_>, error: &ReplicaError) -> PyErr {
    match error {
        ReplicaError::SetUp(error) => set_up(py, error),
        ReplicaError::Ask(_) | ReplicaError::Bundle(_) | ReplicaError::Missed(_) | ReplicaError::Outdated => {
            raise(py, "ReplicaError", error.to_string())
        }
    }
}

/// There is no permit.
pub(crate) fn require(py: Python<'_>, error: &RequireError) -> PyErr {
    match error {
        RequireError::Denied(denied) => raise(py, "Denied", (denied.to_string(), Decision(denied.decision().clone()))),
        RequireError::Unanswered(error) => ask(py, error),
        RequireError::Stale { .. } | RequireError::Past => raise(py, "RequireError", error.to_string()),
    }
}

/// A permit permits no more.
pub(crate) fn expired(py: Python<'_>, error: &PermitError) -> PyErr {
    raise(py, "PermitError", error.to_string())
}

/// A permit is for something else.
pub(crate) fn other_intent(py: Python<'_>) -> PyErr {
    raise(py, "PermitError", "the permit is for something else: ask for this".to_owned())
}

trait Arguments {
    fn tuple(self, py: Python<'_>) -> PyResult<Bound<'_, PyTuple>>;
}

impl Arguments for String {
    fn tuple(self, py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
        (self,).into_pyobject(py)
    }
}

impl Arguments for (String, Decision) {
    fn tuple(self, py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
        self.into_pyobject(py)
    }
}

fn raise(py: Python<'_>, name: &str, arguments: impl Arguments) -> PyErr {
    let made = class(py, name).and_then(|class| class.call1(arguments.tuple(py)?));
    made.map_or_else(|failed| failed, PyErr::from_value)
}

fn class<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("consentry._errors")?.getattr(name)
}

const fn kind(error: &AskError) -> &'static str {
    match error {
        AskError::Unreachable { .. } => "unreachable",
        AskError::TooSlow { .. } => "too-slow",
        AskError::Busy { .. } => "busy",
        AskError::WrongKey { .. } => "wrong-key",
        AskError::NotFound => "not-found",
        AskError::Refused { .. } => "refused",
        AskError::Unreadable { .. } => "unreadable",
        AskError::Miscounted { .. } => "miscounted",
        AskError::NotOfAList { .. } => "not-of-a-list",
        AskError::Stale { .. } => "stale",
        AskError::NotHeld => "not-held",
        AskError::Ended => "ended",
    }
}
