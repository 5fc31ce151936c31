//! How this server is to run, as its operator says it: on the command line, in the environment, or in a file. What is said nearer to the
//! start counts: a flag before the environment, that before the file, that before what is assumed.
//!
//! There is one list of keys for all three, [`Keys`]: `metrics_listen` in the file is `--metrics-listen` and `CONSENTRY_METRICS_LISTEN`.
//! docs/operating.md explains each.

use crate::config_file::ConfigFile;
use crate::ledger::LedgerName;
use crate::ledger::command::SignerArguments;
use crate::limits::Limits;
use crate::log::LogFormat;
use crate::place::Cdn;
use crate::store::DatabaseUrl;
use crate::webhooks::{OVERDUE_HOURS, Reach};
use axum::http::HeaderName;
use clap::Args;
use consentry_core::Country;
use consentry_core::source::Origin;
use serde::{Deserialize, Deserializer};
use std::fmt::Display;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;

/// Where to listen if nothing is said.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// What may be said, each as it is written by hand.
#[derive(Debug, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Keys {
    /// A site's folder, or a folder of such folders.
    #[arg(long, env = "CONSENTRY_POLICIES")]
    pub(crate) policies: Option<PathBuf>,
    /// The database, e.g. `sqlite:data/consentry.db`. It is created where it is not there yet.
    #[arg(long, env = "CONSENTRY_DATABASE")]
    #[serde(deserialize_with = "parsed")]
    pub(crate) database: Option<DatabaseUrl>,
    /// Where to listen; 127.0.0.1:8080 if nothing is said. With port 0 the system chooses one; what is printed then says which.
    #[arg(long, env = "CONSENTRY_LISTEN")]
    #[serde(deserialize_with = "parsed")]
    pub(crate) listen: Option<SocketAddr>,
    /// Another origin whose pages may send choices, for a demo or for staging. May be given several times.
    #[arg(long = "origin", env = "CONSENTRY_ORIGINS", value_delimiter = ',')]
    #[serde(deserialize_with = "all_parsed")]
    pub(crate) origins: Option<Vec<Origin>>,
    /// Where browsers reach this server, if not where they found the script, e.g. `https://consent.example`.
    #[arg(long, env = "CONSENTRY_PUBLIC_URL")]
    #[serde(deserialize_with = "parsed")]
    pub(crate) public_url: Option<PublicUrl>,
    /// Serve the browser's files of this folder instead of those that were built in.
    #[arg(long, env = "CONSENTRY_ASSETS")]
    pub(crate) assets: Option<PathBuf>,
    /// The network in front of this server that says where a visitor is: `cloudflare` or `cloudfront`.
    #[arg(long, env = "CONSENTRY_JURISDICTION_FROM")]
    #[serde(deserialize_with = "parsed")]
    pub(crate) jurisdiction_from: Option<Cdn>,
    /// The header in which your proxy says where a visitor is, as a country or a part of one (`DE`, `US-CA`).
    #[arg(long, env = "CONSENTRY_JURISDICTION_HEADER")]
    #[serde(deserialize_with = "parsed")]
    pub(crate) jurisdiction_header: Option<HeaderName>,
    /// The header in which your proxy says in which part of that country (`CA`), where the other has the country alone.
    #[arg(long, env = "CONSENTRY_JURISDICTION_PART_HEADER")]
    #[serde(deserialize_with = "parsed")]
    pub(crate) jurisdiction_part_header: Option<HeaderName>,
    /// A file in MaxMind's format that tells a country by an address, asked where no header says it.
    #[arg(long, env = "CONSENTRY_GEO_FILE")]
    pub(crate) geo_file: Option<PathBuf>,
    /// Who may sign identity tokens for which site: a TOML file, as docs/embed.md describes it.
    #[arg(long, env = "CONSENTRY_IDENTITY")]
    pub(crate) identity: Option<PathBuf>,
    /// The file with the key that account ids are hashed with, and links to unsubscribe are made with; beside the database if nothing is
    /// said. It is made where it is missing: keep a backup, no account is found again without it, and no link in a mail leads anywhere.
    #[arg(long, env = "CONSENTRY_PEPPER")]
    pub(crate) pepper: Option<PathBuf>,
    /// The file of the keys that sign the ledger; beside the database if nothing is said. It is made where it is missing. Several
    /// servers of one database must have the same.
    #[arg(long, env = "CONSENTRY_LEDGER_KEY")]
    pub(crate) ledger_key: Option<PathBuf>,
    /// What the ledger is called in checkpoints; the host of the public URL if nothing is said.
    #[arg(long, env = "CONSENTRY_LEDGER_NAME")]
    #[serde(deserialize_with = "parsed")]
    pub(crate) ledger_name: Option<LedgerName>,
    /// The file with the key that secrets of webhooks are made of; beside the database if nothing is said. It is made where it is
    /// missing: without it every receiver needs a new secret.
    #[arg(long, env = "CONSENTRY_WEBHOOK_KEY")]
    pub(crate) webhook_key: Option<PathBuf>,
    /// Where messages of webhooks may go: `public` addresses over TLS alone, or `anywhere`. Whoever may add a webhook then reaches your
    /// network through this server.
    #[arg(long, env = "CONSENTRY_WEBHOOKS_TO")]
    #[serde(deserialize_with = "parsed")]
    pub(crate) webhooks_to: Option<Reach>,
    /// After how many hours something that a processor was not told, or has not confirmed, is overdue; 72 if nothing is said.
    #[arg(long, env = "CONSENTRY_OVERDUE_HOURS")]
    pub(crate) overdue_hours: Option<u32>,
    /// The country in which the database is (ISO 3166, e.g. `DE`), for records as JSON-LD.
    #[arg(long, env = "CONSENTRY_STORAGE_COUNTRY")]
    #[serde(deserialize_with = "parsed")]
    pub(crate) storage_country: Option<Country>,
    /// The header in which your proxy says from which address a request comes, e.g. `X-Forwarded-For`.
    #[arg(long, env = "CONSENTRY_CLIENT_ADDRESS_HEADER")]
    #[serde(deserialize_with = "parsed")]
    pub(crate) client_address_header: Option<HeaderName>,
    /// The certificate and those that it rests on, as PEM. Without it there is no TLS here.
    #[arg(long, env = "CONSENTRY_TLS_CERTIFICATE")]
    pub(crate) tls_certificate: Option<PathBuf>,
    /// The certificate's private key, as PEM.
    #[arg(long, env = "CONSENTRY_TLS_KEY")]
    pub(crate) tls_key: Option<PathBuf>,
    /// The form of the log: `text` or `json`.
    #[arg(long, env = "CONSENTRY_LOG")]
    #[serde(deserialize_with = "parsed")]
    pub(crate) log: Option<LogFormat>,
    /// Where to answer `GET /metrics`, for nobody but you. Without it there are none.
    #[arg(long, env = "CONSENTRY_METRICS_LISTEN")]
    #[serde(deserialize_with = "parsed")]
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// Requests a second from one address; ten times as many at once; 0 for no limit.
    #[arg(long, env = "CONSENTRY_ADDRESS_REQUESTS_PER_SECOND")]
    pub(crate) address_requests_per_second: Option<u32>,
    /// Requests a second with one API key; ten times as many at once; 0 for no limit.
    #[arg(long, env = "CONSENTRY_KEY_REQUESTS_PER_SECOND")]
    pub(crate) key_requests_per_second: Option<u32>,
    /// Requests a second under `/v1/` about one site; ten times as many at once; 0 for no limit.
    #[arg(long, env = "CONSENTRY_SITE_REQUESTS_PER_SECOND")]
    pub(crate) site_requests_per_second: Option<u32>,
    /// Most requests that are being answered at once.
    #[arg(long, env = "CONSENTRY_REQUESTS_IN_FLIGHT_MAX")]
    pub(crate) requests_in_flight_max: Option<NonZeroU32>,
    /// Most connections at once; each takes a file descriptor.
    #[arg(long, env = "CONSENTRY_CONNECTIONS_MAX")]
    pub(crate) connections_max: Option<NonZeroU32>,
}

/// Each key as a line of a file that could be written. INVARIANT: as many as [`Keys`] has, by their names; a test compares them.
pub(crate) const EXAMPLES: &[(&str, &str)] = &[
    ("policies", r#"policies = "/etc/consentry/policies""#),
    ("database", r#"database = "sqlite:/var/lib/consentry/consentry.db""#),
    ("listen", r#"listen = "127.0.0.1:8080""#),
    ("origins", r#"origins = ["https://staging.shop.example"]"#),
    ("public_url", r#"public_url = "https://consent.example""#),
    ("assets", r#"assets = "/usr/share/consentry""#),
    ("jurisdiction_from", r#"jurisdiction_from = "cloudflare""#),
    ("jurisdiction_header", r#"jurisdiction_header = "X-Country""#),
    ("jurisdiction_part_header", r#"jurisdiction_part_header = "X-Region""#),
    ("geo_file", r#"geo_file = "/var/lib/geo/country.mmdb""#),
    ("identity", r#"identity = "/etc/consentry/identity.toml""#),
    ("pepper", r#"pepper = "/etc/consentry/pepper""#),
    ("ledger_key", r#"ledger_key = "/etc/consentry/ledger-key""#),
    ("ledger_name", r#"ledger_name = "consent.example""#),
    ("webhook_key", r#"webhook_key = "/etc/consentry/webhook-key""#),
    ("webhooks_to", r#"webhooks_to = "public""#),
    ("overdue_hours", "overdue_hours = 72"),
    ("storage_country", r#"storage_country = "DE""#),
    ("client_address_header", r#"client_address_header = "X-Forwarded-For""#),
    ("tls_certificate", r#"tls_certificate = "/etc/consentry/tls/chain.pem""#),
    ("tls_key", r#"tls_key = "/etc/consentry/tls/key.pem""#),
    ("log", r#"log = "json""#),
    ("metrics_listen", r#"metrics_listen = "127.0.0.1:9090""#),
    ("address_requests_per_second", "address_requests_per_second = 200"),
    ("key_requests_per_second", "key_requests_per_second = 2000"),
    ("site_requests_per_second", "site_requests_per_second = 5000"),
    ("requests_in_flight_max", "requests_in_flight_max = 2048"),
    ("connections_max", "connections_max = 16384"),
];

/// How this server is to run.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) policies: PathBuf,
    pub(crate) database: DatabaseUrl,
    pub(crate) listen: SocketAddr,
    pub(crate) origins: Vec<Origin>,
    pub(crate) public_url: String,
    pub(crate) assets: Option<PathBuf>,
    pub(crate) jurisdiction_header: Option<HeaderName>,
    pub(crate) jurisdiction_part_header: Option<HeaderName>,
    pub(crate) geo_file: Option<PathBuf>,
    pub(crate) identity: Option<PathBuf>,
    pub(crate) pepper: Option<PathBuf>,
    pub(crate) signer: SignerArguments,
    pub(crate) webhook_key: Option<PathBuf>,
    pub(crate) webhooks_to: Reach,
    pub(crate) overdue_hours: u32,
    pub(crate) storage_country: Option<Country>,
    pub(crate) client_address_header: Option<HeaderName>,
    /// The certificate, and its key.
    pub(crate) tls: Option<(PathBuf, PathBuf)>,
    pub(crate) log: LogFormat,
    pub(crate) metrics_listen: Option<SocketAddr>,
    pub(crate) limits: Limits,
}

/// Why nothing can be run as it is said.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SetupError {
    #[error(
        "`{key}` is not given: write `--{key} {example}`, or `{key} = \"{example}\"` in the file that `--config` names"
    )]
    Missing { key: &'static str, example: &'static str },
    #[error("{place}`{given}` is given without `{missing}`: give both, or neither")]
    Half { place: String, given: &'static str, missing: &'static str },
    #[error("{place}`jurisdiction_from` names the headers already: leave `{other}` out, or name both headers yourself")]
    Twice { place: String, other: &'static str },
}

impl Keys {
    /// What is said here, then in the file, and what is assumed where nothing is said.
    ///
    /// # Errors
    /// [`SetupError`].
    pub(crate) fn setup(self, mut file: ConfigFile) -> Result<Setup, SetupError> {
        let keys = self.or(std::mem::take(&mut file.keys));
        let place = |key| file.place(key);
        let half = |given, missing| SetupError::Half { place: place(given), given, missing };
        let tls = match (keys.tls_certificate, keys.tls_key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (Some(_), None) => return Err(half("tls_certificate", "tls_key")),
            (None, Some(_)) => return Err(half("tls_key", "tls_certificate")),
        };
        let twice = |other| SetupError::Twice { place: place(other), other };
        let headers = match (keys.jurisdiction_from, keys.jurisdiction_header, keys.jurisdiction_part_header) {
            (Some(cdn), None, None) => {
                let (country, part) = cdn.headers();
                (Some(country), Some(part))
            }
            (Some(_), Some(_), _) => return Err(twice("jurisdiction_header")),
            (Some(_), None, Some(_)) => return Err(twice("jurisdiction_part_header")),
            (None, None, Some(_)) => return Err(half("jurisdiction_part_header", "jurisdiction_header")),
            (None, country, part) => (country, part),
        };
        let assumed = Limits::default();
        let rate = |said: Option<u32>, assumed| said.map_or(assumed, NonZeroU32::new);
        Ok(Setup {
            policies: keys.policies.ok_or(SetupError::Missing { key: "policies", example: "policies" })?,
            database: keys.database.ok_or(SetupError::Missing { key: "database", example: "sqlite:consentry.db" })?,
            listen: keys.listen.unwrap_or(LISTEN),
            origins: keys.origins.unwrap_or_default(),
            public_url: keys.public_url.map(|PublicUrl(url)| url).unwrap_or_default(),
            assets: keys.assets,
            jurisdiction_header: headers.0,
            jurisdiction_part_header: headers.1,
            geo_file: keys.geo_file,
            identity: keys.identity,
            pepper: keys.pepper,
            signer: SignerArguments { ledger_key: keys.ledger_key, ledger_name: keys.ledger_name },
            webhook_key: keys.webhook_key,
            webhooks_to: keys.webhooks_to.unwrap_or_default(),
            overdue_hours: keys.overdue_hours.unwrap_or(OVERDUE_HOURS),
            storage_country: keys.storage_country,
            client_address_header: keys.client_address_header,
            tls,
            log: keys.log.unwrap_or_default(),
            metrics_listen: keys.metrics_listen,
            limits: Limits {
                address_per_second: rate(keys.address_requests_per_second, assumed.address_per_second),
                key_per_second: rate(keys.key_requests_per_second, assumed.key_per_second),
                site_per_second: rate(keys.site_requests_per_second, assumed.site_per_second),
                in_flight_max: keys.requests_in_flight_max.unwrap_or(assumed.in_flight_max),
                connections_max: keys.connections_max.unwrap_or(assumed.connections_max),
            },
        })
    }

    /// Each as it is said here, else there.
    fn or(self, other: Self) -> Self {
        Self {
            policies: self.policies.or(other.policies),
            database: self.database.or(other.database),
            listen: self.listen.or(other.listen),
            origins: self.origins.or(other.origins),
            public_url: self.public_url.or(other.public_url),
            assets: self.assets.or(other.assets),
            jurisdiction_from: self.jurisdiction_from.or(other.jurisdiction_from),
            jurisdiction_header: self.jurisdiction_header.or(other.jurisdiction_header),
            jurisdiction_part_header: self.jurisdiction_part_header.or(other.jurisdiction_part_header),
            geo_file: self.geo_file.or(other.geo_file),
            identity: self.identity.or(other.identity),
            pepper: self.pepper.or(other.pepper),
            ledger_key: self.ledger_key.or(other.ledger_key),
            ledger_name: self.ledger_name.or(other.ledger_name),
            webhook_key: self.webhook_key.or(other.webhook_key),
            webhooks_to: self.webhooks_to.or(other.webhooks_to),
            overdue_hours: self.overdue_hours.or(other.overdue_hours),
            storage_country: self.storage_country.or(other.storage_country),
            client_address_header: self.client_address_header.or(other.client_address_header),
            tls_certificate: self.tls_certificate.or(other.tls_certificate),
            tls_key: self.tls_key.or(other.tls_key),
            log: self.log.or(other.log),
            metrics_listen: self.metrics_listen.or(other.metrics_listen),
            address_requests_per_second: self.address_requests_per_second.or(other.address_requests_per_second),
            key_requests_per_second: self.key_requests_per_second.or(other.key_requests_per_second),
            site_requests_per_second: self.site_requests_per_second.or(other.site_requests_per_second),
            requests_in_flight_max: self.requests_in_flight_max.or(other.requests_in_flight_max),
            connections_max: self.connections_max.or(other.connections_max),
        }
    }
}

/// An origin, and a path if there is one, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PublicUrl(pub(crate) String);

/// Why a text is not a [`PublicUrl`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an origin, and a path if there is one, such as `https://consent.example`")]
pub(crate) struct PublicUrlError;

impl FromStr for PublicUrl {
    type Err = PublicUrlError;

    fn from_str(text: &str) -> Result<Self, PublicUrlError> {
        let is_url = text.starts_with("https://") || text.starts_with("http://");
        let is_plain = !text.contains(|c: char| c.is_whitespace() || matches!(c, '?' | '#'));
        if is_url && is_plain { Ok(Self(text.trim_end_matches('/').into())) } else { Err(PublicUrlError) }
    }
}

fn parsed<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(deserializer: D) -> Result<Option<T>, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(|error| serde::de::Error::custom(format!("`{text}`: {error}")))
}

fn all_parsed<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(
    deserializer: D,
) -> Result<Option<Vec<T>>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let parse = |text: &String| text.parse().map_err(|error| serde::de::Error::custom(format!("`{text}`: {error}")));
    texts.iter().map(parse).collect::<Result<_, _>>().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn file(text: &str) -> ConfigFile {
        ConfigFile::parse(Path::new("consentry.toml"), text).unwrap()
    }

    fn setup(text: &str) -> Result<Setup, String> {
        let needed = "policies = \"policies\"\ndatabase = \"sqlite:consentry.db\"\n";
        Keys::default().setup(file(&format!("{needed}{text}"))).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_said_nearer_counts_and_the_rest_is_assumed() {
        let flags = Keys { listen: Some("127.0.0.1:1".parse().unwrap()), ..Keys::default() };
        let text = "policies = \"p\"\ndatabase = \"sqlite:d\"\nlisten = \"127.0.0.1:2\"\nkey_requests_per_second = 7\nsite_requests_per_second = 0";
        let setup = flags.setup(file(text)).unwrap();
        assert_eq!(setup.listen.port(), 1);
        assert_eq!(setup.policies, Path::new("p"));
        assert_eq!(setup.limits.key_per_second, NonZeroU32::new(7));
        assert_eq!(setup.limits.site_per_second, None);
        assert_eq!(setup.limits.address_per_second, Limits::default().address_per_second);
        assert_eq!(setup.log, LogFormat::Text);
    }

    #[test]
    fn what_must_be_said_is_asked_for() {
        let error = Keys::default().setup(ConfigFile::default()).unwrap_err().to_string();
        let expected = "`policies` is not given: write `--policies policies`, or `policies = \"policies\"` in the file that `--config` names";
        assert_eq!(error, expected);
    }

    #[test]
    fn what_does_not_go_together_is_refused_with_its_place() {
        for (text, expected) in [
            (
                "tls_key = \"key.pem\"",
                "consentry.toml:3:1: `tls_key` is given without `tls_certificate`: give both, or neither",
            ),
            (
                "tls_certificate = \"chain.pem\"",
                "consentry.toml:3:1: `tls_certificate` is given without `tls_key`: give both, or neither",
            ),
            (
                "\n jurisdiction_part_header = \"x-region\"",
                "consentry.toml:4:2: `jurisdiction_part_header` is given without `jurisdiction_header`: give both, or neither",
            ),
            (
                "jurisdiction_from = \"cloudflare\"\njurisdiction_header = \"x-country\"",
                "consentry.toml:4:1: `jurisdiction_from` names the headers already: leave `jurisdiction_header` out, or name both headers yourself",
            ),
        ] {
            assert_eq!(setup(text).unwrap_err(), expected);
        }
    }

    #[test]
    fn a_network_names_both_headers() {
        let setup = setup("jurisdiction_from = \"cloudfront\"").unwrap();
        assert_eq!(setup.jurisdiction_header.unwrap(), "cloudfront-viewer-country");
        assert_eq!(setup.jurisdiction_part_header.unwrap(), "cloudfront-viewer-country-region");
    }
}
