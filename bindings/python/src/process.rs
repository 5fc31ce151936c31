//! A client belongs to the process that made it: a fork has none of its threads, and would wait for them for ever.

use crate::errors;
use consentry_client::AskError;
use pyo3::prelude::*;

/// The process that something was made in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process(u32);

impl Process {
    /// This one.
    pub(crate) fn current() -> Self {
        Self(std::process::id())
    }

    /// That it is still this one.
    pub(crate) fn check(self, py: Python<'_>) -> PyResult<()> {
        if self == Self::current() { Ok(()) } else { Err(errors::ask(py, &AskError::Ended)) }
    }
}
