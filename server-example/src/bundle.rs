//! `consentry bundle`: a site's script and all that it may fetch, as files for any web server, and none of ours behind it.
//!
//! Choices then stay in the browser. Everybody is asked as in the strictest regime, since nobody says where they are.

use crate::assets::BrowserFiles;
use crate::boot::{self, Delivery, Wanted};
use crate::content::Content;
use consentry_core::source::Published;
use consentry_core::{Regime, Time};
use std::io;
use std::path::{Path, PathBuf};

/// Why a bundle was not written, or not all of it.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{path}`")]
pub(crate) struct BundleError {
    path: PathBuf,
    source: io::Error,
}

/// Writes the site's files below `folder`, over those that are there by the same names, and says which they are.
pub(crate) fn write(
    published: &Published,
    files: &BrowserFiles,
    folder: &Path,
    now: Time,
) -> Result<Vec<PathBuf>, BundleError> {
    let site = &published.policy.parts().site;
    let mut bundle: Vec<(String, Vec<u8>)> = Vec::new();
    for (name, content) in files.shared() {
        bundle.push((format!("assets/{name}"), content.plain().to_vec()));
    }
    let notices = published.notices.iter().filter(|notice| notice.regime == Regime::OptIn);
    for (n, notice) in notices.enumerate() {
        let centre = Content::uncompressed(boot::JSON, boot::centre(published, notice).into());
        let wanted = Wanted { published, files, notice, centre: &centre, places: &[None], now };
        let script = boot::script(&wanted, Delivery::Bundled);
        let name = boot::centre_name(notice, published, &centre);
        bundle.push((format!("assets/{name}"), centre.plain().to_vec()));
        // The first language is what `/{site}.js` would fall back to.
        if n == 0 {
            bundle.push((format!("{site}.js"), script.clone().into()));
        }
        bundle.push((format!("{site}.{}.js", notice.language), script.into()));
    }
    let write = |(name, content): (String, Vec<u8>)| {
        let path = folder.join(name);
        let written =
            path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, content));
        written.map(|()| path.clone()).map_err(|source| BundleError { path, source })
    };
    bundle.into_iter().map(write).collect()
}
