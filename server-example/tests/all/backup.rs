//! docs/backup.md, command by command.

use crate::binary::{CONSENTRY, Server, agent, post, record, serve_on};
use crate::database::{Database, Kind};
use crate::house::*;
use serde_json::json;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Runs the commands under that name as they stand in the page.
fn run(folder: &Path, name: &str, variables: &[(&str, &str)]) {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/backup.md")).unwrap();
    let (_, rest) = page.split_once(&format!("```sh {name}\n")).unwrap();
    let (commands, _) = rest.split_once("```").unwrap();
    let programs = [Path::new(CONSENTRY).parent().unwrap().to_owned(), crate::database::programs()];
    let path =
        std::env::join_paths(programs.into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())));
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", commands]).current_dir(folder).env("PATH", path.unwrap());
    let output = bash.envs(variables.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{name}: {}{}", text(&output.stdout), text(&output.stderr));
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn choices(server: &Server, browser: &Browser) -> usize {
    record(&agent(), &server.url, browser)["events"].as_array().unwrap().len()
}

fn choose(server: &Server, browser: &Browser) {
    let choice = choice(&adforge(), json!({ "outcome": "all-granted" }));
    assert_eq!(post(&agent(), &server.url, browser, &choice), Some(201));
}

#[test]
fn an_sqlite_database_is_copied_while_it_is_used_and_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let (here, data) = (folder.path(), folder.path().join("data"));
    for name in ["data", "backup", "keys"] {
        fs::create_dir(here.join(name)).unwrap();
    }
    // It is asked for with a place for the pepper, so that there is one.
    fs::write(here.join("identity.toml"), "[adforge]\n[[adforge.keys]]\nkid = \"1\"\nalg = \"EdDSA\"\npublic_key = \"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"\n").unwrap();
    let start = || {
        let mut command = serve_on(&data, &database_url(&data));
        command.arg("--identity").arg(here.join("identity.toml"));
        Server::of(command)
    };
    let (browser, server) = (Browser::new(), start());
    choose(&server, &browser);
    run(here, "sqlite backup", &[]);
    choose(&server, &browser);
    assert_eq!(choices(&server, &browser), 2);
    run(here, "sqlite check", &[]);
    // A second time it would be written over.
    let again = Command::new(CONSENTRY)
        .args(["backup", "--database", "sqlite:data/consentry.db", "--out", "backup/consentry.db"])
        .current_dir(here)
        .output();
    let again = again.unwrap();
    assert!(
        !again.status.success() && text(&again.stderr).contains("cannot write the copy"),
        "{}",
        text(&again.stderr)
    );
    server.kill();
    fs::remove_dir_all(&data).unwrap();
    fs::create_dir(&data).unwrap();

    run(here, "sqlite restore", &[]);
    let server = start();
    assert_eq!(choices(&server, &browser), 1);
    choose(&server, &browser);
    assert_eq!(choices(&server, &browser), 2);
}

#[test]
fn a_damaged_copy_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    for _ in 0..20 {
        choose(&server, &Browser::new());
    }
    let copy = folder.path().join("copy.db");
    let (database, out) = (database_url(folder.path()), copy.to_str().unwrap());
    let made = Command::new(CONSENTRY).args(["backup", "--database", &database, "--out", out]).status().unwrap();
    assert!(made.success());
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&copy.metadata().unwrap().permissions()) & 0o777, 0o600);
    let verify = || Command::new(CONSENTRY).args(["verify", "--database", &format!("sqlite:{out}")]).output().unwrap();
    assert_eq!(verify().status.code(), Some(0));
    // Half of its pages, past the first, are gone.
    let mut bytes = fs::read(&copy).unwrap();
    let half = bytes.len() / 2;
    bytes[half..].fill(0xa5);
    fs::write(&copy, bytes).unwrap();
    assert_ne!(verify().status.code(), Some(0));
}

#[test]
fn a_postgresql_database_is_copied_while_it_is_used_and_put_back() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("backup")).unwrap();
    let (database, restored) = (Database::new(Kind::Postgres), Database::new(Kind::Postgres).text);
    let (browser, server) = (Browser::new(), Server::start_on(folder.path(), &database.text));
    choose(&server, &browser);
    run(folder.path(), "postgres backup", &[("DATABASE", &database.text)]);
    choose(&server, &browser);
    drop(server);
    run(folder.path(), "postgres restore", &[("RESTORED", &restored)]);
    let server = Server::start_on(folder.path(), &restored);
    assert_eq!(choices(&server, &browser), 1);
    choose(&server, &browser);
    assert_eq!(choices(&server, &browser), 2);
}
