//! Answers in this process, from a replica that follows the server.

use crate::asks::Asks;
use crate::clock::HeldClock;
use crate::config::{Said, seconds};
use crate::decision::Decision;
use crate::permit::Permit;
use crate::question::Question;
use crate::rows::{ColumnError, Rows};
use crate::{column, errors, subject};
use consentry_client::blocking::{self, Blocking};
use consentry_client::bulk::{Filter, List};
use consentry_client::{AskError, QuestionDoc, ReplicaConfig};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyType};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How long a wait for an entry may take, if nothing is said.
const HEARD_WITHIN: Duration = Duration::from_secs(60);
/// How many rows are asked about together: the more there are, the oftener two of them need the same line of memory. It takes 24 bytes for each,
/// and 16 more where they have to be copied.
const ROWS_AT_ONCE_MAX: usize = 1 << 24;
/// How many of them the server is asked about together, where it has to be.
const SERVER_ROWS_MAX: usize = 1 << 16;
/// After so long it is seen whether somebody has pressed Ctrl-C.
const SIGNALS_AFTER: Duration = Duration::from_millis(200);

/// Answers in this process, from a replica of the site that follows the server's change feed.
#[pyclass(frozen, module = "consentry")]
pub(crate) struct Replica {
    asks: Asks<consentry_client::Replica>,
    /// What the last column was asked with: the next one is likely to be asked the same, and memory that is new costs a fifth of its time.
    last: Mutex<Option<Filter<QuestionDoc>>>,
}

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
    made.map(|made| Replica { asks: Asks::new(made), last: Mutex::new(None) })
        .map_err(|error| errors::replica(py, &error))
}

#[pymethods]
impl Replica {
    /// Asks one question.
    fn decide(&self, subject: &Bound<'_, PyAny>, question: &Question) -> PyResult<Decision> {
        self.asks.decide(subject, question)
    }

    /// Answers at once, or not at all: what it can say without the server.
    fn decide_here(&self, subject: &Bound<'_, PyAny>, question: &Question) -> PyResult<Decision> {
        let py = subject.py();
        let (asks, asked) = (self.asks.here(py)?, question.about(subject::from_python(subject)?));
        let answer = py.detach(|| asks.asks().decide_here(&asked));
        answer.map(Decision).map_err(|error| errors::ask(py, &error))
    }

    /// Asks any number of questions, as pairs of a subject and a question.
    fn decide_all<'py>(&self, asked: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
        self.asks.decide_all(asked)
    }

    /// Asks, and hands out a permit if the answer is yes.
    fn require(&self, subject: &Bound<'_, PyAny>, question: &Question) -> PyResult<Permit> {
        self.asks.require(subject, question)
    }

    /// Asks for what the class says, and hands out a permit for that alone.
    #[pyo3(signature = (intent, subject, **circumstances))]
    fn require_for(
        &self,
        intent: &Bound<'_, PyType>,
        subject: &Bound<'_, PyAny>,
        circumstances: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Permit> {
        self.asks.require_for(intent, subject, circumstances)
    }

    /// For each row of a column whether it may be done.
    fn allowed<'py>(&self, subjects: &Bound<'py, PyAny>, question: &Question) -> PyResult<Bound<'py, PyAny>> {
        let py = subjects.py();
        let asks = self.asks.here(py)?;
        let bits = column::allowed(subjects, ROWS_AT_ONCE_MAX, |rows| self.ask(asks, question.of_many(), rows))?;
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
        let asks = self.asks.here(py)?;
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
        let asks = self.asks.here(py)?;
        Ok(py.detach(|| asks.asks().entries()))
    }

    /// How many seconds ago it had heard all that there was.
    #[getter]
    fn age(&self, py: Python<'_>) -> PyResult<f64> {
        Ok(self.asks.here(py)?.asks().age().as_secs_f64())
    }

    /// The newest policy that it knows, by its hash.
    #[getter]
    fn policy(&self, py: Python<'_>) -> PyResult<String> {
        let asks = self.asks.here(py)?;
        Ok(py.detach(|| asks.asks().policy()).to_string())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let asks = self.asks.here(py)?;
        Ok(py.detach(|| format!("<{:?}>", asks.asks())))
    }
}

impl Replica {
    /// Answered here, by as many threads as there are cores; about whomever it cannot tell, the server is asked.
    fn ask(
        &self,
        asks: &Blocking<consentry_client::Replica>,
        question: &QuestionDoc,
        rows: &Rows,
    ) -> Result<Vec<u8>, ColumnError> {
        // Whoever asks at the same time makes one of their own.
        let last = self.last().take().filter(|filter| filter.question() == Some(question));
        let mut filter = match last {
            Some(filter) => filter,
            None => asks.asks().filter(question, thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))?,
        };
        let filtered = filter.filter(asks.asks(), rows);
        *self.last() = Some(filter);
        let mut filtered = filtered?;
        for unanswered in filtered.unanswered.chunks(SERVER_ROWS_MAX) {
            let about = |place: usize| Some(QuestionDoc { subject: rows.subject(place)?, ..question.clone() });
            let questions: Vec<QuestionDoc> = unanswered.iter().filter_map(|(place, _)| about(*place)).collect();
            let mut answers = asks.decide_all(&questions).into_iter();
            for (place, _) in unanswered {
                let is_allowed = answers.next().unwrap_or(Err(AskError::Ended))?.allows();
                if let Some(byte) = filtered.bits.get_mut(place / 8) {
                    *byte |= u8::from(is_allowed) << (place % 8);
                }
            }
        }
        Ok(filtered.bits)
    }

    fn last(&self) -> MutexGuard<'_, Option<Filter<QuestionDoc>>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
