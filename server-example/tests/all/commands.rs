//! `consentry check`, `boot`, `key new`, and how `serve` refuses to start. `tag` and `bundle` have modules of their own.

use crate::binary::{CONSENTRY, Server, agent, serve};
use crate::house::*;
use serde_json::json;
use std::path::Path;
use std::process::{Command, Output};

pub(crate) fn consentry(arguments: &[&str]) -> Output {
    Command::new(CONSENTRY).args(arguments).output().unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A copy of AdForge's folder with a change in one of its files.
fn site_with(folder: &Path, file: &str, from: &str, to: &str) -> String {
    let site = folder.join("site");
    std::fs::create_dir_all(&site).unwrap();
    for entry in std::fs::read_dir(policies().join("adforge")).unwrap() {
        let entry = entry.unwrap();
        let mut text = std::fs::read_to_string(entry.path()).unwrap();
        if entry.file_name() == file {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        std::fs::write(site.join(entry.file_name()), text).unwrap();
    }
    site.display().to_string()
}

#[test]
fn check_says_what_a_policy_promises() {
    let adforge_folder = policies().join("adforge").display().to_string();
    for folder in [&adforge_folder, &policies().display().to_string()] {
        let output = consentry(&["check", folder]);
        assert!(output.status.success(), "{}", stderr(&output));
        let summary = stdout(&output);
        let published = adforge();
        for expected in [
            "site        adforge, AdForge, mailto:privacy@adforge.example".to_owned(),
            format!("policy      {}", published.policy.hash()),
            published.notices[0].hash.to_string(),
            "analytics                opt-in by consent (opt-out by legitimate-interest where the law allows it)"
                .into(),
            "kling                    Kling AI, CN, standard-contractual-clauses; trains: never".into(),
            "advanced-animation       needs downstream-ai/kling".into(),
            "page        layout                   bar".into(),
            "removes keys             adforge:visits (analytics)".into(),
        ] {
            assert!(summary.contains(&expected), "{expected} is not in\n{summary}");
        }
    }
}

#[test]
fn check_shows_both_places_of_a_contradiction() {
    let folder = tempfile::tempdir().unwrap();
    let site = site_with(
        folder.path(),
        "policy.toml",
        "id = \"marketing\"\nkind = \"marketing\"\ncontrol = \"opt-in\"\nbasis = \"consent\"\ndata = [\"account\"]",
        "id = \"marketing\"\nkind = \"marketing\"\ncontrol = \"opt-in\"\nbasis = \"consent\"\ndata = [\"network-logs\"]",
    );
    let output = consentry(&["check", &site]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stdout(&output), "");
    let expected = format!(
        "error: `network-logs` is limited to other purposes than `marketing`
  --> {site}/policy.toml:65:9
   |
26 | id = \"network-logs\"                     # IP addresses, browser logs, execution times of the API
   |      -------------- this says otherwise
...
65 | data = [\"network-logs\"]
   |         ^^^^^^^^^^^^^^
   |
   = help: remove `network-logs` here, or take back the limit that its `only_for` promises

1 error in `{site}`
consentry: the policy is not published
"
    );
    assert_eq!(stderr(&output), expected);
}

#[test]
fn check_finds_all_errors_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let site = site_with(folder.path(), "policy.toml", "control = \"notified\"", "control = \"notifed\"");
    let errors = stderr(&consentry(&["check", &site]));
    assert!(errors.contains("policy.toml:82:11") && errors.contains("policy.toml:90:11"), "{errors}");
    assert!(errors.contains("help: expected one of `notified`") && errors.contains("2 errors in"), "{errors}");
    let site = site_with(folder.path(), "de.toml", "[banner]\ntitle", "[banner]\ntitel");
    let errors = stderr(&consentry(&["check", &site]));
    assert!(
        errors.contains("nothing is called `banner.titel`") && errors.contains("help: add `banner.title"),
        "{errors}"
    );
}

#[test]
fn check_says_what_a_folder_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    let nothing = consentry(&["check", &path]);
    assert_eq!(nothing.status.code(), Some(1));
    assert!(stderr(&nothing).contains("has neither a `policy.toml` nor a folder"), "{}", stderr(&nothing));
    std::fs::create_dir(folder.path().join("shop")).unwrap();
    let no_policy = consentry(&["check", &path]);
    assert_eq!(no_policy.status.code(), Some(1));
    assert!(stderr(&no_policy).contains("shop/policy.toml"), "{}", stderr(&no_policy));
    assert!(stderr(&consentry(&["check", "/nowhere/at/all"])).contains("cannot read `/nowhere/at/all`"));
}

#[test]
fn a_policy_with_an_error_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let site = site_with(folder.path(), "policy.toml", "id = \"kling\"", "id = \"Kling\"");
    let mut command = serve(folder.path());
    let output = command.arg("--policies").arg(&site).output().unwrap();
    // Given twice is not understood.
    assert_eq!(output.status.code(), Some(2));
    let database = database_url(folder.path());
    let output = consentry(&["serve", "--policies", &site, "--database", &database, "--listen", "127.0.0.1:0"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stdout(&output), "");
    assert!(stderr(&output).contains("error: `Kling` is not understood"), "{}", stderr(&output));
    assert!(!database_path(folder.path()).exists());
}

#[test]
fn serve_says_why_it_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    for (arguments, code, expected) in [
        (vec!["--origin", "https://a.example/path"], 2, "expected scheme and host without a path"),
        (vec!["--public-url", "consent.example"], 2, "expected an origin"),
        (vec!["--jurisdiction-header", "a b"], 2, "invalid"),
        (vec!["--identity", "/nowhere"], 1, "cannot read `/nowhere`"),
    ] {
        let output = serve(folder.path()).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(code));
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    }
    let adforge_folder = policies().join("adforge").display().to_string();
    let assets = folder.path().join("assets").display().to_string();
    let (database, address) = (database_url(folder.path()), taken.local_addr().unwrap().to_string());
    for (database, assets, address, expected) in [
        (&database, &assets, &address, "cannot listen on 127.0.0.1:"),
        (&database, &"/nowhere".to_owned(), &address, "cannot read `/nowhere/loader.js`"),
        (&"sqlite:/nowhere/at/all.db".to_owned(), &assets, &address, "cannot open `/nowhere/at/all.db`"),
    ] {
        let arguments =
            ["serve", "--policies", &adforge_folder, "--database", database, "--assets", assets, "--listen", address];
        let output = consentry(&arguments);
        assert_eq!((output.status.code(), stdout(&output)), (Some(1), String::new()));
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    }
}

#[test]
fn a_new_key_may_ask_a_server_that_is_running() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let output =
        consentry(&["key", "new", "--database", &database_url(folder.path()), "--site", "adforge", "--name", "demo"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let printed = stdout(&output);
    let key = printed.strip_suffix('\n').unwrap();
    assert_eq!((key.len(), &key[..3]), (46, "ck_"));
    assert!(key[3..].bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')), "{key}");
    let question = json!({ "subject": Browser::new().subject(), "purpose": "security" });
    let ask = |key: &str| {
        let request = agent().post(format!("{}/v1/sites/adforge/decisions", server.url));
        request.header("Authorization", format!("Bearer {key}")).send_json(&question).unwrap().status()
    };
    assert_eq!(ask(key), 200);
    assert_eq!(ask(&consentry_server::ApiKey::generate().unwrap().reveal()), 403);
}

#[test]
fn boot_prints_what_the_server_answers() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let assets = folder.path().join("assets").display().to_string();
    let adforge_folder = policies().join("adforge").display().to_string();
    for language in ["en", "de"] {
        let output = consentry(&["boot", &adforge_folder, "--lang", language, "--assets", &assets]);
        let served = agent().get(format!("{}/adforge.js?lang={language}", server.url)).call().unwrap();
        assert_eq!(stdout(&output), served.into_body().read_to_string().unwrap());
        assert_eq!(boot_of(&stdout(&output))["language"], language);
    }
    let output = consentry(&["boot", &adforge_folder, "--lang", "it", "--assets", &assets]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("not published in `it`"), "{}", stderr(&output));
}
