//! A bit for each row of a column, as whoever made the column likes to read it.

use arrow_array::BooleanArray;
use arrow_buffer::{BooleanBuffer, Buffer};
use arrow_schema::{DataType, Field};
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyCapsule, PyTuple};
use pyo3_arrow::error::PyArrowResult;
use pyo3_arrow::ffi::to_array_pycapsules;
use std::sync::Arc;

/// A bit for each row, the lowest of each byte first, as Arrow has them.
#[pyclass(module = "consentry._consentry")]
#[derive(Default)]
pub(crate) struct Bits {
    bytes: Vec<u8>,
    rows: usize,
}

impl Bits {
    /// How many there are.
    pub(crate) const fn rows(&self) -> usize {
        self.rows
    }

    /// The next so many rows. All but the last are multiples of eight.
    pub(crate) fn extend(&mut self, bits: &[u8], rows: usize) {
        self.bytes.extend_from_slice(bits);
        self.rows += rows;
    }

    fn each(&self) -> impl Iterator<Item = bool> {
        let bits = self.bytes.iter().flat_map(|byte| (0..8).map(move |place| byte >> place & 1 != 0));
        bits.take(self.rows)
    }
}

#[pymethods]
impl Bits {
    fn __len__(&self) -> usize {
        self.rows
    }

    /// What ends an iteration is an `IndexError`.
    fn __getitem__(&self, place: usize) -> PyResult<bool> {
        let byte = self.bytes.get(place / 8).filter(|_| place < self.rows);
        let byte = byte.ok_or_else(|| PyIndexError::new_err("there are fewer rows"))?;
        Ok(byte >> (place % 8) & 1 != 0)
    }

    /// A truth for each row.
    fn to_list(&self) -> Vec<bool> {
        self.each().collect()
    }

    /// A byte for each row, 0 or 1: what NumPy's booleans are made of.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyByteArray>> {
        PyByteArray::new_with(py, self.rows, |rows| {
            for (rows, byte) in rows.chunks_mut(8).zip(&self.bytes) {
                rows.iter_mut().zip(0..).for_each(|(row, place)| *row = byte >> place & 1);
            }
            Ok(())
        })
    }

    /// Arrow's PyCapsule interface: a column of booleans without nulls.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyArrowResult<Bound<'py, PyTuple>> {
        let bits = BooleanBuffer::new(Buffer::from(self.bytes.clone()), 0, self.rows);
        let field = Arc::new(Field::new("", DataType::Boolean, false));
        to_array_pycapsules(py, field, &BooleanArray::new(bits, None), requested_schema)
    }
}
