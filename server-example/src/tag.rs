//! `consentry tag`: what a page needs in its head, one tag a line.

use crate::assets::BrowserFiles;
use crate::boot::{self, Delivery, Wanted};
use crate::content::Content;
use crate::scripts::JAVASCRIPT;
use consentry_core::source::Published;
use consentry_core::{Regime, Time};

/// The tag that follows the policy, and for each language the one that is pinned to what the script is now. `url` is where
/// browsers reach the server, without a slash at the end.
pub(crate) fn tags(published: &Published, files: &BrowserFiles, url: &str, now: Time) -> String {
    let moving = format!("<script src=\"{url}/{}.js\" async></script>\n", published.policy.parts().site);
    let notices = published.notices.iter().filter(|notice| notice.regime == Regime::OptIn);
    let pinned = notices.map(|notice| {
        let centre = Content::uncompressed(boot::JSON, boot::centre(published, notice).into());
        // For everybody, and so for those of whom nobody knows where they are.
        let wanted = Wanted { published, files, notice, centre: &centre, places: &[None], now };
        let script = boot::script(&wanted, Delivery::Pinned);
        // Named, and not served: nobody waits for it to be compressed.
        let script = Content::uncompressed(JAVASCRIPT, script.into());
        let (name, integrity) = (boot::pinned_name(&wanted, &script), script.integrity());
        format!(
            "<script src=\"{url}/assets/{name}\" integrity=\"{integrity}\" crossorigin=\"anonymous\" async></script>\n"
        )
    });
    std::iter::once(moving).chain(pinned).collect()
}
