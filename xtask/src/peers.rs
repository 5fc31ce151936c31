//! Programs in Python that are no part of ours: independent readers of what we write (`tests/peers`).

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::python;
use crate::workspace::Workspace;

const FOLDER: &str = "tests/peers";

/// The Python of those in `tests/peers`.
pub(crate) fn python(workspace: &Workspace) -> Result<PathBuf> {
    let wanted = workspace.root.join(FOLDER).join("requirements.txt");
    python::environment(&workspace.target, "peers", &wanted)
}

/// The tests of one file.
pub(crate) fn test(workspace: &Workspace, python: &Path, file: &str) -> Command {
    let mut tests = Command::new(python);
    tests.arg(workspace.root.join(FOLDER).join(file)).current_dir(&workspace.root);
    tests
}
