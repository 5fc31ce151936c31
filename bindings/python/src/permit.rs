//! The permit: that somebody asked, and was told yes, as something that a function can demand.

use crate::decision::Decision;
use crate::errors;
use crate::question::Question;
use consentry_client::Clock;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};

/// Somebody has asked, and it may be done. `Remote` and `Replica` alone make one: it can be neither constructed, subclassed, copied nor pickled.
#[pyclass(frozen, generic, module = "consentry")]
pub(crate) struct Permit {
    permit: consentry_client::Permit,
    /// The class that says what for; none where only the question said it.
    intent: Option<Py<PyType>>,
    clock: Clock,
}

impl Permit {
    /// What the client has handed out, by its clock.
    pub(crate) const fn new(permit: consentry_client::Permit, intent: Option<Py<PyType>>, clock: Clock) -> Self {
        Self { permit, intent, clock }
    }
}

#[pymethods]
impl Permit {
    /// Whose data it is about.
    #[getter]
    fn subject(&self) -> String {
        self.permit.subject().to_string()
    }

    /// What for.
    #[getter]
    fn purpose(&self) -> &str {
        self.permit.purpose().as_str()
    }

    /// By whom; none is the site itself.
    #[getter]
    fn processor(&self) -> Option<&str> {
        self.permit.processor().map(|processor| processor.as_str())
    }

    /// With which data; none is all that the purpose uses.
    #[getter]
    fn data(&self) -> Option<&str> {
        self.permit.data().map(|data| data.as_str())
    }

    /// The class that says what for; none where only the question said it.
    #[getter]
    fn intent(&self, py: Python<'_>) -> Option<Py<PyType>> {
        self.intent.as_ref().map(|intent| intent.clone_ref(py))
    }

    /// What was answered.
    #[getter]
    fn decision(&self) -> Decision {
        Decision(self.permit.decision().clone())
    }

    /// What whoever acts on it must do, as docs/wire.md has it.
    #[getter]
    fn obligations<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.decision().obligations(py)
    }

    /// What must go along with the request to the processor, by name and value.
    #[getter]
    fn request_flags<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let flags = PyDict::new(py);
        for (name, value) in self.permit.request_flags() {
            flags.set_item(name, value)?;
        }
        Ok(flags)
    }

    /// From when on it permits nothing more, in milliseconds since the Unix epoch.
    #[getter]
    fn expires_ms(&self) -> u64 {
        self.permit.expires().as_ms()
    }

    /// That it still permits, for whoever does something that takes long.
    fn check<'py>(this: Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        let Self { permit, clock, .. } = this.get();
        match permit.check(clock.now()) {
            Ok(_) => Ok(this),
            Err(error) => Err(errors::expired(this.py(), &error)),
        }
    }

    /// That it still permits, and that it is for this: a function that demands a permit begins with it.
    fn demand<'py>(this: Bound<'py, Self>, intent: &Bound<'py, PyType>) -> PyResult<Bound<'py, Self>> {
        if this.get().intent.as_ref().is_some_and(|own| own.is(intent)) {
            Self::check(this)
        } else {
            Err(errors::other_intent(this.py()))
        }
    }

    fn __reduce_ex__(&self, _protocol: &Bound<'_, PyAny>) -> PyResult<()> {
        Err(PyTypeError::new_err("a permit can be neither copied nor kept for later: whoever acts later asks again"))
    }

    fn __repr__(&self) -> String {
        // Without whom it is about: it may end in a log.
        let of = |name: &str, value: Option<&str>| value.map_or_else(String::new, |value| format!(", {name} {value}"));
        let (processor, data) = (of("processor", self.processor()), of("data", self.data()));
        format!("<Permit: {}{processor}{data}, expires {} ms>", self.purpose(), self.expires_ms())
    }
}

/// The question that a class says by its attributes, in circumstances beside it.
pub(crate) fn intended(
    py: Python<'_>,
    intent: &Bound<'_, PyType>,
    circumstances: Option<&Bound<'_, PyDict>>,
) -> PyResult<Py<Question>> {
    let fields = circumstances.map_or_else(|| Ok(PyDict::new(py)), |known| known.copy())?;
    for name in ["processor", "data", "activity"] {
        if fields.contains(name)? {
            return Err(PyTypeError::new_err(format!("`{name}` is what the intent says, and no circumstance")));
        }
        fields.set_item(name, intent.getattr(name)?)?;
    }
    let question = py.get_type::<Question>().call((intent.getattr("purpose")?,), Some(&fields))?;
    Ok(question.cast_into::<Question>()?.unbind())
}
