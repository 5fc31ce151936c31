//! Answers in this process, from a replica that follows the server.

use crate::asks::Asks;
use crate::clock::HeldClock;
use crate::config::{Said, seconds};
use crate::decision::Decision;
use crate::permit::Permit;
use crate::question::Question;
use crate::{column, errors, subject};
use consentry_client::blocking::{self, Blocking};
use consentry_client::{AskError, QuestionDoc, ReplicaConfig, Subject};
use consentry_core::packed::Allowed;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyType};
use std::path::PathBuf;
use std::time::Duration;

/// How long a wait for an entry may take, if nothing is said.
const HEARD_WITHIN: Duration = Duration::from_secs(60);
/// After so long it is seen whether somebody has pressed Ctrl-C.
const SIGNALS_AFTER: Duration = Duration::from_millis(200);

/// Answers in this process, from a replica of the site that follows the server's change feed.
#[pyclass(frozen, module = "consentry")]
pub(crate) struct Replica(Asks<consentry_client::Replica>);

/// A replica of what the server at `url` knows of people of `site`, with an API key of the scopes `ask` and `export`. Once this returns it has
/// heard all that the server had kept, and follows from then on.
#[expect(clippy::too_many_arguments, reason = "each has a name where it is written")]
#[pyfunction]
#[pyo3(signature = (url, site, key, *, stale_after=None, load_within=None, file=None, connect_within=None, answer_within=None,
    remembered_for=None, remembered_max=None, roots=None, clock=None))]
pub(crate) fn replica(
    py: Python<'_>,
    url: &str,
    site: &str,
    key: &str,
    stale_after: Option<f64>,
    load_within: Option<f64>,
    file: Option<PathBuf>,
    connect_within: Option<f64>,
    answer_within: Option<f64>,
    remembered_for: Option<f64>,
    remembered_max: Option<usize>,
    roots: Option<String>,
    clock: Option<&HeldClock>,
) -> PyResult<Replica> {
    let remote = Said { connect_within, answer_within, remembered_for, remembered_max, roots, clock }.read()?;
    let usual = ReplicaConfig::default();
    let stale_after = seconds("stale_after", stale_after, usual.stale_after)?;
    let load_within = seconds("load_within", load_within, usual.load_within)?;
    let config = ReplicaConfig { stale_after, load_within, file, remote };
    let made = py.detach(|| blocking::replica_with(url, site, key, config));
    made.map(|made| Replica(Asks::new(made))).map_err(|error| errors::replica(py, &error))
}

#[pymethods]
impl Replica {
    /// Asks one question.
    fn decide(&self, subject: &Bound<'_, PyAny>, question: &Question) -> PyResult<Decision> {
        self.0.decide(subject, question)
    }

    /// Answers at once, or not at all: what it can say without the server.
    fn decide_here(&self, subject: &Bound<'_, PyAny>, question: &Question) -> PyResult<Decision> {
        let py = subject.py();
        let (asks, asked) = (self.0.here(py)?, question.about(subject::from_python(subject)?));
        let answer = py.detach(|| asks.asks().decide_here(&asked));
        answer.map(Decision).map_err(|error| errors::ask(py, &error))
    }

    /// Asks any number of questions, as pairs of a subject and a question.
    fn decide_all<'py>(&self, asked: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
        self.0.decide_all(asked)
    }

    /// Asks, and hands out a permit if the answer is yes.
    fn require(&self, subject: &Bound<'_, PyAny>, question: &Question) -> PyResult<Permit> {
        self.0.require(subject, question)
    }

    /// Asks for what the class says, and hands out a permit for that alone.
    #[pyo3(signature = (intent, subject, **circumstances))]
    fn require_for(
        &self,
        intent: &Bound<'_, PyType>,
        subject: &Bound<'_, PyAny>,
        circumstances: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Permit> {
        self.0.require_for(intent, subject, circumstances)
    }

    /// For each row of a column whether it may be done.
    fn allowed<'py>(&self, subjects: &Bound<'py, PyAny>, question: &Question) -> PyResult<Bound<'py, PyAny>> {
        let py = subjects.py();
        let asks = self.0.here(py)?;
        let bits = column::allowed(subjects, |subjects| ask(asks, question.of_many(), subjects))?;
        py.import("consentry._columns")?.call_method1("answer", (subjects, bits))
    }

    /// Of a column, a list or an iterator those for whom it may be done, in their order.
    fn filter<'py>(
        this: &Bound<'py, Self>,
        subjects: &Bound<'py, PyAny>,
        question: &Bound<'py, Question>,
    ) -> PyResult<Bound<'py, PyAny>> {
        this.py().import("consentry._columns")?.call_method1("only", (this, subjects, question))
    }

    /// Waits until the entry with this number is taken into account, `within` so many seconds (60 if nothing is said).
    #[pyo3(signature = (entry, within=None))]
    fn heard(&self, py: Python<'_>, entry: u64, within: Option<f64>) -> PyResult<bool> {
        let asks = self.0.here(py)?;
        let mut left = seconds("within", within, HEARD_WITHIN)?;
        loop {
            let now = left.min(SIGNALS_AFTER);
            if py.detach(|| asks.heard(entry, now)).map_err(|error| errors::ask(py, &error))? {
                return Ok(true);
            }
            py.check_signals()?;
            left = left.saturating_sub(now);
            if left.is_zero() {
                return Ok(false);
            }
        }
    }

    /// How many entries of the site's ledger are taken into account: all before the one with this number.
    #[getter]
    fn entries(&self, py: Python<'_>) -> PyResult<u64> {
        let asks = self.0.here(py)?;
        Ok(py.detach(|| asks.asks().entries()))
    }

    /// How many seconds ago it had heard all that there was.
    #[getter]
    fn age(&self, py: Python<'_>) -> PyResult<f64> {
        Ok(self.0.here(py)?.asks().age().as_secs_f64())
    }

    /// The newest policy that it knows, by its hash.
    #[getter]
    fn policy(&self, py: Python<'_>) -> PyResult<String> {
        let asks = self.0.here(py)?;
        Ok(py.detach(|| asks.asks().policy()).to_string())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let asks = self.0.here(py)?;
        Ok(py.detach(|| format!("<{:?}>", asks.asks())))
    }
}

/// Answered here; about whomever it cannot tell, the server is asked.
fn ask(
    asks: &Blocking<consentry_client::Replica>,
    question: &QuestionDoc,
    subjects: &[Subject],
) -> Result<Allowed, AskError> {
    let mut allowed = asks.asks().allowed(question, subjects)?;
    if allowed.unanswered.is_empty() {
        return Ok(allowed);
    }
    let places: Vec<usize> = allowed.unanswered.iter().map(|(place, _)| *place).collect();
    let about =
        |place: &usize| subjects.get(*place).map(|subject| QuestionDoc { subject: *subject, ..question.clone() });
    let questions: Vec<QuestionDoc> = places.iter().filter_map(about).collect();
    let mut answers = asks.decide_all(&questions).into_iter();
    // All at once: to say it of one after the other would go through the others each time.
    allowed.unanswered.clear();
    for place in places {
        allowed.say(place, answers.next().unwrap_or(Err(AskError::Ended))?.allows());
    }
    Ok(allowed)
}
