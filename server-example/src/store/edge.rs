//! The right edge of a site's Merkle tree: all that must be at hand to append to it, and nothing more.
//!
//! The tree is RFC 6962's. It is stored as the tiles of C2SP tlog-tiles: 256 hashes each, of leaves at level 0, of whole
//! tiles one level below above that. The edge holds the tiles that are not full yet, and the roots of the complete subtrees
//! ("peaks") that the tree's root is made of. Deliberately absent: storage, proofs, signatures.

use tlog_tiles::{Hash, node_hash};

/// How many hashes a full tile has, as C2SP tlog-tiles wants it.
pub(super) const TILE_WIDTH: usize = 256;
/// How many levels of the tree a tile spans: 2⁸ hashes.
const TILE_HEIGHT: u8 = 8;
/// Length of a hash, in bytes.
pub(super) const HASH_BYTES: usize = 32;

/// Why stored hashes are not the edge of a tree of that size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("level {level} of the tree has {given} hashes in its last tile where {size} entries make {wanted}")]
pub(super) struct EdgeError {
    level: u8,
    size: u64,
    wanted: usize,
    given: usize,
}

/// A tile that has changed: full, or the last of its level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tile {
    pub(super) level: u8,
    pub(super) index: u64,
    pub(super) hashes: Vec<u8>,
}

/// The right edge.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Edge {
    size: u64,
    levels: Vec<Vec<Hash>>, // INVARIANT: of level k the hashes of its last tile, `(size >> 8k) % 256` of them.
    peaks: Vec<(u8, Hash)>, // INVARIANT: height and root of each complete subtree, from the left: the set bits of `size`.
}

impl Edge {
    /// The edge of a tree of `size` entries, of the last tile of each of its levels.
    pub(super) fn of(size: u64, levels: Vec<Vec<Hash>>) -> Result<Self, EdgeError> {
        let mut peaks = Vec::new();
        for level in (0..Self::levels_of(size)).rev() {
            let hashes = levels.get(usize::from(level)).map(Vec::as_slice).unwrap_or_default();
            let wanted = in_last_tile(size, level);
            if hashes.len() != wanted {
                return Err(EdgeError { level, size, wanted, given: hashes.len() });
            }
            let mut rest = hashes;
            for bit in (0..TILE_HEIGHT).rev().filter(|bit| wanted >> bit & 1 == 1) {
                let (complete, after) = rest.split_at(1 << bit);
                peaks.extend(root_of(complete).map(|root| (level * TILE_HEIGHT + bit, root)));
                rest = after;
            }
        }
        Ok(Self { size, levels, peaks })
    }

    /// How many levels of tiles a tree of `size` entries has.
    pub(super) const fn levels_of(size: u64) -> u8 {
        let mut level = 0;
        while level < 8 && size >> (level * TILE_HEIGHT) > 0 {
            level += 1;
        }
        level
    }

    /// How many entries the tree has.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// The tree's root. Of no entries it is the hash of nothing (RFC 6962 section 2.1).
    pub(super) fn root(&self) -> Hash {
        let mut from_right = self.peaks.iter().rev().map(|(_, root)| *root);
        let Some(last) = from_right.next() else { return tlog_tiles::EMPTY_HASH };
        from_right.fold(last, |right, left| node_hash(left, right))
    }

    /// Appends a leaf by its hash. Out come the tiles that must be stored: those that are full now, and above them the one that has
    /// grown. What stands in the last tile of level 0 is made of entries, and is stored once it is full.
    pub(super) fn append(&mut self, leaf: Hash) -> Vec<Tile> {
        let mut changed = Vec::new();
        let (mut height, mut root) = (0, leaf);
        self.size += 1;
        self.push(0, root);
        while let Some((_, left)) = self.peaks.pop_if(|(other, _)| *other == height) {
            root = node_hash(left, root);
            height += 1;
            if height % TILE_HEIGHT == 0 {
                let level = height / TILE_HEIGHT;
                let full = self.levels.get_mut(usize::from(level - 1)).map(std::mem::take).unwrap_or_default();
                let index = (self.size >> (level * TILE_HEIGHT)) - 1;
                changed.push(Tile { level: level - 1, index, hashes: bytes(&full) });
                self.push(level, root);
            }
        }
        self.peaks.push((height, root));
        let grown = height / TILE_HEIGHT;
        if grown > 0 {
            let hashes = self.levels.get(usize::from(grown)).map(|hashes| bytes(hashes)).unwrap_or_default();
            changed.push(Tile { level: grown, index: self.size >> ((grown + 1) * TILE_HEIGHT), hashes });
        }
        changed
    }

    fn push(&mut self, level: u8, hash: Hash) {
        let level = usize::from(level);
        if self.levels.len() <= level {
            self.levels.resize_with(level + 1, Vec::new);
        }
        if let Some(hashes) = self.levels.get_mut(level) {
            hashes.push(hash);
        }
    }
}

/// How many hashes the last tile of a level has, if it is not full.
pub(super) fn in_last_tile(size: u64, level: u8) -> usize {
    let hashes = size >> (level * TILE_HEIGHT) & (TILE_WIDTH as u64 - 1);
    usize::try_from(hashes).unwrap_or_default()
}

/// The hashes that a tile's bytes are; none if they are no whole number of hashes.
pub(super) fn hashes(bytes: &[u8]) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
    rest.is_empty().then(|| hashes.iter().map(|hash| Hash(*hash)).collect())
}

fn bytes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// The root of a complete subtree, of the hashes at its foot: a power of two of them.
fn root_of(hashes: &[Hash]) -> Option<Hash> {
    match hashes {
        [] => None,
        [one] => Some(*one),
        _ => {
            let (left, right) = hashes.split_at(hashes.len() / 2);
            Some(node_hash(root_of(left)?, root_of(right)?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use tlog_tiles::{record_hash, stored_hashes, tree_hash};

    /// Every hash of a tree, as the library keeps them.
    #[derive(Default)]
    struct All(Vec<Hash>);

    impl tlog_tiles::HashReader for All {
        fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
            Ok(indexes.iter().map(|index| self.0[usize::try_from(*index).unwrap()]).collect())
        }
    }

    #[test]
    fn the_root_is_the_librarys_and_the_edge_can_be_had_back_from_the_tiles_at_any_size() {
        let (mut edge, mut all, mut stored) = (Edge::default(), All::default(), HashMap::new());
        assert_eq!(edge.root(), tree_hash(0, &all).unwrap());
        // Past the second full tile of level 1 it would only repeat itself.
        for size in 0..=2 * 65_536_u64 + 300 {
            if size > 0 {
                let data = size.to_be_bytes();
                let more = stored_hashes(size - 1, &data, &all).unwrap();
                all.0.extend(more);
                for Tile { level, index, hashes } in edge.append(record_hash(&data)) {
                    stored.insert((level, index), hashes);
                }
            }
            let is_telling = size % 4_099 == 0 || size < 600 || size.is_multiple_of(256) && size % 8_192 < 600;
            if !is_telling {
                continue;
            }
            assert_eq!(edge.size(), size);
            assert_eq!(edge.root(), tree_hash(size, &all).unwrap(), "{size}");
            let mut levels: Vec<Vec<Hash>> = Vec::new();
            for level in 0..Edge::levels_of(size) {
                let index = size >> (8 * (u32::from(level) + 1));
                levels.push(match level {
                    // Of entries.
                    0 => (index * 256 + 1..=size).map(|entry| record_hash(&entry.to_be_bytes())).collect(),
                    _ if in_last_tile(size, level) == 0 => Vec::new(),
                    _ => hashes(&stored[&(level, index)]).unwrap(),
                });
            }
            let again = Edge::of(size, levels).unwrap();
            assert_eq!((again.root(), again.peaks.clone()), (edge.root(), edge.peaks.clone()), "{size}");
        }
        let full = |level, count: u64| (0..count).all(|index| stored[&(level, index)].len() == 256 * 32);
        assert!(full(0, 513) && full(1, 2));
    }

    #[test]
    fn an_edge_that_does_not_fit_its_size_is_none() {
        let wrong = Edge::of(3, vec![vec![record_hash(b"one"), record_hash(b"two")]]);
        assert_eq!(wrong, Err(EdgeError { level: 0, size: 3, wanted: 3, given: 2 }));
    }
}
