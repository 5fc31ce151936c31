//! Whether a ledger has only grown between two checkpoints.

use super::checkpoint::Checkpoint;
use super::proof::{ProofError, Question, prove_in_folder};
use std::path::Path;
use tlog_tiles::{EMPTY_HASH, check_tree};

/// Why it cannot be said that the one continues the other.
#[derive(Debug, thiserror::Error)]
pub(super) enum CompareError {
    #[error("the checkpoints are of two ledgers, `{0}` and `{1}`")]
    Origins(String, String),
    #[error("the older checkpoint has {older} entries, more than the {newer} of the newer one")]
    Order { older: u64, newer: u64 },
    #[error("the first {older} of {newer} entries are not those that were there before: the ledger was rewritten")]
    Rewritten { older: u64, newer: u64 },
    #[error(transparent)]
    Tiles(#[from] ProofError),
}

/// Checks that `newer` continues `older` (RFC 6962 section 2.1.2), by tiles in a folder. They need not be believed.
pub(super) fn compare(older: &Checkpoint, newer: &Checkpoint, tiles: &Path) -> Result<(), CompareError> {
    if older.origin != newer.origin {
        return Err(CompareError::Origins(older.origin.clone(), newer.origin.clone()));
    }
    let sizes = (older.size, newer.size);
    if sizes.0 > sizes.1 {
        return Err(CompareError::Order { older: sizes.0, newer: sizes.1 });
    }
    let holds = match sizes {
        // Every ledger continues one without entries.
        (0, _) => older.root == EMPTY_HASH,
        (one, other) if one == other => older.root == newer.root,
        (older_size, size) => {
            let proof = prove_in_folder(tiles, Question::Consistency { size, older: older_size })?;
            check_tree(&proof, size, newer.root, older_size, older.root).is_ok()
        }
    };
    if holds { Ok(()) } else { Err(CompareError::Rewritten { older: sizes.0, newer: sizes.1 }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tlog_tiles::{Hash, node_hash};

    fn checkpoint(origin: &str, size: u64, root: Hash) -> Checkpoint {
        Checkpoint { origin: origin.into(), size, root }
    }

    #[test]
    fn a_ledger_that_has_only_grown_is_told_from_one_that_was_rewritten() {
        let folder = tempfile::tempdir().unwrap();
        let leaves = [Hash([1; 32]), Hash([2; 32]), Hash([3; 32])];
        let tile: Vec<u8> = leaves.iter().flat_map(|leaf| leaf.0).collect();
        std::fs::create_dir_all(folder.path().join("tile/0/000.p")).unwrap();
        std::fs::write(folder.path().join("tile/0/000.p/3"), tile).unwrap();
        let two = node_hash(leaves[0], leaves[1]);
        let three = checkpoint("a/x", 3, node_hash(two, leaves[2]));
        let compare =
            |older: &Checkpoint, newer| compare(older, newer, folder.path()).map_err(|error| error.to_string());
        assert_eq!(compare(&checkpoint("a/x", 2, two), &three), Ok(()));
        assert_eq!(compare(&checkpoint("a/x", 0, EMPTY_HASH), &three), Ok(()));
        assert_eq!(compare(&three, &three), Ok(()));
        for (older, expected) in [
            (checkpoint("a/x", 2, leaves[0]), "rewritten"),
            (checkpoint("a/x", 0, two), "rewritten"),
            (checkpoint("a/x", 3, two), "rewritten"),
            (checkpoint("a/y", 2, two), "of two ledgers"),
            (checkpoint("a/x", 4, two), "more than the 3"),
        ] {
            let error = compare(&older, &three).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        let five = checkpoint("a/x", 5, two);
        assert_eq!(compare(&three, &five).unwrap_err(), "the tile `0/000.p/5` is missing");
    }
}
