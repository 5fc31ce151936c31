//! What a visitor waits for, ours and our peers', measured in Chromium by the programs of `bench/page`. Packages of peers come
//! from npm, into a folder of their own: none is in any build of ours.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::server::{self, Build};
use crate::workspace::Workspace;
use crate::{assets, command, npm, progress, tools};

/// Builds what ships, installs what it is compared with, and prints a table for each condition.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    tools::node()?;
    let chromium = tools::chromium()?;
    let folder = folder(workspace);
    progress::step("npm packages of peers", || npm::install(&folder))?;
    assets::build(workspace)?;
    let programs = progress::step("server, in release", || server::build(workspace, Build::Release))?;
    let mut node = Command::new("node");
    node.arg("main.js").env("CHROMIUM", chromium).env("CONSENTRY_BIN", programs.consentry);
    command::run(node.current_dir(folder))
}

/// Where its programs lie.
pub(crate) fn folder(workspace: &Workspace) -> PathBuf {
    workspace.root.join("bench/page")
}
