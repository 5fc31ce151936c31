//! The rows of a file, with the line on which each begins: CSV (RFC 4180) with a header, JSON as one array, or a JSON object a line.

use super::Fault;
use super::map::Map;
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// In what form the file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum RowFormat {
    /// Fields with a header.
    Csv,
    /// One array of objects, or an object a line.
    Json,
}

/// A row.
#[derive(Debug)]
pub(crate) struct Row {
    /// Where it begins, counted from 1.
    pub(crate) line: u64,
    fields: Value,
}

impl Row {
    /// What a column says; nothing where it is empty or not there. A name with dots leads into objects, unless a column is called so.
    pub(crate) fn field(&self, column: &str) -> Option<&Value> {
        let object = self.fields.as_object()?;
        let found = match object.get(column) {
            Some(value) => Some(value),
            None => column.split('.').try_fold(&self.fields, |value, part| value.get(part)),
        };
        found.filter(|value| !value.is_null() && value.as_str().is_none_or(|text| !text.trim().is_empty()))
    }

    /// What a column says, as a word.
    pub(crate) fn word(&self, column: &str) -> Option<String> {
        word(self.field(column)?)
    }

    /// What an item of a column says. A column may be an object, a list of what is there (`present`, and `absent` for the rest), a list as
    /// text (`C0001:1,C0002:0`), or any of these as JSON within text.
    pub(crate) fn item(&self, column: &str, item: &str) -> Option<String> {
        let value = self.field(column)?;
        let parsed = value.as_str().filter(|text| text.trim_start().starts_with(['{', '[']));
        let parsed: Option<Value> = parsed.and_then(|text| serde_json::from_str(text).ok());
        let is_there = |there: bool| if there { "present" } else { "absent" }.to_owned();
        match parsed.as_ref().unwrap_or(value) {
            Value::Object(object) => object.get(item).and_then(word),
            Value::Array(items) => Some(is_there(items.iter().any(|one| one == item))),
            Value::String(text) => {
                let mut items =
                    text.split(',').map(|one| one.trim().split_once(':').unwrap_or((one.trim(), "present")));
                let found = items.find(|(name, _)| *name == item).map(|(_, says)| says.trim().to_owned());
                // A list of names alone says of the others that they are not there; one with values says nothing of them.
                found.or_else(|| (!text.contains(':')).then(|| is_there(false)))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => None,
        }
    }
}

fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Every row that can be read, and what is wrong with the others.
pub(crate) fn read(text: &str, format: RowFormat, map: &Map) -> (Vec<Row>, Vec<Fault>) {
    // Spreadsheets begin their files with a mark of their own.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match format {
        RowFormat::Csv => csv(text, map),
        RowFormat::Json if text.trim_start().starts_with('[') => json_array(text),
        RowFormat::Json => json_lines(text),
    }
}

fn csv(text: &str, map: &Map) -> (Vec<Row>, Vec<Fault>) {
    let delimiter = map.delimiter.and_then(|delimiter| u8::try_from(delimiter).ok()).unwrap_or(b',');
    let mut reader = ::csv::ReaderBuilder::new().delimiter(delimiter).from_reader(text.as_bytes());
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    let headers = match reader.headers() {
        Ok(headers) => headers.clone(),
        Err(error) => return (rows, vec![Fault::of_row(1, error.to_string())]),
    };
    for column in map.columns() {
        if !headers.iter().any(|header| header == column) {
            faults.push(Fault::of(1, column, "the header has no such column".into()));
        }
    }
    if !faults.is_empty() {
        return (rows, faults);
    }
    for record in reader.records() {
        match record {
            Ok(record) => {
                let line = record.position().map_or(1, ::csv::Position::line);
                let fields = headers.iter().zip(&record).map(|(header, field)| (header.to_owned(), field.into()));
                rows.push(Row { line, fields: Value::Object(fields.collect()) });
            }
            Err(error) => {
                let line = error.position().map_or(1, ::csv::Position::line);
                faults.push(Fault::of_row(line, without_place(&error).into_owned()));
            }
        }
    }
    (rows, faults)
}

/// What is wrong with a record, without the place, which is said already.
fn without_place(error: &::csv::Error) -> Cow<'static, str> {
    match error.kind() {
        ::csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} fields where the header has {expected_len}").into()
        }
        ::csv::ErrorKind::Utf8 { .. } => "not UTF-8".into(),
        _ => "cannot be read".into(),
    }
}

fn json_array(text: &str) -> (Vec<Row>, Vec<Fault>) {
    let elements: Vec<&RawValue> = match serde_json::from_str(text) {
        Ok(elements) => elements,
        Err(error) => return (Vec::new(), vec![Fault::of_json(&error, 0)]),
    };
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    let (mut line, mut rest) = (1, text);
    for element in elements {
        // Elements are slices of the text, in its order.
        let offset = element.get().as_ptr().addr().saturating_sub(rest.as_ptr().addr());
        let (before, after) = rest.split_at_checked(offset).unwrap_or((rest, ""));
        line += newlines(before);
        rest = after;
        take(element.get(), line, &mut rows, &mut faults);
    }
    (rows, faults)
}

fn json_lines(text: &str) -> (Vec<Row>, Vec<Fault>) {
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    for (line, text) in (1..).zip(text.lines()).filter(|(_, text)| !text.trim().is_empty()) {
        take(text, line, &mut rows, &mut faults);
    }
    (rows, faults)
}

fn take(text: &str, line: u64, rows: &mut Vec<Row>, faults: &mut Vec<Fault>) {
    match serde_json::from_str(text) {
        Ok(fields @ Value::Object(_)) => rows.push(Row { line, fields }),
        Ok(_) => faults.push(Fault::of_row(line, "a row is an object".into())),
        Err(error) => faults.push(Fault::of_json(&error, line - 1)),
    }
}

fn newlines(text: &str) -> u64 {
    text.bytes().filter(|byte| *byte == b'\n').count() as u64
}
