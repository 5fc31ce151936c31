//! Some rows of a column, and the subjects in them. What is read here needs no interpreter.

use crate::subject::{self, EXPECTED, UUID_BYTES};
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use consentry_client::AskError;
use consentry_core::{DeviceId, Subject};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

/// How many rows are read and asked about together: a megabyte of UUIDs. What is read of a column beside itself is no more than this.
pub(crate) const ROWS_AT_ONCE_MAX: usize = 65_536;

/// A version 4 UUID that nobody has: its bits are all zero.
const NOBODY: [u8; UUID_BYTES] = [0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 0];

/// Rows as they lie.
pub(crate) enum Rows {
    /// 16 bytes each.
    Bytes(Vec<u8>),
    /// Part of an array of Arrow's.
    Arrow(ArrayRef),
    /// Python's, read by Python.
    Read(Vec<Option<Subject>>),
}

/// The subjects of some rows, one for each.
pub(crate) struct Subjects {
    pub(crate) each: Vec<Subject>,
    /// The rows without one: nobody stands in their place, who is not allowed.
    pub(crate) nulls: Vec<usize>,
}

/// Why there is no answer for a column.
pub(crate) enum ColumnError {
    /// There is no subject in this row.
    NoSubject(usize),
    /// These are no columns of subjects.
    Type(DataType),
    /// It was asked in vain.
    Ask(AskError),
}

impl ColumnError {
    /// As Python has it; `first` is the row of the column that the rows began with.
    pub(crate) fn raised(self, py: Python<'_>, first: usize) -> PyErr {
        match self {
            Self::NoSubject(row) => PyValueError::new_err(format!("row {}: {EXPECTED}", first + row)),
            Self::Type(found) => PyTypeError::new_err(format!(
                "expected a column of fixed_size_binary(16), binary or string, found {found}: cast it first"
            )),
            Self::Ask(error) => crate::errors::ask(py, &error),
        }
    }
}

impl Rows {
    /// Whoever stands in them.
    pub(crate) fn subjects(self) -> Result<Subjects, ColumnError> {
        match self {
            Self::Bytes(bytes) => subjects(bytes.chunks(UUID_BYTES).map(Some), subject::from_bytes),
            Self::Arrow(array) => of_arrow(&array),
            Self::Read(each) => subjects(each.into_iter(), Some),
        }
    }
}

fn of_arrow(array: &ArrayRef) -> Result<Subjects, ColumnError> {
    let type_of = || ColumnError::Type(array.data_type().clone());
    match array.data_type() {
        // Every width but that of a UUID is of something else.
        DataType::FixedSizeBinary(16) => {
            let array = array.as_fixed_size_binary_opt().ok_or_else(type_of)?;
            subjects(array.iter(), subject::from_bytes)
        }
        DataType::Binary => subjects(array.as_binary_opt::<i32>().ok_or_else(type_of)?.iter(), subject::from_bytes),
        DataType::LargeBinary => {
            subjects(array.as_binary_opt::<i64>().ok_or_else(type_of)?.iter(), subject::from_bytes)
        }
        DataType::BinaryView => subjects(array.as_binary_view_opt().ok_or_else(type_of)?.iter(), subject::from_bytes),
        DataType::Utf8 => subjects(array.as_string_opt::<i32>().ok_or_else(type_of)?.iter(), subject::from_text),
        DataType::LargeUtf8 => subjects(array.as_string_opt::<i64>().ok_or_else(type_of)?.iter(), subject::from_text),
        DataType::Utf8View => subjects(array.as_string_view_opt().ok_or_else(type_of)?.iter(), subject::from_text),
        DataType::Null => subjects((0..array.len()).map(|_| None), Some),
        _ => Err(type_of()),
    }
}

fn subjects<T>(
    rows: impl Iterator<Item = Option<T>>,
    read: impl Fn(T) -> Option<Subject>,
) -> Result<Subjects, ColumnError> {
    let (least, _) = rows.size_hint();
    let mut found = Subjects { each: Vec::with_capacity(least), nulls: Vec::new() };
    for (row, value) in rows.enumerate() {
        let subject = match value {
            Some(value) => read(value),
            None => {
                found.nulls.push(row);
                DeviceId::from_bytes(NOBODY).map(Into::into)
            }
        };
        found.each.push(subject.ok_or(ColumnError::NoSubject(row))?);
    }
    Ok(found)
}
