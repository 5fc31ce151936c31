//! Puts npm packages together in `dist/`, with the licences and the workspace's version: in `dist/npm/` the one for sites, of the sources of
//! `npm/` and the public types of `www/types/`; in `dist/node/` the one for back ends, of `bindings/node/`. `npm publish dist/npm` does the rest.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::files;
use crate::workspace::Workspace;

/// What the sources say in place of the version, so that it is written down in Cargo.toml alone.
const NO_VERSION: &str = "\"version\": \"0.0.0\"";
/// Where they say it.
const MANIFEST: &str = "package.json";
/// Shared by all members of the workspace.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a package is made of: files and folders of the repository, from where, to where.
type Parts = [(&'static str, &'static str)];

/// The package for sites.
const FOR_SITES: [(&str, &str); 4] = [
    ("npm", ""),
    ("www/types/consentry.d.ts", "types/consentry.d.ts"),
    ("LICENSE-MIT", "LICENSE-MIT"),
    ("LICENSE-APACHE", "LICENSE-APACHE"),
];
/// The package for back ends.
const FOR_NODE: [(&str, &str); 6] = [
    ("bindings/node/package.json", "package.json"),
    ("bindings/node/README.md", "README.md"),
    ("bindings/node/src", "src"),
    ("bindings/node/core", "core"),
    ("LICENSE-MIT", "LICENSE-MIT"),
    ("LICENSE-APACHE", "LICENSE-APACHE"),
];

/// Builds the package for sites and says where it is.
pub(crate) fn build(workspace: &Workspace) -> Result<PathBuf> {
    let package = workspace.root.join("dist/npm");
    compose(&workspace.root, &FOR_SITES, &package)?;
    Ok(package)
}

/// Puts the package for back ends together, whose WebAssembly is there by now, and says where it is.
pub(crate) fn build_for_node(workspace: &Workspace) -> Result<PathBuf> {
    let package = workspace.root.join("dist/node");
    compose(&workspace.root, &FOR_NODE, &package)?;
    Ok(package)
}

/// Touches nothing that is as it should be: tests pack the package while others put it together.
fn compose(root: &Path, parts: &Parts, package: &Path) -> Result<()> {
    let mut contents = BTreeMap::new();
    for (from, to) in parts {
        let from = root.join(from);
        if from.is_dir() {
            let within = files_of(&from)?.into_iter();
            contents.extend(within.map(|(path, bytes)| (Path::new(to).join(path), bytes)));
        } else {
            contents.insert(PathBuf::from(to), files::read(&from)?);
        }
    }
    let manifest = contents.get_mut(Path::new(MANIFEST)).context("a package has no `package.json`")?;
    let text = std::str::from_utf8(manifest).context("a `package.json` is not UTF-8")?;
    let places = text.matches(NO_VERSION).count();
    ensure!(places == 1, "`{NO_VERSION}` stands {places} times in a `package.json`, not once");
    *manifest = text.replace(NO_VERSION, &format!("\"version\": \"{VERSION}\"")).into_bytes();
    for (path, bytes) in &contents {
        files::write(&package.join(path), bytes)?;
    }
    // What has left the sources must not be published.
    for path in paths(package)?.iter().filter(|path| !contents.contains_key(*path)) {
        let gone = package.join(path);
        fs::remove_file(&gone).with_context(|| format!("cannot remove `{}`", gone.display()))?;
    }
    Ok(())
}

/// Every file of a folder.
fn files_of(folder: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    paths(folder)?.into_iter().map(|path| Ok((path.clone(), files::read(&folder.join(path))?))).collect()
}

/// The paths from there of all files.
fn paths(folder: &Path) -> Result<Vec<PathBuf>> {
    let cannot = || format!("cannot read `{}`", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(cannot)? {
        let entry = entry.with_context(cannot)?;
        let name = PathBuf::from(entry.file_name());
        if entry.path().is_dir() {
            found.extend(paths(&entry.path())?.into_iter().map(|path| name.join(path)));
        // What another run is writing at this moment goes by itself.
        } else if name.extension().is_none_or(|extension| extension != "tmp") {
            found.push(name);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes from outside of `npm/`.
    const BORROWED: [&str; 3] = ["www/types/consentry.d.ts", "LICENSE-MIT", "LICENSE-APACHE"];

    fn check(name: &str, manifest: &str) -> Result<String> {
        let root = std::env::temp_dir().join(format!("xtask-npm-{name}-{}", std::process::id()));
        let package = root.join("dist/npm");
        let sources = [("npm/package.json", manifest), ("npm/types/a.d.ts", "a"), ("dist/npm/gone.js", "old")];
        let borrowed = BORROWED.map(|from| (from, "borrowed"));
        for (path, text) in sources.into_iter().chain(borrowed) {
            files::write(&root.join(path), text.as_bytes())?;
        }
        let outcome = compose(&root, &FOR_SITES, &package).and_then(|()| {
            assert!(!package.join("gone.js").exists(), "what has left the sources is not published");
            assert_eq!(files::read_text(&package.join("types/a.d.ts"))?, "a");
            assert_eq!(files::read_text(&package.join("types/consentry.d.ts"))?, "borrowed");
            files::read_text(&package.join(MANIFEST))
        });
        fs::remove_dir_all(root)?;
        outcome
    }

    #[test]
    fn a_package_has_the_workspaces_version() {
        let manifest = check("version", r#"{ "name": "x", "version": "0.0.0" }"#).unwrap();
        assert_eq!(manifest, format!(r#"{{ "name": "x", "version": "{VERSION}" }}"#));
    }

    #[test]
    fn a_package_for_back_ends_has_their_sources_and_nothing_of_the_tests() {
        let root = std::env::temp_dir().join(format!("xtask-node-{}", std::process::id()));
        let named = FOR_NODE.map(|(from, _)| from);
        for path in named.into_iter().filter(|path| !["bindings/node/src", "bindings/node/core"].contains(path)) {
            files::write(&root.join(path), br#"{ "version": "0.0.0" }"#).unwrap();
        }
        for path in ["src/index.js", "core/core.wasm", "test/a.test.js", "node_modules/a/index.js"] {
            files::write(&root.join("bindings/node").join(path), b"").unwrap();
        }
        let package = root.join("dist/node");
        compose(&root, &FOR_NODE, &package).unwrap();
        let found: Vec<PathBuf> = files_of(&package).unwrap().into_keys().collect();
        fs::remove_dir_all(root).unwrap();
        let expected = ["LICENSE-APACHE", "LICENSE-MIT", "README.md", "core/core.wasm", "package.json", "src/index.js"];
        assert_eq!(found, expected.map(PathBuf::from));
    }

    #[test]
    fn a_package_without_a_manifest_is_an_error() {
        let root = std::env::temp_dir().join(format!("xtask-npm-none-{}", std::process::id()));
        for path in BORROWED {
            files::write(&root.join(path), b"borrowed").unwrap();
        }
        files::write(&root.join("npm/index.js"), b"").unwrap();
        let error = compose(&root, &FOR_SITES, &root.join("dist/npm")).unwrap_err();
        fs::remove_dir_all(root).unwrap();
        assert!(error.to_string().contains("no `package.json`"), "{error}");
    }

    #[test]
    fn a_manifest_with_a_version_of_its_own_is_an_error() {
        let error = check("own", r#"{ "version": "1.2.3" }"#).unwrap_err();
        assert!(error.to_string().contains("stands 0 times"), "{error}");
    }
}
