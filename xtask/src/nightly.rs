//! What takes too long for every change: a million random cases, servers killed two hundred times, two servers on one database for a minute, every parser fed
//! for ten minutes, the server asked all that it describes for twenty, the rules mutated one by one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::server::{self, Build};
use crate::workspace::Workspace;
use crate::{command, peers, tools};

/// Random cases on which the naive reference, the rule and the compiled form must agree.
const CASES: &str = "1000000";
/// Random cases in which the packed form must answer as `decide` does, some hundred times in each.
const PACKED_CASES: &str = "20000";
/// How often servers are killed, for each kind of database.
const KILLS: &str = "200";
/// How long two servers are used at once, in seconds, for each kind of database.
const PAIR_SECONDS: &str = "60";
/// How long each parser is fed, in seconds.
const FUZZ_SECONDS: &str = "600";
/// Longest input, in bytes: more than any policy of ours.
const FUZZ_BYTES_MAX: &str = "30000";
/// How long schemathesis goes on, in seconds.
const OPENAPI_SECONDS: &str = "1200";
/// The parsers.
const PARSERS: [&str; 4] = ["policy", "wire", "linked", "leaf"];
/// The rules: `decide` and its neighbours.
const RULES: [&str; 8] = ["decision", "answer", "record", "change", "history", "compile", "asking", "context"];

/// What one of them is: it fails or it does not.
type Part = fn(&Workspace) -> Result<()>;

/// The parts, by the names that they are asked for with.
const PARTS: [(&str, Part); 6] =
    [("cases", cases), ("crash", crash), ("pair", pair), ("fuzz", fuzz), ("openapi", openapi), ("mutants", mutants)];

/// Runs the part of that name, or all of them. Whether there is one.
pub(crate) fn run(workspace: &Workspace, name: Option<&str>) -> Result<bool> {
    let mut found = false;
    for (_, part) in PARTS.iter().filter(|(part, _)| name.is_none_or(|name| name == *part)) {
        found = true;
        part(workspace)?;
    }
    Ok(found)
}

fn cases(workspace: &Workspace) -> Result<()> {
    let mut cargo = command::cargo();
    cargo.args(["test", "--release", "--package", "consentry-tests", "--test", "reference", "--"]);
    cargo.args(["the_naive_reference", "the_compiled_form"]).env("CONSENTRY_CASES", CASES);
    command::run(cargo.current_dir(&workspace.root))?;
    let mut cargo = command::cargo();
    cargo.args(["test", "--release", "--package", "consentry-tests", "--test", "packed"]);
    command::run(cargo.env("CONSENTRY_CASES", PACKED_CASES).current_dir(&workspace.root))
}

/// Servers are killed under load, time after time, on each kind of database.
fn crash(workspace: &Workspace) -> Result<()> {
    tools::postgresql()?;
    let mut cargo = command::cargo();
    cargo.args(["test", "--release", "--package", "consentry-server", "--test", "all", "--", "crash::", "--nocapture"]);
    command::run(cargo.env("CONSENTRY_KILLS", KILLS).current_dir(&workspace.root))
}

/// Two servers on one database, and many who use both: on each kind of database, one after the other.
fn pair(workspace: &Workspace) -> Result<()> {
    tools::postgresql()?;
    let mut cargo = command::cargo();
    cargo.args(["test", "--release", "--package", "consentry-server", "--test", "all", "--", "pair::", "--nocapture"]);
    cargo.arg("--test-threads=1").env("CONSENTRY_PAIR_SECONDS", PAIR_SECONDS);
    command::run(cargo.current_dir(&workspace.root))
}

/// Starts from what is written well, so that little time goes into finding out what a policy looks like.
fn fuzz(workspace: &Workspace) -> Result<()> {
    ensure!(
        command::answers(command::cargo().args(["+nightly", "fuzz", "--version"])),
        "fuzzing needs a nightly compiler and `cargo install cargo-fuzz --locked`"
    );
    for parser in PARSERS {
        let seeds = workspace.target.join("fuzz-seeds").join(parser);
        fs::create_dir_all(&seeds)?;
        for (n, text) in seeds_of(parser, &workspace.root)?.into_iter().enumerate() {
            fs::write(seeds.join(format!("seed-{n}")), text)?;
        }
        let mut cargo = Command::new("cargo");
        cargo.args(["+nightly", "fuzz", "run", parser]).arg(&seeds).arg("--");
        cargo.args([
            format!("-max_total_time={FUZZ_SECONDS}"),
            format!("-max_len={FUZZ_BYTES_MAX}"),
            "-timeout=10".into(),
        ]);
        command::run(cargo.current_dir(workspace.root.join("fuzz")))?;
    }
    Ok(())
}

fn seeds_of(parser: &str, root: &Path) -> Result<Vec<String>> {
    let golden = |name: &str| fs::read_to_string(root.join("core/tests/golden").join(name)).context(name.to_owned());
    Ok(match parser {
        "policy" => {
            let mut seeds = Vec::new();
            for folder in folders(&root.join("policies"))? {
                let read = |name: &str| fs::read_to_string(folder.join(name));
                let policy: Vec<String> = read("policy.toml")?.lines().map(in_english).collect();
                // As the target divides them again.
                seeds.push(format!("{}\n====\n{}", policy.join("\n"), read("en.toml")?));
            }
            seeds
        }
        "linked" => vec![golden("record.jsonld")?],
        "leaf" => vec![golden("leaf.json")?, golden("payload.json")?],
        _ => vec![golden("payload.json")?],
    })
}

fn in_english(line: &str) -> String {
    if line.starts_with("languages = ") { "languages = [\"en\"]".into() } else { line.into() }
}

fn folders(parent: &Path) -> Result<Vec<PathBuf>> {
    let entries: std::io::Result<Vec<PathBuf>> =
        fs::read_dir(parent)?.map(|entry| entry.map(|entry| entry.path())).collect();
    Ok(entries?.into_iter().filter(|path| path.is_dir()).collect())
}

/// The server is asked, with another seed each time, all that its description says it can be asked, and some that it says it cannot.
fn openapi(workspace: &Workspace) -> Result<()> {
    tools::python()?;
    let python = peers::python(workspace)?;
    let consentry = server::build(workspace, Build::Release)?.consentry;
    let mut tests = peers::test(workspace, &python, "test_openapi.py");
    command::run(tests.env("CONSENTRY_BIN", consentry).env("CONSENTRY_OPENAPI_SECONDS", OPENAPI_SECONDS))
}

/// Each rule changed in each way that cargo-mutants knows; the corpus, the reference and the promises must notice.
fn mutants(workspace: &Workspace) -> Result<()> {
    ensure!(
        command::answers(command::cargo().args(["mutants", "--version"])),
        "mutation testing needs `cargo install cargo-mutants --locked`"
    );
    let mut cargo = command::cargo();
    cargo.args(["mutants", "--package", "consentry-core", "--test-package", "consentry-core,consentry-tests"]);
    cargo.args(RULES.iter().flat_map(|rule| ["--file".into(), format!("core/src/{rule}.rs")]));
    // Fewer random cases a mutant: the corpus comes first, and there are hundreds of mutants.
    cargo.env("CONSENTRY_CASES", "4000").arg("--output").arg(&workspace.target);
    command::run(cargo.current_dir(&workspace.root))
}
