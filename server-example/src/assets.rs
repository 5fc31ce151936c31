//! The browser's files: loader and widget, built into the binary or read from a folder.

use crate::content::Content;
use axum::body::Bytes;
use std::io;
use std::path::{Path, PathBuf};

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const WASM: &str = "application/wasm";

/// Loader and widget, as `cargo xtask assets` makes them.
#[derive(Debug, Clone)]
pub struct BrowserFiles {
    /// One function expression, without what may follow it.
    pub(crate) loader: String,
    pub(crate) widget_js: Content,
    pub(crate) widget_wasm: Content,
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
    /// The loader is no text.
    #[error("the loader is not UTF-8")]
    Loader,
}

impl BrowserFiles {
    /// Those that were there when the binary was built.
    ///
    /// # Errors
    /// [`BrowserFilesError::NotBuilt`].
    pub fn built_in() -> Result<Self, BrowserFilesError> {
        macro_rules! built_in {
            ($name:literal) => {
                Bytes::from_static(include_bytes!(concat!(env!("OUT_DIR"), "/", $name)))
            };
        }
        let (loader, js, wasm) = (built_in!("loader.js"), built_in!("widget.js"), built_in!("widget.wasm"));
        if loader.is_empty() || js.is_empty() || wasm.is_empty() {
            return Err(BrowserFilesError::NotBuilt);
        }
        let (js_br, wasm_br) = (built_in!("widget.js.br"), built_in!("widget.wasm.br"));
        Self::new(&loader, (js, Some(js_br)), (wasm, Some(wasm_br)))
    }

    /// Those in a folder: `loader.js`, `widget.js`, `widget.wasm`, and compressed ones with `.br` after their names.
    ///
    /// # Errors
    /// [`BrowserFilesError::Read`] and [`BrowserFilesError::Loader`].
    pub fn read(folder: &Path) -> Result<Self, BrowserFilesError> {
        let read = |name: &str| {
            let path = folder.join(name);
            match std::fs::read(&path) {
                Ok(content) => Ok(Bytes::from(content)),
                Err(source) => Err(BrowserFilesError::Read { path, source }),
            }
        };
        let compressed = |name: &str| read(name).ok();
        Self::new(
            &read("loader.js")?,
            (read("widget.js")?, compressed("widget.js.br")),
            (read("widget.wasm")?, compressed("widget.wasm.br")),
        )
    }

    /// These: a loader, the widget's script and its WebAssembly. For tests.
    ///
    /// # Errors
    /// [`BrowserFilesError::Loader`].
    pub fn of(loader: &str, widget_js: &str, widget_wasm: &[u8]) -> Result<Self, BrowserFilesError> {
        let (js, wasm) = (Bytes::copy_from_slice(widget_js.as_bytes()), Bytes::copy_from_slice(widget_wasm));
        Self::new(loader.as_bytes(), (js, None), (wasm, None))
    }

    fn new(
        loader: &[u8],
        widget_js: (Bytes, Option<Bytes>),
        widget_wasm: (Bytes, Option<Bytes>),
    ) -> Result<Self, BrowserFilesError> {
        let loader = std::str::from_utf8(loader).map_err(|_| BrowserFilesError::Loader)?;
        Ok(Self {
            loader: loader.trim_end().trim_end_matches(';').into(),
            widget_js: content(JAVASCRIPT, widget_js),
            widget_wasm: content(WASM, widget_wasm),
        })
    }
}

fn content(media_type: &'static str, (plain, compressed): (Bytes, Option<Bytes>)) -> Content {
    match compressed {
        Some(compressed) if !compressed.is_empty() => Content::compressed(media_type, plain, compressed),
        Some(_) | None => Content::new(media_type, plain),
    }
}
