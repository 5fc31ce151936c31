//! Benchmarks: each a program of `bench/`, which is a workspace of its own, or a folder of it, so that the engines and packages it
//! compares us with are in no build of ours and in no lock file of ours.

use std::process::Command;

use anyhow::Result;

use crate::python::Profile;
use crate::server::{self, Build};
use crate::workspace::Workspace;
use crate::{bench_page, command, progress, python, tools};

/// A benchmark: the name that it is asked for with, what it measures, and its work.
struct Bench {
    name: &'static str,
    what: &'static str,
    run: fn(&Workspace) -> Result<()>,
}

const BENCHES: [Bench; 5] = [
    Bench {
        name: "decide",
        what: "one decision, ours and other engines', on the same questions: about a minute, once built",
        run: |workspace| program(workspace, "decide"),
    },
    Bench {
        name: "server",
        what: "what a server does in a second, beside a bare handler and a bare database: about three minutes, once built; needs 20 000 files",
        run: server_load,
    },
    Bench {
        name: "replica",
        what: "questions about ten million subjects in memory: about two minutes, once built; takes 3 GB",
        run: |workspace| program(workspace, "replica"),
    },
    Bench {
        name: "bulk",
        what: "ten million ids filtered by one question, ours in Rust and Python, Polars and DuckDB: about eight minutes, once built; takes 12 GB",
        run: bulk,
    },
    Bench {
        name: "page",
        what: "what a visitor waits for, ours and our peers', in Chromium: about a quarter of an hour, once built",
        run: bench_page::run,
    },
];

/// Builds and runs the benchmark of that name, with its output where ours goes. If there is none, lists those that there are, and
/// that counts as failed.
pub(crate) fn run(workspace: &Workspace, name: &str) -> Result<bool> {
    let Some(bench) = BENCHES.iter().find(|bench| name == bench.name) else {
        eprint!("{}", list());
        return Ok(false);
    };
    (bench.run)(workspace).map(|()| true)
}

/// What there is.
pub(crate) fn list() -> String {
    let lines = BENCHES.iter().map(|Bench { name, what, .. }| format!("  {name:<12}  {what}\n"));
    format!("Usage: cargo xtask bench <benchmark>\n\nBenchmarks:\n{}", lines.collect::<String>())
}

/// Lists, ours in Rust and Python and other libraries', which come from PyPI.
fn bulk(workspace: &Workspace) -> Result<()> {
    tools::python()?;
    let wanted = workspace.root.join("bench/bulk/requirements.txt");
    let install = || python::environment(&workspace.target, "bench-bulk", &wanted);
    let python = progress::step("Polars and DuckDB", install)?;
    let wheel = progress::step("the client for Python", || python::wheel(workspace, Profile::Release))?;
    python::install(&python, &wheel)?;
    command::run(of_rust(workspace, "bulk").env("CONSENTRY_PYTHON", python))
}

/// One of the Rust programs.
fn program(workspace: &Workspace, name: &str) -> Result<()> {
    command::run(&mut of_rust(workspace, name))
}

fn of_rust(workspace: &Workspace, name: &str) -> Command {
    let manifest = workspace.root.join("bench/Cargo.toml");
    let mut cargo = command::cargo();
    cargo.args(["run", "--release", "--locked", "--manifest-path"]).arg(manifest).args(["--bin", name]);
    cargo
}

/// The server as it ships, under load.
fn server_load(workspace: &Workspace) -> Result<()> {
    let consentry = server::build(workspace, Build::Release)?.consentry;
    let mut cargo = command::cargo();
    cargo.args(["run", "--release", "--locked", "--manifest-path"]).arg(workspace.root.join("bench/server/Cargo.toml"));
    command::run(cargo.env("CONSENTRY_BIN", consentry))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_benchmark_is_a_program_of_bench() {
        let workspace = Workspace::read().unwrap();
        let of_rust = |name: &str| workspace.root.join("bench/src/bin").join(name).join("main.rs").is_file();
        let of_page = |name: &str| name == "page" && bench_page::folder(&workspace).join("main.js").is_file();
        for Bench { name, .. } in BENCHES {
            let of_server = |name: &str| name == "server" && workspace.root.join("bench/server/src/main.rs").is_file();
            assert!(of_rust(name) || of_page(name) || of_server(name), "{name}");
        }
    }

    #[test]
    fn the_list_names_each_of_them() {
        let is_listed = |bench: &Bench| list().contains(&format!("  {}  ", bench.name)) && list().contains(bench.what);
        assert!(BENCHES.iter().all(is_listed));
    }

    #[test]
    fn no_benchmark_is_run_under_a_name_that_there_is_not() {
        assert!(!run(&Workspace::read().unwrap(), "no-such-benchmark").unwrap());
    }
}
