//! `consentry tag`

use crate::binary::{CONSENTRY, write_assets};
use crate::house::*;
use std::process::{Command, Output};

fn tag(arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    write_assets(folder.path());
    Command::new(CONSENTRY).arg("tag").args(arguments).arg("--assets").arg(folder.path()).output().unwrap()
}

#[test]
fn it_prints_the_moving_tag_and_a_pinned_one_a_language() {
    let site = policies().join("adforge").display().to_string();
    let output = tag(&[&site, "--url", "https://consent.example/"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tags = String::from_utf8(output.stdout).unwrap();
    let tags: Vec<&str> = tags.lines().collect();
    assert_eq!(tags[0], r#"<script src="https://consent.example/adforge.js" async></script>"#);
    assert_eq!(tags.len(), 4);
    for (tag, language) in tags[1..].iter().zip(["en", "de", "fr"]) {
        let start = format!(r#"<script src="https://consent.example/assets/adforge.{language}.opt-in."#);
        assert!(tag.starts_with(&start), "{tag}");
        assert!(tag.contains(r#".js" integrity="sha384-"#), "{tag}");
        assert!(tag.ends_with(r#"" crossorigin="anonymous" async></script>"#), "{tag}");
    }
}

#[test]
fn without_a_url_the_tags_are_for_pages_of_the_servers_own() {
    let site = policies().join("adforge").display().to_string();
    let tags = String::from_utf8(tag(&[&site]).stdout).unwrap();
    assert!(
        tags.starts_with("<script src=\"/adforge.js\" async></script>\n<script src=\"/assets/adforge.en."),
        "{tags}"
    );
    let all = String::from_utf8(tag(&[&policies().display().to_string()]).stdout).unwrap();
    assert!(all.contains(&tags) && all.contains("/icecone.js"), "{all}");
}

#[test]
fn it_says_what_is_wrong() {
    let site = policies().join("adforge").display().to_string();
    let output = tag(&[&site, "--url", "consent.example"]);
    assert_eq!(output.status.code(), Some(2));
    let output = tag(&["/nowhere"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot read `/nowhere`"));
}

#[test]
fn a_missing_part_is_named() {
    for name in ["guard.js", "imports.js", "more.js", "debug.js"] {
        let folder = tempfile::tempdir().unwrap();
        write_assets(folder.path());
        let path = folder.path().join(name);
        std::fs::remove_file(&path).unwrap();
        let mut command = Command::new(CONSENTRY);
        let output =
            command.arg("tag").arg(policies().join("adforge")).arg("--assets").arg(folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let expected = format!("consentry: cannot read `{}`", path.display());
        assert!(String::from_utf8_lossy(&output.stderr).starts_with(&expected), "{name}");
    }
}
