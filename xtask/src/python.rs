//! The client for Python (`bindings/python`): a wheel, an environment that is empty but for it and what its tests need, and the tests there.

use std::env::consts::EXE_SUFFIX;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::command;
use crate::server::{self, Build};
use crate::tally::Tally;
use crate::workspace::Workspace;

const FOLDER: &str = "bindings/python";
/// What builds the wheel, and what its tests need.
const LISTS: [&str; 2] = ["build.txt", "tests.txt"];
/// The corpus over HTTP, for clients that are not Rust: an example of `consentry-tests`.
const CORPUS_HOUSE: &str = "corpus_house";

/// Looks at its Rust as at ours, builds the wheel, installs it, has mypy look at its types, and runs its suite against the server.
pub(crate) fn test(workspace: &Workspace) -> Result<Tally> {
    let (folder, own) = (workspace.root.join(FOLDER), workspace.target.join("python"));
    // A workspace of its own, which the steps for ours do not see.
    let manifest = folder.join("Cargo.toml");
    let mut format = command::cargo();
    format.args(["fmt", "--check", "--manifest-path"]).arg(&manifest);
    let mut clippy = command::cargo();
    clippy.args(["clippy", "--locked", "--manifest-path"]).arg(&manifest).args(["--", "-D", "warnings"]);
    // In a folder of its own: what maturin says of the interpreter would have each of the two build PyO3 anew after the other.
    clippy.env("CARGO_TARGET_DIR", own.join("clippy"));
    let looked = [held(&mut format), held(&mut clippy)];
    let wheel = wheel(workspace, Profile::Dev)?;
    let python = empty(&folder, &own)?;
    install(&python, &wheel)?;
    let mut types = Command::new(&python);
    types.args(["-m", "mypy", "--cache-dir"]).arg(own.join("mypy")).current_dir(&folder);
    let tested = [held(&mut types), suite(workspace, &folder, &python)?];
    Ok(looked.into_iter().chain(tested).sum())
}

/// One test, and the others run whatever becomes of it.
fn held(command: &mut Command) -> Tally {
    match command::run(command) {
        Ok(()) => Tally::PASSED,
        Err(error) => {
            eprintln!("{error:#}");
            Tally::FAILED
        }
    }
}

/// How the wheel is built.
#[derive(Clone, Copy)]
pub(crate) enum Profile {
    /// As quickly as can be.
    Dev,
    /// As it ships.
    Release,
}

/// The wheel, built into a folder that has no other.
pub(crate) fn wheel(workspace: &Workspace, profile: Profile) -> Result<PathBuf> {
    let (folder, own) = (workspace.root.join(FOLDER), workspace.target.join("python"));
    let maturin = environment(&own, "build", &folder.join("requirements").join(LISTS[0]))?;
    let wheels = own.join("wheels");
    // An older one must not be installed if this run builds none.
    let _ = fs::remove_dir_all(&wheels);
    let mut build = Command::new(maturin);
    // Beside what the other steps have built, of which it can use much.
    let profile = match profile {
        Profile::Dev => "dev",
        Profile::Release => "release",
    };
    build.args(["-m", "maturin", "build", "--locked", "--profile", profile, "--compatibility", "linux", "--out"]);
    build.arg(&wheels).env("CARGO_TARGET_DIR", &workspace.target).current_dir(folder);
    command::run(&mut build)?;
    let mut built = fs::read_dir(&wheels)?.map(|entry| entry.map(|entry| entry.path()));
    built.next().with_context(|| format!("there is no wheel in `{}`", wheels.display()))?.map_err(Into::into)
}

/// Puts it into an environment, in the place of any other.
pub(crate) fn install(python: &Path, wheel: &Path) -> Result<()> {
    let mut install = pip(python);
    command::run(install.args(["--no-deps", "--no-index", "--force-reinstall"]).arg(wheel))
}

/// An environment without the wheel of an earlier run.
fn empty(folder: &Path, own: &Path) -> Result<PathBuf> {
    let python = environment(own, "tests", &folder.join("requirements").join(LISTS[1]))?;
    let mut remove = Command::new(&python);
    remove.args(["-m", "pip", "uninstall", "--quiet", "--disable-pip-version-check", "--yes", "consentry"]);
    command::run(&mut remove)?;
    let is_there = command::answers(Command::new(&python).args(["-c", "import consentry"]).current_dir(own));
    ensure!(!is_there, "`{}` has a `consentry` that nobody has installed there", python.display());
    Ok(python)
}

fn suite(workspace: &Workspace, folder: &Path, python: &Path) -> Result<Tally> {
    let consentry = server::build(workspace, Build::Tested)?.consentry;
    let corpus = workspace.target.join("debug/examples").join(format!("{CORPUS_HOUSE}{EXE_SUFFIX}"));
    let mut tests = Command::new(python);
    // Python's own cache would be among the sources.
    tests.args(["-m", "pytest", "--quiet", "-p", "no:cacheprovider"]).env("PYTHONDONTWRITEBYTECODE", "1");
    tests.env("CONSENTRY_BIN", &consentry).env("CORPUS_HOUSE_BIN", &corpus).current_dir(folder);
    let (status, printed) = command::tee(&mut tests)?;
    let tally = Tally::of_pytest(&printed);
    if tally.failed == 0 {
        command::succeeded(&tests, status)?;
    }
    ensure!(!tally.is_empty(), "there is no test in `{FOLDER}/tests`");
    Ok(tally)
}

/// A Python with these packages and no others, installed once for each list of them.
pub(crate) fn environment(own: &Path, name: &str, wanted: &Path) -> Result<PathBuf> {
    let environment = own.join(name);
    let (installed, python) = (environment.join("installed.txt"), environment.join("bin/python"));
    let list = fs::read(wanted).with_context(|| format!("cannot read `{}`", wanted.display()))?;
    if fs::read(&installed).ok().as_ref() != Some(&list) {
        command::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
        command::run(pip(&python).args(["--no-deps", "--requirement"]).arg(wanted))?;
        fs::write(&installed, list)?;
    }
    Ok(python)
}

fn pip(python: &Path) -> Command {
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    pip
}
