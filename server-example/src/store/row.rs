//! How subjects, numbers and payloads lie in a database, whichever it is.

use super::ReadError;
use super::edge::in_last_tile;
use consentry_core::ledger::{Commitment, Leaf, Payload};
use consentry_core::{Event, SiteId, Subject, Time};
use tlog_tiles::Hash;

/// First byte of a device's key.
const DEVICE: u8 = 1;
/// First byte of an account's key.
const ACCOUNT: u8 = 2;

/// A subject as bytes: what kind it is, and its name.
pub(super) fn key_of(subject: Subject) -> Vec<u8> {
    let (kind, name): (u8, &[u8]) = match &subject {
        Subject::Device(device) => (DEVICE, device.as_bytes()),
        Subject::Account(account) => (ACCOUNT, account.as_bytes()),
    };
    [&[kind], name].concat()
}

/// The subject whose key that is.
pub(super) fn subject_of(key: &[u8]) -> Option<Subject> {
    let (kind, name) = key.split_first()?;
    let digits: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
    let text = match *kind {
        DEVICE => {
            let part = |range: std::ops::Range<usize>| digits.get(range);
            let parts = [part(0..8)?, part(8..12)?, part(12..16)?, part(16..20)?, part(20..32)?];
            format!("device:{}", parts.join("-"))
        }
        ACCOUNT => format!("account:{digits}"),
        _ => return None,
    };
    // A key that is too long is none: its text would not read as a subject.
    text.parse().ok().filter(|subject| key_of(*subject) == key)
}

/// Databases count in 64 bits with a sign; what is beyond them is the last that they have.
pub(super) fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A number that was written by [`number`].
pub(super) fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

pub(super) fn ms(time: Time) -> i64 {
    number(time.as_ms())
}

pub(super) fn time(ms: i64) -> Time {
    Time::from_ms(count(ms))
}

/// The sites that have a ledger.
pub(super) const SITES: &str = "SELECT name FROM heads JOIN sites ON number = site ORDER BY name";

/// The site of that name. Whoever wrote another into the database was not us.
pub(super) fn site_of(name: &str) -> Result<SiteId, ReadError> {
    name.parse().map_err(|_| ReadError::Site { name: name.into() })
}

/// The event of a payload that was kept.
pub(super) fn event(payload: &[u8]) -> Option<Event> {
    Payload::event_of(payload).ok()
}

/// The hash of an entry in the tree, of its columns.
pub(super) fn leaf_hash(site: &SiteId, at_ms: i64, commitment: [u8; 32]) -> Option<Hash> {
    let leaf = Leaf::new(site.clone(), time(at_ms), Commitment::from_bytes(commitment)).ok()?;
    Some(Hash(leaf.hash()))
}

/// From which entry on a ledger of that size has leaves in a tile that is not full.
pub(super) fn first_in_last_tile(size: u64) -> u64 {
    size - in_last_tile(size, 0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_of_the_subject_that_it_was_made_of_and_of_no_other() {
        for text in [
            "device:7f9c0c52-7a41-4f5e-9d0e-0a2b1c3d4e5f",
            "account:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        ] {
            let subject: Subject = text.parse().unwrap();
            let key = key_of(subject);
            assert_eq!(subject_of(&key), Some(subject));
            assert_eq!(subject_of(&[&key[..], &[0]].concat()), None);
            assert_eq!(subject_of(&key[..key.len() - 1]), None);
        }
        assert_eq!(subject_of(&[]), None);
        assert_eq!(subject_of(&[3; 17]), None);
    }
}
