//! `consentry bundle`

use crate::binary::{CONSENTRY, write_assets};
use crate::house::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sha2::{Digest, Sha384};
use std::path::Path;
use std::process::{Command, Output};

fn bundle(assets: &Path, out: &Path) -> Output {
    let mut command = Command::new(CONSENTRY);
    command.arg("bundle").arg(policies().join("adforge")).arg("--out").arg(out).arg("--assets").arg(assets);
    command.output().unwrap()
}

#[test]
fn a_bundle_is_a_script_a_language_and_all_that_they_fetch() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("deep/public");
    write_assets(folder.path());
    let output = bundle(folder.path(), &out);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    let read = |name: &str| std::fs::read_to_string(out.join(name)).unwrap();
    assert_eq!(read("adforge.js"), read("adforge.en.js"));
    for language in ["en", "de", "fr"] {
        let boot = boot_of(&read(&format!("adforge.{language}.js")));
        assert_eq!((&boot["local"], &boot["base"], &boot["language"]), (&json!(true), &json!(""), &json!(language)));
        assert_eq!(boot["languages"], json!(["en", "de", "fr"]));
        for (path, integrity) in boot["widget"].as_object().unwrap().values().map(|asset| (&asset[0], &asset[1])) {
            let path = path.as_str().unwrap().trim_start_matches('/');
            let digest = Sha384::digest(std::fs::read(out.join(path)).unwrap());
            assert_eq!(*integrity, format!("sha384-{}", STANDARD.encode(digest)), "{path}");
            assert!(printed.contains(&format!("{}\n", out.join(path).display())), "{printed}");
        }
    }
    // Each file is written once, and nothing else is.
    let files = |path: &Path| std::fs::read_dir(path).unwrap().filter(|e| e.as_ref().unwrap().path().is_file()).count();
    assert_eq!((files(&out), files(&out.join("assets"))), (4, 7));
    assert_eq!(printed.lines().count(), 11);
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    write_assets(folder.path());
    let file = folder.path().join("loader.js");
    let output = bundle(folder.path(), &file);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains(&format!("cannot write `{}/assets/", file.display())), "{error}");
}
