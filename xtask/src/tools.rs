//! Finds what the chores need beside cargo, and installs what is missing where that can be done without asking.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::bindings::TARGET;
use crate::workspace::Workspace;
use crate::{command, progress};

/// The oldest Node that the browser tests run on.
const NODE_MAJOR_MIN: u32 = 20;
/// The version of cargo-deny. Another may judge otherwise.
const CARGO_DENY: &str = "0.20.2";
/// Names under which Chromium is known, the likeliest first.
const CHROMIUMS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/// Rust's standard library for browsers.
pub(crate) fn wasm_target() -> Result<()> {
    let folder = command::output(Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]))?;
    if Path::new(folder.trim()).is_dir() {
        return Ok(());
    }
    rustup(&["target", "add", TARGET])
}

/// A cargo command that is a component of its own: `fmt` of `rustfmt`, `clippy` of `clippy`.
pub(crate) fn rust_component(command: &str, component: &str) -> Result<()> {
    if command::answers(command::cargo().args([command, "--version"])) {
        return Ok(());
    }
    rustup(&["component", "add", component])
}

/// Node and npm.
pub(crate) fn node() -> Result<()> {
    if in_path("node").is_none() || in_path("npm").is_none() {
        debian(&["nodejs", "npm"])?;
    }
    let version = command::output(Command::new("node").arg("--version"))?;
    let major = version.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok());
    let major: u32 = major.with_context(|| format!("cannot read node's version `{}`", version.trim()))?;
    ensure!(major >= NODE_MAJOR_MIN, "node {} is too old: install node {NODE_MAJOR_MIN} or newer", version.trim());
    Ok(())
}

/// Python, and its way to keep packages apart from the system's.
pub(crate) fn python() -> Result<()> {
    let has_venv = || {
        in_path("python3").is_some()
            && command::answers(Command::new("python3").args(["-c", "import venv, ensurepip, tomllib"]))
    };
    if !has_venv() {
        debian(&["python3", "python3-venv"])?;
    }
    ensure!(
        has_venv(),
        "install Python 3.11 or newer with its modules `venv` and `ensurepip`: the tests of the peers and of the client for Python need them"
    );
    Ok(())
}

/// Where Chromium is: what `CHROMIUM` names, or the first in the path.
pub(crate) fn chromium() -> Result<PathBuf> {
    if let Some(named) = env::var_os("CHROMIUM") {
        return Ok(named.into());
    }
    let find = || CHROMIUMS.iter().find_map(|name| in_path(name));
    if let Some(found) = find() {
        return Ok(found);
    }
    debian(&["chromium"])?;
    find().context("the package `chromium` is installed, but its program is not in the path: set CHROMIUM to it")
}

fn rustup(arguments: &[&str]) -> Result<()> {
    let wanted = arguments.join(" ");
    ensure!(
        in_path("rustup").is_some(),
        "this Rust is not complete, and there is no rustup to add to it: do what `rustup {wanted}` would"
    );
    progress::step(&format!("rustup {wanted}"), || command::run(Command::new("rustup").args(arguments)))
}

/// PostgreSQL's programs, for the tests that start one: where `CONSENTRY_POSTGRES` says, or where Debian puts them.
pub(crate) fn postgresql() -> Result<()> {
    let is_there = env::var_os("CONSENTRY_POSTGRES").is_some() || Path::new("/usr/lib/postgresql").is_dir();
    if is_there { Ok(()) } else { debian(&["postgresql"]) }
}

/// cargo-deny: the one in the path if it is of our version, or else one of our own among what is built.
pub(crate) fn cargo_deny(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.target.join("tools");
    let own = folder.join("bin").join(format!("cargo-deny{}", env::consts::EXE_SUFFIX));
    let is_ours = |program: &PathBuf| {
        let said = Command::new(program).arg("--version").output();
        said.is_ok_and(|said| said.stdout.trim_ascii() == format!("cargo-deny {CARGO_DENY}").as_bytes())
    };
    if let Some(found) = [in_path("cargo-deny"), Some(own.clone())].into_iter().flatten().find(is_ours) {
        return Ok(found);
    }
    progress::step(&format!("cargo install cargo-deny {CARGO_DENY}"), || {
        let build = folder.join("build");
        let mut cargo = command::cargo();
        cargo.args(["install", "cargo-deny", "--locked", "--force", "--version", CARGO_DENY, "--root"]).arg(&folder);
        // It reads a lock file in seconds as it is: neither optimised, which takes longer, nor for debuggers.
        cargo.arg("--debug").env("CARGO_PROFILE_DEV_DEBUG", "0").arg("--target-dir").arg(&build);
        command::run(&mut cargo)?;
        // Nothing else is ever built from it.
        fs::remove_dir_all(&build).with_context(|| format!("cannot remove `{}`", build.display()))
    })?;
    ensure!(is_ours(&own), "`{}` is installed, and is not version {CARGO_DENY}", own.display());
    Ok(own)
}

fn debian(packages: &[&str]) -> Result<()> {
    let names = packages.join(" ");
    if in_path("apt-get").is_none() {
        bail!("install {names} (so they are called in Debian)");
    }
    if !is_root() {
        bail!("install {names}: `sudo apt-get install --no-install-recommends {names}`");
    }
    progress::step(&format!("apt-get install {names}"), || {
        // Lists may be absent, as in a fresh container, or too old to fetch from.
        let mut apt = Command::new("apt-get");
        command::run(apt.env("DEBIAN_FRONTEND", "noninteractive").args(["update", "--quiet=2"]))?;
        let mut apt = Command::new("apt-get");
        let install = ["install", "--yes", "--quiet=2", "--no-install-recommends"];
        command::run(apt.env("DEBIAN_FRONTEND", "noninteractive").args(install).args(packages))
    })
}

fn in_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(program)).find(|file| file.is_file())
}

#[cfg(unix)]
fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}
