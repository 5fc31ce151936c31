//! Where a visitor is: by a network's headers, by headers of one's own, and by address.

use crate::binary::{Server, serve};
use crate::house::*;
use crate::mmdb::mmdb;
use axum::body::Body;
use axum::http::{HeaderName, Request};
use consentry_server::{Cdn, Config, GeoFile, Peer};
use std::path::Path;

const PATH: &str = "/pixcosmos.js";
/// In these places people are asked in three ways.
const NETWORKS: [(&str, u32, &str, Option<&str>); 6] = [
    ("198.51.100.0", 26, "US", Some("CA")),
    ("198.51.100.64", 26, "US", Some("NY")),
    ("198.51.100.128", 26, "GB", Some("ENG")),
    ("203.0.113.0", 24, "DE", None),
    ("192.0.2.0", 25, "nonsense", None),
    ("192.0.2.128", 25, "US", Some("nonsense")),
];

fn pixcosmos(change: impl FnOnce(&mut Config)) -> House {
    let folder = policies().join("pixcosmos");
    House::with(|config| {
        config.sites = vec![consentry_server::SiteFolder::find(&folder).unwrap().remove(0).publish().unwrap()];
        change(config);
    })
}

fn geo_file(folder: &Path) -> GeoFile {
    let path = folder.join("geo.mmdb");
    std::fs::write(&path, mmdb(&NETWORKS)).unwrap();
    GeoFile::read(&path).unwrap()
}

/// The regime of whoever comes from that address with these headers.
async fn regime(house: &House, peer: Option<&str>, headers: &[(&str, &str)]) -> String {
    let mut request = headers.iter().fold(Request::get(PATH), |request, (name, value)| request.header(*name, *value));
    if let Some(peer) = peer {
        request = request.extension(Peer(peer.parse().unwrap()));
    }
    let answer = house.send(request.body(Body::empty()).unwrap()).await;
    boot_of(&answer.text())["regime"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_networks_headers_say_country_and_part() {
    for (cdn, country, part) in [
        (Cdn::Cloudflare, "CF-IPCountry", "CF-Region-Code"),
        (Cdn::Cloudfront, "CloudFront-Viewer-Country", "CloudFront-Viewer-Country-Region"),
    ] {
        let house = pixcosmos(|config| {
            let (country, part) = cdn.headers();
            (config.jurisdiction_header, config.jurisdiction_part_header) = (Some(country), Some(part));
        });
        for (said, expected) in [
            (vec![(country, "US"), (part, "CA")], "opt-out"),
            (vec![(country, "US"), (part, "NY")], "opt-in"),
            (vec![(country, "US")], "opt-in"),
            (vec![(country, "GB"), (part, "ENG")], "mixed"),
            (vec![(country, "DE"), (part, "BY")], "opt-in"),
            // Whatever cannot be read is not known.
            (vec![(country, "T1"), (part, "CA")], "opt-in"),
            (vec![(country, "XX")], "opt-in"),
            (vec![(part, "CA")], "opt-in"),
            (vec![], "opt-in"),
        ] {
            assert_eq!(regime(&house, None, &said).await, expected, "{said:?}");
        }
        let answer = house.send(get(PATH)).await;
        let vary = format!("accept-encoding, accept-language, {country}, {part}").to_lowercase();
        assert_eq!((answer.header("vary"), &answer.header("cache-control")[..8]), (&*vary, "private,"));
    }
}

#[tokio::test]
async fn a_geo_file_says_it_by_address() {
    let folder = tempfile::tempdir().unwrap();
    let house = pixcosmos(|config| config.geo_file = Some(geo_file(folder.path())));
    for (address, expected) in [
        ("198.51.100.7", "opt-out"),
        ("::ffff:198.51.100.7", "opt-out"),
        ("198.51.100.77", "opt-in"),
        ("198.51.100.177", "mixed"),
        ("203.0.113.7", "opt-in"),
        ("192.0.2.1", "opt-in"),
        ("192.0.2.200", "opt-in"),
        ("10.0.0.1", "opt-in"),
        ("2001:db8::1", "opt-in"),
    ] {
        assert_eq!(regime(&house, Some(address), &[]).await, expected, "{address}");
    }
    assert_eq!(regime(&house, None, &[]).await, "opt-in");
    let answer = house.send(get(PATH)).await;
    assert!(answer.header("cache-control").starts_with("private,"), "{}", answer.header("cache-control"));
}

#[tokio::test]
async fn a_header_counts_before_the_address_and_the_address_is_the_proxys_word() {
    let folder = tempfile::tempdir().unwrap();
    let house = pixcosmos(|config| {
        config.geo_file = Some(geo_file(folder.path()));
        config.jurisdiction_header = Some(HeaderName::from_static("x-country"));
        config.client_address_header = Some(HeaderName::from_static("x-forwarded-for"));
    });
    let (californian, british) = ("198.51.100.7", "198.51.100.177");
    assert_eq!(regime(&house, Some(californian), &[("x-country", "DE")]).await, "opt-in");
    assert_eq!(regime(&house, Some(californian), &[("x-country", "?")]).await, "opt-out");
    assert_eq!(regime(&house, Some(californian), &[("x-forwarded-for", british)]).await, "mixed");
}

#[test]
fn a_geo_file_that_is_none_is_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("geo.mmdb");
    std::fs::write(&path, "no database").unwrap();
    let output = serve(folder.path()).arg("--geo-file").arg(&path).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("geo.mmdb` as a MaxMind DB: give the path of a `.mmdb` file"), "{stderr}");
}

#[test]
fn a_geo_file_is_read_again_when_the_server_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("geo.mmdb");
    let write = |country| std::fs::write(&path, mmdb(&[("127.0.0.0", 8, country, None)])).unwrap();
    write("DE");
    let mut command = std::process::Command::new(crate::binary::CONSENTRY);
    let assets = folder.path().join("assets");
    std::fs::create_dir(&assets).unwrap();
    crate::binary::write_assets(&assets);
    command.args(["serve", "--database", &database_url(folder.path()), "--listen", "127.0.0.1:0"]);
    command.arg("--policies").arg(policies().join("pixcosmos")).arg("--assets").arg(assets);
    command.arg("--geo-file").arg(&path);
    let server = Server::of(command);
    let regime = || {
        let script = crate::binary::agent().get(format!("{}{PATH}", server.url)).call().unwrap();
        boot_of(&script.into_body().read_to_string().unwrap())["regime"].clone()
    };
    assert_eq!(regime(), "opt-in");
    write("GB");
    server.signal("HUP");
    server.logged("the geo file is read again");
    assert_eq!(regime(), "mixed");
    std::fs::write(&path, "no database").unwrap();
    server.signal("HUP");
    server.logged("the geo file cannot be read again, all stays as it was");
    assert_eq!(regime(), "mixed");
    assert!(server.stop().0.success());
}
