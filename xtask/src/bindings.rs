//! Compiles a package to WebAssembly and binds it to JavaScript, with wasm-bindgen as a library.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use wasm_bindgen_cli_support::Bindgen;

use crate::workspace::{NODE_WASM, WIDGET_WASM, Workspace};
use crate::{command, files, import_names, stylesheet, tools};

/// What browsers run.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// A panic ends the program at once, without a word. Where the standard library is built like that too, nothing that only words
/// a panic is left (docs/decisions/0017).
const AT_ONCE: [&str; 2] = ["-Zunstable-options", "-Cpanic=immediate-abort"];

/// Stack of a back end, in bytes: Rust's usual one, since a page's is too small for a whole policy. The last one that is said counts.
const STACK_OF_NODE: &str = "-Clink-arg=-zstack-size=1048576";

/// WebAssembly and the script that knows how to start it.
pub(crate) struct Bound {
    /// Declares `wasm_bindgen`, an init function that wants to be told where the WebAssembly is.
    pub(crate) glue: String,
    /// For `WebAssembly.instantiate`, with the glue's imports.
    pub(crate) wasm: Vec<u8>,
}

/// The same as a module that others import.
pub(crate) struct BoundModule {
    /// Exports what the package exports, and `initSync`, which wants the WebAssembly.
    pub(crate) glue: String,
    /// Its types.
    pub(crate) types: String,
    /// For `initSync`.
    pub(crate) wasm: Vec<u8>,
}

/// Compiles a package of the workspace. `profile` as cargo knows it: `widget`, `release`. What visitors download brings a standard
/// library of its own, where that can be built.
pub(crate) fn compile(workspace: &Workspace, package: &str, profile: &str) -> Result<PathBuf> {
    let library = workspace.cdylib(package)?;
    tools::wasm_target()?;
    let remaps = remaps(workspace)?;
    let mut flags: Vec<String> = remaps.iter().map(|(from, to)| format!("--remap-path-prefix={from}={to}")).collect();
    let mut cargo = command::cargo();
    // Through `--config`, which adds to the flags in `.cargo/config.toml`. The environment would replace them, so it goes.
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    let mut target = workspace.target.clone();
    let mut std = Vec::new();
    if package == WIDGET_WASM && std_source()? {
        flags.extend(AT_ONCE.map(str::to_owned));
        // A folder of its own: some build scripts look at this variable, and what they build would be built anew each time.
        target.push("with-std");
        cargo.env("RUSTC_BOOTSTRAP", "1");
        std.push("-Zbuild-std=std,panic_abort");
    }
    if package == NODE_WASM {
        flags.push(STACK_OF_NODE.to_owned());
    }
    if package == WIDGET_WASM {
        let style = files::read_text(&workspace.root.join("widget/src/centre.css"))?;
        cargo.env("CONSENTRY_CENTRE_CSS", stylesheet::minify(&style)?);
    }
    cargo.arg("--config").arg(format!("target.{TARGET}.rustflags={}", serde_json::Value::from(flags)));
    cargo.args(["build", "--package", package, "--profile", profile, "--target", TARGET]);
    cargo.args(std).arg("--target-dir").arg(&target);
    command::run(cargo.current_dir(&workspace.root))?;
    let wasm = target.join(TARGET).join(profile).join(library).with_extension("wasm");
    ensure_no_paths(&wasm, &remaps)?;
    Ok(wasm)
}

/// Whether the standard library's source is there, or can be had. Without it everything still builds, and is larger.
fn std_source() -> Result<bool> {
    let library = sysroot()?.join("lib/rustlib/src/rust/library/Cargo.lock");
    if library.is_file() {
        return Ok(true);
    }
    let added = command::answers(Command::new("rustup").args(["component", "add", "rust-src"])) && library.is_file();
    if !added {
        eprintln!("      the widget will be larger than it may: `rustup component add rust-src` did not work");
    }
    Ok(added)
}

fn sysroot() -> Result<PathBuf> {
    Ok(command::output(Command::new("rustc").args(["--print", "sysroot"]))?.trim().into())
}

/// Makes the glue, and the WebAssembly that goes with it.
pub(crate) fn bind(wasm: &Path) -> Result<Bound> {
    let cannot = || format!("cannot bind `{}`", wasm.display());
    let mut bindgen = Bindgen::new();
    bindgen.input_path(wasm).no_modules(true).with_context(cannot)?;
    bindgen.omit_default_module_path(true).typescript(false);
    bindgen.remove_name_section(true).remove_producers_section(true);
    let mut output = bindgen.generate_output().with_context(cannot)?;
    // A script in its own function scope can import neither.
    let foreign = output.local_modules().len() + output.snippets().values().map(Vec::len).sum::<usize>();
    ensure!(
        foreign == 0,
        "`{}` brings {foreign} JavaScript files of its own, which a script cannot import",
        wasm.display()
    );

    let glue = output.js().to_owned();
    let module = output.wasm_mut();
    let names = module.imports.iter().map(|import| import.name.as_str());
    let names = import_names::shortened(&glue, names.chain(module.exports.iter().map(|export| export.name.as_str())));
    for import in module.imports.iter_mut() {
        exchange(&mut import.name, &names);
    }
    for export in module.exports.iter_mut() {
        exchange(&mut export.name, &names);
    }
    Ok(Bound { glue: import_names::rename(&glue, &names), wasm: module.emit_wasm() })
}

/// Makes the module, and the WebAssembly that goes with it.
pub(crate) fn bind_module(wasm: &Path) -> Result<BoundModule> {
    let cannot = || format!("cannot bind `{}`", wasm.display());
    let mut bindgen = Bindgen::new();
    bindgen.input_path(wasm).web(true).with_context(cannot)?;
    bindgen.omit_default_module_path(true).typescript(true);
    bindgen.remove_name_section(true).remove_producers_section(true);
    let mut output = bindgen.generate_output().with_context(cannot)?;
    let types = types_of_node(output.ts().unwrap_or_default()).with_context(cannot)?;
    Ok(BoundModule { glue: output.js().to_owned(), types, wasm: output.wasm_mut().emit_wasm() })
}

/// The types of what a package exports, without those of a page, which Node has not: of what starts it, only how we do.
fn types_of_node(types: &str) -> Result<String> {
    let (exports, _) =
        types.split_once("\nexport type InitInput").context("wasm-bindgen's types are not as they were")?;
    let exports = exports.replace("  [Symbol.dispose](): void;\n", "");
    Ok(format!(
        "{}\n\n/** Compiles it. */\nexport function initSync(given: {{ module: Uint8Array }}): unknown;\n",
        exports.trim_end()
    ))
}

fn exchange(name: &mut String, names: &std::collections::HashMap<String, String>) {
    if let Some(short) = names.get(name) {
        name.clone_from(short);
    }
}

/// Folders of this machine, and what the binary may call them instead: so that it tells nobody where it was built, and
/// is the same wherever that is. Where several match, the compiler takes the last.
fn remaps(workspace: &Workspace) -> Result<Vec<(String, String)>> {
    let about_rustc = command::output(Command::new("rustc").args(["--version", "--verbose"]))?;
    let commit = about_rustc.lines().find_map(|line| line.strip_prefix("commit-hash: ")).unwrap_or("unknown");
    let library = sysroot()?.join("lib/rustlib/src/rust");
    let folders = [
        (workspace.root.clone(), "/consentry".to_owned()),
        (workspace.target.clone(), "/target".to_owned()),
        (cargo_home()?, "/cargo".to_owned()),
        // What it is called already where the standard library's source is not installed.
        (library, format!("/rustc/{commit}")),
    ];
    folders.into_iter().map(|(from, to)| Ok((utf8(from)?, to))).collect()
}

fn cargo_home() -> Result<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    home.or_else(|| Some(env::home_dir()?.join(".cargo")))
        .context("cannot tell where cargo keeps its registry: set CARGO_HOME")
}

fn utf8(path: PathBuf) -> Result<String> {
    path.into_os_string().into_string().map_err(|path| anyhow::anyhow!("`{}` is not UTF-8", path.display()))
}

fn ensure_no_paths(wasm: &Path, remaps: &[(String, String)]) -> Result<()> {
    let bytes = files::read(wasm)?;
    for (folder, _) in remaps {
        if bytes.windows(folder.len()).any(|window| window == folder.as_bytes()) {
            bail!("`{}` tells where it was built: it holds `{folder}`", wasm.display());
        }
    }
    Ok(())
}
