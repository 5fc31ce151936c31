//! A clock that a test holds in hand.

use consentry_client::Clock;
use pyo3::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Milliseconds since the Unix epoch that somebody holds in hand. They move when they are moved.
#[pyclass(frozen, module = "consentry")]
pub(crate) struct HeldClock(Arc<AtomicU64>);

#[pymethods]
impl HeldClock {
    #[new]
    fn new(ms: u64) -> Self {
        Self(Arc::new(AtomicU64::new(ms)))
    }

    /// What time it is, in milliseconds since the Unix epoch.
    #[getter]
    fn ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    #[setter]
    fn set_ms(&self, ms: u64) {
        self.0.store(ms, Ordering::SeqCst);
    }

    fn __repr__(&self) -> String {
        format!("HeldClock({})", self.ms())
    }
}

/// The clock that somebody holds, or the machine's.
pub(crate) fn clock(held: Option<&HeldClock>) -> Clock {
    held.map_or(Clock::System, |held| Clock::Held(Arc::clone(&held.0)))
}
