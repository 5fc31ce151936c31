//! Programs in Python that are no part of ours: independent readers of what we write (`tests/peers`), and what a benchmark compares us with. Each
//! folder of them has an environment to itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::command;
use crate::workspace::Workspace;

const FOLDER: &str = "tests/peers";

/// The Python of those in `tests/peers`.
pub(crate) fn python(workspace: &Workspace) -> Result<PathBuf> {
    python_of(workspace, FOLDER, "peers")
}

/// The Python of those in a folder, in the environment of that name. Their packages are installed once for each list of them.
pub(crate) fn python_of(workspace: &Workspace, folder: &str, environment: &str) -> Result<PathBuf> {
    let (wanted, environment) =
        (workspace.root.join(folder).join("requirements.txt"), workspace.target.join(environment));
    let (installed, python) = (environment.join("installed.txt"), environment.join("bin/python"));
    let list = fs::read(&wanted)?;
    if fs::read(&installed).ok().as_ref() != Some(&list) {
        command::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"])
            .arg(&wanted);
        command::run(&mut pip)?;
        fs::write(&installed, list)?;
    }
    Ok(python)
}

/// The tests of one file.
pub(crate) fn test(workspace: &Workspace, python: &Path, file: &str) -> Command {
    let mut tests = Command::new(python);
    tests.arg(workspace.root.join(FOLDER).join(file)).current_dir(&workspace.root);
    tests
}
