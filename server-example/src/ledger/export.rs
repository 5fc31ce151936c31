//! A site's ledger as files, for any web server or an auditor's disk: what C2SP tlog-tiles serves, under the same names.

use super::signer::{SignedHeads, Signer};
use super::tile::{TILE_WIDTH, TileKind, TileName, bundle};
use crate::store::{ReadError, Store};
use consentry_core::SiteId;
use std::error::Error;
use std::path::Path;

/// A tile as it is served; none where the ledger is not that long yet.
pub(crate) async fn tile_bytes(store: &Store, site: &SiteId, name: TileName) -> Result<Option<Vec<u8>>, ReadError> {
    let width = usize::from(name.width);
    match name.kind {
        TileKind::Level(level) => {
            let tile = store.ledger_tile(site, level, name.index).await?;
            Ok(tile.and_then(|tile| tile.get(..width * 32).map(<[u8]>::to_vec)))
        }
        TileKind::Entries => {
            let Some(first) = name.index.checked_mul(TILE_WIDTH.into()) else { return Ok(None) };
            let entries = store.ledger_entries(site, first, width).await?;
            let is_whole = entries.len() == width && entries.first().is_some_and(|entry| entry.seq == first);
            Ok(is_whole.then(|| bundle(entries.iter().map(|entry| &entry.leaf))))
        }
    }
}

/// Writes the ledger as it is now into `folder`. The checkpoint comes last: whoever reads it finds all that it speaks of.
pub(super) async fn export(store: &Store, signer: Signer, site: &SiteId, folder: &Path) -> Result<u64, Box<dyn Error>> {
    let heads = SignedHeads::new(signer);
    let signed = heads.checkpoint(store, site).await?;
    for name in TileName::of_tree(signed.checkpoint.size) {
        let bytes = tile_bytes(store, site, name).await?.ok_or_else(|| format!("the tile `{name}` is missing"))?;
        write(&folder.join("tile").join(name.to_string()), &bytes)?;
    }
    let keys: String = heads.signer.verifiers(site).iter().map(|key| format!("{key}\n")).collect();
    write(&folder.join("keys"), keys.as_bytes())?;
    write(&folder.join("checkpoint"), signed.note().as_bytes())?;
    Ok(signed.checkpoint.size)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    let cannot = |error: std::io::Error| format!("cannot write `{}`: {error}", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(cannot)?;
    }
    Ok(std::fs::write(path, bytes).map_err(cannot)?)
}
