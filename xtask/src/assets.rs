//! Builds what a browser gets into `dist/assets/`, from where the server's build takes it: `loader.js`, its parts, `more.js`,
//! `debug.js`, `widget.js`, `widget.wasm`, and each compressed beside itself. The names are a contract with that build.

use anyhow::Result;

use crate::javascript::Script;
use crate::workspace::{CORPUS_WASM, WIDGET_WASM, Workspace};
use crate::{bindings, files, loader, progress};

/// The profile in Cargo.toml that puts size before speed.
const WIDGET_PROFILE: &str = "widget";

/// What a site's script has beside the loader where its policy asks for it: `www/parts/<name>.js`, each a function of its
/// configuration.
pub(crate) const PARTS: [&str; 4] = ["signals", "guard", "clean", "imports"];
/// What is fetched when it is wanted: `www/<name>/`, run at once.
pub(crate) const LATER: [&str; 2] = ["more", "debug"];

/// All of them.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    progress::step("loader", || loader(workspace))?;
    progress::step("parts", || parts(workspace))?;
    progress::step("more and debug", || later(workspace))?;
    progress::step("widget", || widget(workspace))
}

/// The corpus of decision cases for the browser tests, as it comes from wasm-bindgen: `dist/test/corpus.js`, which
/// declares `wasm_bindgen`, and `dist/test/corpus.wasm`.
pub(crate) fn build_corpus(workspace: &Workspace) -> Result<()> {
    let bound = bindings::bind(&bindings::compile(workspace, CORPUS_WASM, WIDGET_PROFILE)?)?;
    let folder = workspace.root.join("dist/test");
    files::write(&folder.join("corpus.js"), bound.glue.as_bytes())?;
    files::write(&folder.join("corpus.wasm"), &bound.wasm)
}

fn loader(workspace: &Workspace) -> Result<()> {
    let loader = loader::compose(&workspace.root.join("www/loader"), "boot")?;
    files::write_compressed(&workspace.assets().join("loader.js"), loader.as_bytes())
}

fn parts(workspace: &Workspace) -> Result<()> {
    for name in PARTS.map(|name| format!("{name}.js")) {
        let part = loader::compose_one(&workspace.root.join("www/parts").join(&name), "config")?;
        files::write_compressed(&workspace.assets().join(name), part.as_bytes())?;
    }
    Ok(())
}

fn later(workspace: &Workspace) -> Result<()> {
    for name in LATER {
        let function = loader::compose(&workspace.root.join("www").join(name), "")?;
        files::write_compressed(&workspace.assets().join(format!("{name}.js")), format!("{function}();").as_bytes())?;
    }
    Ok(())
}

fn widget(workspace: &Workspace) -> Result<()> {
    let bound = bindings::bind(&bindings::compile(workspace, WIDGET_WASM, WIDGET_PROFILE)?)?;
    files::write_compressed(&workspace.assets().join("widget.js"), widget_script(&bound.glue)?.as_bytes())?;
    files::write_compressed(&workspace.assets().join("widget.wasm"), &bound.wasm)
}

/// The glue in a scope of its own. Once run, its init function is where docs/wire.md tells the loader to look.
fn widget_script(glue: &str) -> Result<String> {
    let mut script = Script::default();
    script.push("the widget's glue", glue);
    script.push("its wrapper", "window.consentry._widget = wasm_bindgen");
    Ok(format!("{}();", script.into_function("")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_widgets_script_leaves_nothing_but_its_init_function() {
        let script = widget_script("let wasm_bindgen = (function(exports) { return exports.f })({ f() {} });").unwrap();
        assert!(script.starts_with("(function(){") && script.ends_with("})();"), "{script}");
        assert!(script.contains("window.consentry._widget=") && !script.contains("wasm_bindgen"), "{script}");
    }
}
