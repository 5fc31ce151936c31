//! What those that answer from afar and those that answer in process have in common.

use crate::decision::Decision;
use crate::errors;
use crate::permit::{Permit, intended};
use crate::process::Process;
use crate::question::Question;
use crate::subject;
use consentry_client::blocking::Blocking;
use consentry_client::{Ask, QuestionDoc};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyType};

/// Whoever is asked, in the process that can ask it.
pub(crate) struct Asks<A> {
    blocking: Blocking<A>,
    process: Process,
}

impl<A: Ask + Clone + 'static> Asks<A> {
    /// To be asked from this process.
    pub(crate) fn new(blocking: Blocking<A>) -> Self {
        Self { blocking, process: Process::current() }
    }

    /// Whoever is asked, if this is the process for it.
    pub(crate) fn here(&self, py: Python<'_>) -> PyResult<&Blocking<A>> {
        self.process.check(py)?;
        Ok(&self.blocking)
    }

    /// Asks one question.
    pub(crate) fn decide(&self, subject: &Bound<'_, PyAny>, question: &Question) -> PyResult<Decision> {
        let py = subject.py();
        let (asks, asked) = (self.here(py)?, question.about(subject::from_python(subject)?));
        let answer = py.detach(|| asks.decide(&asked));
        answer.map(Decision).map_err(|error| errors::ask(py, &error))
    }

    /// Asks any number of questions: each answer stands for itself.
    pub(crate) fn decide_all<'py>(&self, asked: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
        let py = asked.py();
        let asks = self.here(py)?;
        let mut questions: Vec<QuestionDoc> = Vec::new();
        for pair in asked.try_iter()? {
            let (subject, question): (Bound<'_, PyAny>, Bound<'_, Question>) = pair?.extract()?;
            questions.push(question.get().about(subject::from_python(&subject)?));
        }
        let answers = py.detach(|| asks.decide_all(&questions));
        let shown = PyList::empty(py);
        for answer in answers {
            match answer {
                Ok(decision) => shown.append(Decision(decision))?,
                Err(error) => shown.append(errors::ask_value(py, &error)?)?,
            }
        }
        Ok(shown)
    }

    /// Asks, and hands out a permit if the answer is yes.
    pub(crate) fn require(&self, subject: &Bound<'_, PyAny>, question: &Question) -> PyResult<Permit> {
        self.permit(subject, question, None)
    }

    /// Asks for what the class says.
    pub(crate) fn require_for(
        &self,
        intent: &Bound<'_, PyType>,
        subject: &Bound<'_, PyAny>,
        circumstances: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Permit> {
        let question = intended(subject.py(), intent, circumstances)?;
        self.permit(subject, question.get(), Some(intent.clone().unbind()))
    }

    fn permit(&self, subject: &Bound<'_, PyAny>, question: &Question, intent: Option<Py<PyType>>) -> PyResult<Permit> {
        let py = subject.py();
        let (asks, asked) = (self.here(py)?, question.about(subject::from_python(subject)?));
        let permit = py.detach(|| asks.require(asked)).map_err(|error| errors::require(py, &error))?;
        Ok(Permit::new(permit, intent, asks.clock().clone()))
    }
}
