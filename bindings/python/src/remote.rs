//! Asks a server over HTTP.

use crate::asks::Asks;
use crate::clock::HeldClock;
use crate::config::Said;
use crate::decision::Decision;
use crate::permit::Permit;
use crate::question::Question;
use crate::rows::{ColumnError, Rows};
use crate::{column, errors, subject};
use consentry_client::blocking::{self, Blocking};
use consentry_client::bulk::List;
use consentry_client::{AsOf, AskError, Circumstances, Language, QuestionDoc};
use consentry_core::Guardian;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyType};

/// How many rows are read before they are sent.
const ROWS_AT_ONCE_MAX: usize = 1 << 16;

/// Asks a server over HTTP, and remembers for a moment what it said.
#[pyclass(frozen, module = "consentry")]
pub(crate) struct Remote(Asks<consentry_client::Remote>);

/// Asks the server at `url` about people of `site`, with an API key of the scope `ask`. Nothing is sent yet.
#[expect(clippy::too_many_arguments, reason = "each has a name where it is written")]
#[pyfunction]
#[pyo3(signature = (url, site, key, *, connect_within=None, answer_within=None, remembered_for=None, remembered_max=None, roots=None, clock=None))]
pub(crate) fn remote(
    py: Python<'_>,
    url: &str,
    site: &str,
    key: &str,
    connect_within: Option<f64>,
    answer_within: Option<f64>,
    remembered_for: Option<f64>,
    remembered_max: Option<usize>,
    roots: Option<String>,
    clock: Option<&HeldClock>,
) -> PyResult<Remote> {
    let config = Said { connect_within, answer_within, remembered_for, remembered_max, roots, clock }.read()?;
    let made = blocking::remote_with(url, site, key, config).map_err(|error| errors::set_up(py, &error))?;
    Ok(Remote(Asks::new(made)))
}

#[pymethods]
impl Remote {
    /// Asks one question.
    fn decide(&self, subject: &Bound<'_, PyAny>, question: &Question) -> PyResult<Decision> {
        self.0.decide(subject, question)
    }

    /// Asks any number of them, as pairs of a subject and a question.
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
        let bits = column::allowed(subjects, ROWS_AT_ONCE_MAX, |rows| ask(asks, question.of_many(), rows))?;
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

    /// Asks, and for words that say why, in the policy's language that suits best.
    fn explain<'py>(
        &self,
        subject: &Bound<'py, PyAny>,
        question: &Question,
        language: &str,
    ) -> PyResult<(Decision, Option<Bound<'py, PyAny>>)> {
        let py = subject.py();
        let language: Language =
            language.parse().map_err(|error: consentry_core::IdError| PyValueError::new_err(error.to_string()))?;
        let (asks, asked) = (self.0.here(py)?, question.about(subject::from_python(subject)?));
        let explained = py.detach(|| asks.explain(&asked, language)).map_err(|error| errors::ask(py, &error))?;
        let words = |said: consentry_client::Explanation| {
            errors::words(py)?.getattr("Explanation")?.call1((said.sentence, said.language.as_str(), said.line))
        };
        Ok((Decision(explained.decision), explained.explanation.map(words).transpose()?))
    }

    /// Under which names accounts are asked about, by their ids as the site has them, in the same order.
    fn accounts(&self, py: Python<'_>, ids: Vec<String>) -> PyResult<Vec<String>> {
        let asks = self.0.here(py)?;
        let accounts = py.detach(|| asks.accounts(&ids)).map_err(|error| errors::ask(py, &error))?;
        Ok(accounts.iter().map(ToString::to_string).collect())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<{:?}>", self.0.here(py)?.asks()))
    }
}

/// The server answers with those who are allowed, in the order of the list; here they become bits. Of somebody who is on the list more
/// than once, it does not matter which of the rows is meant: what was said of them was said in one answer.
fn ask(asks: &Blocking<consentry_client::Remote>, question: &QuestionDoc, rows: &Rows) -> Result<Vec<u8>, ColumnError> {
    let (subjects, mut bits) = (rows.subjects()?, vec![0_u8; rows.len().div_ceil(8)]);
    let mut allow = |row: usize| {
        if let Some(byte) = bits.get_mut(row / 8) {
            *byte |= 1 << (row % 8);
        }
    };
    let Some(circumstances) = circumstances(question) else {
        let about = |(_, subject): &(_, _)| QuestionDoc { subject: *subject, ..question.clone() };
        let questions: Vec<QuestionDoc> = subjects.iter().map(about).collect();
        for ((row, _), answer) in subjects.iter().zip(asks.decide_all(&questions)) {
            if answer?.allows() {
                allow(*row);
            }
        }
        return Ok(bits);
    };
    let mut left = subjects.iter();
    for subject in asks.filter(question.question(), circumstances, subjects.iter().map(|(_, subject)| *subject))? {
        let subject = subject?;
        let found = left.by_ref().find(|(_, asked)| *asked == subject);
        let (row, _) = found.ok_or(AskError::Miscounted { asked: subjects.len(), answered: subjects.len() + 1 })?;
        allow(*row);
    }
    Ok(bits)
}

/// What is the same for all of a list; none where both times are said, which a list has no words for.
fn circumstances(question: &QuestionDoc) -> Option<Circumstances> {
    let as_of = match (question.as_of_ms, question.happened_by_ms) {
        (None, None) => None,
        (Some(time), None) => Some(AsOf::Recorded(time)),
        (None, Some(time)) => Some(AsOf::Happened(time)),
        (Some(_), Some(_)) => return None,
    };
    Some(Circumstances {
        as_of,
        device: question.device,
        form: question.form,
        mode: question.mode.clone(),
        jurisdiction: question.jurisdiction.clone(),
        age: question.age,
        guardian: question.guardian.map(|guardian| Guardian { from: guardian.from_ms, until: guardian.until_ms }),
        plan: question.plan.clone(),
        signal: question.signal,
    })
}
