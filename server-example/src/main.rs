//! The binary `consentry`: the library's command line.

use mimalloc::MiMalloc;
use std::process::ExitCode;

#[global_allocator]
static MEMORY: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    consentry_server::cli::run()
}
