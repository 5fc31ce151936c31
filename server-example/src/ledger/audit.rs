//! Reads a whole ledger and computes everything in it again: what each entry commits to, its place in the tree, and the root.
//!
//! It computes the tree by its own few lines rather than by those that wrote it. What it finds is the first thing that is wrong, by the
//! number of the entry where there is one. Deliberately absent: signatures. Whoever can write to the database can write a whole other
//! ledger that agrees with itself; what tells it apart is an earlier checkpoint, or a receipt, that is kept elsewhere.

use super::checkpoint::Checkpoint;
use super::tile::{TILE_WIDTH, TileKind, TileName};
use crate::store::{LedgerEntry, LedgerHead, ReadError, Sealed, Store};
use consentry_core::ledger::Commitment;
use consentry_core::{SiteId, Time};
use std::collections::HashMap;
use tlog_tiles::{EMPTY_HASH, Hash, node_hash};

/// How many entries are read at once.
const ENTRIES_AT_ONCE: usize = 256;
/// Length of a hash, in bytes.
const HASH_BYTES: usize = 32;

/// Why a ledger is not as it was written, or nothing can be said of it.
#[derive(Debug, thiserror::Error)]
pub(super) enum AuditError {
    #[error("entry {seq} is missing")]
    Missing { seq: u64 },
    #[error("entry {seq} does not read: what it is about is not as it was written")]
    Broken { seq: u64 },
    #[error("entry {seq} does not commit to the payload and salt that are kept with it")]
    Commitment { seq: u64 },
    #[error("entry {seq} has another site or time than the payload that is kept with it")]
    Sealed { seq: u64 },
    #[error("entry {seq} is dated before the one before it")]
    Time { seq: u64 },
    #[error("entry {seq} is another than the tree has: its hash in tile `{tile}` differs")]
    Leaf { seq: u64, tile: TileName },
    #[error("the tree is not that of entries {first} to {last}: their hash in tile `{tile}` differs or is missing")]
    Tile { first: u64, last: u64, tile: TileName },
    #[error("one of entries {first} to {last} is another, or the head is: together they do not make its root")]
    Root { first: u64, last: u64 },
    #[error("the head is dated otherwise than entry {seq}, the last")]
    Head { seq: u64 },
    #[error("the ledger has {size} entries, fewer than the {signed} of the checkpoint")]
    Shorter { size: u64, signed: u64 },
    #[error("the first {signed} entries are not those of the checkpoint")]
    Checkpoint { signed: u64 },
    #[error(transparent)]
    Store(ReadError),
}

/// What holds.
#[derive(Debug, PartialEq)]
pub(super) struct Audited {
    pub(super) entries: u64,
    /// Of how many nothing is left but that they were.
    pub(super) erased: u64,
    pub(super) root: Hash,
}

/// Reads the site's ledger from its beginning to where it stands now, and past the checkpoint if there is one.
pub(super) async fn audit(store: &Store, site: &SiteId, signed: Option<&Checkpoint>) -> Result<Audited, AuditError> {
    let head = store.ledger_head(site).await.map_err(AuditError::Store)?;
    let mut walk = Walk { store, site, head, tree: Tree::default(), tiles: HashMap::new(), at: None, erased: 0 };
    if let Some(signed) = signed.filter(|signed| signed.size > head.size) {
        return Err(AuditError::Shorter { size: head.size, signed: signed.size });
    }
    let check_signed = |tree: &Tree| match signed {
        Some(Checkpoint { size, root, .. }) if *size == tree.size && *root != tree.root() => {
            Err(AuditError::Checkpoint { signed: *size })
        }
        _ => Ok(()),
    };
    check_signed(&walk.tree)?;
    while walk.tree.size < head.size {
        for entry in walk.next_entries().await? {
            walk.take(&entry).await?;
            check_signed(&walk.tree)?;
        }
    }
    walk.end()
}

/// On its way through a ledger.
struct Walk<'a> {
    store: &'a Store,
    site: &'a SiteId,
    head: LedgerHead,
    tree: Tree,
    tiles: HashMap<u8, (u64, Vec<u8>)>, // Of each level the last one that was looked at.
    at: Option<Time>,
    erased: u64,
}

impl Walk<'_> {
    /// The next entries. Where one does not read, those before it.
    async fn next_entries(&self) -> Result<Vec<LedgerEntry>, AuditError> {
        let next = self.tree.size;
        let left = usize::try_from(self.head.size - next).unwrap_or(ENTRIES_AT_ONCE);
        let mut wanted = left.min(ENTRIES_AT_ONCE);
        loop {
            match self.store.ledger_entries(self.site, next, wanted).await {
                Ok(entries) if entries.is_empty() => return Err(AuditError::Missing { seq: next }),
                Ok(entries) => return Ok(entries),
                // Something before it may be wrong, too, and would be the first.
                Err(ReadError::Broken { seq }) if seq > next && wanted > 1 => {
                    wanted = usize::try_from(seq - next).unwrap_or(1).min(wanted - 1);
                }
                Err(ReadError::Broken { seq }) => return Err(AuditError::Broken { seq }),
                Err(error) => return Err(AuditError::Store(error)),
            }
        }
    }

    async fn take(&mut self, entry: &LedgerEntry) -> Result<(), AuditError> {
        let LedgerEntry { seq, leaf, sealed, erased: _ } = entry;
        let seq = *seq;
        if seq != self.tree.size {
            return Err(AuditError::Missing { seq: self.tree.size });
        }
        match sealed {
            Some(Sealed { salt, payload }) if leaf.commitment() != Commitment::to(salt, payload) => {
                return Err(AuditError::Commitment { seq });
            }
            Some(Sealed { salt, payload }) if !leaf.proves(salt, payload) => return Err(AuditError::Sealed { seq }),
            Some(_) => {}
            None => self.erased += 1,
        }
        if self.at.is_some_and(|at| leaf.at() < at) {
            return Err(AuditError::Time { seq });
        }
        self.at = Some(leaf.at());
        let hash = Hash(leaf.hash());
        let (tile, found) = self.stored(0, seq).await?;
        if found != Some(hash) {
            return Err(AuditError::Leaf { seq, tile });
        }
        for (level, root) in self.tree.push(hash) {
            let index = (self.tree.size >> (8 * u32::from(level))) - 1;
            let (tile, found) = self.stored(level, index).await?;
            if found != Some(root) {
                let first = index << (8 * u32::from(level));
                return Err(AuditError::Tile { first, last: seq, tile });
            }
        }
        Ok(())
    }

    /// What the tree that is stored has at this level in this place.
    async fn stored(&mut self, level: u8, index: u64) -> Result<(TileName, Option<Hash>), AuditError> {
        let width = u64::from(TILE_WIDTH);
        let (number, place) = (index / width, usize::try_from(index % width).unwrap_or_default());
        if self.tiles.get(&level).is_none_or(|(last, _)| *last != number) {
            let tile = self.store.ledger_tile(self.site, level, number).await.map_err(|error| match error {
                ReadError::Broken { seq } => AuditError::Broken { seq },
                error => AuditError::Store(error),
            })?;
            self.tiles.insert(level, (number, tile.unwrap_or_default()));
        }
        let name = TileName { kind: TileKind::Level(level), index: number, width: TILE_WIDTH };
        let hash = self.tiles.get(&level).and_then(|(_, tile)| tile.as_chunks::<HASH_BYTES>().0.get(place));
        Ok((name, hash.map(|hash| Hash(*hash))))
    }

    fn end(self) -> Result<Audited, AuditError> {
        let Self { head, tree, at, erased, .. } = self;
        if let (Some(at), Some(seq)) = (at, head.size.checked_sub(1))
            && at != head.at
        {
            return Err(AuditError::Head { seq });
        }
        if tree.root().0 != head.root {
            // All but those of the last tile were compared one by one with hashes that were stored before.
            let first = head.size - head.size % u64::from(TILE_WIDTH);
            return Err(AuditError::Root { first, last: head.size.saturating_sub(1) });
        }
        Ok(Audited { entries: head.size, erased, root: tree.root() })
    }
}

/// A tree as it grows, of which only the roots of complete subtrees are kept, from the left.
#[derive(Default)]
struct Tree {
    size: u64,
    peaks: Vec<(u8, Hash)>,
}

impl Tree {
    /// Appends a leaf. Out come the subtrees that it completes and that fill a tile: the level at which their hash stands, and it.
    fn push(&mut self, leaf: Hash) -> Vec<(u8, Hash)> {
        let (mut height, mut root, mut full) = (0_u8, leaf, Vec::new());
        while let Some((_, left)) = self.peaks.pop_if(|(other, _)| *other == height) {
            root = node_hash(left, root);
            height += 1;
            if height.is_multiple_of(8) {
                full.push((height / 8, root));
            }
        }
        self.peaks.push((height, root));
        self.size += 1;
        full
    }

    fn root(&self) -> Hash {
        let from_right = self.peaks.iter().rev().map(|(_, root)| *root);
        from_right.reduce(|right, left| node_hash(left, right)).unwrap_or(EMPTY_HASH)
    }
}
