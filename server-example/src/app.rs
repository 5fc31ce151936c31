//! The application: what every handler has at hand, and which address leads to which handler.

use crate::assets::BrowserFiles;
use crate::clock::Clock;
use crate::content::Content;
use crate::feed::Feeds;
use crate::problem::ApiError;
use crate::scripts::Scripts;
use crate::site::Site;
use crate::store::{Store, StoreError};
use crate::webhooks::{WebhookConfig, Worker, WorkerError};
use crate::{cors, routes};
use axum::Router;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use axum::routing::{delete, get, post};
use consentry_core::SiteId;
use consentry_core::source::{Origin, Published};
use std::collections::HashMap;
use std::sync::Arc;

/// What an [`App`] serves.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The sites, each with its policy and notices.
    pub sites: Vec<Published>,
    /// Origins that may answer for every site, beside those of its policy: of a demo, or of staging.
    pub more_origins: Vec<Origin>,
    /// Where this server is reached, without a slash at the end; empty for wherever the loader came from.
    pub public_url: String,
    /// The header in which a proxy of the operator's says where a visitor is (ISO 3166). Without it every visitor is
    /// asked as in the strictest regime.
    pub jurisdiction_header: Option<HeaderName>,
    /// Loader, widget and the rest. Without them there is the API alone.
    pub browser_files: Option<BrowserFiles>,
    /// How others are told of what is kept.
    pub webhooks: WebhookConfig,
}

/// Why a [`Config`] cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Nothing to serve.
    #[error("there is no site to serve")]
    NoSites,
    /// Two policies name the same site.
    #[error("two policies are of the site `{0}`")]
    Twice(SiteId),
    /// The notices cannot be kept, so nobody could prove later what was shown.
    #[error("the database does not take the notices")]
    Publish(#[source] StoreError),
}

/// The application. A clone is another handle to the same.
#[derive(Debug, Clone)]
pub struct App(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    sites: HashMap<SiteId, Arc<Site>>,
    /// What every site's pages may fetch.
    assets: HashMap<String, Content>,
    jurisdiction_header: Option<HeaderName>,
    script_cache_control: HeaderValue,
    script_vary: HeaderValue,
    store: Store,
    feeds: Feeds,
    clock: Clock,
    webhooks: WebhookConfig,
}

impl App {
    /// An application that serves `config`, keeps choices in `store`, and dates them by `clock`.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn new(config: Config, store: Store, clock: Clock) -> Result<Self, ConfigError> {
        let Config { sites: published, more_origins, public_url, jurisdiction_header, browser_files, webhooks } =
            config;
        if published.is_empty() {
            return Err(ConfigError::NoSites);
        }
        let shared = browser_files.iter().flat_map(BrowserFiles::shared);
        let assets = shared.map(|(name, content)| (name, content.clone())).collect();
        let mut sites = HashMap::new();
        for published in published {
            let published = Arc::new(published);
            let id = published.policy.parts().site.clone();
            // Without a header nobody is ever known to be anywhere.
            let knows_places = jurisdiction_header.is_some();
            let scripts = browser_files
                .as_ref()
                .map(|files| Scripts::new(Arc::clone(&published), files.clone(), public_url.clone(), knows_places));
            let notices = store.publish(&published, clock.now()).map_err(ConfigError::Publish)?;
            let site = Site::new(published, notices, &more_origins, scripts);
            if sites.insert(id.clone(), Arc::new(site)).is_some() {
                return Err(ConfigError::Twice(id));
            }
        }
        Ok(Self(Arc::new(Inner {
            sites,
            assets,
            script_cache_control: script_cache_control(jurisdiction_header.as_ref()),
            script_vary: script_vary(jurisdiction_header.as_ref()),
            jurisdiction_header,
            store,
            feeds: Feeds::new(),
            clock,
            webhooks,
        })))
    }

    /// Composes and compresses the scripts that most visitors get, so that none of them waits for it. Takes a second or so for each site;
    /// until then they are composed as they are asked for.
    pub fn warm(&self) {
        for scripts in self.0.sites.values().filter_map(|site| site.scripts.as_ref()) {
            scripts.warm(self.0.clock.now());
        }
    }

    /// Every address of docs/wire.md. A request that none of them fits is answered by a problem, too.
    pub fn router(&self) -> Router {
        let for_browsers = Router::new()
            .route("/v1/sites/{site}/choices", post(routes::choices::create).options(cors::preflight))
            .route("/v1/sites/{site}/signals", post(routes::signals::create).options(cors::preflight))
            .route("/v1/sites/{site}/demands", post(routes::demands::create).options(cors::preflight))
            .route("/v1/sites/{site}/record", get(routes::record::show).options(cors::preflight))
            .layer(axum::middleware::from_fn_with_state(self.clone(), cors::guard));
        Router::new()
            .merge(for_browsers)
            .route("/v1/sites/{site}/decisions", post(routes::decisions::create))
            .route("/v1/sites/{site}/filter", post(routes::filter::create))
            .route("/v1/sites/{site}/changes", get(routes::changes::show))
            .route("/v1/sites/{site}/webhooks", get(routes::webhooks::list).post(routes::webhooks::create))
            .route("/v1/sites/{site}/webhooks/{webhook}", delete(routes::webhooks::remove))
            .route("/v1/sites/{site}/webhooks/{webhook}/rotate", post(routes::webhooks::rotate))
            .route("/v1/sites/{site}/webhooks/{webhook}/dead-letters", get(routes::dead_letters::list))
            .route("/v1/sites/{site}/webhooks/{webhook}/dead-letters/{seq}/retry", post(routes::dead_letters::retry))
            .route("/v1/sites/{site}/webhooks/{webhook}/confirmations", post(routes::propagation::confirm))
            .route("/v1/sites/{site}/propagation", get(routes::propagation::show))
            .route("/health", get(routes::health::show))
            .route("/problems/{name}", get(routes::problems::show))
            .route("/assets/{name}", get(routes::assets::show))
            .route("/{script}", get(routes::script::show))
            .fallback(async || ApiError::NotFound)
            .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
            .layer(axum::middleware::map_response(routes::with_safe_headers))
            .with_state(self.clone())
    }

    pub(crate) fn site(&self, name: &str) -> Option<&Arc<Site>> {
        let id: SiteId = name.parse().ok()?;
        self.0.sites.get(&id)
    }

    /// What is called `name` under `/assets/`: a file of every site, or of the one that its name begins with.
    pub(crate) fn asset(&self, name: &str) -> Option<Content> {
        let of_site = || self.site(name.split('.').next()?)?.asset(name, self.0.clock.now());
        self.0.assets.get(name).cloned().or_else(of_site)
    }

    pub(crate) fn jurisdiction_header(&self) -> Option<&HeaderName> {
        self.0.jurisdiction_header.as_ref()
    }

    pub(crate) fn script_cache_control(&self) -> &HeaderValue {
        &self.0.script_cache_control
    }

    pub(crate) fn script_vary(&self) -> &HeaderValue {
        &self.0.script_vary
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn feeds(&self) -> &Feeds {
        &self.0.feeds
    }

    /// Ends what would never end by itself: the streams of those who listen to the change feed. For a server that is about to stop.
    pub fn end_streams(&self) {
        self.0.feeds.close();
    }

    pub(crate) fn webhooks(&self) -> &WebhookConfig {
        &self.0.webhooks
    }

    /// Whoever tells webhooks what is kept; none where the configuration has no key to sign with.
    ///
    /// # Errors
    /// [`WorkerError`].
    pub fn worker(&self) -> Result<Option<Worker>, WorkerError> {
        self.0.webhooks.key.clone().map(|key| Worker::new(self.clone(), key)).transpose()
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }
}

/// Five minutes old is fresh enough; for a day, an old one is better than a wait.
fn script_cache_control(jurisdiction_header: Option<&HeaderName>) -> HeaderValue {
    match jurisdiction_header {
        None => HeaderValue::from_static("public, max-age=300, stale-while-revalidate=86400"),
        // A cache between the operator's proxy and the visitor does not see the header that it would have to vary by.
        Some(_) => HeaderValue::from_static("private, max-age=300, stale-while-revalidate=86400"),
    }
}

fn script_vary(jurisdiction_header: Option<&HeaderName>) -> HeaderValue {
    let always = HeaderValue::from_static("accept-encoding, accept-language");
    let more =
        jurisdiction_header.map(|name| HeaderValue::try_from(format!("accept-encoding, accept-language, {name}")));
    more.and_then(Result::ok).unwrap_or(always)
}

/// The site that a request's path names.
pub(crate) struct KnownSite(pub(crate) Arc<Site>);

impl FromRequestParts<App> for KnownSite {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let params = RawPathParams::from_request_parts(parts, app).await.map_err(|_| ApiError::UnknownSite)?;
        let name = params.iter().find_map(|(name, value)| (name == "site").then_some(value));
        name.and_then(|name| app.site(name)).map(|site| Self(Arc::clone(site))).ok_or(ApiError::UnknownSite)
    }
}
