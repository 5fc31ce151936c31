//! How a server is asked, from what Python says.

use crate::clock::{HeldClock, clock};
use consentry_client::{RemoteConfig, Roots};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::time::Duration;

/// What may be said of it; what is left out is as usual.
pub(crate) struct Said<'a> {
    pub(crate) connect_within: Option<f64>,
    pub(crate) answer_within: Option<f64>,
    pub(crate) remembered_for: Option<f64>,
    pub(crate) remembered_max: Option<usize>,
    pub(crate) roots: Option<String>,
    pub(crate) clock: Option<&'a HeldClock>,
}

impl Said<'_> {
    /// The client's words for it.
    pub(crate) fn read(self) -> PyResult<RemoteConfig> {
        let usual = RemoteConfig::default();
        Ok(RemoteConfig {
            connect_within: seconds("connect_within", self.connect_within, usual.connect_within)?,
            answer_within: seconds("answer_within", self.answer_within, usual.answer_within)?,
            remembered_for: seconds("remembered_for", self.remembered_for, usual.remembered_for)?,
            remembered_max: self.remembered_max.unwrap_or(usual.remembered_max),
            roots: self.roots.map_or(usual.roots, Roots::Pem),
            clock: clock(self.clock),
        })
    }
}

/// So many seconds, or as usual.
pub(crate) fn seconds(name: &str, seconds: Option<f64>, usual: Duration) -> PyResult<Duration> {
    let read = |seconds| Duration::try_from_secs_f64(seconds);
    let refused = |_| PyValueError::new_err(format!("{name}: expected seconds, at least 0"));
    seconds.map_or(Ok(usual), |seconds| read(seconds).map_err(refused))
}
