//! What may be depended on: licences, sources, wildcards and advisories, by `deny.toml`, in each workspace of this repository.
//!
//! cargo-deny looks at what the lock files name. Advisories come from the RustSec project's database, a git repository that not every
//! machine reaches: where it cannot be had, that is said, and nothing passes for looked at.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::tally::Tally;
use crate::test::LeftOut;
use crate::workspace::Workspace;
use crate::{command, tools};

/// Folders in which no lock file is ours: what is built, and what others have packed.
const NOT_OURS: [&str; 3] = ["target", "dist", "node_modules"];

/// Licences, sources and wildcards.
pub(crate) fn allowed(workspace: &Workspace) -> Result<Tally> {
    check(workspace, &["licenses", "sources", "bans"])
}

/// Known vulnerabilities, what nobody keeps any more, and versions that were taken back.
pub(crate) fn advisories(workspace: &Workspace) -> Result<Tally> {
    let database = command::run(deny(workspace)?.args(["fetch", "db"]));
    if let Err(error) = database {
        eprintln!("{error:#}");
        return Err(LeftOut(
            "the RustSec project's database cannot be fetched from here (git says above why), so that neither known \
             vulnerabilities nor withdrawn versions were looked for",
        )
        .into());
    }
    check(workspace, &["advisories"])
}

/// One test for each workspace, whatever becomes of the one before.
fn check(workspace: &Workspace, what: &[&str]) -> Result<Tally> {
    let mut tallies = Vec::new();
    for folder in locked(workspace)? {
        let manifest = folder.join("Cargo.toml");
        eprintln!("--- {}", manifest.display());
        let mut deny = deny(workspace)?;
        deny.args(["--locked", "--manifest-path"]).arg(manifest).arg("check").args(what);
        tallies.push(match command::run(&mut deny) {
            Ok(()) => Tally::PASSED,
            Err(error) => {
                eprintln!("{error:#}");
                Tally::FAILED
            }
        });
    }
    ensure!(!tallies.is_empty(), "there is no lock file in `{}`", workspace.root.display());
    Ok(tallies.into_iter().sum())
}

fn deny(workspace: &Workspace) -> Result<Command> {
    let mut deny = Command::new(tools::cargo_deny(workspace)?);
    deny.arg("--config").arg(workspace.root.join("deny.toml")).current_dir(&workspace.root);
    Ok(deny)
}

/// The folders with a lock file of cargo's, wherever they are.
fn locked(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    search(&workspace.root, &workspace.target, &mut found)?;
    found.sort();
    Ok(found)
}

fn search(folder: &Path, target: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    if folder.join("Cargo.lock").is_file() {
        found.push(folder.into());
    }
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list `{}`", folder.display()))? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let is_ours = name.to_str().is_none_or(|name| !name.starts_with('.') && !NOT_OURS.contains(&name));
        // A link to a folder leads out of here, or to what is found anyway.
        if entry.file_type()?.is_dir() && is_ours && path != target {
            search(&path, target, found)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_workspace_is_found_and_nothing_that_was_built() {
        let root = std::env::temp_dir().join(format!("xtask-dependencies-{}", std::process::id()));
        for folder in ["", "bench", "deep/er", "target/package", "built", ".hidden", "tests/node_modules/x"] {
            fs::create_dir_all(root.join(folder)).unwrap();
            fs::write(root.join(folder).join("Cargo.lock"), "").unwrap();
        }
        fs::create_dir_all(root.join("core")).unwrap();
        let mut found = Vec::new();
        search(&root, &root.join("built"), &mut found).unwrap();
        found.sort();
        assert_eq!(found, ["", "bench", "deep/er"].map(|folder| root.join(folder)));
        fs::remove_dir_all(root).unwrap();
    }
}
