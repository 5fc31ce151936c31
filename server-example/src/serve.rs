//! The server as a process: it begins, reads again what has changed when it is told to (SIGHUP), and ends in order.

use crate::assets::BrowserFiles;
use crate::config::Setup;
use crate::folder::SiteFolder;
use crate::front::Transport;
use crate::geo::GeoFile;
use crate::identity::{Pepper, read_identities};
use crate::key_file;
use crate::listen::Door;
use crate::metrics::Reloaded;
use crate::tls::Tls;
use crate::webhook_command::KEY_EXTENSION;
use crate::webhooks::{WebhookConfig, WebhookKey};
use crate::{App, Clock, Config, Store};
use consentry_core::source::Published;
use std::error::Error;
use std::fmt::Write as _;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::net::TcpListener;

type Outcome = Result<(), Box<dyn Error>>;

/// Everything that is read before anything is served.
pub(crate) struct Read {
    setup: Setup,
    config: Config,
    tls: Option<Tls>,
    names: String,
}

impl Read {
    /// Reads what `setup` names. `sites` are those of its policies.
    pub(crate) fn of(setup: Setup, sites: Vec<Published>) -> Result<Self, Box<dyn Error>> {
        let names = names(&sites);
        let browser_files = match &setup.assets {
            Some(folder) => BrowserFiles::read(folder)?,
            None => BrowserFiles::built_in()?,
        };
        let tls = setup.tls.as_ref().map(|(certificate, key)| Tls::read(certificate, key)).transpose()?;
        let config = Config {
            sites,
            more_origins: setup.origins.clone(),
            public_url: setup.public_url.clone(),
            jurisdiction_header: setup.jurisdiction_header.clone(),
            jurisdiction_part_header: setup.jurisdiction_part_header.clone(),
            geo_file: setup.geo_file.as_deref().map(GeoFile::read).transpose()?,
            identity: setup.identity.as_deref().map(read_identities).transpose()?.unwrap_or_default(),
            // Made only once it is served: looking whether all is well makes no files.
            pepper: None,
            storage_country: setup.storage_country,
            signer: None,
            webhooks: WebhookConfig { key: None, reach: setup.webhooks_to, overdue_hours: setup.overdue_hours },
            client_address_header: setup.client_address_header.clone(),
            limits: setup.limits,
            transport: if tls.is_some() { Transport::Tls } else { Transport::Plain },
            browser_files: Some(browser_files),
        };
        Ok(Self { setup, config, tls, names })
    }

    /// The sites, in one line.
    pub(crate) fn names(&self) -> &str {
        &self.names
    }

    /// Serves until the process is told to stop. `print` is for what the operator, or a program that started this one, waits for.
    pub(crate) fn serve(self, print: fn(&str) -> Outcome) -> Outcome {
        let Self { setup, mut config, tls, names } = self;
        let geo_file = config.geo_file.clone();
        let store = Store::open(&setup.database)?;
        // Only now: no key is left beside a database that cannot be used.
        config.pepper = pepper_file(&setup)?.as_deref().map(Pepper::open).transpose()?;
        config.signer = Some(setup.signer.open(&setup.database, &setup.public_url)?);
        // Without a place beside it, and without a word, nobody is told anything.
        let webhook_key = key_file::place(setup.webhook_key.as_deref(), Some(&setup.database), KEY_EXTENSION);
        config.webhooks.key = webhook_key.as_deref().map(WebhookKey::open).transpose()?;
        let app = App::new(config, store.clone(), Clock::System)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async {
            let stop = stop_signal()?;
            let reload = Reload { app: app.clone(), policies: setup.policies, tls: tls.clone(), geo_file };
            reload.whenever_told()?;
            let listener = bind(setup.listen).await?;
            let for_metrics = match setup.metrics_listen {
                Some(address) => Some(bind(address).await?),
                None => None,
            };
            let connections_max = setup.limits.connections_max;
            let scheme = if tls.is_some() { "https" } else { "http" };
            // From here on the system takes connections, even before we accept the first.
            print(&format!("listening on {scheme}://{}\n", listener.local_addr()?))?;
            if let Some(listener) = for_metrics {
                print(&format!("metrics on http://{}/metrics\n", listener.local_addr()?))?;
                let door = Door { listener, tls: None, metrics: crate::Metrics::default(), connections_max };
                let router = app.metrics().router();
                // It ends with the process: how the last requests went may still be asked.
                drop(tokio::spawn(door.serve(router, pending())));
            }
            tracing::info!("serving {names}");
            warm_beside(&app);
            let (stopped, stops) = tokio::sync::oneshot::channel::<()>();
            let telling = app.worker()?.map(|worker| {
                tokio::spawn(async move {
                    // Whoever holds the other end lets go of it.
                    worker.run(async { drop(stops.await) }).await;
                })
            });
            let stop = async {
                stop.await;
                app.end_streams();
                drop(stopped);
            };
            Door { listener, tls, metrics: app.metrics().clone(), connections_max }.serve(app.router(), stop).await;
            if let Some(telling) = telling {
                // Its only failure is a panic, which has been printed by then.
                drop(telling.await);
            }
            // What was accepted is kept, whoever still waits for the answer.
            store.close().await;
            tracing::info!("stopped");
            Ok(())
        })
    }
}

/// Where the pepper is.
fn pepper_file(setup: &Setup) -> Result<Option<PathBuf>, Box<dyn Error>> {
    match Pepper::place(setup.pepper.as_deref(), &setup.database) {
        // Nobody is named by it then, and there are no links.
        None if setup.identity.is_none() => Ok(None),
        None => Err(
            "say with `--pepper` in which file the key is that account ids are hashed with: the same for every server"
                .into(),
        ),
        place => Ok(place),
    }
}

/// What is read again under way. Each by itself: what cannot be read stays as it was, and the log says why.
struct Reload {
    app: App,
    policies: PathBuf,
    tls: Option<Tls>,
    geo_file: Option<GeoFile>,
}

impl Reload {
    /// Reads everything again at each SIGHUP, one after the other, for as long as the process runs.
    #[cfg(unix)]
    fn whenever_told(self) -> io::Result<()> {
        use std::sync::Arc;
        use tokio::signal::unix::{SignalKind, signal};
        let mut told = signal(SignalKind::hangup())?;
        let this = Arc::new(self);
        tokio::spawn(async move {
            while told.recv().await.is_some() {
                let this = Arc::clone(&this);
                // It reads files and waits for the database. Its only failure is a panic, which has been printed by then.
                drop(tokio::task::spawn_blocking(move || this.all()).await);
            }
        });
        Ok(())
    }

    /// Where there are no such signals, nothing is read again before the next start.
    #[cfg(not(unix))]
    fn whenever_told(self) -> io::Result<()> {
        Ok(())
    }

    fn all(&self) {
        let metrics = self.app.metrics();
        metrics.reloaded(Reloaded::Policies, self.policies());
        if let Some(tls) = &self.tls {
            metrics.reloaded(Reloaded::Certificate, say("the certificate", tls.reload()));
        }
        if let Some(geo_file) = &self.geo_file {
            metrics.reloaded(Reloaded::GeoFile, say("the geo file", geo_file.reload()));
        }
        warm_beside(&self.app);
    }

    fn policies(&self) -> Result<(), ()> {
        let sites = SiteFolder::find(&self.policies).map_err(|error| failed("the policies", &error))?;
        let mut published = Vec::new();
        let mut is_wrong = false;
        for site in sites {
            match site.publish() {
                Ok(site) => published.push(site),
                Err(errors) => {
                    is_wrong = true;
                    for error in errors {
                        tracing::error!("the policies stay as they were: {}/{error}", site.path.display());
                    }
                }
            }
        }
        if is_wrong {
            return Err(());
        }
        let names = names(&published);
        self.app.replace_sites(published).map_err(|error| failed("the policies", &error))?;
        tracing::info!("the policies are read again; serving {names}");
        Ok(())
    }
}

/// Composes the scripts beside the requests. Nobody waits for it, and it ends with the process.
fn warm_beside(app: &App) {
    let app = app.clone();
    drop(std::thread::spawn(move || app.warm()));
}

fn say<E: Error>(what: &str, outcome: Result<(), E>) -> Result<(), ()> {
    outcome.map_err(|error| failed(what, &error))?;
    tracing::info!("{what} is read again");
    Ok(())
}

fn failed(what: &str, error: &dyn Error) {
    tracing::error!("{what} cannot be read again, all stays as it was: {}", with_causes(error));
}

/// The sites' names, in one line.
fn names(sites: &[Published]) -> String {
    let names: Vec<&str> = sites.iter().map(|published| published.policy.parts().site.as_str()).collect();
    names.join(", ")
}

async fn bind(address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| format!("cannot listen on {address}: {error}"))
}

/// An error and what led to it, on one line.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // Writing to a string does not fail.
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}

/// Ready when the process is told to stop. An error here must be known before anything is served.
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    let terminated = {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
    };
    #[cfg(not(unix))]
    let terminated = async {
        drop(tokio::signal::ctrl_c().await);
    };
    Ok(terminated)
}
