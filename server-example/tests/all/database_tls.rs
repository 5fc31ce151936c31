//! TLS to PostgreSQL: whose certificate is believed, and what a URL can say of it.

use crate::database::Cluster;
use consentry_server::{OpenError, Store};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::net::TcpListener;
use tempfile::TempDir;

/// Who may come: everybody as they like, but `bound`, who comes over TLS alone, with a password.
const WHO_MAY_COME: &str = "local all all trust\nhostssl all bound 127.0.0.1/32 scram-sha-256\n\
                            hostnossl all bound 127.0.0.1/32 reject\nhost all all 127.0.0.1/32 trust\n";

/// PostgreSQL does not choose a port by itself. Below those that the system gives to connections, of which other tests have many.
fn free_port() -> u16 {
    loop {
        let mut random = [0; 2];
        getrandom::fill(&mut random).unwrap();
        let port = 15_000 + u16::from_le_bytes(random) % 15_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A PostgreSQL with a certificate for `localhost`, and files of roots to believe.
struct House {
    cluster: Cluster,
    port: u16,
    folder: TempDir,
}

impl House {
    fn new() -> Self {
        let (ours, theirs, folder) = (authority(), authority(), tempfile::tempdir().unwrap());
        std::fs::write(folder.path().join("ours.pem"), ours.pem()).unwrap();
        std::fs::write(folder.path().join("theirs.pem"), theirs.pem()).unwrap();
        std::fs::write(folder.path().join("none.pem"), "no certificate\n").unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &ours).unwrap();
        let mut cluster = Cluster::new();
        cluster.write("server.crt", &certificate.pem());
        cluster.write("server.key", &key.serialize_pem());
        cluster.write("pg_hba.conf", WHO_MAY_COME);
        let port = free_port();
        cluster.start_with("remove", &["listen_addresses=127.0.0.1", &format!("port={port}"), "ssl=on"]);
        Self { cluster, port, folder }
    }

    /// A file of roots as a URL has it.
    fn roots(&self, name: &str) -> String {
        format!("sslrootcert={}", self.folder.path().join(name).to_str().unwrap().replace('/', "%2F"))
    }

    fn open(&self, place: &str, query: &str) -> Result<Store, OpenError> {
        Store::open(&format!("postgres://{place}:{}/postgres?{query}", self.port).parse().unwrap())
    }

    fn ask(&self, statement: &str) -> String {
        let database = format!("postgres://consentry@127.0.0.1:{}/postgres?sslmode=disable", self.port);
        self.cluster.answer(&database, statement)
    }

    /// How many of the connections of servers have TLS, and how many have none.
    fn connections(&self) -> (bool, bool) {
        let answer = self.ask(
            "SELECT coalesce(bool_or(ssl), false), coalesce(bool_or(NOT ssl), false)
             FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'consentry'",
        );
        let (with, without) = answer.split_once('|').unwrap();
        (with == "t", without == "t")
    }
}

#[test]
fn a_database_is_used_over_tls_if_its_certificate_is_for_its_host_and_rests_on_what_is_believed() {
    let house = House::new();
    let (ours, theirs) = (house.roots("ours.pem"), house.roots("theirs.pem"));
    let here = "consentry@localhost";
    let is_refused = |place: &str, query: &str| match house.open(place, query) {
        Err(error @ OpenError::Certificate(_)) => {
            assert!(error.to_string().contains("`sslrootcert`") && error.to_string().contains("`sslmode=disable`"));
        }
        other => panic!("{place} {query}: {other:?}"),
    };
    // Another root, none but the public ones, and another host: there is no connection, and none without TLS in its place.
    for query in [&*theirs, "", "sslmode=prefer", "sslmode=require", "sslmode=verify-full", "sslrootcert=system"] {
        is_refused(here, query);
    }
    is_refused("consentry@127.0.0.1", &ours);
    assert_eq!(house.connections(), (false, false));

    for query in [ours.clone(), format!("sslmode=verify-full&{ours}"), format!("{ours}&sslmode=prefer")] {
        let store = house.open(here, &query).unwrap();
        assert_eq!(house.connections(), (true, false), "{query}");
        assert!(store.keys(&"adforge".parse().unwrap()).unwrap().is_empty());
    }

    for (name, why) in [("missing.pem", "No such file"), ("none.pem", "no items found")] {
        match house.open(here, &house.roots(name)) {
            Err(OpenError::Roots { path, source }) => {
                assert_eq!(path, house.folder.path().join(name));
                assert!(source.to_string().contains(why), "{source}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn a_database_is_used_without_tls_where_that_is_said_or_where_it_has_none() {
    let mut house = House::new();
    let store = house.open("consentry@127.0.0.1", "sslmode=disable").unwrap();
    assert_eq!(house.connections(), (false, true));
    drop(store);
    house.cluster.stop();
    house.cluster = Cluster::new();
    house.cluster.start_with("remove", &["listen_addresses=127.0.0.1", &format!("port={}", house.port)]);
    house.open("consentry@localhost", "").unwrap();
    let ours = house.roots("ours.pem");
    // Whoever stands in between can claim that there is no TLS: who wants it does not take that for an answer.
    for query in ["sslmode=require", "sslmode=verify-full", &ours] {
        match house.open("consentry@localhost", query) {
            Err(OpenError::Postgres(error)) => assert!(error.to_string().contains("TLS"), "{error}"),
            other => panic!("{query}: {other:?}"),
        }
    }
}

/// `tls-server-end-point` (RFC 5929): a password that was given to somebody in between is of no use to them.
#[test]
fn a_password_is_bound_to_the_certificate() {
    let house = House::new();
    let ours = house.roots("ours.pem");
    house.ask("CREATE ROLE bound SUPERUSER LOGIN PASSWORD 'hush'");
    let bound = format!("{ours}&channel_binding=require");
    house.open("bound:hush@localhost", &bound).unwrap();
    for (place, query) in [
        ("bound:other@localhost", &*bound),
        ("bound:hush@localhost", "sslmode=disable&channel_binding=require"),
        // Who is not asked for a password is not bound to anything.
        ("consentry@localhost", &bound),
    ] {
        assert!(matches!(house.open(place, query), Err(OpenError::Postgres(_))), "{place} {query}");
    }
}
