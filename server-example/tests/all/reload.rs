//! Policies that are read again without a restart.

use crate::binary::{CONSENTRY, Server, agent, post, write_assets};
use crate::house::*;
use axum::http::StatusCode;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;

fn copy_policy(folder: &Path) -> PathBuf {
    let to = folder.join("policies/adforge");
    std::fs::create_dir_all(&to).unwrap();
    for entry in std::fs::read_dir(policies().join("adforge")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
    to
}

fn replace(file: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{from}");
    std::fs::write(file, text.replace(from, to)).unwrap();
}

fn start(folder: &Path) -> Server {
    let assets = folder.join("assets");
    std::fs::create_dir_all(&assets).unwrap();
    write_assets(&assets);
    let mut command = Command::new(CONSENTRY);
    command.arg("serve").arg("--policies").arg(folder.join("policies")).arg("--assets").arg(assets);
    command.args(["--database", &database_url(folder), "--listen", "127.0.0.1:0"]);
    Server::of(command)
}

fn boot(server: &Server) -> serde_json::Value {
    let script = agent().get(format!("{}/adforge.js", server.url)).call().unwrap().body_mut().read_to_string().unwrap();
    boot_of(&script)
}

#[test]
fn a_policy_is_read_again_when_the_server_is_told_and_a_broken_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let site = copy_policy(folder.path());
    let server = start(folder.path());
    let before = boot(&server);
    let browser = Browser::new();
    let granted = choice(&adforge(), json!({ "outcome": "all-granted" }));
    assert_eq!(post(&agent(), &server.url, &browser, &granted), Some(201));

    replace(&site.join("policy.toml"), "365 days", "180 days");
    server.signal("HUP");
    server.logged("the policies are read again; serving adforge");
    let after = boot(&server);
    assert_ne!(after["policy"], before["policy"]);
    assert_eq!(after["valid_ms"], 180 * DAY_MS);
    // What was kept is still acknowledged; what answers the earlier policy anew is told that there is another.
    assert_eq!(post(&agent(), &server.url, &browser, &granted), Some(200));
    let late = choice(&adforge(), json!({ "outcome": "all-granted" }));
    assert_eq!(post(&agent(), &server.url, &browser, &late), Some(409));
    let notice = before["notice"].as_str().unwrap();
    let shown = agent().get(format!("{}/v1/sites/adforge/notices/{notice}", server.url)).call().unwrap();
    assert_eq!(shown.status(), 200);

    // Broken twice over: each is said with its file, line and column.
    replace(&site.join("policy.toml"), "id = \"kling\"", "id = \"Kling\"");
    server.signal("HUP");
    let line = server.logged("the policies stay as they were");
    let text = std::fs::read_to_string(site.join("policy.toml")).unwrap();
    let number = text.lines().position(|line| line.contains("\"Kling\"")).unwrap() + 1;
    assert!(line.contains(&format!("{}/policy.toml:{number}:", site.display())), "{line}");
    assert_eq!(boot(&server)["policy"], after["policy"]);

    replace(&site.join("policy.toml"), "id = \"Kling\"", "id = \"kling\"");
    replace(&site.join("policy.toml"), "180 days", "90 days");
    server.signal("HUP");
    server.logged("the policies are read again");
    assert_eq!(boot(&server)["valid_ms"], 90 * DAY_MS);
    assert!(server.stop().0.success());
}

#[tokio::test]
async fn sites_are_exchanged_all_at_once_or_not_at_all() {
    let house = House::new();
    let later = adforge_with("365 days", "180 days");
    assert!(house.app.replace_sites(vec![later.clone(), later.clone()]).is_err());
    assert!(house.app.replace_sites(Vec::new()).is_err());
    assert_eq!(house.boot("/adforge.js", &[]).await["policy"], house.published.policy.hash().to_string());
    house.app.replace_sites(vec![later.clone()]).unwrap();
    assert_eq!(house.boot("/adforge.js", &[]).await["policy"], later.policy.hash().to_string());
    // The new notices are published: they can be answered at once.
    let choice = choice(&later, json!({ "outcome": "all-refused" }));
    assert_eq!(house.post(&Browser::new(), &choice).await.status, StatusCode::CREATED);
    // The earlier ones can still be refused.
    let refusal = house.choice(json!({ "outcome": "all-refused" }));
    let answer = house.post(&Browser::new(), &refusal).await;
    assert!([201, 409, 422].contains(&answer.status.as_u16()), "{}", answer.text());
}

#[tokio::test]
async fn whatever_cannot_be_published_is_not_served() {
    let house = House::new();
    house.database().execute("DROP TABLE notices", []).unwrap();
    assert!(house.app.replace_sites(vec![adforge_with("365 days", "180 days")]).is_err());
    assert_eq!(house.boot("/adforge.js", &[]).await["policy"], house.published.policy.hash().to_string());
    // What has not changed need not be published again.
    house.app.replace_sites(vec![adforge()]).unwrap();
}

#[tokio::test]
async fn a_site_that_is_gone_is_unknown() {
    let house = House::new();
    let other = adforge_with("site = \"adforge\"", "site = \"forge\"");
    house.app.replace_sites(vec![other]).unwrap();
    house.send(get("/adforge.js")).await.problem(404, "unknown-site");
    let choice = house.choice(json!({ "outcome": "all-refused" }));
    house.post(&Browser::new(), &choice).await.problem(404, "unknown-site");
    assert_eq!(house.boot("/forge.js", &[]).await["site"], "forge");
}
