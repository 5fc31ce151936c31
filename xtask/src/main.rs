//! The chores of this repository, so that a newcomer needs Rust and two commands: `cargo xtask demo` and
//! `cargo xtask test`. Depends on no other crate of the workspace: it must run when they do not compile.

mod assets;
mod bench;
mod bench_page;
mod bindings;
mod command;
mod demo;
mod dependencies;
mod files;
mod import_names;
mod javascript;
mod loader;
mod nightly;
mod node;
mod npm;
mod npm_package;
mod peers;
mod progress;
mod python;
mod server;
mod sizes;
mod steps;
mod stylesheet;
mod tally;
mod test;
mod tools;
mod workspace;

use std::process::ExitCode;

use workspace::Workspace;

const USAGE: &str = "\
Usage: cargo xtask <command>

Commands:
  demo          build everything, start the server and the demo site, print where to look
  test [--ci]   install what the tests need, then run all of them; in CI (--ci, or CI is set) skipping is failing
  assets        build loader, parts, widget and the rest into dist/assets, compressed
  npm           put the npm package for sites together in dist/npm
  node          put the npm package for back ends together in dist/node
  sizes         what a visitor downloads, against the budgets
  bench [name]  run a benchmark of bench/; without a name, list them
  nightly [cases | crash | pair | fuzz | openapi | mutants]
                a million random cases, servers killed under load, two servers on one database for a minute, every parser
                fed for ten minutes, the server asked all that it says it can be asked, the rules mutated; all of them
                without a name

Options:
  -h, --help    print this
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["-h" | "--help" | "help"] => {
            print!("{USAGE}");
            Ok(true)
        }
        ["assets"] => Workspace::read().and_then(|workspace| assets::build(&workspace)).map(|()| true),
        ["npm"] => Workspace::read().and_then(|workspace| npm_package::build(&workspace)).map(|package| {
            println!("{}", package.display());
            true
        }),
        ["node"] => Workspace::read().and_then(|workspace| node::build(&workspace)).map(|package| {
            println!("{}", package.display());
            true
        }),
        ["sizes"] => Workspace::read().and_then(|workspace| sizes::print(&workspace)).map(|tally| tally.failed == 0),
        ["bench"] => {
            print!("{}", bench::list());
            Ok(true)
        }
        ["bench", name] => Workspace::read().and_then(|workspace| bench::run(&workspace, name)),
        ["nightly"] => Workspace::read().and_then(|workspace| nightly::run(&workspace, None)),
        ["nightly", part] => Workspace::read().and_then(|workspace| nightly::run(&workspace, Some(part))),
        ["demo"] => Workspace::read().and_then(|workspace| demo::run(&workspace)).map(|()| true),
        ["test"] => {
            let strictness =
                if std::env::var_os("CI").is_some() { test::Skipping::Fails } else { test::Skipping::Allowed };
            Workspace::read().and_then(|workspace| test::run(&workspace, strictness))
        }
        ["test", "--ci"] => Workspace::read().and_then(|workspace| test::run(&workspace, test::Skipping::Fails)),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
