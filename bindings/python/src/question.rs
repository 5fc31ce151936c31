//! What is asked, of whomever: the question and its circumstances, read once.

use consentry_client::{GuardianDoc, QuestionDoc, Time};
use consentry_core::{AccountId, HASH_BYTES, Subject};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::str::FromStr;

/// Whom a question is about until it is asked.
const NOBODY: Subject = Subject::Account(AccountId::from_bytes([0; HASH_BYTES]));

/// A question without its subject, in its circumstances. What is left out is not known, and what is not known takes the strictest reading.
#[pyclass(frozen, eq, hash, module = "consentry")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Question(QuestionDoc);

impl Question {
    /// About this subject.
    pub(crate) fn about(&self, subject: Subject) -> QuestionDoc {
        QuestionDoc { subject, ..self.0.clone() }
    }

    /// About nobody in particular: for lists.
    pub(crate) const fn of_many(&self) -> &QuestionDoc {
        &self.0
    }
}

#[pymethods]
impl Question {
    #[expect(clippy::too_many_arguments, reason = "each has a name where it is written")]
    #[new]
    #[pyo3(signature = (purpose, *, processor=None, data=None, activity=None, device=None, form=None, mode=None, jurisdiction=None, age=None,
        guardian=None, plan=None, signal=None, as_of_ms=None, happened_by_ms=None))]
    fn new(
        purpose: &str,
        processor: Option<&str>,
        data: Option<&str>,
        activity: Option<&str>,
        device: Option<&Bound<'_, PyAny>>,
        form: Option<&str>,
        mode: Option<&str>,
        jurisdiction: Option<&str>,
        age: Option<&str>,
        guardian: Option<(u64, u64)>,
        plan: Option<&str>,
        signal: Option<&str>,
        as_of_ms: Option<u64>,
        happened_by_ms: Option<u64>,
    ) -> PyResult<Self> {
        let device = match device.map(crate::subject::from_python).transpose()? {
            None => None,
            Some(Subject::Device(device)) => Some(device),
            Some(Subject::Account(_)) => {
                return Err(PyValueError::new_err("device: expected a device, not an account"));
            }
        };
        Ok(Self(QuestionDoc {
            processor: word("processor", processor)?,
            data: word("data", data)?,
            // What is assumed if nothing is said, so that a question has one spelling.
            activity: word("activity", activity)?.filter(|activity| *activity != consentry_client::Activity::Process),
            device,
            form: word("form", form)?,
            mode: word("mode", mode)?,
            jurisdiction: word("jurisdiction", jurisdiction)?,
            age: word("age", age)?,
            guardian: guardian
                .map(|(from, until)| GuardianDoc { from_ms: Time::from_ms(from), until_ms: Time::from_ms(until) }),
            plan: word("plan", plan)?,
            signal: word("signal", signal)?,
            as_of_ms: as_of_ms.map(Time::from_ms),
            happened_by_ms: happened_by_ms.map(Time::from_ms),
            ..QuestionDoc::new(NOBODY, name("purpose", purpose)?)
        }))
    }

    /// What for.
    #[getter]
    fn purpose(&self) -> &str {
        self.0.purpose.as_str()
    }

    /// By whom; none is the site itself.
    #[getter]
    fn processor(&self) -> Option<&str> {
        self.0.processor.as_ref().map(|processor| processor.as_str())
    }

    /// With which data; none is all that the purpose uses.
    #[getter]
    fn data(&self) -> Option<&str> {
        self.0.data.as_ref().map(|data| data.as_str())
    }

    /// What is done with it.
    #[getter]
    fn activity(&self) -> &'static str {
        self.0.question().activity.as_str()
    }

    fn __repr__(&self) -> String {
        let of =
            |name: &str, value: Option<&str>| value.map_or_else(String::new, |value| format!(", {name}='{value}'"));
        let (processor, data) = (of("processor", self.processor()), of("data", self.data()));
        // Without its circumstances, which are somebody's.
        format!("Question('{}'{processor}{data}{})", self.purpose(), of("activity", Some(self.activity())))
    }
}

fn word<T: FromStr<Err: ToString>>(field: &str, text: Option<&str>) -> PyResult<Option<T>> {
    text.map(|text| name(field, text)).transpose()
}

fn name<T: FromStr<Err: ToString>>(field: &str, text: &str) -> PyResult<T> {
    text.parse().map_err(|error: T::Err| PyValueError::new_err(format!("{field}: {}", error.to_string())))
}
