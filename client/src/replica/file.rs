//! The file that a replica is kept in.

use super::Following;
use super::error::ReplicaError;
use crate::remote::unreadable;
use consentry_core::packed::Follower;
use hyper::body::Bytes;
use memmap2::Mmap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// What the file has: nothing of it is read before it is asked for, but for what comes before the snapshot.
pub(super) fn open(path: &Path) -> Result<Following, ReplicaError> {
    let map = File::open(path).and_then(|file| map(&file)).map_err(|error| ReplicaError::Ask(unreadable(&error)))?;
    Ok(Follower::open(Bytes::from_owner(map))?)
}

#[expect(unsafe_code, reason = "docs/decisions/0026-why-one-file-is-mapped.md")]
fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: a file that is mapped must not be changed or cut by anybody. `put` never writes into it: it puts another in its place, and the
    // map keeps the one that it is of. Nobody but its owner may open it. What is there is compared with its check before it is used.
    unsafe { Mmap::map(file) }
}

/// Puts a replica in the file's place, whole or not at all.
pub(super) fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", std::process::id()));
    let beside = path.with_file_name(name);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(beside, path)
}
