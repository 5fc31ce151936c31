//! Errors that can be found in an editor, and say what to do.

use super::SourceFile;
use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

/// Something wrong in a file of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceError {
    /// The file's name within the site's folder.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
    /// The bytes of the file that it is about.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: String,
    /// The other place in the same file, for a contradiction.
    pub note: Option<Note>,
}

/// A second place that an error is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
    /// The bytes of the file.
    pub span: Range<usize>,
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, message, help, .. } = self;
        write!(f, "{file}:{line}:{column}: {message}; {help}")?;
        if let Some(Note { line, column, .. }) = &self.note {
            write!(f, " (see {file}:{line}:{column})")?;
        }
        Ok(())
    }
}

impl core::error::Error for SourceError {}

impl SourceError {
    /// An error about a file as a whole, which may not exist.
    pub(super) fn whole_file(file: &str, message: &str, help: &str) -> Self {
        Self {
            file: file.to_owned(),
            line: 1,
            column: 1,
            span: 0..0,
            message: message.to_string(),
            help: help.to_string(),
            note: None,
        }
    }
}

/// Collects what is wrong with one file.
pub(super) struct Report<'a> {
    file: &'a SourceFile,
    pub(super) errors: Vec<SourceError>,
}

impl<'a> Report<'a> {
    pub(super) const fn new(file: &'a SourceFile) -> Self {
        Self { file, errors: Vec::new() }
    }

    pub(super) fn error(&mut self, span: Range<usize>, message: impl ToString, help: impl ToString) {
        self.push(span, message.to_string(), help.to_string(), None);
    }

    pub(super) fn contradiction(
        &mut self,
        span: Range<usize>,
        against: Range<usize>,
        message: impl ToString,
        help: impl ToString,
    ) {
        let (line, column) = position(&self.file.text, against.start);
        self.push(span, message.to_string(), help.to_string(), Some(Note { line, column, span: against }));
    }

    fn push(&mut self, span: Range<usize>, message: String, help: String, note: Option<Note>) {
        let (line, column) = position(&self.file.text, span.start);
        self.errors.push(SourceError { file: self.file.name.clone(), line, column, span, message, help, note });
    }
}

/// Line and column, both from 1, of a byte offset.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    let line = before.matches('\n').count() + 1;
    (line, before.get(line_start..).unwrap_or_default().chars().count() + 1)
}
