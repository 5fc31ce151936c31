//! Takes the browser's files out of `dist/assets/`, where `cargo xtask assets` puts them, into the binary.
//!
//! A file that is not there becomes an empty one, so that the crate builds and is tested without them; `consentry
//! serve` then says what to do.

use std::path::Path;
use std::{env, fs, io};

const FILES: [&str; 13] = [
    "loader.js",
    "signals.js",
    "guard.js",
    "clean.js",
    "imports.js",
    "widget.js",
    "widget.js.br",
    "widget.wasm",
    "widget.wasm.br",
    "more.js",
    "more.js.br",
    "debug.js",
    "debug.js.br",
];

fn main() -> io::Result<()> {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist/assets");
    let out = env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?;
    for name in FILES {
        let path = assets.join(name);
        // Where there is no such file yet, this runs each time, and so sees it as soon as there is.
        println!("cargo::rerun-if-changed={}", path.display());
        let content = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            content => content?,
        };
        fs::write(Path::new(&out).join(name), content)?;
    }
    Ok(())
}
