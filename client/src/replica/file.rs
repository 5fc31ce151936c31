//! The file that a replica is kept in.

use super::Following;
use super::error::ReplicaError;
use crate::remote::unreadable;
use consentry_core::packed::Follower;
use hyper::body::Bytes;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// What the file has.
pub(super) fn open(path: &Path) -> Result<Following, ReplicaError> {
    let bytes = fs::read(path).map_err(|error| ReplicaError::Ask(unreadable(&error)))?;
    Ok(Follower::open(Bytes::from(bytes))?)
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
