//! Pinned scripts: `/assets/{site}.{language}.{regime}.{hash}.js`, as `consentry tag` names them.

use crate::binary::{CONSENTRY, Server, agent};
use crate::house::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha384};
use std::process::Command;

/// Address and integrity of each tag but the first.
fn pinned_tags(arguments: &[&str]) -> Vec<(String, String)> {
    let output = Command::new(CONSENTRY).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let attribute = |tag: &str, name: &str| {
        let (_, rest) = tag.split_once(&format!("{name}=\"")).unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    };
    let tags = String::from_utf8(output.stdout).unwrap();
    tags.lines().skip(1).map(|tag| (attribute(tag, "src"), attribute(tag, "integrity"))).collect()
}

#[test]
fn a_server_has_what_the_tags_say_under_any_address() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let (assets, site) =
        (folder.path().join("assets").display().to_string(), policies().join("adforge").display().to_string());
    let tags = pinned_tags(&["tag", &site, "--url", &server.url, "--assets", &assets]);
    assert_eq!(tags.len(), 3);
    for ((address, integrity), language) in tags.iter().zip(["en", "de", "fr"]) {
        let prefix = format!("{}/assets/adforge.{language}.opt-in.", server.url);
        assert!(address.starts_with(&prefix) && address.ends_with(".js"), "{address}");
        let mut answer = agent().get(address).call().unwrap();
        assert_eq!(answer.status(), 200);
        for (name, value) in [
            ("access-control-allow-origin", "*"),
            ("cache-control", "public, max-age=31536000, immutable"),
            ("content-type", "text/javascript; charset=utf-8"),
            ("cross-origin-resource-policy", "cross-origin"),
        ] {
            assert_eq!(answer.headers()[name], value);
        }
        let script = answer.body_mut().read_to_string().unwrap();
        assert_eq!(format!("sha384-{}", STANDARD.encode(Sha384::digest(&script))), *integrity);

        // It finds its server by where it came from, and asks for no other script.
        let base = r#""base":new URL("..",document.currentScript.src).href.slice(0,-1)"#;
        assert_eq!(script.matches(base).count(), 1);
        let boot = boot_of(&script.replace(base, "\"base\":\"\""));
        assert_eq!(boot["languages"], serde_json::json!([language]));
        let mut moving = agent().get(format!("{}/adforge.js?lang={language}", server.url)).call().unwrap();
        let mut expected = boot_of(&moving.body_mut().read_to_string().unwrap());
        expected["languages"] = boot["languages"].clone();
        assert_eq!(boot, expected);
    }
}

#[tokio::test]
async fn another_hash_is_not_found() {
    let house = House::with(|config| config.jurisdiction_header = Some("x-country".parse().unwrap()));
    let hash = "0123456789abcdef";
    for name in [
        format!("adforge.en.opt-in.{hash}.js"),
        format!("adforge.en.opt-out.{hash}.js"),
        format!("adforge.en.opt-in.{hash}.json"),
        format!("adforge.it.opt-in.{hash}.js"),
        format!("adforge.en.{hash}.js"),
        format!("nobody.en.opt-in.{hash}.js"),
        "adforge.js".into(),
        "adforge".into(),
        "...".into(),
    ] {
        house.send(get(&format!("/assets/{name}"))).await.problem(404, "not-found");
    }
}
