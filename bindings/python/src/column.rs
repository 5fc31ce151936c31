//! A column of subjects, whoever made it, gone through some rows at a time.

use crate::bits::Bits;
use crate::rows::{ColumnError, ROWS_AT_ONCE_MAX, Rows};
use crate::subject::{self, UUID_BYTES};
use arrow_array::{Array, ArrayRef};
use consentry_client::AskError;
use consentry_core::Subject;
use consentry_core::packed::Allowed;
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PySlice, PyTuple};
use pyo3_arrow::input::AnyArray;
use std::collections::VecDeque;

/// A column, and how far it has been read.
enum Column<'py> {
    /// Bytes that lie somewhere, as something that can be sliced: so many of its items are a row.
    Buffer { view: Bound<'py, PyAny>, items_a_row: usize, rows: usize, read: usize },
    /// What is left of Arrow's arrays.
    Arrow(VecDeque<ArrayRef>),
    /// Python's objects.
    Objects { objects: Bound<'py, PyTuple>, read: usize },
}

/// A bit for each row of the column: whether `ask` allows it. Nobody is allowed in a row that is null. While it is asked, other threads run.
pub(crate) fn allowed(
    column: &Bound<'_, PyAny>,
    ask: impl Fn(&[Subject]) -> Result<Allowed, AskError> + Sync,
) -> PyResult<Bits> {
    let py = column.py();
    let mut column = Column::of(column)?;
    let mut bits = Bits::default();
    while let Some(rows) = column.next()? {
        let answered = py.detach(|| {
            let subjects = rows.subjects()?;
            let mut allowed = ask(&subjects.each).map_err(ColumnError::Ask)?;
            subjects.nulls.into_iter().for_each(|row| allowed.say(row, false));
            Ok((allowed, subjects.each.len()))
        });
        let (allowed, rows) = answered.map_err(|error: ColumnError| error.raised(py, bits.rows()))?;
        bits.extend(&allowed, rows);
        py.check_signals()?;
    }
    Ok(bits)
}

impl<'py> Column<'py> {
    /// What `consentry._columns` sees in it.
    fn of(column: &Bound<'py, PyAny>) -> PyResult<Self> {
        let seen = column.py().import("consentry._columns")?.call_method1("view", (column,))?;
        let (kind, view): (String, Bound<'py, PyAny>) = seen.extract()?;
        match &*kind {
            "rows" => Ok(Self::Buffer { rows: view.len()?, view, items_a_row: 1, read: 0 }),
            "bytes" => {
                let length = view.len()?;
                if !length.is_multiple_of(UUID_BYTES) {
                    return Err(PyValueError::new_err("expected 16 bytes for each subject, and nothing between them"));
                }
                Ok(Self::Buffer { view, items_a_row: UUID_BYTES, rows: length / UUID_BYTES, read: 0 })
            }
            "arrow" => Ok(Self::Arrow(arrays(view.extract()?)?)),
            "objects" => Ok(Self::Objects { objects: view.cast_into()?, read: 0 }),
            _ => Err(PyTypeError::new_err("this is no column of subjects")),
        }
    }

    /// The next rows, copied where somebody else might write to them; none at the end.
    fn next(&mut self) -> PyResult<Option<Rows>> {
        match self {
            Self::Buffer { view, items_a_row, rows, read } => {
                let from = *read;
                *read = (from + ROWS_AT_ONCE_MAX).min(*rows);
                if from == *read {
                    return Ok(None);
                }
                let slice = PySlice::new(view.py(), place(from * *items_a_row)?, place(*read * *items_a_row)?, 1);
                let part = view.get_item(slice)?;
                let mut bytes = vec![0; (*read - from) * UUID_BYTES];
                PyBuffer::<u8>::get(&part)?.copy_to_slice(view.py(), &mut bytes)?;
                Ok(Some(Rows::Bytes(bytes)))
            }
            Self::Arrow(arrays) => {
                let Some(array) = arrays.pop_front() else { return Ok(None) };
                let rows = array.len().min(ROWS_AT_ONCE_MAX);
                if rows < array.len() {
                    arrays.push_front(array.slice(rows, array.len() - rows));
                }
                Ok(Some(Rows::Arrow(array.slice(0, rows))))
            }
            Self::Objects { objects, read } => {
                let part = objects.get_slice(*read, *read + ROWS_AT_ONCE_MAX);
                if part.is_empty() {
                    return Ok(None);
                }
                let first = *read;
                *read += part.len();
                part.iter()
                    .enumerate()
                    .map(|(row, object)| one(&object, first + row))
                    .collect::<PyResult<_>>()
                    .map(Rows::Read)
                    .map(Some)
            }
        }
    }
}

/// All arrays of what came, which may be a stream of them.
fn arrays(column: AnyArray) -> PyResult<VecDeque<ArrayRef>> {
    let (chunks, _) = column.into_chunked_array()?.into_inner();
    Ok(chunks.into())
}

/// Whoever is meant by that object; none by `None`.
fn one(object: &Bound<'_, PyAny>, row: usize) -> PyResult<Option<Subject>> {
    if object.is_none() {
        return Ok(None);
    }
    match subject::read(object)? {
        Some(subject) => Ok(Some(subject)),
        None => Err(ColumnError::NoSubject(row).raised(object.py(), 0)),
    }
}

fn place(place: usize) -> PyResult<isize> {
    place.try_into().map_err(|_| PyValueError::new_err("the column is too long"))
}
