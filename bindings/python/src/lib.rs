//! The client for Python: what [`consentry_client`] asks, with Python's types around it.
//!
//! What is asked is asked there, and what is allowed is allowed by the core. Here are names that are read, answers that are shown, and columns
//! of subjects, whoever made them. Whoever waits or goes through a column lets go of the interpreter.
//!
//! Deliberately absent: decisions, and a way to a permit that does not begin with a question. What is words and nothing else (errors, reasons,
//! intents) is Python, in `python/consentry`.

mod asks;
mod bits;
mod clock;
mod column;
mod config;
mod decision;
mod errors;
mod permit;
mod process;
mod question;
mod remote;
mod replica;
mod rows;
mod subject;

use pyo3::prelude::*;

/// What `import consentry` is made of.
#[pymodule]
mod _consentry {
    #[pymodule_export]
    use super::bits::Bits;
    #[pymodule_export]
    use super::clock::HeldClock;
    #[pymodule_export]
    use super::decision::Decision;
    #[pymodule_export]
    use super::permit::Permit;
    #[pymodule_export]
    use super::question::Question;
    #[pymodule_export]
    use super::remote::{Remote, remote};
    #[pymodule_export]
    use super::replica::{Replica, replica};
    use consentry_core::Reason;
    use pyo3::prelude::*;

    /// The version, and every reason that a decision may have, so that Python's can be held to them.
    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("REASONS", Reason::ALL.iter().map(|reason| reason.as_str()).collect::<Vec<_>>())
    }
}
