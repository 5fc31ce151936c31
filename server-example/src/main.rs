//! The binary `consentry`: the library's command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    consentry_server::cli::run()
}
