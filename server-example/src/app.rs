//! The application: what every handler has at hand, and which address leads to which handler.

use crate::assets::BrowserFiles;
use crate::clock::Clock;
use crate::content::Content;
use crate::identity::{self, Identities, Identity, IdentityError, IdentityKeys, Pepper};
use crate::problem::ApiError;
use crate::scripts::Scripts;
use crate::site::Site;
use crate::store::Store;
use crate::{cors, routes};
use axum::Router;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::routing::{get, post};
use consentry_core::source::{Origin, Published};
use consentry_core::{AccountId, Jurisdiction, SiteId};
use std::collections::{BTreeMap, HashMap};
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
    /// Who may sign identity tokens, by site. At a site that is not among them nobody is signed in.
    pub identity: BTreeMap<SiteId, IdentityKeys>,
    /// What account ids are hashed with. Whoever has keys for identity tokens needs it.
    pub pepper: Option<Pepper>,
    /// Loader, widget and the rest. Without them there is the API alone.
    pub browser_files: Option<BrowserFiles>,
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
    /// Keys for a site that is not served: a misspelt one would leave its people signed out.
    #[error("identity keys are named for the site `{0}`, which is not served")]
    KeysOfNoSite(SiteId),
    /// Account ids would have to be kept as they are.
    #[error("identity keys are named, and no pepper to hash account ids with")]
    NoPepper,
    /// The notices cannot be kept, so nobody could prove later what was shown.
    #[error("the database does not take the notices")]
    Publish(#[from] rusqlite::Error),
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
    /// None where nobody is ever signed in.
    identities: Option<Identities>,
    store: Store,
    clock: Clock,
}

impl App {
    /// An application that serves `config`, keeps choices in `store`, and dates them by `clock`.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn new(config: Config, store: Store, clock: Clock) -> Result<Self, ConfigError> {
        let Config { sites: published, more_origins, public_url, jurisdiction_header, identity, pepper, browser_files } =
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
            let notices = store.publish(&published, clock.now())?;
            let site = Site::new(published, notices, &more_origins, scripts);
            if sites.insert(id.clone(), Arc::new(site)).is_some() {
                return Err(ConfigError::Twice(id));
            }
        }
        if let Some(unknown) = identity.keys().find(|site| !sites.contains_key(*site)) {
            return Err(ConfigError::KeysOfNoSite(unknown.clone()));
        }
        let identities = match pepper {
            None if !identity.is_empty() => return Err(ConfigError::NoPepper),
            pepper => pepper.map(|pepper| Identities::new(identity, pepper)),
        };
        Ok(Self(Arc::new(Inner {
            sites,
            identities,
            assets,
            script_cache_control: script_cache_control(jurisdiction_header.as_ref()),
            script_vary: script_vary(jurisdiction_header.as_ref()),
            jurisdiction_header,
            store,
            clock,
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
            .route("/v1/sites/{site}/identity", post(routes::identity::create).options(cors::preflight))
            .route("/v1/sites/{site}/record", get(routes::record::show).options(cors::preflight))
            .layer(axum::middleware::from_fn_with_state(self.clone(), cors::guard));
        Router::new()
            .merge(for_browsers)
            .route("/v1/sites/{site}/accounts", post(routes::accounts::create))
            .route("/v1/sites/{site}/decisions", post(routes::decisions::create))
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

    /// Where the operator's proxy says that somebody is.
    pub(crate) fn place_of(&self, headers: &HeaderMap) -> Option<Jurisdiction> {
        let value = headers.get(self.0.jurisdiction_header.as_ref()?)?;
        value.to_str().ok()?.parse().ok()
    }

    pub(crate) fn script_cache_control(&self) -> &HeaderValue {
        &self.0.script_cache_control
    }

    pub(crate) fn script_vary(&self) -> &HeaderValue {
        &self.0.script_vary
    }

    /// Whoever this token names, if it is believed.
    pub(crate) fn identify(&self, site: &SiteId, token: &str) -> Result<Identity, IdentityError> {
        let identities = self.0.identities.as_ref().ok_or(IdentityError::NoKeys)?;
        identities.identify(site, token, self.0.clock.now())
    }

    /// The name that an account is kept under, by the id that the site has for it.
    pub(crate) fn account(&self, site: &SiteId, id: &str) -> Result<AccountId, IdentityError> {
        self.0.identities.as_ref().ok_or(IdentityError::NoKeys)?.account(site, id)
    }

    /// Whoever is signed in where a request comes from. A token that is not believed is an error, and not nobody.
    pub(crate) fn signed_in(&self, site: &SiteId, headers: &HeaderMap) -> Result<Option<Identity>, ApiError> {
        let token = identity::token_of(headers)?;
        Ok(token.map(|token| self.identify(site, token)).transpose()?)
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
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
        let Path(name) = Path::<String>::from_request_parts(parts, app).await.map_err(|_| ApiError::UnknownSite)?;
        app.site(&name).map(|site| Self(Arc::clone(site))).ok_or(ApiError::UnknownSite)
    }
}
