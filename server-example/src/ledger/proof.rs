//! Makes proofs from tiles: first it is noted which hashes a proof is made of, then the tiles that have them are fetched, and then
//! the proof is made.

use super::tile::{TILE_WIDTH, TileKind, TileName};
use crate::store::{ReadError, Store};
use consentry_core::SiteId;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use tlog_tiles::{EMPTY_HASH, Error, Hash, HashReader, Tile};

/// How many levels of the tree a tile spans: 2⁸ hashes.
const TILE_HEIGHT: u8 = 8;

/// What is to be proved (RFC 6962 section 2.1).
#[derive(Debug, Clone, Copy)]
pub(super) enum Question {
    /// That entry `seq` is in the tree over the first `size` entries.
    Inclusion { size: u64, seq: u64 },
    /// That the tree over the first `size` entries begins with the one over the first `older`.
    Consistency { size: u64, older: u64 },
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProofError {
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] ReadError),
    /// A tile is missing.
    #[error("the tile `{0}` is missing")]
    Missing(String),
    /// A tile's file cannot be read.
    #[error("cannot read `{path}`")]
    File { path: PathBuf, source: io::Error },
    /// A tile is too short, or there is no such proof.
    #[error("no proof can be made of the tiles: {0}")]
    Tree(#[from] Error),
    /// The proof is wrong: the tiles are not those of the tree that was signed.
    #[error("the tiles do not make the root that was signed; run `consentry verify`")]
    Wrong,
}

/// A proof of a tree in the store.
pub(super) async fn prove(store: &Store, site: &SiteId, question: Question) -> Result<Vec<Hash>, ProofError> {
    let mut tiles = Tiles::default();
    for (level, index) in question.tiles()? {
        let tile = store.ledger_tile(site, level, index).await?;
        let name = || TileName { kind: TileKind::Level(level), index, width: TILE_WIDTH }.to_string();
        tiles.0.insert((level, index), tile.ok_or_else(|| ProofError::Missing(name()))?);
    }
    Ok(question.ask(&tiles)?)
}

/// A proof of a tree whose tiles are files, as `consentry ledger export` writes them.
pub(super) fn prove_in_folder(folder: &Path, question: Question) -> Result<Vec<Hash>, ProofError> {
    let mut tiles = Tiles::default();
    for (level, index) in question.tiles()? {
        tiles.0.insert((level, index), read_tile(folder, question.size(), level, index)?);
    }
    Ok(question.ask(&tiles)?)
}

/// The file of a full tile, or that of the width that it has in a tree of this size.
fn read_tile(folder: &Path, size: u64, level: u8, index: u64) -> Result<Vec<u8>, ProofError> {
    let hashes = size >> (u32::from(level) * u32::from(TILE_HEIGHT));
    let in_it = hashes.saturating_sub(index.saturating_mul(TILE_WIDTH.into())).min(TILE_WIDTH.into());
    let width = u16::try_from(in_it).unwrap_or(TILE_WIDTH);
    let mut missing = String::new();
    for width in [TILE_WIDTH, width] {
        let name = TileName { kind: TileKind::Level(level), index, width }.to_string();
        let path = folder.join("tile").join(&name);
        match std::fs::read(&path) {
            Ok(tile) => return Ok(tile),
            Err(error) if error.kind() == io::ErrorKind::NotFound => missing = name,
            Err(source) => return Err(ProofError::File { path, source }),
        }
    }
    Err(ProofError::Missing(missing))
}

impl Question {
    const fn size(self) -> u64 {
        match self {
            Self::Inclusion { size, .. } | Self::Consistency { size, .. } => size,
        }
    }

    fn ask<R: HashReader>(self, reader: &R) -> Result<Vec<Hash>, Error> {
        match self {
            Self::Inclusion { size, seq } => tlog_tiles::prove_record(size, seq, reader),
            Self::Consistency { size, older } => tlog_tiles::prove_tree(size, older, reader),
        }
    }

    /// The tiles that the proof is made of, by level and number: a few for each level that the tree has.
    fn tiles(self) -> Result<BTreeSet<(u8, u64)>, Error> {
        let notes = Notes::default();
        self.ask(&notes)?;
        let tile = |index: u64| {
            let tile = Tile::from_index(TILE_HEIGHT, index);
            (tile.level(), tile.level_index())
        };
        Ok(notes.0.into_inner().into_iter().map(tile).collect())
    }
}

/// Notes which hashes are asked for. What it answers is of no use but for asking on.
#[derive(Default)]
struct Notes(RefCell<Vec<u64>>);

impl HashReader for Notes {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        self.0.borrow_mut().extend_from_slice(indexes);
        Ok(vec![EMPTY_HASH; indexes.len()])
    }
}

/// Tiles that were fetched. A tile may be wider than the tree that the question is about: it begins with the same hashes.
#[derive(Default)]
struct Tiles(HashMap<(u8, u64), Vec<u8>>);

impl HashReader for Tiles {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        let hash = |index: &u64| {
            let tile = Tile::from_index(TILE_HEIGHT, *index);
            let hashes = self.0.get(&(tile.level(), tile.level_index())).ok_or(Error::InvalidTile)?;
            tile.hash_at_index(hashes, *index)
        };
        indexes.iter().map(hash).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tlog_tiles::{check_record, check_tree, record_hash, stored_hashes, tree_hash};

    struct All(Vec<Hash>);

    impl HashReader for All {
        fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
            Ok(indexes.iter().map(|index| self.0[usize::try_from(*index).unwrap()]).collect())
        }
    }

    #[test]
    fn a_proof_of_files_is_the_proof_of_the_whole_tree() {
        let folder = tempfile::tempdir().unwrap();
        let (mut all, size) = (All(Vec::new()), 66_000_u64);
        for seq in 0..size {
            let more = stored_hashes(seq, &seq.to_be_bytes(), &all).unwrap();
            all.0.extend(more);
        }
        for name in TileName::of_tree(size) {
            let TileKind::Level(level) = name.kind else { continue };
            let tile = Tile::new(TILE_HEIGHT, level, name.index, name.width.into(), false);
            let path = folder.path().join("tile").join(name.to_string());
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, tile.read_data(&all).unwrap()).unwrap();
        }
        let root = tree_hash(size, &all).unwrap();
        for seq in [0, 1, 255, 256, 65_535, 65_536, 65_999] {
            let proof = prove_in_folder(folder.path(), Question::Inclusion { size, seq }).unwrap();
            check_record(&proof, size, root, seq, record_hash(&seq.to_be_bytes())).unwrap();
        }
        for older in [1, 255, 256, 257, 65_536, 65_999, 66_000] {
            let proof = prove_in_folder(folder.path(), Question::Consistency { size, older }).unwrap();
            check_tree(&proof, size, root, older, tree_hash(older, &all).unwrap()).unwrap();
        }
        for wrong in [Question::Inclusion { size, seq: size }, Question::Consistency { size, older: 0 }] {
            assert!(matches!(prove_in_folder(folder.path(), wrong), Err(ProofError::Tree(_))));
        }
        std::fs::remove_file(folder.path().join("tile/0/257.p/208")).unwrap();
        let error = prove_in_folder(folder.path(), Question::Inclusion { size, seq: 65_999 }).unwrap_err();
        assert_eq!(error.to_string(), "the tile `0/257.p/208` is missing");
    }
}
