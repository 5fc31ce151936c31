//! The sites that are served now. They are exchanged all at once, so that no request ever sees half of a change.

use crate::app::ConfigError;
use crate::assets::BrowserFiles;
use crate::scripts::Scripts;
use crate::site::Site;
use crate::store::Store;
use arc_swap::ArcSwap;
use consentry_core::source::{Origin, Published};
use consentry_core::{SiteId, Time};
use std::collections::HashMap;
use std::sync::Arc;

type ById = HashMap<SiteId, Arc<Site>>;

/// The sites, and what is the same for all of them.
#[derive(Debug)]
pub(crate) struct Sites {
    current: ArcSwap<ById>,
    common: Common,
}

/// What every site is served with, whatever its policy.
#[derive(Debug)]
pub(crate) struct Common {
    /// Origins that may answer for every site.
    pub(crate) more_origins: Vec<Origin>,
    /// Where the server is reached, without a slash at the end.
    pub(crate) public_url: String,
    /// None where the API alone is served.
    pub(crate) browser_files: Option<BrowserFiles>,
    /// Whether it is ever known where somebody is.
    pub(crate) knows_places: bool,
}

impl Sites {
    /// Publishes these and serves them.
    pub(crate) fn new(
        published: Vec<Published>,
        common: Common,
        store: &Store,
        now: Time,
    ) -> Result<Self, ConfigError> {
        let current = ArcSwap::from_pointee(build(published, &common, &ById::new(), store, now)?);
        Ok(Self { current, common })
    }

    /// Publishes these, and serves them in place of all others. If that fails, all stays as it was. Blocks.
    pub(crate) fn replace(&self, published: Vec<Published>, store: &Store, now: Time) -> Result<(), ConfigError> {
        let next = Arc::new(build(published, &self.common, &self.current.load(), store, now)?);
        let before = self.current.swap(Arc::clone(&next));
        let stays = |id, site: &Arc<Site>| next.get(id).is_some_and(|after| Arc::ptr_eq(site, after));
        before.iter().filter(|(id, site)| !stays(id, site)).for_each(|(_, site)| site.end());
        Ok(())
    }

    pub(crate) fn find(&self, name: &str) -> Option<Arc<Site>> {
        let id: SiteId = name.parse().ok()?;
        self.current.load().get(&id).cloned()
    }

    /// Where the server is reached; empty where nobody has said.
    pub(crate) fn public_url(&self) -> &str {
        &self.common.public_url
    }

    /// All of them, in no order.
    pub(crate) fn all(&self) -> Vec<Arc<Site>> {
        self.current.load().values().cloned().collect()
    }
}

/// A site of `before` whose files say the same as they did stays as it is, with the scripts that it has composed.
fn build(
    published: Vec<Published>,
    common: &Common,
    before: &ById,
    store: &Store,
    now: Time,
) -> Result<ById, ConfigError> {
    if published.is_empty() {
        return Err(ConfigError::NoSites);
    }
    let mut ids: Vec<&SiteId> = published.iter().map(|published| &published.policy.parts().site).collect();
    ids.sort_unstable();
    if let Some([twice, _]) = ids.array_windows().find(|[one, other]| one == other) {
        return Err(ConfigError::Twice((*twice).clone()));
    }
    published.into_iter().map(|published| site(published, common, before, store, now)).collect()
}

fn site(
    published: Published,
    common: &Common,
    before: &ById,
    store: &Store,
    now: Time,
) -> Result<(SiteId, Arc<Site>), ConfigError> {
    let id = published.policy.parts().site.clone();
    if let Some(same) = before.get(&id).filter(|site| site.is_of(&published)) {
        return Ok((id, Arc::clone(same)));
    }
    let Common { more_origins, public_url, browser_files, knows_places } = common;
    let published = Arc::new(published);
    let scripts = browser_files
        .as_ref()
        .map(|files| Scripts::new(Arc::clone(&published), files.clone(), public_url.clone(), *knows_places));
    let notices = store.publish(&published, now).map_err(ConfigError::Publish)?;
    Ok((id, Arc::new(Site::new(published, notices, more_origins, scripts))))
}
