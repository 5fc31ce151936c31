//! Packages from npm, exactly those that a lock file names.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::command;

/// Installs what the folder's `package-lock.json` names, unless that is what is installed.
pub(crate) fn install(folder: &Path) -> Result<()> {
    let lock = folder.join("package-lock.json");
    // npm notes what it has installed in a lock file of its own.
    let installed = folder.join("node_modules/.package-lock.json");
    let modified = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    if modified(&installed).is_some_and(|installed| Some(installed) > modified(&lock)) {
        return Ok(());
    }
    let mut npm = Command::new("npm");
    command::run(npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(folder))
}
