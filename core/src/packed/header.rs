//! The first block of a snapshot: what it is of, and where everything in it lies. `docs/packed.md` has every byte.

use super::blocks::{BLOCK_BYTES, BODY_BYTES, Section};
use super::dictionary::STATE_BYTES;
use super::entry::ENTRY_BYTES;
use super::index::{GROUP_BITS_MAX, GROUP_BITS_MIN, GROUP_BYTES};
use super::key::PackKey;
use crate::id::{HASH_BYTES, PolicyHash, SiteId};
use crate::time::Time;

/// How a snapshot begins.
const MAGIC: [u8; 8] = *b"CNSTPACK";
/// The version of the format that is written here, and the only one that is read.
pub(super) const VERSION: u32 = 1;
/// Written with the lowest byte first, as every number is. Read otherwise, it is another.
const BYTE_ORDER: u32 = 0x0102_0304;

/// What a snapshot stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The site whose ledger it is of.
    pub site: SiteId,
    /// How many entries of the ledger it takes into account: all before the one with this number.
    pub entries: u64,
    /// The root of the tree over these entries (RFC 6962).
    pub root: [u8; HASH_BYTES],
    /// When it was made.
    pub made: Time,
}

/// Why bytes are not a snapshot that can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// They begin with something else.
    #[error("not a snapshot of packed subjects")]
    NotASnapshot,
    /// Another format.
    #[error("a snapshot of format {given}, and {VERSION} is the one that is read: make it anew")]
    Version {
        /// The format's number.
        given: u32,
    },
    /// Made with another secret.
    #[error("made under another key, so that nobody can be found in it: give the key that it was made with")]
    OtherKey,
    /// Cut off, or followed by something else.
    #[error("{given} bytes where {expected} were written: fetch it anew")]
    Length {
        /// How many there are.
        given: u64,
        /// How many there should be.
        expected: u64,
    },
    /// Not what was written.
    #[error("the snapshot is damaged: fetch it anew")]
    Damaged,
}

/// All that the first block says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) origin: Origin,
    /// The newest policy when it was made.
    pub(super) policy: PolicyHash,
    /// What every time is counted from.
    pub(super) base: Time,
    /// How many of a hash's first bits say in which group it is.
    pub(super) group_bits: u32,
    pub(super) index: Section<GROUP_BYTES>,
    pub(super) entries: Section<ENTRY_BYTES>,
    pub(super) times: Section<8>,
    pub(super) states: Section<STATE_BYTES>,
    pub(super) texts: Section<1>,
    /// The length of the whole, in blocks.
    pub(super) blocks: usize,
}

impl Header {
    /// The block, but for its check.
    pub(super) fn to_bytes(&self, key: &PackKey) -> [u8; BODY_BYTES] {
        let mut fields = Fields { body: [0; BODY_BYTES], at: 0 };
        fields.put(&MAGIC);
        fields.put(&VERSION.to_le_bytes());
        fields.put(&BYTE_ORDER.to_le_bytes());
        fields.put(&key.id().to_le_bytes());
        fields.number(self.blocks.saturating_mul(BLOCK_BYTES));
        fields.put(&self.origin.entries.to_le_bytes());
        fields.put(&self.origin.root);
        fields.put(self.policy.as_bytes());
        fields.put(&self.origin.made.as_ms().to_le_bytes());
        fields.put(&self.base.as_ms().to_le_bytes());
        fields.put(&self.group_bits.to_le_bytes());
        fields.put(&[0; 4]);
        for (first_block, items) in self.sections() {
            fields.number(first_block);
            fields.number(items);
        }
        let site = self.origin.site.as_str().as_bytes();
        fields.put(&[u8::try_from(site.len()).unwrap_or_default()]);
        fields.put(site);
        fields.body
    }

    const fn sections(&self) -> [(usize, usize); 5] {
        [
            (self.index.first_block, self.index.items),
            (self.entries.first_block, self.entries.items),
            (self.times.first_block, self.times.items),
            (self.states.first_block, self.states.items),
            (self.texts.first_block, self.texts.items),
        ]
    }

    /// Reads the first block of `bytes`, and checks it, and that all that it speaks of is there. Nothing else is read.
    /// The second is what all other blocks are bound to.
    pub(super) fn read(bytes: &[u8], key: &PackKey) -> Result<(Self, u64), SnapshotError> {
        let start = bytes.first_chunk().ok_or(SnapshotError::NotASnapshot)?;
        if *start != MAGIC {
            return Err(SnapshotError::NotASnapshot);
        }
        let given = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let expected = u64::try_from(BLOCK_BYTES).unwrap_or(u64::MAX);
        let block = bytes.get(..BLOCK_BYTES).ok_or(SnapshotError::Length { given, expected })?;
        let (body, check) = block.split_last_chunk().ok_or(SnapshotError::Damaged)?;
        let mut fields = Read { body, at: MAGIC.len() };
        let (version, order) = (fields.u32()?, fields.u32()?);
        if version != VERSION || order != BYTE_ORDER {
            return Err(SnapshotError::Version { given: version });
        }
        if fields.u64()? != key.id() {
            return Err(SnapshotError::OtherKey);
        }
        let tag = u64::from_le_bytes(*check);
        if key.check(body, 0, 0) != tag {
            return Err(SnapshotError::Damaged);
        }
        let length = fields.u64()?;
        if length != given {
            return Err(SnapshotError::Length { given, expected: length });
        }
        let entries = fields.u64()?;
        let root = fields.bytes()?;
        let policy = PolicyHash::from_bytes(fields.bytes()?);
        let (made, base) = (Time::from_ms(fields.u64()?), Time::from_ms(fields.u64()?));
        let (group_bits, _) = (fields.u32()?, fields.u32()?);
        let mut blocks = 1;
        let header = Self {
            policy,
            base,
            group_bits,
            index: fields.section(&mut blocks)?,
            entries: fields.section(&mut blocks)?,
            times: fields.section(&mut blocks)?,
            states: fields.section(&mut blocks)?,
            texts: fields.section(&mut blocks)?,
            blocks,
            origin: Origin { site: fields.site()?, entries, root, made },
        };
        let is_whole = blocks.checked_mul(BLOCK_BYTES) == Some(bytes.len());
        let fits = (GROUP_BITS_MIN..=GROUP_BITS_MAX).contains(&group_bits) && header.index.items == 1 << group_bits;
        if is_whole && fits { Ok((header, tag)) } else { Err(SnapshotError::Damaged) }
    }
}

struct Fields {
    body: [u8; BODY_BYTES],
    at: usize,
}

impl Fields {
    fn put(&mut self, bytes: &[u8]) {
        if let Some(field) = self.body.get_mut(self.at..self.at + bytes.len()) {
            field.copy_from_slice(bytes);
        }
        self.at += bytes.len();
    }

    fn number(&mut self, number: usize) {
        self.put(&u64::try_from(number).unwrap_or(u64::MAX).to_le_bytes());
    }
}

struct Read<'a> {
    body: &'a [u8],
    at: usize,
}

impl Read<'_> {
    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        let field = self.body.get(self.at..).and_then(|rest| rest.first_chunk());
        self.at += N;
        field.copied().ok_or(SnapshotError::Damaged)
    }

    fn u32(&mut self) -> Result<u32, SnapshotError> {
        Ok(u32::from_le_bytes(self.bytes()?))
    }

    fn u64(&mut self) -> Result<u64, SnapshotError> {
        Ok(u64::from_le_bytes(self.bytes()?))
    }

    fn number(&mut self) -> Result<usize, SnapshotError> {
        usize::try_from(self.u64()?).map_err(|_| SnapshotError::Damaged)
    }

    /// One follows the other, with nothing between them.
    fn section<const ITEM: usize>(&mut self, blocks: &mut usize) -> Result<Section<ITEM>, SnapshotError> {
        let section = Section { first_block: self.number()?, items: self.number()? };
        if section.first_block != *blocks {
            return Err(SnapshotError::Damaged);
        }
        *blocks = blocks.checked_add(section.blocks()).ok_or(SnapshotError::Damaged)?;
        Ok(section)
    }

    fn site(&mut self) -> Result<SiteId, SnapshotError> {
        let [length] = self.bytes()?;
        let name = self.body.get(self.at..self.at + usize::from(length)).ok_or(SnapshotError::Damaged)?;
        core::str::from_utf8(name).ok().and_then(|name| name.parse().ok()).ok_or(SnapshotError::Damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITE_AT: usize = 208;

    #[test]
    fn the_name_of_the_site_is_where_the_documentation_has_it() {
        let made = Time::from_ms(2);
        let header = Header {
            origin: Origin { site: "adforge".parse().expect("a name"), entries: 7, root: [1; 32], made },
            policy: PolicyHash::from_bytes([3; 32]),
            base: Time::from_ms(4),
            group_bits: 8,
            index: Section { first_block: 1, items: 256 },
            entries: Section { first_block: 6, items: 195 },
            times: Section { first_block: 8, items: 0 },
            states: Section { first_block: 8, items: 1 },
            texts: Section { first_block: 9, items: 1 },
            blocks: 10,
        };
        let key = PackKey::new(&[9; 16]);
        let body = header.to_bytes(&key);
        assert_eq!(body[SITE_AT..SITE_AT + 8], *b"\x07adforge");
        assert!(body[SITE_AT + 8..].iter().all(|byte| *byte == 0));
        let mut bytes = alloc::vec![0; 10 * BLOCK_BYTES];
        bytes[..BODY_BYTES].copy_from_slice(&body);
        let tag = key.check(&body, 0, 0);
        bytes[BODY_BYTES..BLOCK_BYTES].copy_from_slice(&tag.to_le_bytes());
        assert_eq!(Header::read(&bytes, &key), Ok((header, tag)));
        assert_eq!(Header::read(&bytes, &PackKey::new(&[8; 16])), Err(SnapshotError::OtherKey));
        assert_eq!(Header::read(&bytes[..4095], &key), Err(SnapshotError::Length { given: 4095, expected: 4096 }));
        assert_eq!(Header::read(&bytes[1..], &key), Err(SnapshotError::NotASnapshot));
        let (given, expected) = (5 * 4096, 10 * 4096);
        assert_eq!(Header::read(&bytes[..5 * BLOCK_BYTES], &key), Err(SnapshotError::Length { given, expected }));
    }
}
