//! A snapshot's bytes: blocks of a page each, which end with what tells whether they are what was written.
//!
//! A block is checked when it is read for the first time, so that opening touches none but the first, and nothing is ever answered
//! from bytes that something has changed: not from the index either, since whoever is not found is somebody nobody has heard of, to
//! whom what starts on by itself may be done.

use super::Unanswered;
use super::key::PackKey;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};

/// Length of a block, in bytes: a page of memory, so that what is checked is what was read in with it.
pub(super) const BLOCK_BYTES: usize = 4096;
/// Of which so many are content; the rest checks them.
pub(super) const BODY_BYTES: usize = BLOCK_BYTES - 8;

/// A run of blocks that hold items of `ITEM` bytes each. None lies across a border.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Section<const ITEM: usize> {
    pub(super) first_block: usize,
    pub(super) items: usize,
}

impl<const ITEM: usize> Section<ITEM> {
    /// Items in a block.
    pub(super) const PER_BLOCK: usize = BODY_BYTES / ITEM;

    /// How many blocks it has.
    pub(super) const fn blocks(&self) -> usize {
        self.items.div_ceil(Self::PER_BLOCK)
    }

    /// The block of an item, and where it begins there.
    #[inline]
    pub(super) const fn place(&self, item: usize) -> (usize, usize) {
        (self.first_block + item / Self::PER_BLOCK, item % Self::PER_BLOCK * ITEM)
    }
}

impl<const ITEM: usize> Section<ITEM> {
    /// Where an item begins among all bytes.
    #[inline]
    pub(super) const fn at(&self, item: usize) -> usize {
        let (block, start) = self.place(item);
        block * BLOCK_BYTES + start
    }
}

/// Blocks to read. INVARIANT: as many bits as blocks; a set bit is a block that was checked.
pub(super) struct Blocks<B> {
    pub(super) bytes: B,
    key: PackKey,
    tag: u64,
    checked: Box<[AtomicU64]>,
}

impl<B: AsRef<[u8]>> Blocks<B> {
    pub(super) fn new(bytes: B, key: PackKey, tag: u64) -> Self {
        let words = bytes.as_ref().len().div_ceil(BLOCK_BYTES).div_ceil(64);
        let checked = core::iter::repeat_with(|| AtomicU64::new(0)).take(words).collect();
        Self { bytes, key, tag, checked }
    }

    /// One item, from a block that is as it was written.
    #[inline(always)]
    pub(super) fn item<const ITEM: usize>(
        &self,
        section: &Section<ITEM>,
        item: usize,
    ) -> Result<&[u8; ITEM], Unanswered> {
        if item >= section.items {
            return Err(Unanswered::Damaged);
        }
        let (block, start) = section.place(item);
        self.check(block)?;
        let start = block * BLOCK_BYTES + start;
        let bytes = self.bytes.as_ref().get(start..).and_then(|bytes| bytes.first_chunk());
        bytes.ok_or(Unanswered::Damaged)
    }

    /// All items of the block that this one is in, and its place there.
    #[inline(always)]
    pub(super) fn around<const ITEM: usize>(
        &self,
        section: &Section<ITEM>,
        item: usize,
    ) -> Result<(&[[u8; ITEM]], usize), Unanswered> {
        let (block, _) = section.place(item);
        self.check(block)?;
        let start = block * BLOCK_BYTES;
        let body = self.bytes.as_ref().get(start..start + BODY_BYTES).ok_or(Unanswered::Damaged)?;
        Ok((body.as_chunks().0, item % Section::<ITEM>::PER_BLOCK))
    }

    /// The byte there, whatever it is: to have it at hand when it is asked for.
    #[inline]
    pub(super) fn touch(&self, at: usize) -> u8 {
        self.bytes.as_ref().get(at).copied().unwrap_or_default()
    }

    /// Whether the block is as it was written.
    #[inline(always)]
    pub(super) fn check(&self, block: usize) -> Result<(), Unanswered> {
        let (word, bit) = (block / 64, 1 << (block % 64));
        match self.checked.get(word) {
            // Nobody waits for what another has found out: at worst a block is checked twice.
            Some(word) if word.load(Ordering::Relaxed) & bit != 0 => Ok(()),
            Some(word) => self.check_anew(block, word, bit),
            None => Err(Unanswered::Damaged),
        }
    }

    #[cold]
    #[inline(never)]
    fn check_anew(&self, block: usize, word: &AtomicU64, bit: u64) -> Result<(), Unanswered> {
        let start = block * BLOCK_BYTES;
        let bytes = self.bytes.as_ref().get(start..start + BLOCK_BYTES).ok_or(Unanswered::Damaged)?;
        let (body, check) = bytes.split_last_chunk().ok_or(Unanswered::Damaged)?;
        let number = u64::try_from(block).map_err(|_| Unanswered::Damaged)?;
        if self.key.check(body, self.tag, number) != u64::from_le_bytes(*check) {
            return Err(Unanswered::Damaged);
        }
        word.fetch_or(bit, Ordering::Relaxed);
        Ok(())
    }
}

/// Blocks being written.
pub(super) struct Writer {
    pub(super) bytes: Vec<u8>,
}

impl Writer {
    /// With room for the header, which is known last.
    pub(super) fn new() -> Self {
        Self { bytes: alloc::vec![0; BLOCK_BYTES] }
    }

    /// Begins a section.
    pub(super) fn begin<const ITEM: usize>(&mut self) -> Section<ITEM> {
        self.end();
        Section { first_block: self.bytes.len() / BLOCK_BYTES, items: 0 }
    }

    /// Adds an item to the section that was begun last.
    pub(super) fn push<const ITEM: usize>(&mut self, section: &mut Section<ITEM>, item: &[u8; ITEM]) {
        if section.items.is_multiple_of(Section::<ITEM>::PER_BLOCK) {
            self.end();
        }
        self.bytes.extend_from_slice(item);
        section.items += 1;
    }

    /// Puts another item in the place of one.
    pub(super) fn put<const ITEM: usize>(&mut self, section: &Section<ITEM>, item: usize, bytes: [u8; ITEM]) {
        let (block, start) = section.place(item);
        let start = block * BLOCK_BYTES + start;
        if let Some(place) = self.bytes.get_mut(start..start + ITEM) {
            place.copy_from_slice(&bytes);
        }
    }

    /// How many blocks there are, the header's and the last begun among them.
    pub(super) const fn blocks(&self) -> usize {
        self.bytes.len().div_ceil(BLOCK_BYTES)
    }

    /// Fills the last block up.
    pub(super) fn end(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(BLOCK_BYTES), 0);
    }

    /// The bytes, with each block's check in its place; the first block is `header`.
    pub(super) fn finish(mut self, header: &[u8], key: &PackKey) -> Vec<u8> {
        self.end();
        if let Some(first) = self.bytes.get_mut(..header.len()) {
            first.copy_from_slice(header);
        }
        let mut tag = 0;
        for (block, number) in self.bytes.chunks_exact_mut(BLOCK_BYTES).zip(0..) {
            if let Some((body, check)) = block.split_last_chunk_mut() {
                let is = key.check(body, tag, number);
                *check = is.to_le_bytes();
                // The header's check is what the others are bound to.
                if number == 0 {
                    tag = is;
                }
            }
        }
        self.bytes
    }
}
