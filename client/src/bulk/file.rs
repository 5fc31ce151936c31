//! Files of ids, filtered into files of ids: as long as they are, they take no more memory than a part of them.
//!
//! A file is read and written through [`BufRead`] and [`Write`]; opening, naming and syncing it is the caller's.

use super::answers::Answers;
use super::counts::Counts;
use super::filter::Filter;
use super::id_map::Asked;
use consentry_core::packed::Unanswered;
use consentry_core::{DeviceId, Subject};
use std::io::{self, BufRead, ErrorKind, Write};

/// How ids lie in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Devices, each the 16 bytes of a UUID (RFC 9562 section 4).
    Uuids,
    /// Subjects, one a line: `device:` or `account:` and what follows on the wire, or a UUID alone for a device.
    Lines,
}

/// Why a file was not filtered to its end. What was written until then holds.
#[derive(Debug, thiserror::Error)]
pub enum FileError<E = Unanswered> {
    /// The system said so.
    #[error("cannot read or write ids: {0}")]
    Io(#[from] io::Error),
    /// The last id is cut off.
    #[error("the file ends within id {0}, counted from 0: copy it anew")]
    CutOff(u64),
    /// One of them is no id.
    #[error("id {0}, counted from 0, is no version 4 UUID and no subject: remove or correct it")]
    NotAnId(u64),
    /// Nobody could be answered about.
    #[error(transparent)]
    Unanswered(E),
}

/// So many ids of a file are held at once.
const HELD_IDS: usize = if cfg!(test) { 100 } else { 1 << 20 };
/// Longest line, in bytes: that of an account.
const LINE_BYTES_MAX: u64 = 80;

/// Writes those ids of a file of whom the answer is yes, in their order and in the same form, and says how many there were for which reason.
/// What the replica knows when a part is asked about counts.
///
/// # Errors
/// [`FileError`].
pub fn filter<A: Answers>(
    answers: &A,
    filter: &mut Filter<A::Question>,
    format: Format,
    mut from: impl BufRead,
    mut to: impl Write,
) -> Result<Counts, FileError<A::Error>> {
    let (mut counts, mut first) = (Counts::default(), 0);
    let mut held: Vec<Subject> = Vec::new();
    loop {
        held.clear();
        while held.len() < HELD_IDS {
            let number = u64::try_from(first + held.len()).unwrap_or(u64::MAX);
            let id = match format {
                Format::Uuids => read_uuid(&mut from, number)?,
                Format::Lines => read_line(&mut from, number)?,
            };
            match id {
                Some(id) => held.push(id),
                None => break,
            }
        }
        if held.is_empty() {
            to.flush()?;
            return Ok(counts);
        }
        let filtered = filter.filter(answers, &held).map_err(FileError::Unanswered)?;
        for id in filtered.allowed().filter_map(|place| held.get(place)) {
            match (format, id) {
                (Format::Uuids, Subject::Device(device)) => to.write_all(device.as_bytes())?,
                (Format::Uuids | Format::Lines, subject) => writeln!(to, "{subject}")?,
            }
        }
        counts.join(&filtered.counts, first);
        first += held.len();
    }
}

/// The same for a file of numbers, each in 8 bytes, the lowest first, of whom all that are known were asked about.
///
/// # Errors
/// [`FileError::Io`] and [`FileError::CutOff`].
pub fn filter_numbers<Q: Clone + Send>(
    asked: &Asked<'_, u64>,
    filter: &Filter<Q>,
    mut from: impl BufRead,
    mut to: impl Write,
) -> Result<Counts, FileError> {
    let (mut counts, mut first) = (Counts::default(), 0);
    let mut held: Vec<u64> = Vec::new();
    loop {
        held.clear();
        while held.len() < HELD_IDS {
            let number = u64::try_from(first + held.len()).unwrap_or(u64::MAX);
            match read_bytes(&mut from, number)? {
                Some(bytes) => held.push(u64::from_le_bytes(bytes)),
                None => break,
            }
        }
        if held.is_empty() {
            to.flush()?;
            return Ok(counts);
        }
        let filtered = asked.filter(&held, filter);
        for id in filtered.allowed().filter_map(|place| held.get(place)) {
            to.write_all(&id.to_le_bytes())?;
        }
        counts.join(&filtered.counts, first);
        first += held.len();
    }
}

fn read_uuid<E>(from: &mut impl BufRead, number: u64) -> Result<Option<Subject>, FileError<E>> {
    let Some(bytes) = read_bytes(from, number)? else { return Ok(None) };
    let device = DeviceId::from_bytes(bytes).ok_or(FileError::NotAnId(number))?;
    Ok(Some(device.into()))
}

fn read_line<E>(from: &mut impl BufRead, number: u64) -> Result<Option<Subject>, FileError<E>> {
    let mut line = Vec::new();
    if io::Read::take(&mut *from, LINE_BYTES_MAX).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    let line = str::from_utf8(&line).map_err(|_| FileError::NotAnId(number))?;
    let line = line.strip_suffix('\n').unwrap_or(line);
    let line = line.strip_suffix('\r').unwrap_or(line);
    let subject = line.parse::<DeviceId>().map(Subject::Device).or_else(|_| line.parse::<Subject>());
    subject.map(Some).map_err(|_| FileError::NotAnId(number))
}

/// The next bytes; none at the end.
fn read_bytes<const N: usize, E>(from: &mut impl BufRead, number: u64) -> Result<Option<[u8; N]>, FileError<E>> {
    if from.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let mut bytes = [0; N];
    match from.read_exact(&mut bytes) {
        Ok(()) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(FileError::CutOff(number)),
        Err(error) => Err(error.into()),
    }
}
