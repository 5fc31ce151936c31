//! docs/security.md names a test for each attack: each of them is there.

use std::fs;
use std::path::Path;

/// The names of all tests below a folder.
fn sources(folder: &Path) -> String {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let text = |path: std::path::PathBuf| match path.extension() {
        Some(extension) if extension == "rs" => fs::read_to_string(&path).unwrap(),
        _ if path.is_dir() => sources(&path),
        _ => String::new(),
    };
    entries.map(text).collect()
}

#[test]
fn every_attack_that_is_listed_has_its_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("../docs/security.md")).unwrap();
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(rows.len() > 20);
    let source = sources(&root.join("src")) + &sources(&root.join("tests"));
    for row in rows {
        let tests = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let mut names = tests.split('`').skip(1).step_by(2).peekable();
        assert!(names.peek().is_some(), "no test in: {row}");
        for name in names {
            // Those that run on both databases are listed by name alone.
            let is_there = [format!("fn {name}("), format!("    {name}\n"), format!("    {name} = b\"")];
            assert!(is_there.iter().any(|text| source.contains(text)), "there is no test `{name}`");
        }
    }
}
