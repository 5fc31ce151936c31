//! Where a database is, as a text: an SQLite file, or what libpq's URLs have.
//!
//! Two things of libpq's are read here, since tokio-postgres does not know them: `sslrootcert`, and `verify-full` among the modes of TLS.

use percent_encoding::percent_decode_str;
use std::path::PathBuf;
use std::str::FromStr;
use tokio_postgres::config::SslMode;

/// Where the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// An SQLite file: `sqlite:` and its path.
    Sqlite(PathBuf),
    /// A PostgreSQL database, or another that speaks its protocol: `postgres://` and what libpq's URLs have.
    Postgres(Box<PostgresUrl>),
}

/// A PostgreSQL database, and whose certificates are believed of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    // Its Debug leaves the password out.
    pub(super) config: tokio_postgres::Config,
    pub(super) roots: Roots,
}

/// What a database's certificate must rest on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Roots {
    /// One of Mozilla's list.
    Public,
    /// One in this file, and no other.
    File(PathBuf),
}

/// Why a text is not a [`DatabaseUrl`]. What is wrong with it may be next to a password, so that nothing of it is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    /// It is of no kind that is known.
    #[error(
        "expected `sqlite:` and the path of a file, such as `sqlite:data/consentry.db`, or a URL of PostgreSQL's, such as \
         `postgres://consentry@localhost/consentry`"
    )]
    Form,
    /// Its `sslmode` is none of ours. libpq's `verify-ca` is not, which would believe a certificate for another host.
    #[error("expected of `sslmode` one of `disable`, `prefer`, `require` and `verify-full`")]
    SslMode,
    /// Its `sslrootcert` names nothing.
    #[error("expected of `sslrootcert` the path of a PEM file, or `system` for the public roots")]
    SslRootCert,
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return text.parse().map(|url| Self::Postgres(Box::new(url)));
        }
        match text.strip_prefix("sqlite:") {
            // SQLite would take these for a database in memory, which nothing survives.
            None | Some("" | ":memory:") => Err(DatabaseUrlError::Form),
            Some(path) => Ok(Self::Sqlite(path.into())),
        }
    }
}

impl FromStr for PostgresUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // As tokio-postgres divides it: a password may have a question mark of its own.
        let after_password = text.find('@').unwrap_or_default();
        let question = text.get(after_password..).and_then(|rest| rest.find('?')).map(|at| after_password + at);
        let (place, query) = match question.and_then(|at| Some((text.get(..at)?, text.get(at + 1..)?))) {
            Some((place, query)) => (place, query),
            None => (text, ""),
        };
        let (mut kept, mut mode, mut roots) = (Vec::new(), None, None);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sslmode", word)) => mode = Some(ssl_mode(word)?),
                Some(("sslrootcert", name)) => roots = Some(roots_named(name)?),
                _ => kept.push(pair),
            }
        }
        let rest = if kept.is_empty() { place.to_owned() } else { format!("{place}?{}", kept.join("&")) };
        let mut config: tokio_postgres::Config = rest.parse().map_err(|_| DatabaseUrlError::Form)?;
        // Who names roots does not mean a connection without any, which somebody in between could bring about.
        let unsaid = if roots.is_some() { SslMode::Require } else { SslMode::Prefer };
        config.ssl_mode(mode.unwrap_or(unsaid));
        Ok(Self { config, roots: roots.unwrap_or(Roots::Public) })
    }
}

/// Wherever there is TLS, the certificate is checked in full: `require` and `verify-full` are the same.
fn ssl_mode(word: &str) -> Result<SslMode, DatabaseUrlError> {
    match word {
        "disable" => Ok(SslMode::Disable),
        "prefer" => Ok(SslMode::Prefer),
        "require" | "verify-full" => Ok(SslMode::Require),
        _ => Err(DatabaseUrlError::SslMode),
    }
}

fn roots_named(name: &str) -> Result<Roots, DatabaseUrlError> {
    match &*percent_decode_str(name).decode_utf8().map_err(|_| DatabaseUrlError::SslRootCert)? {
        "" => Err(DatabaseUrlError::SslRootCert),
        "system" => Ok(Roots::Public),
        path => Ok(Roots::File(path.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn postgres(text: &str) -> PostgresUrl {
        match text.parse() {
            Ok(DatabaseUrl::Postgres(url)) => *url,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_url_says_how_much_tls_there_is_and_whose_certificate_is_believed() {
        let ca = || Roots::File("/etc/ca.pem".into());
        for (query, mode, roots) in [
            ("", SslMode::Prefer, Roots::Public),
            ("?", SslMode::Prefer, Roots::Public),
            ("?sslmode=disable", SslMode::Disable, Roots::Public),
            ("?sslmode=prefer", SslMode::Prefer, Roots::Public),
            ("?sslmode=require", SslMode::Require, Roots::Public),
            ("?sslmode=verify-full", SslMode::Require, Roots::Public),
            ("?sslmode=verify-full&sslrootcert=system", SslMode::Require, Roots::Public),
            ("?sslrootcert=system", SslMode::Require, Roots::Public),
            ("?sslrootcert=/etc/ca.pem", SslMode::Require, ca()),
            ("?sslrootcert=%2Fetc%2Fca.pem&sslmode=prefer", SslMode::Prefer, ca()),
            ("?sslrootcert=a+b", SslMode::Require, Roots::File("a+b".into())),
        ] {
            let url = postgres(&format!("postgres://c@localhost/c{query}"));
            assert_eq!((url.config.get_ssl_mode(), url.roots), (mode, roots), "{query}");
            assert_eq!(url.config.get_dbname(), Some("c"));
        }
    }

    #[test]
    fn the_rest_of_a_url_is_as_it_was() {
        let url =
            "postgresql://c:s?cret&sslmode=x@one,two:5433/c?application_name=me&sslrootcert=ca.pem&options=-c%20a%3Db";
        let PostgresUrl { config, roots } = postgres(url);
        assert_eq!(config.get_password(), Some(&b"s?cret&sslmode=x"[..]));
        assert_eq!((config.get_hosts().len(), config.get_ports()), (2, &[5432, 5433][..]));
        assert_eq!((config.get_application_name(), config.get_options()), (Some("me"), Some("-c a=b")));
        assert_eq!(roots, Roots::File("ca.pem".into()));
        let bound = postgres("postgres://c@host/c?sslmode=require&channel_binding=require");
        assert_eq!(bound.config.get_channel_binding(), tokio_postgres::config::ChannelBinding::Require);
    }

    #[test]
    fn what_is_no_url_is_refused_and_not_repeated() {
        for (text, error) in [
            ("", DatabaseUrlError::Form),
            ("sqlite:", DatabaseUrlError::Form),
            ("sqlite::memory:", DatabaseUrlError::Form),
            ("mysql://c@localhost/c", DatabaseUrlError::Form),
            ("postgres://c:hush@localhost/c?sslcert=mine", DatabaseUrlError::Form),
            ("postgres://c:hush@localhost/c?sslmode", DatabaseUrlError::Form),
            ("postgres://c:hush@localhost/c?sslmode=verify-ca", DatabaseUrlError::SslMode),
            ("postgres://c:hush@localhost/c?sslmode=allow", DatabaseUrlError::SslMode),
            ("postgres://c:hush@localhost/c?sslmode=", DatabaseUrlError::SslMode),
            ("postgres://c:hush@localhost/c?sslrootcert=", DatabaseUrlError::SslRootCert),
            ("postgres://c:hush@localhost/c?sslrootcert=%FF", DatabaseUrlError::SslRootCert),
        ] {
            assert_eq!(text.parse::<DatabaseUrl>(), Err(error), "{text}");
            assert!(!error.to_string().contains("hush"));
        }
        assert!(!format!("{:?}", postgres("postgres://c:hush@localhost/c")).contains("hush"));
    }
}
