//! Names of tiles, and what an entry bundle is (C2SP tlog-tiles).

use consentry_core::ledger::Leaf;
use std::fmt;
use std::str::FromStr;

/// How many hashes or entries a full tile has.
pub(crate) const TILE_WIDTH: u16 = 256;
/// Highest level that a tree of 2⁶⁴ entries has.
const LEVEL_MAX: u8 = 7;
/// Longest name that is read, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TileKind {
    /// Hashes of the tree at this level, counted from 0: of leaves, of full tiles of leaves, and so on.
    Level(u8),
    /// The entries themselves.
    Entries,
}

/// Why a text names no tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a tile as C2SP tlog-tiles names them, such as `0/x001/234` or `entries/000.p/7`")]
pub(crate) struct TileNameError;

/// A tile's name, without the `tile/` before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TileName {
    pub(crate) kind: TileKind,
    /// Which one of its level, counted from 0.
    pub(crate) index: u64,
    /// How many hashes or entries it has. INVARIANT: 1 to [`TILE_WIDTH`].
    pub(crate) width: u16,
}

impl TileName {
    pub(crate) const fn is_full(&self) -> bool {
        self.width == TILE_WIDTH
    }

    /// Every tile of a tree of `size` entries and, beside those of level 0, the entries.
    pub(super) fn of_tree(size: u64) -> impl Iterator<Item = Self> {
        let kinds = (0..=LEVEL_MAX).map(TileKind::Level).chain([TileKind::Entries]);
        kinds.flat_map(move |kind| {
            let level = match kind {
                TileKind::Level(level) => level,
                TileKind::Entries => 0,
            };
            let hashes = size >> (8 * u32::from(level));
            let (full, rest) = (hashes / u64::from(TILE_WIDTH), hashes % u64::from(TILE_WIDTH));
            let partial = u16::try_from(rest).ok().filter(|width| *width > 0);
            let full_tiles = (0..full).map(move |index| Self { kind, index, width: TILE_WIDTH });
            full_tiles.chain(partial.map(|width| Self { kind, index: full, width }))
        })
    }
}

impl fmt::Display for TileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Level(level) => write!(f, "{level}")?,
            TileKind::Entries => f.write_str("entries")?,
        }
        let digits = self.index.to_string();
        let digits = format!("{digits:0>width$}", width = digits.len().next_multiple_of(3));
        let groups = digits.len() / 3;
        for (number, group) in digits.as_bytes().chunks(3).enumerate() {
            let start = if number + 1 < groups { "/x" } else { "/" };
            write!(f, "{start}{}", String::from_utf8_lossy(group))?;
        }
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

impl FromStr for TileName {
    type Err = TileNameError;

    fn from_str(text: &str) -> Result<Self, TileNameError> {
        let read = || {
            let (kind, rest) = text.split_once('/')?;
            let kind = match kind {
                "entries" => TileKind::Entries,
                level => TileKind::Level(level.parse().ok().filter(|level| *level <= LEVEL_MAX)?),
            };
            let (path, width) = match rest.split_once(".p/") {
                Some((path, width)) => (path, width.parse().ok().filter(|width| (1..TILE_WIDTH).contains(width))?),
                None => (rest, TILE_WIDTH),
            };
            let index = path.split('/').try_fold(0_u64, |index, group| {
                let number: u64 = group.trim_start_matches('x').parse().ok().filter(|number| *number < 1_000)?;
                index.checked_mul(1_000)?.checked_add(number)
            })?;
            Some(Self { kind, index, width })
        };
        // One spelling: as we would write it.
        let read = if text.len() <= NAME_BYTES_MAX { read() } else { None };
        read.filter(|name| name.to_string() == text).ok_or(TileNameError)
    }
}

/// Entries as they are served: each after its length, a big-endian number of 16 bits.
pub(crate) fn bundle<'a>(leaves: impl IntoIterator<Item = &'a Leaf>) -> Vec<u8> {
    let mut bundle = Vec::new();
    for leaf in leaves {
        let leaf = leaf.to_bytes();
        // A leaf has at most `LEAF_BYTES_MAX` bytes.
        bundle.extend(u16::try_from(leaf.len()).unwrap_or_default().to_be_bytes());
        bundle.extend(leaf);
    }
    bundle
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_as_it_is_written() {
        for text in [
            "0/000",
            "0/255.p/1",
            "1/x001/x234/067",
            "7/x999/000.p/255",
            "entries/000.p/9",
            "entries/x018/x446/x744/x073/x709/x551/615",
        ] {
            assert_eq!(text.parse::<TileName>().map(|name| name.to_string()), Ok(text.into()));
        }
        let name = "1/x001/x234/067.p/8".parse();
        assert_eq!(name, Ok(TileName { kind: TileKind::Level(1), index: 1_234_067, width: 8 }));
    }

    #[test]
    fn there_is_one_spelling() {
        for text in [
            "",
            "0",
            "0/",
            "0/0",
            "0/00",
            "0/0000",
            "8/000",
            "00/000",
            "-1/000",
            "+1/000",
            "data/000",
            "0/000.p/0",
            "0/000.p/256",
            "0/000.p/01",
            "0/000.p/",
            "0/000/001",
            "0/x000/001",
            "0/x001/x001",
            "0/001x",
            "0/xx1/001",
            "0/1e2",
            "0/000/",
            "entries/x018/x446/x744/x073/x709/x551/616",
            "0/../000",
        ] {
            assert_eq!(text.parse::<TileName>(), Err(TileNameError), "{text}");
        }
        assert_eq!(format!("0/{}000", "x001/".repeat(20)).parse::<TileName>(), Err(TileNameError));
    }

    #[test]
    fn a_tree_of_70_000_entries_has_the_tiles_that_the_standard_says() {
        let names: Vec<TileName> = TileName::of_tree(70_000).collect();
        let count = |kind, is_full| names.iter().filter(|name| name.kind == kind && name.is_full() == is_full).count();
        assert_eq!((count(TileKind::Level(0), true), count(TileKind::Level(0), false)), (273, 1));
        assert_eq!((count(TileKind::Level(1), true), count(TileKind::Level(1), false)), (1, 1));
        assert_eq!((count(TileKind::Level(2), true), count(TileKind::Level(2), false)), (0, 1));
        assert_eq!((count(TileKind::Entries, true), count(TileKind::Entries, false)), (273, 1));
        assert_eq!(names.len(), 2 * 274 + 2 + 1);
        for partial in ["0/273.p/112", "1/001.p/17", "2/000.p/1", "entries/273.p/112"] {
            assert!(names.iter().any(|name| name.to_string() == partial), "{partial}");
        }
        assert_eq!(TileName::of_tree(0).count(), 0);
    }
}
