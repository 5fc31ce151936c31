//! Writes build results so that what has not changed is not touched, and nothing is ever seen half written.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Brotli's best. It costs half a second for the widget, once; every visitor gains.
const BROTLI_QUALITY: i32 = 11;
/// 4 MiB: more than any asset here, and what every browser accepts.
const BROTLI_WINDOW_BITS: i32 = 22;

/// Reads a text, naming it if that fails.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))
}

/// Reads bytes, naming their file if that fails.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))
}

/// Writes a file, and its compressed form beside it as `<name>.br`. Neither is touched when the file is there with
/// these bytes, so that what is built from it is not built again.
pub(crate) fn write_compressed(path: &Path, bytes: &[u8]) -> Result<()> {
    let compressed = with_br(path);
    if same(path, bytes)? && compressed.exists() {
        return Ok(());
    }
    // In this order: if we die in between, the old file still differs, and both are written next time.
    replace(&compressed, &brotli(bytes)?)?;
    replace(path, bytes)
}

/// Writes a file unless it is there with these bytes.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if same(path, bytes)? { Ok(()) } else { replace(path, bytes) }
}

/// `loader.js` to `loader.js.br`.
pub(crate) fn with_br(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".br");
    name.into()
}

/// As the server sends it.
pub(crate) fn brotli(bytes: &[u8]) -> Result<Vec<u8>> {
    let parameters = brotli::enc::BrotliEncoderParams {
        quality: BROTLI_QUALITY,
        lgwin: BROTLI_WINDOW_BITS,
        size_hint: bytes.len(),
        ..Default::default()
    };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut &*bytes, &mut compressed, &parameters).context("cannot compress")?;
    Ok(compressed)
}

fn same(path: &Path, bytes: &[u8]) -> Result<bool> {
    match fs::read(path) {
        Ok(there) => Ok(there == bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).with_context(|| format!("cannot read `{}`", path.display())),
    }
}

fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let cannot = || format!("cannot write `{}`", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(cannot)?;
    }
    // Named for this process: two chores at once must not write into one file.
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(format!(".{}.tmp", std::process::id()));
    fs::write(&unfinished, bytes).with_context(cannot)?;
    fs::rename(&unfinished, path).with_context(cannot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_not_changed_is_not_touched() {
        let folder = std::env::temp_dir().join(format!("xtask-files-{}", std::process::id()));
        let file = folder.join("deep/a.js");
        write_compressed(&file, b"first").unwrap();
        let old = fs::metadata(&file).unwrap().modified().unwrap();
        write_compressed(&file, b"first").unwrap();
        assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), old);

        fs::remove_file(with_br(&file)).unwrap();
        write_compressed(&file, b"first").unwrap();
        assert_eq!(unbrotli(&read(&with_br(&file)).unwrap()), b"first");

        write_compressed(&file, b"second").unwrap();
        assert_eq!(read_text(&file).unwrap(), "second");
        assert_eq!(unbrotli(&read(&with_br(&file)).unwrap()), b"second");
        assert_eq!(fs::read_dir(folder.join("deep")).unwrap().count(), 2, "nothing unfinished is left");
        fs::remove_dir_all(folder).unwrap();
    }

    fn unbrotli(compressed: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        brotli::BrotliDecompress(&mut &*compressed, &mut bytes).unwrap();
        bytes
    }
}
