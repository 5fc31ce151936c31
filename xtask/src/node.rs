//! Tests that Node runs; and the package for back ends (`bindings/node`): its WebAssembly, and its suite, where it lies and as its users have it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::server::{self, Build};
use crate::tally::Tally;
use crate::workspace::{NODE_WASM, Workspace};
use crate::{bindings, command, files, npm, npm_package, progress};

/// Where the package is written.
const FOLDER: &str = "bindings/node";
/// The profile in Cargo.toml that puts speed before size.
const PROFILE: &str = "node";
/// The example of `consentry-tests` that writes the corpus as replicas and feeds.
const CORPUS_FEEDS: &str = "corpus_feeds";
/// What waits for an entry that never comes would wait for ever. Of a whole file, in milliseconds.
const TEST_MS_MAX: u32 = 600_000;
/// Tests that need what others have made, which an empty environment has not.
const WITH_OTHERS: &str = "examples.test.js";

/// Puts the package together in `dist/node/`, and says where it is.
pub(crate) fn build(workspace: &Workspace) -> Result<PathBuf> {
    progress::step("core for Node", || core(workspace))?;
    npm_package::build_for_node(workspace)
}

/// The suite twice: on the sources, and on the package, packed and installed into an empty folder.
pub(crate) fn test(workspace: &Workspace) -> Result<Tally> {
    let package = build(workspace)?;
    let consentry = server::build(workspace, Build::Tested)?.consentry;
    let feeds = corpus_feeds(workspace)?;
    let folder = workspace.root.join(FOLDER);
    npm::install(&folder)?;
    command::run(Command::new("npm").args(["run", "--silent", "types"]).current_dir(&folder))?;
    let set = |node: &mut Command| {
        node.arg(format!("--test-timeout={TEST_MS_MAX}"));
        node.env("CONSENTRY_BIN", &consentry).env("CONSENTRY_FEEDS", &feeds).env("CONSENTRY_ROOT", &workspace.root);
    };
    let here = run_tests(&folder, &workspace.target.join("node-tests.tap"), set)?;
    let empty = installed(workspace, &package)?;
    types_check(&empty, &folder)?;
    let there = run_tests(&empty, &workspace.target.join("node-installed-tests.tap"), set)?;
    fs::remove_dir_all(&empty).with_context(|| format!("cannot remove `{}`", empty.display()))?;
    Ok([Tally::PASSED, Tally::PASSED, here, there].into_iter().sum())
}

/// All tests of a folder, told by `set` what they need. `report` is written for being counted.
pub(crate) fn run_tests(folder: &Path, report: &Path, set: impl FnOnce(&mut Command)) -> Result<Tally> {
    // An older one must not be counted if this run writes none.
    let _ = fs::remove_file(report);
    let mut node = Command::new("node");
    // One report for whoever reads along, one to be counted.
    node.args(["--test", "--test-reporter=spec", "--test-reporter-destination=stdout"]);
    node.args(["--test-reporter=tap", &format!("--test-reporter-destination={}", report.display())]);
    set(&mut node);
    let status = node.current_dir(folder).status().context("cannot run node")?;
    let tally = Tally::of_tap(&fs::read_to_string(report).unwrap_or_default());
    if tally.failed == 0 {
        command::succeeded(&node, status)?;
    }
    ensure!(!tally.is_empty(), "there is no test in `{}`", folder.display());
    Ok(tally)
}

/// The WebAssembly, and the module that starts it.
fn core(workspace: &Workspace) -> Result<()> {
    let bound = bindings::bind_module(&bindings::compile(workspace, NODE_WASM, PROFILE)?)?;
    let folder = workspace.root.join(FOLDER).join("core");
    files::write(&folder.join("core.js"), bound.glue.as_bytes())?;
    files::write(&folder.join("core.d.ts"), bound.types.as_bytes())?;
    files::write(&folder.join("core.wasm"), &bound.wasm)
}

/// The corpus as replicas and feeds.
fn corpus_feeds(workspace: &Workspace) -> Result<PathBuf> {
    // Built with the tests.
    let example =
        workspace.target.join("debug/examples").join(format!("{CORPUS_FEEDS}{}", std::env::consts::EXE_SUFFIX));
    let feeds = workspace.root.join("dist/test/corpus-feeds.json");
    files::write(&feeds, command::output(&mut Command::new(example))?.as_bytes())?;
    Ok(feeds)
}

/// Whether the types hold where the package is installed, by the compiler of the sources and with nothing looked over.
fn types_check(empty: &Path, sources: &Path) -> Result<()> {
    let modules = sources.join("node_modules");
    let mut compiler = Command::new(modules.join(".bin/tsc"));
    compiler.args([
        "--strict",
        "--noEmit",
        "--module",
        "nodenext",
        "--target",
        "es2022",
        "--types",
        "node",
        "--typeRoots",
    ]);
    command::run(compiler.arg(modules.join("@types")).arg("types/permits.ts").current_dir(empty))
}

/// A folder with nothing in it but the package, from its tarball, and the suite.
fn installed(workspace: &Workspace, package: &Path) -> Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("consentry-node-{}", std::process::id()));
    files::write(&folder.join("package.json"), br#"{ "private": true, "type": "module" }"#)?;
    let mut pack = Command::new("npm");
    pack.args(["pack", "--silent", "--pack-destination"]).arg(&folder).arg(package).current_dir(&folder);
    let tarball = command::output(&mut pack)?;
    let install = ["install", "--offline", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts"];
    let mut npm = Command::new("npm");
    command::run(npm.args(install).arg(format!("./{}", tarball.trim())).current_dir(&folder))?;
    let sources = workspace.root.join(FOLDER);
    for part in ["test", "stage", "types"] {
        let cannot = || format!("cannot read `{}`", sources.join(part).display());
        for entry in fs::read_dir(sources.join(part)).with_context(cannot)? {
            let entry = entry.with_context(cannot)?;
            if entry.file_name() != WITH_OTHERS {
                files::write(&folder.join(part).join(entry.file_name()), &files::read(&entry.path())?)?;
            }
        }
    }
    Ok(folder)
}
