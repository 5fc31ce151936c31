//! Minifies the style sheet, so that its comments are written for readers and not for visitors.

use std::path::Path;
use std::{env, fs};

const SOURCE: &str = "src/centre.css";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed={SOURCE}");
    let sheet = fs::read_to_string(SOURCE)?;
    let minified = minifier::css::minify(&sheet)?;
    let out = env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    fs::write(Path::new(&out).join("centre.css"), minified.to_string())?;
    Ok(())
}
