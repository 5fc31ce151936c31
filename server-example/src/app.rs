//! The application: what every handler has at hand, and how a request finds its handler.

use crate::address::{self, Peer};
use crate::assets::BrowserFiles;
use crate::clock::Clock;
use crate::content::Content;
use crate::feed::Feeds;
use crate::front::{self, Charge, Front, Transport};
use crate::geo::GeoFile;
use crate::identity::{self, Identities, Identity, IdentityError, IdentityKeys, Pepper};
use crate::ledger::{SignedHeads, Signer};
use crate::limits::{Admission, Limits};
use crate::metrics::Metrics;
use crate::place::Places;
use crate::problem::ApiError;
use crate::site::Site;
use crate::sites::{Common, Sites};
use crate::store::{Store, StoreError};
use crate::webhooks::{WebhookConfig, Worker, WorkerError};
use crate::{cors, routes};
use axum::Router;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use consentry_core::source::{Origin, Published};
use consentry_core::{AccountId, Country, Jurisdiction, SiteId};
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
    /// The header in which that proxy says which part of the country it is, where the other names the country alone.
    pub jurisdiction_part_header: Option<HeaderName>,
    /// Where visitors are by their addresses, asked where no header says it.
    pub geo_file: Option<GeoFile>,
    /// The header in which a proxy of the operator's says from which address a request comes. Without it that is whoever connects.
    pub client_address_header: Option<HeaderName>,
    /// How much may be asked.
    pub limits: Limits,
    /// Whether this server has a certificate of its own.
    pub transport: Transport,
    /// Who may sign identity tokens, by site. At a site that is not among them nobody is signed in.
    pub identity: BTreeMap<SiteId, IdentityKeys>,
    /// What account ids are hashed with, and links to unsubscribe are made with. Whoever has keys for identity tokens needs it; without
    /// it there are no such links.
    pub pepper: Option<Pepper>,
    /// Where the database is, for records as JSON-LD; `ZZ` if nothing is said.
    pub storage_country: Option<Country>,
    /// Loader, widget and the rest. Without them there is the API alone.
    pub browser_files: Option<BrowserFiles>,
    /// Who signs the ledgers. Without it there are neither checkpoints nor receipts with a proof.
    pub signer: Option<Signer>,
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
    /// Keys for a site that is not served: a misspelt one would leave its people signed out.
    #[error("identity keys are named for the site `{0}`, which is not served")]
    KeysOfNoSite(SiteId),
    /// Account ids would have to be kept as they are.
    #[error("identity keys are named, and no pepper to hash account ids with")]
    NoPepper,
    /// The notices cannot be kept, so nobody could prove later what was shown.
    #[error("the database does not take the notices")]
    Publish(#[source] StoreError),
}

/// The application. A clone is another handle to the same.
#[derive(Debug, Clone)]
pub struct App(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    sites: Sites,
    /// What every site's pages may fetch.
    assets: HashMap<String, Content>,
    storage_country: Option<Country>,
    places: Places,
    script_cache_control: HeaderValue,
    script_vary: HeaderValue,
    admission: Admission,
    metrics: Metrics,
    transport: Transport,
    /// None where nobody is ever signed in.
    identities: Option<Identities>,
    heads: Option<SignedHeads>,
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
        let Config {
            sites: published,
            more_origins,
            public_url,
            storage_country,
            browser_files,
            limits,
            transport,
            identity,
            pepper,
            signer,
            webhooks,
            ..
        } = config;
        let shared = browser_files.iter().flat_map(BrowserFiles::shared);
        let assets = shared.map(|(name, content)| (name, content.clone())).collect();
        let places = Places {
            header: config.jurisdiction_header,
            part_header: config.jurisdiction_part_header,
            geo: config.geo_file,
        };
        let common = Common { more_origins, public_url, browser_files, knows_places: places.knows_any() };
        let metrics = Metrics::default();
        let sites = Sites::new(published, common, &store, clock.now())?;
        if let Some(unknown) = identity.keys().find(|site| sites.find(site.as_str()).is_none()) {
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
            storage_country,
            script_cache_control: places.script_cache_control(),
            script_vary: places.script_vary(),
            places,
            admission: Admission::new(limits, &clock, &metrics, config.client_address_header),
            feeds: Feeds::new(&metrics.listeners),
            metrics,
            transport,
            heads: signer.map(SignedHeads::new),
            store,
            clock,
            webhooks,
        })))
    }

    /// Serves these sites in place of those that were served until now, from the next request on. Their notices are published
    /// first; if that fails, all stays as it was. Blocks.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn replace_sites(&self, sites: Vec<Published>) -> Result<(), ConfigError> {
        self.0.sites.replace(sites, &self.0.store, self.0.clock.now())
    }

    /// Composes and compresses the scripts that most visitors get, so that none of them waits for it. Takes a second or so for each site;
    /// until then they are composed as they are asked for.
    pub fn warm(&self) {
        for site in self.0.sites.all() {
            if let Some(scripts) = &site.scripts {
                scripts.warm(self.0.clock.now());
            }
        }
    }

    /// Every address of [`routes`](crate::routes()). A request that none of them fits is answered by a problem, too.
    pub fn router(&self) -> Router {
        // It is asked before anything else, so each group of routes has its own way in.
        let behind = |charge: Charge, routes: Router<Self>| {
            let routes = routes.method_not_allowed_fallback(async || ApiError::MethodNotAllowed);
            routes.layer(Front { app: self.clone(), charge })
        };
        let guard = axum::middleware::from_fn_with_state(self.clone(), cors::guard);
        let placed = axum::middleware::from_fn_with_state(self.clone(), front::take_place);
        let for_browsers = routes::router(routes::FOR_BROWSERS).layer(guard);
        // Of a back end, at the same address: neither CORS nor the allowance of browsers is about it.
        let for_browsers = for_browsers.merge(routes::router(routes::BESIDE_BROWSERS).layer(placed));
        let free = routes::router(routes::FREE).fallback(async || ApiError::NotFound);
        Router::new()
            .merge(behind(Charge::Nothing, for_browsers))
            .merge(behind(Charge::Place, routes::router(routes::FOR_BACK_ENDS)))
            .merge(behind(Charge::Address, routes::router(routes::FOR_EVERYBODY)))
            .merge(behind(Charge::Nothing, free))
            .with_state(self.clone())
    }

    pub(crate) fn site(&self, name: &str) -> Option<Arc<Site>> {
        self.0.sites.find(name)
    }

    /// What is called `name` under `/assets/`: a file of every site, or of the one that its name begins with.
    pub(crate) fn asset(&self, name: &str) -> Option<Content> {
        let of_site = || self.site(name.split('.').next()?)?.asset(name, self.0.clock.now());
        self.0.assets.get(name).cloned().or_else(of_site)
    }

    /// Where a request comes from, as far as that is known.
    pub(crate) fn jurisdiction(&self, peer: Option<Peer>, headers: &HeaderMap) -> Option<Jurisdiction> {
        let client = address::client(peer, headers, self.0.admission.address_header());
        self.0.places.jurisdiction(headers, client)
    }

    pub(crate) fn admission(&self) -> &Admission {
        &self.0.admission
    }

    /// What is counted.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(crate) fn transport(&self) -> Transport {
        self.0.transport
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

    /// The key that accounts are hashed with, and links are made with.
    pub(crate) fn pepper(&self) -> Option<&Pepper> {
        self.0.identities.as_ref().map(Identities::pepper)
    }

    /// Where this server is reached; empty where nobody has said.
    pub(crate) fn public_url(&self) -> &str {
        self.0.sites.public_url()
    }

    pub(crate) fn storage_country(&self) -> Option<Country> {
        self.0.storage_country
    }

    pub(crate) fn heads(&self) -> Option<&SignedHeads> {
        self.0.heads.as_ref()
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

/// The site that a request's path names.
pub(crate) struct KnownSite(pub(crate) Arc<Site>);

impl FromRequestParts<App> for KnownSite {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let path = RawPathParams::from_request_parts(parts, app).await.map_err(|_| ApiError::UnknownSite)?;
        let name = path.iter().find(|(name, _)| *name == "site").map(|(_, site)| site);
        name.and_then(|name| app.site(name)).map(Self).ok_or(ApiError::UnknownSite)
    }
}
