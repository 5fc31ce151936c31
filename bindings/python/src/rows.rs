//! Some rows of a column, and the subjects in them, read where they lie. What is read here needs no interpreter.

use crate::subject::{self, EXPECTED, UUID_BYTES};
use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, BinaryArray, BinaryViewArray, FixedSizeBinaryArray, LargeBinaryArray, LargeStringArray,
    StringArray, StringViewArray,
};
use arrow_schema::DataType;
use consentry_client::AskError;
use consentry_client::bulk::List;
use consentry_core::Subject;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Rows that are asked about together.
#[derive(Default)]
pub(crate) struct Rows {
    /// Each with the row that it begins with.
    pieces: Vec<(usize, Piece)>,
    rows: usize,
    /// The first row in which there is something that is no subject, of those that were read; if there is none, the largest number.
    wrong: Wrong,
}

struct Wrong(AtomicUsize);

impl Default for Wrong {
    fn default() -> Self {
        Self(AtomicUsize::new(usize::MAX))
    }
}

/// Rows that lie together.
pub(crate) enum Piece {
    /// 16 bytes each, of memory that somebody else might write to: a copy.
    Copied(Vec<u8>),
    /// 16 bytes each, of `bytes`, which nobody writes to: these of them.
    Held(Arc<PyBackedBytes>, Range<usize>),
    /// An array of Arrow's.
    Arrow(Arrow),
    /// Python's, read by Python.
    Read(Vec<Option<Subject>>),
}

/// The arrays of Arrow's that have subjects in them.
pub(crate) enum Arrow {
    Uuids(FixedSizeBinaryArray),
    Binary(BinaryArray),
    LargeBinary(LargeBinaryArray),
    BinaryView(BinaryViewArray),
    Text(StringArray),
    LargeText(LargeStringArray),
    TextView(StringViewArray),
    Null(usize),
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

impl From<AskError> for ColumnError {
    fn from(error: AskError) -> Self {
        Self::Ask(error)
    }
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

impl From<Piece> for Rows {
    fn from(piece: Piece) -> Self {
        let mut rows = Self::default();
        rows.add(piece);
        rows
    }
}

impl Rows {
    /// With these at the end.
    pub(crate) fn add(&mut self, piece: Piece) {
        let rows = piece.rows();
        self.pieces.push((self.rows, piece));
        self.rows += rows;
    }

    /// That there was nothing else than subjects and nulls in them, of those that were read.
    pub(crate) fn check(&self) -> Result<(), ColumnError> {
        match self.wrong.0.load(Ordering::Relaxed) {
            usize::MAX => Ok(()),
            row => Err(ColumnError::NoSubject(row)),
        }
    }

    /// The subjects in them, each with its row. In rows that are null there is none.
    pub(crate) fn subjects(&self) -> Result<Vec<(usize, Subject)>, ColumnError> {
        let (mut subjects, mut row) = (Vec::with_capacity(self.rows), 0);
        self.each(0..self.rows, |subject| {
            subjects.extend(subject.map(|subject| (row, subject)));
            row += 1;
        });
        self.check()?;
        Ok(subjects)
    }

    /// Who stands there, if what stands there is somebody.
    #[inline(always)]
    fn somebody(&self, row: usize, found: Row) -> Option<Subject> {
        match found {
            Row::Subject(subject) => Some(subject),
            Row::Null => None,
            Row::Wrong => {
                self.wrong.0.fetch_min(row, Ordering::Relaxed);
                None
            }
        }
    }
}

impl List for Rows {
    fn len(&self) -> usize {
        self.rows
    }

    fn subject(&self, place: usize) -> Option<Subject> {
        let number = self.pieces.partition_point(|(first, _)| *first <= place).checked_sub(1)?;
        let (first, piece) = self.pieces.get(number)?;
        self.somebody(place, piece.row(place - first))
    }

    fn each(&self, places: Range<usize>, mut hand_over: impl FnMut(Option<Subject>)) {
        for (first, piece) in &self.pieces {
            let from = places.start.saturating_sub(*first);
            let until = places.end.saturating_sub(*first).min(piece.rows());
            if from >= until {
                continue;
            }
            let uuids = piece.uuids().map(|bytes| bytes.as_chunks::<UUID_BYTES>().0);
            for row in from..until {
                // Handed over in one place alone, so that what becomes of it is compiled into this loop.
                let subject = match uuids.and_then(|uuids| uuids.get(row)) {
                    Some(uuid) => subject::from_bytes(uuid).or_else(|| self.somebody(first + row, Row::Wrong)),
                    None => self.somebody(first + row, piece.row(row)),
                };
                hand_over(subject);
            }
        }
    }
}

/// What is in a row.
enum Row {
    Subject(Subject),
    Null,
    Wrong,
}

impl Row {
    #[inline(always)]
    fn of(subject: Option<Subject>) -> Self {
        subject.map_or(Self::Wrong, Self::Subject)
    }
}

impl Piece {
    fn rows(&self) -> usize {
        match self {
            Self::Copied(bytes) => bytes.len() / UUID_BYTES,
            Self::Held(_, bytes) => bytes.len() / UUID_BYTES,
            Self::Arrow(array) => array.rows(),
            Self::Read(each) => each.len(),
        }
    }

    /// The bytes of UUIDs that lie next to one another, none of them null.
    fn uuids(&self) -> Option<&[u8]> {
        match self {
            Self::Copied(bytes) => Some(bytes),
            Self::Held(bytes, within) => bytes.get(within.clone()),
            Self::Arrow(Arrow::Uuids(array)) if array.null_count() == 0 => Some(array.value_data()),
            Self::Arrow(_) | Self::Read(_) => None,
        }
    }

    fn row(&self, row: usize) -> Row {
        match self {
            Self::Copied(_) | Self::Held(..) => {
                let uuid = self.uuids().and_then(|bytes| bytes.as_chunks::<UUID_BYTES>().0.get(row));
                Row::of(uuid.and_then(|uuid| subject::from_bytes(uuid)))
            }
            Self::Arrow(array) => array.row(row),
            Self::Read(each) => each.get(row).copied().flatten().map_or(Row::Null, Row::Subject),
        }
    }
}

impl Arrow {
    /// The array as what it is, if it may have subjects in it.
    pub(crate) fn of(array: &ArrayRef) -> Result<Self, ColumnError> {
        let found = match array.data_type() {
            // Every width but that of a UUID is of something else.
            DataType::FixedSizeBinary(16) => array.as_fixed_size_binary_opt().cloned().map(Self::Uuids),
            DataType::Binary => array.as_binary_opt().cloned().map(Self::Binary),
            DataType::LargeBinary => array.as_binary_opt().cloned().map(Self::LargeBinary),
            DataType::BinaryView => array.as_binary_view_opt().cloned().map(Self::BinaryView),
            DataType::Utf8 => array.as_string_opt().cloned().map(Self::Text),
            DataType::LargeUtf8 => array.as_string_opt().cloned().map(Self::LargeText),
            DataType::Utf8View => array.as_string_view_opt().cloned().map(Self::TextView),
            DataType::Null => Some(Self::Null(array.len())),
            _ => None,
        };
        found.ok_or_else(|| ColumnError::Type(array.data_type().clone()))
    }

    fn rows(&self) -> usize {
        match self {
            Self::Uuids(array) => array.len(),
            Self::Binary(array) => array.len(),
            Self::LargeBinary(array) => array.len(),
            Self::BinaryView(array) => array.len(),
            Self::Text(array) => array.len(),
            Self::LargeText(array) => array.len(),
            Self::TextView(array) => array.len(),
            Self::Null(rows) => *rows,
        }
    }

    fn row(&self, row: usize) -> Row {
        let bytes = |bytes: &[u8]| Row::of(subject::from_bytes(bytes));
        let text = |text: &str| Row::of(subject::from_text(text));
        match self {
            Self::Uuids(array) if array.is_valid(row) => bytes(array.value(row)),
            Self::Binary(array) if array.is_valid(row) => bytes(array.value(row)),
            Self::LargeBinary(array) if array.is_valid(row) => bytes(array.value(row)),
            Self::BinaryView(array) if array.is_valid(row) => bytes(array.value(row)),
            Self::Text(array) if array.is_valid(row) => text(array.value(row)),
            Self::LargeText(array) if array.is_valid(row) => text(array.value(row)),
            Self::TextView(array) if array.is_valid(row) => text(array.value(row)),
            Self::Uuids(_)
            | Self::Binary(_)
            | Self::LargeBinary(_)
            | Self::BinaryView(_)
            | Self::Text(_)
            | Self::LargeText(_)
            | Self::TextView(_)
            | Self::Null(_) => Row::Null,
        }
    }
}
