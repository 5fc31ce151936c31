//! The state of a site in columns (Apache Parquet), for whoever reads many rows and few of their fields.
//!
//! Columns are written by `parquet` itself. What it has written is taken out after each group of rows, so that memory holds one group.

use super::Row;
use consentry_core::{SiteId, Time};
use parquet::basic::Compression;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// Most rows in a group: enough that columns compress well.
const GROUP_ROWS_MAX: usize = 64 * 1024;
/// What stands in which column. docs/data.md says the same.
const SCHEMA: &str = "message state {
    required binary site (STRING);
    required int64 as_of_ms;
    required binary subject (STRING);
    required binary purpose (STRING);
    optional binary processor (STRING);
    required boolean allow;
    required binary reason (STRING);
    required binary policy (STRING);
}";

/// Rows that become a file.
pub(super) struct ParquetRows {
    writer: SerializedFileWriter<Vec<u8>>,
    site: ByteArray,
    as_of_ms: i64,
    waiting: Vec<Row>,
}

impl fmt::Debug for ParquetRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParquetRows").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}

impl ParquetRows {
    pub(super) fn new(site: &SiteId, as_of: Time) -> Result<Self, ParquetError> {
        let facts = [("consentry.v", "1".into()), ("consentry.site", site.to_string())];
        let facts = facts.into_iter().chain([("consentry.as_of_ms", as_of.as_ms().to_string())]);
        let facts = facts.map(|(key, value)| KeyValue::new(key.into(), value)).collect();
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("consentry version ", env!("CARGO_PKG_VERSION")).into())
            .set_key_value_metadata(Some(facts))
            .build();
        let schema = Arc::new(parse_message_type(SCHEMA)?);
        let writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
        let as_of_ms = i64::try_from(as_of.as_ms()).unwrap_or(i64::MAX);
        Ok(Self { writer, site: site.as_str().into(), as_of_ms, waiting: Vec::new() })
    }

    pub(super) fn rows(&mut self, rows: &[Row]) -> Result<Vec<u8>, ParquetError> {
        self.waiting.extend_from_slice(rows);
        if self.waiting.len() >= GROUP_ROWS_MAX {
            self.write_group()?;
        }
        Ok(std::mem::take(self.writer.inner_mut()))
    }

    pub(super) fn end(mut self) -> Result<Vec<u8>, ParquetError> {
        if !self.waiting.is_empty() {
            self.write_group()?;
        }
        self.writer.into_inner()
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        let rows = std::mem::take(&mut self.waiting);
        // Subjects come one after the other, and other words are few.
        let mut words = Words::default();
        let subjects: Vec<ByteArray> = rows.iter().map(|row| words.of(&row.subject)).collect();
        let mut group = self.writer.next_row_group()?;
        column::<ByteArrayType>(&mut group, &vec![self.site.clone(); rows.len()], None)?;
        column::<Int64Type>(&mut group, &vec![self.as_of_ms; rows.len()], None)?;
        column::<ByteArrayType>(&mut group, &subjects, None)?;
        let purposes: Vec<ByteArray> = rows.iter().map(|row| words.of(&row.target.purpose)).collect();
        column::<ByteArrayType>(&mut group, &purposes, None)?;
        let processors = rows.iter().map(|row| row.target.processor.as_ref());
        let is_there: Vec<i16> = processors.clone().map(|processor| i16::from(processor.is_some())).collect();
        let processors: Vec<ByteArray> = processors.flatten().map(|processor| words.of(processor)).collect();
        column::<ByteArrayType>(&mut group, &processors, Some(&is_there))?;
        let allows: Vec<bool> = rows.iter().map(|row| row.reason.allows()).collect();
        column::<BoolType>(&mut group, &allows, None)?;
        let reasons: Vec<ByteArray> = rows.iter().map(|row| ByteArray::from(row.reason.as_str())).collect();
        column::<ByteArrayType>(&mut group, &reasons, None)?;
        let policies: Vec<ByteArray> = rows.iter().map(|row| words.of(&row.policy)).collect();
        column::<ByteArrayType>(&mut group, &policies, None)?;
        group.close()?;
        Ok(())
    }
}

/// Writes the next column: its values, and where it may lack some, which rows have one.
fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    values: &[T::T],
    is_there: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let missing = || ParquetError::General("the schema has fewer columns than are written".into());
    let mut column = group.next_column()?.ok_or_else(missing)?;
    column.typed::<T>().write_batch(values, is_there, None)?;
    column.close()
}

/// Texts that come again and again, each kept once in a group.
#[derive(Default)]
struct Words(HashMap<String, ByteArray>);

impl Words {
    fn of(&mut self, word: &impl ToString) -> ByteArray {
        let word = word.to_string();
        self.0.entry(word).or_insert_with_key(|word| ByteArray::from(word.as_str())).clone()
    }
}
