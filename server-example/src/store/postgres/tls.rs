//! TLS to the database: by rustls, as everywhere here, with the certificate checked in full wherever there is TLS at all.
//!
//! Deliberately absent: certificates of our own, by which a database would know us, and any way to believe every certificate.

use crate::store::database_url::Roots;
use crate::store::{OpenError, StoreError};
use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

/// What is spoken inside, which a server from PostgreSQL 17 on wants to hear where TLS comes first (`sslnegotiation=direct`).
const ALPN: &[u8] = b"postgresql";

/// Makes TLS of a connection to a database whose certificate rests on one of these roots, and is for the host of the URL.
pub(super) fn connector(roots: &Roots) -> Result<MakeRustlsConnect, OpenError> {
    let roots = match roots {
        Roots::Public => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
        Roots::File(path) => read(path).map_err(|source| OpenError::Roots { path: path.clone(), source })?,
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| OpenError::Postgres(error.into()))?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(MakeRustlsConnect::new(config))
}

fn read(path: &Path) -> Result<RootCertStore, StoreError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path)? {
        roots.add(certificate?)?;
    }
    if roots.is_empty() { Err(pem::Error::NoItemsFound.into()) } else { Ok(roots) }
}

/// Why a database cannot be used, where it is the first time that it is asked.
pub(super) fn refusal(error: StoreError) -> OpenError {
    if is_of_certificate(&*error) { OpenError::Certificate(error) } else { OpenError::Postgres(error) }
}

fn is_of_certificate(error: &(dyn Error + 'static)) -> bool {
    // What is in an error of IO is not its source.
    let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    let rustls = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(rustls, Some(rustls::Error::InvalidCertificate(_))) || error.source().is_some_and(is_of_certificate)
}
