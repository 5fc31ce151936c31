//! A file that tells a country, and a part of one, by an address: MaxMind's format, which others write too. The operator gives it.
//!
//! The address is looked up and forgotten. Deliberately absent: cities, coordinates, and whatever else such a file has.

use arc_swap::ArcSwap;
use consentry_core::Jurisdiction;
use maxminddb::{MaxMindDbError, Reader, path};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Such a file, read into memory. A clone is another handle to the same.
#[derive(Debug, Clone)]
pub struct GeoFile(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    reader: ArcSwap<Reader<Vec<u8>>>,
}

/// Why there is nothing to look up in.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{path}` as a MaxMind DB: give the path of a `.mmdb` file of countries or cities")]
pub struct GeoFileError {
    path: PathBuf,
    source: MaxMindDbError,
}

impl GeoFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`GeoFileError`].
    pub fn read(path: &Path) -> Result<Self, GeoFileError> {
        let reader = ArcSwap::from_pointee(open(path)?);
        Ok(Self(Arc::new(Inner { path: path.into(), reader })))
    }

    /// Reads the file again. What was read before stays if this fails.
    ///
    /// # Errors
    /// [`GeoFileError`].
    pub fn reload(&self) -> Result<(), GeoFileError> {
        self.0.reader.store(Arc::new(open(&self.0.path)?));
        Ok(())
    }

    /// Where that address is. None if the file does not say, or says what is no code of ISO 3166.
    pub(crate) fn jurisdiction(&self, address: IpAddr) -> Option<Jurisdiction> {
        let reader = self.0.reader.load();
        let found = reader.lookup(address).ok()?;
        let country: &str = found.decode_path(&path!["country", "iso_code"]).ok()??;
        let part: Option<&str> = found.decode_path(&path!["subdivisions", 0, "iso_code"]).ok().flatten();
        crate::place::combine(country, part)
    }
}

fn open(path: &Path) -> Result<Reader<Vec<u8>>, GeoFileError> {
    Reader::open_readfile(path).map_err(|source| GeoFileError { path: path.into(), source })
}
