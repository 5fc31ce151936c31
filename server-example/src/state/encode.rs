//! The state of a site as bytes, a piece at a time.

use super::Row;
use super::parquet::ParquetRows;
use ::parquet::errors::ParquetError;
use consentry_core::{PolicyHash, ProcessorId, PurposeId, Reason, SiteId, Subject, Time};
use serde::Serialize;
use std::str::FromStr;

/// In what form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// A JSON object a line.
    Ndjson,
    /// Apache Parquet, in columns, compressed by Snappy.
    Parquet,
}

/// Why a word names no form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected `ndjson` or `parquet`")]
pub(crate) struct FormatError;

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(word: &str) -> Result<Self, FormatError> {
        match word {
            "ndjson" => Ok(Self::Ndjson),
            "parquet" => Ok(Self::Parquet),
            _ => Err(FormatError),
        }
    }
}

impl Format {
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }
}

/// A row as JSON.
#[derive(Serialize)]
struct RowDoc<'a> {
    site: &'a SiteId,
    as_of_ms: Time,
    subject: Subject,
    purpose: &'a PurposeId,
    processor: Option<&'a ProcessorId>,
    allow: bool,
    reason: Reason,
    policy: PolicyHash,
}

/// Makes bytes of rows.
#[derive(Debug)]
pub(crate) struct Encoder {
    site: SiteId,
    as_of: Time,
    form: Form,
}

#[derive(Debug)]
enum Form {
    Ndjson,
    Parquet(Box<ParquetRows>),
}

impl Encoder {
    /// # Errors
    /// [`ParquetError`], which nothing here should cause.
    pub(crate) fn new(format: Format, site: &SiteId, as_of: Time) -> Result<Self, ParquetError> {
        let form = match format {
            Format::Ndjson => Form::Ndjson,
            Format::Parquet => Form::Parquet(Box::new(ParquetRows::new(site, as_of)?)),
        };
        Ok(Self { site: site.clone(), as_of, form })
    }

    /// The bytes that come next; there may be none yet.
    ///
    /// # Errors
    /// [`ParquetError`].
    pub(crate) fn rows(&mut self, rows: &[Row]) -> Result<Vec<u8>, ParquetError> {
        match &mut self.form {
            Form::Ndjson => {
                let mut bytes = Vec::new();
                for Row { subject, target, reason, policy } in rows {
                    let doc = RowDoc {
                        site: &self.site,
                        as_of_ms: self.as_of,
                        subject: *subject,
                        purpose: &target.purpose,
                        processor: target.processor.as_ref(),
                        allow: reason.allows(),
                        reason: *reason,
                        policy: *policy,
                    };
                    serde_json::to_writer(&mut bytes, &doc).map_err(|error| ParquetError::External(error.into()))?;
                    bytes.push(b'\n');
                }
                Ok(bytes)
            }
            Form::Parquet(parquet) => parquet.rows(rows),
        }
    }

    /// The last bytes.
    ///
    /// # Errors
    /// [`ParquetError`].
    pub(crate) fn end(self) -> Result<Vec<u8>, ParquetError> {
        match self.form {
            Form::Ndjson => Ok(Vec::new()),
            Form::Parquet(parquet) => parquet.end(),
        }
    }
}
