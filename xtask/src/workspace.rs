//! What this repository holds: asked of cargo, so that a package that is not there is simply not there.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::command;

/// The browser's preference centre, as it ships.
pub(crate) const WIDGET_WASM: &str = "consentry-widget-wasm";
/// The corpus of decision cases, compiled for the browser tests.
pub(crate) const CORPUS_WASM: &str = "consentry-corpus-wasm";
/// The core for back ends in Node, as it ships.
pub(crate) const NODE_WASM: &str = "consentry-node-wasm";
/// The server, whose binary is [`SERVER_BINARY`].
pub(crate) const SERVER: &str = "consentry-server";
/// `consentry`: serve, boot, key and the rest.
pub(crate) const SERVER_BINARY: &str = "consentry";
/// The server's example: a site that embeds Consentry and asks before it processes.
pub(crate) const SITE_EXAMPLE: &str = "adforge_site";

/// Where things are.
pub(crate) struct Workspace {
    /// The repository.
    pub(crate) root: PathBuf,
    /// Cargo's target folder, wherever `CARGO_TARGET_DIR` or a config moved it.
    pub(crate) target: PathBuf,
    packages: Vec<Package>,
}

struct Package {
    name: String,
    /// The library that becomes a `.wasm` file, as its file is named.
    cdylib: Option<String>,
}

impl Workspace {
    /// Asks cargo. Run from anywhere inside the repository.
    pub(crate) fn read() -> Result<Workspace> {
        let mut cargo = command::cargo();
        cargo.args(["metadata", "--format-version", "1", "--no-deps"]);
        Workspace::parse(&command::output(&mut cargo)?)
    }

    fn parse(metadata: &str) -> Result<Workspace> {
        let metadata: Value = serde_json::from_str(metadata).context("cannot read what `cargo metadata` says")?;
        let packages =
            metadata.get("packages").and_then(Value::as_array).context("`cargo metadata` names no packages")?;
        Ok(Workspace {
            root: string(&metadata, "workspace_root")?.into(),
            target: string(&metadata, "target_directory")?.into(),
            packages: packages.iter().map(Package::parse).collect::<Result<_>>()?,
        })
    }

    /// Whether the package is a member.
    pub(crate) fn has(&self, package: &str) -> bool {
        self.packages.iter().any(|member| member.name == package)
    }

    /// Arguments that select for cargo what runs on this machine: all but what is built for browsers alone.
    pub(crate) fn native(&self) -> Vec<&str> {
        let wasm = self.packages.iter().filter(|member| member.cdylib.is_some());
        ["--workspace"].into_iter().chain(wasm.flat_map(|member| ["--exclude", &member.name])).collect()
    }

    /// The `.wasm` file's name, without its ending, that this package is built into.
    pub(crate) fn cdylib(&self, package: &str) -> Result<&str> {
        let member = self.packages.iter().find(|member| member.name == package);
        let member = member.with_context(|| format!("the workspace has no package `{package}`"))?;
        member
            .cdylib
            .as_deref()
            .with_context(|| format!("package `{package}` has no target of `crate-type = [\"cdylib\"]`"))
    }

    /// `dist/assets/`, from which the server's build takes the browser's files.
    pub(crate) fn assets(&self) -> PathBuf {
        self.root.join("dist/assets")
    }
}

impl Package {
    fn parse(package: &Value) -> Result<Package> {
        let targets = package.get("targets").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let is_cdylib = |target: &&Value| {
            let kinds = target.get("kind").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            kinds.iter().any(|kind| kind.as_str() == Some("cdylib"))
        };
        let cdylib = targets.iter().find(is_cdylib).map(|target| string(target, "name")).transpose()?;
        Ok(Package { name: string(package, "name")?, cdylib: cdylib.map(|name| name.replace('-', "_")) })
    }
}

fn string(value: &Value, key: &str) -> Result<String> {
    let text = value.get(key).and_then(Value::as_str);
    Ok(text.with_context(|| format!("`cargo metadata` says no `{key}`"))?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_is_what_cargo_says() {
        let workspace = Workspace::parse(
            r#"{ "workspace_root": "/w", "target_directory": "/t", "packages": [
                { "name": "consentry-core", "targets": [{ "kind": ["lib"], "name": "consentry_core" }] },
                { "name": "consentry-widget-wasm", "targets": [{ "kind": ["cdylib"], "name": "consentry-widget-wasm" }] } ] }"#,
        )
        .unwrap();
        assert_eq!(workspace.assets(), PathBuf::from("/w/dist/assets"));
        assert_eq!(workspace.cdylib(WIDGET_WASM).unwrap(), "consentry_widget_wasm");
        assert_eq!(workspace.native(), ["--workspace", "--exclude", "consentry-widget-wasm"]);
        assert!(workspace.has("consentry-core") && !workspace.has(SERVER));
        assert!(workspace.cdylib("consentry-core").unwrap_err().to_string().contains("cdylib"));
        assert!(workspace.cdylib(SERVER).unwrap_err().to_string().contains("no package `consentry-server`"));
    }
}
