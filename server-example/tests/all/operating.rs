//! `consentry serve --config`: one list of keys, said by flags, in the environment, or in a file.

use crate::binary::{CONSENTRY, Server, agent, write_assets};
use crate::house::*;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A file that says all that must be said, and this.
fn config(folder: &Path, more: &str) -> PathBuf {
    let assets = folder.join("assets");
    std::fs::create_dir_all(&assets).unwrap();
    write_assets(&assets);
    let text = format!(
        "policies = {:?}\ndatabase = {:?}\nassets = {assets:?}\nlisten = \"127.0.0.1:0\"\n{more}\n",
        policies().join("adforge"),
        database_url(folder),
    );
    let path = folder.join("consentry.toml");
    std::fs::write(&path, text).unwrap();
    path
}

fn serve(config: &Path) -> Command {
    let mut command = Command::new(CONSENTRY);
    command.arg("serve").arg("--config").arg(config);
    command
}

fn base(command: Command) -> String {
    let server = Server::of(command);
    let script = agent().get(format!("{}/adforge.js", server.url)).call().unwrap().body_mut().read_to_string().unwrap();
    boot_of(&script)["base"].as_str().unwrap().to_owned()
}

fn failed(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_flag_counts_before_the_environment_and_that_before_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), "public_url = \"https://file.example\"");
    assert_eq!(base(serve(&config)), "https://file.example");
    let mut with_environment = serve(&config);
    with_environment.env("CONSENTRY_PUBLIC_URL", "https://environment.example/");
    assert_eq!(base(with_environment), "https://environment.example");
    let mut with_flag = serve(&config);
    with_flag.env("CONSENTRY_PUBLIC_URL", "https://environment.example");
    with_flag.args(["--public-url", "https://flag.example"]);
    assert_eq!(base(with_flag), "https://flag.example");
    // The file itself, too.
    let mut by_environment = Command::new(CONSENTRY);
    by_environment.arg("serve").env("CONSENTRY_CONFIG", &config);
    assert_eq!(base(by_environment), "https://file.example");
}

#[test]
fn a_file_that_is_wrong_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    for (more, expected) in [
        ("listn = \"127.0.0.1:0\"", "consentry.toml:5:1: unknown field `listn`, expected one of `policies`"),
        (
            "log = \"yaml\"",
            "consentry.toml:5:7: `yaml`: expected `text` or `json`; write for instance `log = \"json\"`",
        ),
        ("tls_key = \"key.pem\"", "consentry.toml:5:1: `tls_key` is given without `tls_certificate`"),
    ] {
        let stderr = failed(&serve(&config(folder.path(), more)).output().unwrap());
        assert!(stderr.contains(expected), "{stderr}");
        assert!(!database_path(folder.path()).exists());
    }
    let stderr = failed(&serve(Path::new("/nowhere.toml")).output().unwrap());
    assert!(stderr.contains("cannot read `/nowhere.toml`"), "{stderr}");
    let nothing = Command::new(CONSENTRY).args(["serve", "--database", "sqlite:x.db"]).output().unwrap();
    assert!(failed(&nothing).contains("`policies` is not given: write `--policies policies`"));
}

#[test]
fn the_environment_is_checked_as_a_flag_is() {
    let folder = tempfile::tempdir().unwrap();
    let output = serve(&config(folder.path(), "")).env("CONSENTRY_LISTEN", "8080").output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr.contains("invalid value '8080' for '--listen <LISTEN>'"), "{stderr}");
}

#[test]
fn check_reads_everything_and_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let output = serve(&config(folder.path(), "")).arg("--check").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "nothing is wrong: it would serve adforge\n");
    assert!(!database_path(folder.path()).exists());
    for (more, expected) in [
        ("geo_file = \"/nowhere.mmdb\"", "cannot read `/nowhere.mmdb` as a MaxMind DB"),
        (
            "tls_certificate = \"/nowhere.pem\"\ntls_key = \"/nowhere.pem\"",
            "cannot read `/nowhere.pem`: give a PEM file",
        ),
    ] {
        let stderr = failed(&serve(&config(folder.path(), more)).arg("--check").output().unwrap());
        assert!(stderr.contains(expected), "{stderr}");
    }
}

#[test]
fn the_files_for_service_managers_start_what_the_documentation_says() {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy");
    let unit = std::fs::read_to_string(deploy.join("consentry.service")).unwrap();
    for line in [
        "ExecStartPre=/usr/local/bin/consentry serve --config /etc/consentry/consentry.toml --check",
        "ExecStart=/usr/local/bin/consentry serve --config /etc/consentry/consentry.toml",
        "ExecReload=kill -HUP $MAINPID",
        "DynamicUser=yes",
        "ProtectSystem=strict",
        "StateDirectory=consentry",
    ] {
        assert!(unit.lines().any(|found| found == line), "`{line}` is not in the unit");
    }
    let recipe = std::fs::read_to_string(deploy.join("Containerfile")).unwrap();
    assert!(recipe.contains("\nUSER ") && recipe.contains("\nVOLUME "), "{recipe}");
}
