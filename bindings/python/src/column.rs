//! A column of subjects, whoever made it, gone through some rows at a time.

use crate::bits::Bits;
use crate::rows::{Arrow, ColumnError, Piece, Rows};
use crate::subject::{self, UUID_BYTES};
use arrow_array::{Array, ArrayRef};
use consentry_client::bulk::List;
use consentry_core::Subject;
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PySlice, PyTuple};
use pyo3_arrow::input::AnyArray;
use std::collections::VecDeque;
use std::sync::Arc;

/// How many of Python's objects are read before they are asked about: each takes 40 bytes then.
const OBJECTS_AT_ONCE_MAX: usize = 1 << 20;

/// A column, and how far it has been read.
enum Column<'py> {
    /// Bytes that lie where nobody writes to them.
    Bytes { bytes: Arc<PyBackedBytes>, read: usize },
    /// Bytes that lie somewhere, as something that can be sliced: so many of its items are a row.
    Buffer { view: Bound<'py, PyAny>, items_a_row: usize, rows: usize, read: usize },
    /// What is left of Arrow's arrays.
    Arrow(Python<'py>, VecDeque<ArrayRef>),
    /// Python's objects.
    Objects { objects: Bound<'py, PyTuple>, read: usize },
}

/// A bit for each row of the column: whether `ask` allows it, which is asked about so many at a time (a multiple of eight). Nobody is allowed
/// in a row that is null. While it is asked, other threads run.
pub(crate) fn allowed(
    column: &Bound<'_, PyAny>,
    rows_at_once: usize,
    ask: impl Fn(&Rows) -> Result<Vec<u8>, ColumnError> + Sync,
) -> PyResult<Bits> {
    let py = column.py();
    let mut column = Column::of(column)?;
    let mut bits = Bits::default();
    while let Some(rows) = column.next(rows_at_once)? {
        let answered = py.detach(|| {
            let allowed = ask(&rows)?;
            rows.check()?;
            Ok(allowed)
        });
        let allowed = answered.map_err(|error: ColumnError| error.raised(py, bits.rows()))?;
        bits.extend(&allowed, rows.len());
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
                let whose = view.getattr("obj")?;
                match whose.cast::<PyBytes>() {
                    // All of them, in their order: a part of `bytes` is seldom handed over as such.
                    Ok(bytes) if bytes.len()? == length && view.getattr("contiguous")?.is_truthy()? => {
                        Ok(Self::Bytes { bytes: Arc::new(bytes.clone().into()), read: 0 })
                    }
                    Ok(_) | Err(_) => {
                        Ok(Self::Buffer { view, items_a_row: UUID_BYTES, rows: length / UUID_BYTES, read: 0 })
                    }
                }
            }
            "arrow" => Ok(Self::Arrow(view.py(), arrays(view.extract()?)?)),
            "objects" => Ok(Self::Objects { objects: view.cast_into()?, read: 0 }),
            _ => Err(PyTypeError::new_err("this is no column of subjects")),
        }
    }

    /// The next rows, so many if there are, copied where somebody else might write to them; none at the end.
    fn next(&mut self, rows_at_once: usize) -> PyResult<Option<Rows>> {
        match self {
            Self::Bytes { bytes, read } => {
                let from = *read;
                *read = (from + rows_at_once * UUID_BYTES).min(bytes.len());
                let held = || Piece::Held(Arc::clone(bytes), from..*read);
                Ok((from < *read).then(|| held().into()))
            }
            Self::Buffer { view, items_a_row, rows, read } => {
                let from = *read;
                *read = (from + rows_at_once).min(*rows);
                if from == *read {
                    return Ok(None);
                }
                let slice = PySlice::new(view.py(), place(from * *items_a_row)?, place(*read * *items_a_row)?, 1);
                let part = view.get_item(slice)?;
                let bytes = PyBuffer::<u8>::get(&part)?.to_vec(view.py())?;
                Ok(Some(Piece::Copied(bytes).into()))
            }
            Self::Arrow(py, arrays) => {
                let mut next = Rows::default();
                while next.len() < rows_at_once {
                    let Some(array) = arrays.pop_front() else { break };
                    let rows = array.len().min(rows_at_once - next.len());
                    if rows < array.len() {
                        arrays.push_front(array.slice(rows, array.len() - rows));
                    }
                    next.add(Piece::Arrow(Arrow::of(&array.slice(0, rows)).map_err(|error| error.raised(*py, 0))?));
                }
                Ok((!next.is_empty()).then_some(next))
            }
            Self::Objects { objects, read } => {
                let part = objects.get_slice(*read, *read + rows_at_once.min(OBJECTS_AT_ONCE_MAX));
                if part.is_empty() {
                    return Ok(None);
                }
                let first = *read;
                *read += part.len();
                let each = part.iter().enumerate().map(|(row, object)| one(&object, first + row));
                Ok(Some(Piece::Read(each.collect::<PyResult<_>>()?).into()))
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
