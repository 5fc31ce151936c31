//! Reads sites' folders: one folder with a `policy.toml`, or a folder of such folders.

use consentry_core::source::{POLICY_FILE, Published, SourceError, SourceFile};
use std::io;
use std::path::{Path, PathBuf};

/// A site's files, as somebody wrote them.
#[derive(Debug)]
pub struct SiteFolder {
    /// Where they are.
    pub path: PathBuf,
    /// `policy.toml`, and one file for each language.
    pub files: Vec<SourceFile>,
}

/// Why a folder cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A file or folder cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// There is nothing in it.
    #[error("`{0}` has neither a `policy.toml` nor a folder")]
    Empty(PathBuf),
}

impl SiteFolder {
    /// The sites in `path`, by the names of their folders.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn find(path: &Path) -> Result<Vec<Self>, FolderError> {
        if path.join(POLICY_FILE).is_file() {
            return Ok(vec![Self::read(path)?]);
        }
        // A folder without a policy is not passed over: its name may be misspelt, and the site would be missed too late.
        let folders: Vec<PathBuf> = entries(path)?.into_iter().filter(|entry| entry.is_dir()).collect();
        if folders.is_empty() {
            return Err(FolderError::Empty(path.into()));
        }
        folders.iter().map(|folder| Self::read(folder)).collect()
    }

    /// Parses the files.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn publish(&self) -> Result<Published, Vec<SourceError>> {
        Published::parse(&self.files)
    }

    fn read(path: &Path) -> Result<Self, FolderError> {
        let mut files = Vec::new();
        for file in entries(path)?.into_iter().filter(|file| file.extension().is_some_and(|e| e == "toml")) {
            let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let text = std::fs::read_to_string(&file).map_err(|source| FolderError::Read { path: file, source })?;
            files.push(SourceFile { name, text });
        }
        Ok(Self { path: path.into(), files })
    }
}

/// What is in a folder, by name, without what is hidden.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, FolderError> {
    let read = || -> io::Result<Vec<PathBuf>> {
        std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect()
    };
    let mut paths = read().map_err(|source| FolderError::Read { path: folder.into(), source })?;
    paths.retain(|path| path.file_name().is_some_and(|name| !name.to_string_lossy().starts_with('.')));
    paths.sort();
    Ok(paths)
}
