//! Benchmarks: each a program of `bench/`, which is a workspace of its own, so that the engines it compares us with are in no build of
//! ours and in no lock file of ours.

use anyhow::Result;

use crate::command;
use crate::workspace::Workspace;

/// The programs of `bench/`, by the names that they are asked for with, and what each measures.
const BENCHES: [(&str, &str); 1] =
    [("decide", "one decision, ours and other engines', on the same questions: about a minute, once built")];

/// Builds and runs the benchmark of that name, with its output where ours goes. If there is none, lists those that there are, and
/// that counts as failed.
pub(crate) fn run(workspace: &Workspace, name: &str) -> Result<bool> {
    let Some((bench, _)) = BENCHES.iter().find(|(bench, _)| name == *bench) else {
        eprint!("{}", list());
        return Ok(false);
    };
    let manifest = workspace.root.join("bench/Cargo.toml");
    let mut cargo = command::cargo();
    cargo.args(["run", "--release", "--locked", "--manifest-path"]).arg(manifest).args(["--bin", bench]);
    command::run(&mut cargo).map(|()| true)
}

/// What there is.
pub(crate) fn list() -> String {
    let lines = BENCHES.iter().map(|(bench, what)| format!("  {bench:<12}  {what}\n"));
    format!("Usage: cargo xtask bench <benchmark>\n\nBenchmarks:\n{}", lines.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_benchmark_is_a_program_of_bench() {
        let workspace = Workspace::read().unwrap();
        for (bench, _) in BENCHES {
            let program = workspace.root.join("bench/src/bin").join(bench).join("main.rs");
            assert!(program.is_file(), "{}", program.display());
        }
    }

    #[test]
    fn the_list_names_each_of_them() {
        assert!(BENCHES.iter().all(|(bench, what)| list().contains(&format!("  {bench}  ")) && list().contains(what)));
    }
}
