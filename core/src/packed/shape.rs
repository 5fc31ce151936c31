//! A record without its times and without the names of its events, as bytes: what many subjects have in common.
//!
//! In place of each time stands its rank among all the times of that subject's past. Two records of one shape are told apart by
//! [`crate::decide`] only by how old they are, which is what [`super::Prepared`] keeps answers by.
//!
//! Names of events are left out, since nothing but their own spelling hangs on them, with one exception: of two grants of one time the
//! name decides which of them counts. Where those would differ, [`hangs_on_names`] says so, and nothing is packed.

use super::varint::{Reader, write};
use crate::choice::Surface;
use crate::id::{EventId, PolicyHash, PurposeId, Target};
use crate::record::{DemandKind, Demanded, Mark, Record, Said, Stamp, Standing};
use crate::time::Time;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::str::FromStr;

/// That something was said in it by an account.
const OF_ACCOUNT: u8 = 1;

const MARKS: u8 = 1;
const DEMANDS: u8 = 2;
const SIGNAL: u8 = 4;
const ERASED: u8 = 8;

const CONFIRMED: u8 = 32;
const REFUSED: u8 = 64;

const STANDS: u8 = 4;
const OF_PURPOSE: u8 = 8;

/// Every time that the record knows.
pub(super) fn times_of(record: &Record, times: &mut BTreeSet<Time>) {
    for said in every_said(record) {
        for mark in &said.marks.list {
            times.insert(mark.at);
            times.extend(mark.confirmed);
            times.extend(mark.refused.map(|stamp| stamp.at));
        }
        times.extend(said.demands.iter().map(|demand| demand.at));
        times.extend(said.signal.iter().chain(&said.erased).map(|stamp| stamp.at));
    }
}

fn every_said(record: &Record) -> impl Iterator<Item = &Said> {
    [&record.device, &record.elsewhere].into_iter().chain(&record.account)
}

/// Whether two of those who meet in this record say the same of one target at the same time, and one of them in other circumstances.
pub(super) fn hangs_on_names(record: &Record) -> bool {
    let Record { device, account, elsewhere } = record;
    let pairs =
        [(Some(device), account.as_ref()), (Some(device), Some(elsewhere)), (account.as_ref(), Some(elsewhere))];
    pairs.into_iter().any(|(one, other)| {
        let (Some(one), Some(other)) = (one, other) else { return false };
        one.marks.list.iter().any(|mark| {
            let same = other.marks.list.iter().find(|m| m.target == mark.target);
            same.is_some_and(|m| {
                (m.at, m.standing) == (mark.at, mark.standing) && circumstances(m) != circumstances(mark)
            })
        })
    })
}

fn circumstances(mark: &Mark) -> (PolicyHash, Surface, Option<Time>, Option<Time>) {
    (mark.policy, mark.surface, mark.confirmed, mark.refused.map(|stamp| stamp.at))
}

/// The shape of `record`, whose times are all among `times`, ascending. `name` keeps bytes that many shapes have in common, and says by
/// which number they are found; `None` where that has no more room, or where there are too many times.
pub(super) fn encode(record: &Record, times: &[Time], mut name: impl FnMut(&[u8]) -> Option<u32>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes.push(if record.account.is_some() { OF_ACCOUNT } else { 0 });
    let rank = |time: Time| times.binary_search(&time).ok().and_then(|rank| u16::try_from(rank).ok());
    encode_said(&record.device, &rank, &mut name, &mut bytes)?;
    if let Some(account) = &record.account {
        encode_said(account, &rank, &mut name, &mut bytes)?;
    }
    encode_said(&record.elsewhere, &rank, &mut name, &mut bytes)?;
    Some(bytes)
}

fn encode_said(
    said: &Said,
    rank: &impl Fn(Time) -> Option<u16>,
    name: &mut impl FnMut(&[u8]) -> Option<u32>,
    bytes: &mut Vec<u8>,
) -> Option<()> {
    let Said { marks, demands, signal, erased } = said;
    let parts = [(!marks.list.is_empty(), MARKS), (!demands.is_empty(), DEMANDS)];
    let stamps = [(signal.is_some(), SIGNAL), (erased.is_some(), ERASED)];
    bytes.push(parts.into_iter().chain(stamps).filter(|(is, _)| *is).map(|(_, flag)| flag).sum());
    for stamp in signal.iter().chain(erased) {
        write(bytes, u64::from(rank(stamp.at)?));
    }
    if !marks.list.is_empty() {
        encode_marks(&marks.list, rank, name, bytes)?;
    }
    if !demands.is_empty() {
        write(bytes, u64::try_from(demands.len()).ok()?);
        for Demanded { at, stands, event: _, kind, purpose } in demands {
            let flags = [(*stands, STANDS), (purpose.is_some(), OF_PURPOSE)];
            bytes.push(
                number(DemandKind::ALL, kind)? | flags.into_iter().filter(|(is, _)| *is).map(|(_, f)| f).sum::<u8>(),
            );
            write(bytes, u64::from(rank(*at)?));
            if let Some(purpose) = purpose {
                write(bytes, u64::from(name(purpose.as_str().as_bytes())?));
            }
        }
    }
    Some(())
}

/// Marks mostly differ in a few ways: these once, and for each target in as few bits as can be which of them.
fn encode_marks(
    marks: &[Mark],
    rank: &impl Fn(Time) -> Option<u16>,
    name: &mut impl FnMut(&[u8]) -> Option<u32>,
    bytes: &mut Vec<u8>,
) -> Option<()> {
    // In the order of their names, which no version of a hash can change.
    let mut sorted: Vec<&Mark> = marks.iter().collect();
    sorted.sort_by(|a, b| a.target.cmp(&b.target));
    let mut targets = String::new();
    let (mut ways, mut which): (Vec<Vec<u8>>, Vec<usize>) = (Vec::new(), Vec::new());
    for mark in sorted {
        targets.push_str(&format!("{}\n", mark.target));
        let mut way = Vec::with_capacity(8);
        let said = [(mark.confirmed.is_some(), CONFIRMED), (mark.refused.is_some(), REFUSED)];
        let said: u8 = said.into_iter().filter(|(is, _)| *is).map(|(_, flag)| flag).sum();
        way.push(number(Standing::ALL, &mark.standing)? | number(Surface::ALL, &mark.surface)? << 2 | said);
        write(&mut way, u64::from(rank(mark.at)?));
        write(&mut way, u64::from(name(mark.policy.as_bytes())?));
        for time in mark.confirmed.into_iter().chain(mark.refused.map(|stamp| stamp.at)) {
            write(&mut way, u64::from(rank(time)?));
        }
        which.push(ways.iter().position(|known| *known == way).unwrap_or_else(|| {
            ways.push(way);
            ways.len() - 1
        }));
    }
    write(bytes, u64::from(name(targets.as_bytes())?));
    write(bytes, u64::try_from(ways.len()).ok()?);
    let width = width_of(ways.len());
    bytes.extend(ways.into_iter().flatten());
    let (mut pending, mut held): (u64, u32) = (0, 0);
    for way in which {
        pending |= u64::try_from(way).ok()? << held;
        held += width;
        while held >= 8 {
            bytes.push(u8::try_from(pending & 255).ok()?);
            pending >>= 8;
            held -= 8;
        }
    }
    if held > 0 {
        bytes.push(u8::try_from(pending & 255).ok()?);
    }
    Some(())
}

/// Bits that tell so many apart: none for one.
const fn width_of(ways: usize) -> u32 {
    usize::BITS - ways.saturating_sub(1).leading_zeros()
}

fn number<T: PartialEq>(all: &[T], one: &T) -> Option<u8> {
    all.iter().position(|known| known == one).and_then(|number| u8::try_from(number).ok())
}

/// The record of that shape, with the time of each rank put in. `None` for bytes that are no shape.
pub(super) fn decode(
    bytes: &[u8],
    time: impl Fn(u16) -> Option<Time>,
    named: impl Fn(u32) -> Option<Vec<u8>>,
) -> Option<Record> {
    let mut reader = Reader::new(bytes);
    let of_account = reader.byte()? & OF_ACCOUNT != 0;
    let mut said = || decode_said(&mut reader, &time, &named);
    let device = said()?;
    let account = if of_account { Some(said()?) } else { None };
    Some(Record { device, account, elsewhere: said()? })
}

fn decode_said(
    reader: &mut Reader<'_>,
    time: &impl Fn(u16) -> Option<Time>,
    named: &impl Fn(u32) -> Option<Vec<u8>>,
) -> Option<Said> {
    let mut said = Said::default();
    let parts = reader.byte()?;
    if parts & SIGNAL != 0 {
        said.signal = Some(stamp(time(reader.number()?)?));
    }
    if parts & ERASED != 0 {
        said.erased = Some(stamp(time(reader.number()?)?));
    }
    if parts & MARKS != 0 {
        decode_marks(reader, time, named, &mut said)?;
    }
    if parts & DEMANDS != 0 {
        let count: usize = reader.number()?;
        for _ in 0..count {
            let flags = reader.byte()?;
            let kind = *DemandKind::ALL.get(usize::from(flags & 3))?;
            let Stamp { at, event } = stamp(time(reader.number()?)?);
            let purpose: Option<PurposeId> =
                if flags & OF_PURPOSE != 0 { Some(text(&named(reader.number()?)?)?) } else { None };
            said.demands.push(Demanded { at, stands: flags & STANDS != 0, event, kind, purpose });
        }
    }
    Some(said)
}

fn decode_marks(
    reader: &mut Reader<'_>,
    time: &impl Fn(u16) -> Option<Time>,
    named: &impl Fn(u32) -> Option<Vec<u8>>,
    said: &mut Said,
) -> Option<()> {
    let targets = named(reader.number()?)?;
    let count: usize = reader.number()?;
    let mut ways: Vec<Way> = Vec::new();
    for _ in 0..count {
        ways.push(Way::read(reader, time, named)?);
    }
    let width = width_of(count);
    let (mut pending, mut held): (u64, u32) = (0, 0);
    for target in core::str::from_utf8(&targets).ok()?.lines() {
        while held < width {
            pending |= u64::from(reader.byte()?) << held;
            held += 8;
        }
        let way = ways.get(usize::try_from(pending & ((1 << width) - 1)).ok()?)?;
        pending >>= width;
        held -= width;
        said.marks.put(way.mark(Target::from_str(target).ok()?));
    }
    Some(())
}

/// All of a mark but its target.
struct Way {
    at: Time,
    standing: Standing,
    policy: PolicyHash,
    surface: Surface,
    confirmed: Option<Time>,
    refused: Option<Stamp>,
}

impl Way {
    fn read(
        reader: &mut Reader<'_>,
        time: &impl Fn(u16) -> Option<Time>,
        named: &impl Fn(u32) -> Option<Vec<u8>>,
    ) -> Option<Self> {
        let flags = reader.byte()?;
        Some(Self {
            standing: *Standing::ALL.get(usize::from(flags & 3))?,
            surface: *Surface::ALL.get(usize::from(flags >> 2 & 7))?,
            at: time(reader.number()?)?,
            policy: PolicyHash::from_bytes(named(reader.number()?)?.try_into().ok()?),
            confirmed: if flags & CONFIRMED != 0 { Some(time(reader.number()?)?) } else { None },
            refused: if flags & REFUSED != 0 { Some(stamp(time(reader.number()?)?)) } else { None },
        })
    }

    fn mark(&self, target: Target) -> Mark {
        Mark {
            at: self.at,
            standing: self.standing,
            choice: nameless(self.at),
            policy: self.policy,
            surface: self.surface,
            confirmed: self.confirmed,
            refused: self.refused,
            target,
        }
    }
}

const fn stamp(at: Time) -> Stamp {
    Stamp { at, event: nameless(at) }
}

/// Stands where the name of an event was.
const fn nameless(at: Time) -> EventId {
    EventId::from_parts(at.as_ms(), &[0; 10])
}

fn text<T: FromStr>(bytes: &[u8]) -> Option<T> {
    core::str::from_utf8(bytes).ok()?.parse().ok()
}
