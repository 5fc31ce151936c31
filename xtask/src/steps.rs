//! What `cargo xtask test` does, one function a step. Each counts the tests that it ran.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::bindings::TARGET;
use crate::server::{self, Build};
use crate::tally::Tally;
use crate::workspace::{CORPUS_WASM, NODE_WASM, WIDGET_WASM, Workspace};
use crate::{assets, command, dependencies, node, npm, peers, python, sizes, tools};

/// What runs as WebAssembly, and so must compile and be clean there too.
const AS_WASM: [&str; 5] = ["consentry-core", "consentry-widget", WIDGET_WASM, CORPUS_WASM, NODE_WASM];
/// Tests that drive a browser, and the npm packages they need, the type checker among them.
const BROWSER_TESTS: &str = "tests/browser";

/// A step's name, what it needs beside Rust, and its work.
pub(crate) struct Step {
    /// Short: it stands before the time it took.
    pub(crate) name: &'static str,
    /// Installs what is missing. If that cannot be done, the step is skipped, and its error tells what to install.
    pub(crate) prepare: fn(&Workspace) -> Result<()>,
    /// Runs it. An error is one failure more.
    pub(crate) run: fn(&Workspace) -> Result<Tally>,
}

/// In this order: the quick ones first, and builders before those who need what they build.
pub(crate) const STEPS: [Step; 16] = [
    Step { name: "format", prepare: |_| tools::rust_component("fmt", "rustfmt"), run: format },
    Step { name: "assets", prepare: |_| tools::wasm_target(), run: |workspace| assets::build(workspace).map(passed) },
    Step { name: "clippy", prepare: |_| tools::rust_component("clippy", "clippy"), run: clippy },
    Step {
        name: "clippy, wasm",
        prepare: |_| tools::rust_component("clippy", "clippy").and_then(|()| tools::wasm_target()),
        run: clippy_wasm,
    },
    Step { name: "core's features", prepare: |_| tools::wasm_target(), run: features_of_core },
    Step { name: "cargo test", prepare: |_| tools::postgresql(), run: cargo_test },
    Step { name: "peers", prepare: |_| tools::python(), run: peers },
    Step { name: "python", prepare: |_| tools::python(), run: python::test },
    Step { name: "documentation", prepare: |_| Ok(()), run: documentation },
    Step { name: "dependencies", prepare: |w| tools::cargo_deny(w).map(drop), run: dependencies::allowed },
    Step { name: "advisories", prepare: |w| tools::cargo_deny(w).map(drop), run: dependencies::advisories },
    Step { name: "sizes", prepare: |_| Ok(()), run: |workspace| sizes::measure(workspace, Build::Tested) },
    Step { name: "npm packages", prepare: |_| tools::node(), run: npm_packages },
    Step { name: "JavaScript types", prepare: |_| tools::node(), run: javascript_types },
    Step { name: "node", prepare: |_| tools::node().and_then(|()| tools::wasm_target()), run: node::test },
    Step { name: "browser", prepare: |_| tools::node().and_then(|()| tools::chromium().map(drop)), run: browser },
];

fn format(workspace: &Workspace) -> Result<Tally> {
    check(workspace, command::cargo().args(["fmt", "--all", "--check"]))
}

fn clippy(workspace: &Workspace) -> Result<Tally> {
    let mut cargo = command::cargo();
    cargo.args(["clippy", "--all-targets"]).args(workspace.native()).args(["--", "-D", "warnings"]);
    check(workspace, &mut cargo)
}

fn clippy_wasm(workspace: &Workspace) -> Result<Tally> {
    let packages = AS_WASM.iter().filter(|package| workspace.has(package));
    let mut cargo = command::cargo();
    cargo.args(["clippy", "--target", TARGET]).args(packages.flat_map(|package| ["--package", package]));
    check(workspace, cargo.args(["--", "-D", "warnings"]))
}

fn cargo_test(workspace: &Workspace) -> Result<Tally> {
    let mut cargo = command::cargo();
    cargo.args(["test", "--no-fail-fast"]).args(workspace.native()).current_dir(&workspace.root);
    let (status, printed) = command::tee(&mut cargo)?;
    let tally = Tally::of_cargo_test(&printed);
    // What did not compile or crashed has no line to be counted.
    if tally.failed == 0 {
        command::succeeded(&cargo, status)?;
    }
    Ok(tally)
}

/// The core by itself, with each of its features, natively and for a page: what one of them needs must not come from another.
fn features_of_core(workspace: &Workspace) -> Result<Tally> {
    let mut tally = Tally::default();
    for features in ["", "wire", "whole", "load"] {
        for target in [None, Some(TARGET)] {
            let mut cargo = command::cargo();
            cargo.args([
                "clippy",
                "--package",
                "consentry-core",
                "--lib",
                "--no-default-features",
                "--features",
                features,
            ]);
            cargo.args(target.into_iter().flat_map(|target| ["--target", target])).args(["--", "-D", "warnings"]);
            tally = [tally, check(workspace, &mut cargo)?].into_iter().sum();
        }
    }
    Ok(tally)
}

/// What we write in others' formats, read by others.
fn peers(workspace: &Workspace) -> Result<Tally> {
    let python = peers::python(workspace)?;
    let consentry = server::build(workspace, Build::Tested)?.consentry;
    let mut tallies = Vec::new();
    for file in ["test_peers.py", "test_ledger.py", "test_server.py", "test_openapi.py"] {
        let mut tests = peers::test(workspace, &python, file);
        tests.env("CONSENTRY_BIN", &consentry);
        let (status, printed) = command::tee(&mut tests)?;
        let tally = Tally::of_unittest(&printed);
        if tally.failed == 0 {
            command::succeeded(&tests, status)?;
        }
        ensure!(!tally.is_empty(), "no peer has read anything in `{file}`");
        tallies.push(tally);
    }
    Ok(tallies.into_iter().sum())
}

fn documentation(workspace: &Workspace) -> Result<Tally> {
    let mut cargo = command::cargo();
    cargo.args(["doc", "--no-deps", "--quiet"]).args(workspace.native());
    check(workspace, cargo.env("RUSTDOCFLAGS", "-D warnings"))
}

fn npm_packages(workspace: &Workspace) -> Result<Tally> {
    npm::install(&workspace.root.join(BROWSER_TESTS)).map(passed)
}

fn javascript_types(workspace: &Workspace) -> Result<Tally> {
    let mut npm = Command::new("npm");
    npm.args(["run", "--silent", "types"]).current_dir(workspace.root.join(BROWSER_TESTS));
    command::run(&mut npm).map(passed)
}

fn browser(workspace: &Workspace) -> Result<Tally> {
    let programs = server::build(workspace, Build::Tested)?;
    assets::build_corpus(workspace)?;
    let chromium = tools::chromium()?;
    node::run_tests(&workspace.root.join(BROWSER_TESTS), &workspace.target.join("browser-tests.tap"), |node| {
        node.env("CONSENTRY_BIN", &programs.consentry).env("ADFORGE_SITE_BIN", &programs.site);
        // Without it they would put the loader's sources together themselves; what ships is this.
        node.env("CONSENTRY_LOADER", workspace.assets().join("loader.js")).env("CHROMIUM", chromium);
    })
}

/// One test: the command succeeds.
fn check(workspace: &Workspace, command: &mut Command) -> Result<Tally> {
    command::run(command.current_dir(&workspace.root)).map(passed)
}

fn passed((): ()) -> Tally {
    Tally::PASSED
}
