//! The browser's files: loader, parts, widget and what else a page may fetch, built into the binary or read from a folder.

use crate::content::Content;
use axum::body::Bytes;
use std::io;
use std::path::{Path, PathBuf};

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const WASM: &str = "application/wasm";

/// All that `cargo xtask assets` makes.
#[derive(Debug, Clone)]
pub struct BrowserFiles {
    /// One function expression, without what may follow it, as each of the parts.
    pub(crate) loader: String,
    pub(crate) signals: String,
    pub(crate) guard: String,
    pub(crate) clean: String,
    pub(crate) imports: String,
    pub(crate) widget_js: Content,
    pub(crate) widget_wasm: Content,
    pub(crate) more: Content,
    pub(crate) debug: Content,
}

/// Why there are no browser's files to serve.
#[derive(Debug, thiserror::Error)]
pub enum BrowserFilesError {
    /// The binary was built before they were.
    #[error("this binary was built without the browser's files: run `cargo xtask assets` and build again")]
    NotBuilt,
    /// A file of the folder cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file is not among those given.
    #[error("there is no `{0}` among the browser's files")]
    Missing(&'static str),
    /// A part of the script is no text.
    #[error("`{0}` is not UTF-8")]
    NotText(&'static str),
}

/// The built-in files by name, each with what it is compressed to where that is served by itself.
macro_rules! built_in {
    ($($name:literal)+) => {
        &[ $( ($name, include_bytes!(concat!(env!("OUT_DIR"), "/", $name)).as_slice()), )+ ]
    };
}

/// INVARIANT: the names in build.rs.
const BUILT_IN: &[(&str, &[u8])] = built_in! {
    "loader.js" "signals.js" "guard.js" "clean.js" "imports.js" "widget.js" "widget.js.br" "widget.wasm"
    "widget.wasm.br" "more.js" "more.js.br" "debug.js" "debug.js.br"
};

impl BrowserFiles {
    /// Those that were there when the binary was built.
    ///
    /// # Errors
    /// [`BrowserFilesError::NotBuilt`].
    pub fn built_in() -> Result<Self, BrowserFilesError> {
        let read = |name: &str| built_in(name).map(Bytes::from_static);
        Self::new(|name| read(name).ok_or(BrowserFilesError::NotBuilt), read)
    }

    /// Those in a folder, and compressed ones with `.br` after their names.
    ///
    /// # Errors
    /// [`BrowserFilesError::Read`] and [`BrowserFilesError::NotText`].
    pub fn read(folder: &Path) -> Result<Self, BrowserFilesError> {
        let read = |name: &'static str| {
            let path = folder.join(name);
            match std::fs::read(&path) {
                Ok(content) => Ok(Bytes::from(content)),
                Err(source) => Err(BrowserFilesError::Read { path, source }),
            }
        };
        Self::new(read, |name| std::fs::read(folder.join(name)).ok().map(Bytes::from))
    }

    /// These, by their names. For tests.
    ///
    /// # Errors
    /// [`BrowserFilesError::Missing`] and [`BrowserFilesError::NotText`].
    pub fn of(files: &[(&str, &[u8])]) -> Result<Self, BrowserFilesError> {
        let find = |name: &str| {
            let found = files.iter().find(|(known, _)| *known == name);
            found.map(|(_, content)| Bytes::copy_from_slice(content))
        };
        Self::new(|name| find(name).ok_or(BrowserFilesError::Missing(name)), |name| find(name))
    }

    fn new(
        read: impl Fn(&'static str) -> Result<Bytes, BrowserFilesError>,
        compressed: impl Fn(&str) -> Option<Bytes>,
    ) -> Result<Self, BrowserFilesError> {
        let function = |name: &'static str| {
            let text = String::from_utf8(read(name)?.into()).map_err(|_| BrowserFilesError::NotText(name))?;
            Ok(text.trim_end().trim_end_matches(';').to_owned())
        };
        let content = |name: &'static str, media_type: &'static str| {
            let plain = read(name)?;
            Ok(match compressed(&format!("{name}.br")).filter(|compressed| !compressed.is_empty()) {
                Some(compressed) => Content::compressed(media_type, plain, compressed),
                None => Content::new(media_type, plain),
            })
        };
        Ok(Self {
            loader: function("loader.js")?,
            signals: function("signals.js")?,
            guard: function("guard.js")?,
            clean: function("clean.js")?,
            imports: function("imports.js")?,
            widget_js: content("widget.js", JAVASCRIPT)?,
            widget_wasm: content("widget.wasm", WASM)?,
            more: content("more.js", JAVASCRIPT)?,
            debug: content("debug.js", JAVASCRIPT)?,
        })
    }

    /// What every site's pages may fetch, by the last part of its path under `/assets/`.
    pub(crate) fn shared(&self) -> [(String, &Content); 4] {
        let named = |stem: &str, content, extension: &str| (asset_name(stem, content, extension), content);
        [
            named("widget", &self.widget_js, "js"),
            named("widget", &self.widget_wasm, "wasm"),
            named("more", &self.more, "js"),
            named("debug", &self.debug, "js"),
        ]
    }
}

/// What a file is called under `/assets/`: another name for other bytes.
pub(crate) fn asset_name(stem: &str, content: &Content, extension: &str) -> String {
    format!("{stem}.{}.{extension}", content.name)
}

/// A file that was there when the binary was built; one that was not is empty.
fn built_in(name: &str) -> Option<&'static [u8]> {
    BUILT_IN.iter().find(|(known, content)| *known == name && !content.is_empty()).map(|(_, content)| *content)
}
