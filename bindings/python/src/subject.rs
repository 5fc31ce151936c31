//! Whose data it is, as Python may write it.

use consentry_core::{DeviceId, Subject};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use uuid::Uuid;

/// Length of a device's UUID, in bytes.
pub(crate) const UUID_BYTES: usize = 16;

/// What a subject looks like. Errors say this and not what stood there, which may be somebody's name.
pub(crate) const EXPECTED: &str = "expected `device:` and a version 4 UUID in lower case with hyphens (or that UUID alone), or `account:` and 64 hexadecimal digits";

/// A subject as text: `device:…`, `account:…`, or a device's UUID alone, as databases have it.
pub(crate) fn from_text(text: &str) -> Option<Subject> {
    text.parse().ok().or_else(|| text.parse::<DeviceId>().ok().map(Into::into))
}

/// A device by the bytes of its UUID.
pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Subject> {
    DeviceId::from_bytes(bytes.try_into().ok()?).map(Into::into)
}

/// A subject as text, as `uuid.UUID`, or as 16 bytes.
pub(crate) fn from_python(subject: &Bound<'_, PyAny>) -> PyResult<Subject> {
    read(subject)?.ok_or_else(|| PyValueError::new_err(EXPECTED))
}

/// The same; none where the type is right and no subject stands there.
pub(crate) fn read(subject: &Bound<'_, PyAny>) -> PyResult<Option<Subject>> {
    if let Ok(text) = subject.cast::<PyString>() {
        return Ok(from_text(text.to_cow()?.as_ref()));
    }
    if let Ok(bytes) = subject.cast::<PyBytes>() {
        return Ok(from_bytes(bytes.as_bytes()));
    }
    match subject.extract::<Uuid>() {
        Ok(uuid) => Ok(from_bytes(uuid.as_bytes())),
        Err(_) => Err(PyTypeError::new_err("a subject is a `str`, a `uuid.UUID` or 16 `bytes`")),
    }
}
