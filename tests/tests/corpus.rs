//! The corpus, run by the core natively; and the table of what it shows.

#![allow(clippy::expect_used, reason = "a test that cannot go on should say so at once")]

use consentry_tests::corpus::{on_disk, run};
use expect_test::expect_file;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// What the core must hold: each of these needs a case.
const DECIDED: &[&str] = &[
    "P1", "P2", "P3", "P4", "P5", "P6", "P7", "P9", "P10", "P11", "P12", "P14", "P15", "P16", "P17", "P18", "P19",
    "P20", "P21", "P22", "P23", "P24", "P25", "P26", "P27", "P28", "P29", "P30", "R4", "R8", "R9", "R12", "R15", "R16",
    "R21", "R23", "R24", "R25", "R27", "R29", "R30", "R31", "R32", "R33", "R34", "R35", "R39",
];
/// What no single decision can show: each of these needs a test that names it.
const TESTED: &[&str] = &["P8", "P13", "R10", "R14", "R22"];

#[test]
fn every_case_is_decided_as_written() {
    let files: Vec<String> = on_disk::files().into_iter().map(|(_, text)| text).collect();
    let (count, failures) = run(&files, &on_disk::policies());
    assert!(failures.is_empty(), "{} of {count} cases:\n\n{}", failures.len(), failures.join("\n\n"));
    assert!(count >= 500, "only {count} cases: has a file been lost?");
}

#[test]
fn every_case_has_a_name_of_its_own_and_says_what_it_covers() {
    let mut names = BTreeSet::new();
    for case in on_disk::corpus().into_iter().flat_map(|file| file.cases) {
        assert!(!case.covers.is_empty(), "{}", case.name);
        for number in &case.covers {
            let digits = number.strip_prefix('P').or_else(|| number.strip_prefix('R'));
            assert!(digits.is_some_and(|d| d.parse::<u8>().is_ok()), "{}: {number}", case.name);
        }
        assert!(names.insert(case.name.clone()), "twice: {}", case.name);
    }
}

#[test]
fn every_promise_and_requirement_has_its_case_or_test_and_the_table_says_which() {
    let cases = cases();
    let tests = tests();
    for number in DECIDED {
        assert!(cases.contains_key(*number), "no case for {number}");
    }
    for number in TESTED {
        assert!(tests.contains_key(*number), "no test for {number}");
    }
    expect_file!["../../docs/cases.md"].assert_eq(&table(&cases, &tests));
}

type ByNumber = BTreeMap<String, Vec<String>>;

fn cases() -> ByNumber {
    let mut by_number = ByNumber::new();
    for (name, text) in on_disk::files() {
        let file: consentry_tests::corpus::CorpusFile = serde_json::from_str(&text).expect("a corpus file");
        for case in file.cases {
            for number in case.covers {
                by_number.entry(number).or_default().push(format!("{}: {}", name.trim_end_matches(".json"), case.name));
            }
        }
    }
    by_number
}

/// The tests of the core and of the whole that begin with a number, such as `fn r15_p4_…`.
fn tests() -> ByNumber {
    let mut by_number = ByNumber::new();
    for folder in ["core/src", "core/tests", "tests/tests", "server-example/tests/all", "client/tests", "widget/tests"]
    {
        read(&on_disk::root().join(folder), &mut by_number);
    }
    by_number.values_mut().for_each(|names| names.sort());
    by_number
}

fn read(folder: &Path, by_number: &mut ByNumber) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read(&path, by_number);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(&path).expect("a file");
            let file = path.file_stem().expect("a name").to_string_lossy().into_owned();
            for line in text.lines() {
                let Some((_, rest)) = line.split_once("fn ") else { continue };
                let name = rest.split('(').next().unwrap_or_default();
                for number in name.split('_').map_while(number) {
                    by_number.entry(number).or_default().push(format!("`{file}::{name}`"));
                }
            }
        }
    }
}

fn number(word: &str) -> Option<String> {
    let digits = word.strip_prefix('p').or_else(|| word.strip_prefix('r'))?;
    digits.parse::<u8>().ok().map(|_| word.to_uppercase())
}

fn table(cases: &ByNumber, tests: &ByNumber) -> String {
    let mut numbers: Vec<&String> = cases.keys().chain(tests.keys()).collect();
    numbers.sort_by_key(|number| (number.chars().next(), number.get(1..).and_then(|d| d.parse::<u8>().ok())));
    numbers.dedup();
    let mut text = String::from(
        "# Which promise and requirement is shown by what\n\nMade by `UPDATE_EXPECT=1 cargo test -p consentry-tests --test corpus` from the corpus and the names of \
         the tests; not edited by hand.\nCases stand in `tests/corpus`, one file each; how they are decided stands in [rules.md](rules.md).\n",
    );
    // Writing to a string does not fail.
    for number in numbers {
        let (cases, tests) = (cases.get(number), tests.get(number));
        let count = cases.map_or(0, Vec::len);
        let _ = writeln!(text, "\n## {number}: {count} {}\n", if count == 1 { "case" } else { "cases" });
        for case in cases.into_iter().flatten() {
            let _ = writeln!(text, "- {case}");
        }
        for test in tests.into_iter().flatten() {
            let _ = writeln!(text, "- test {test}");
        }
    }
    text
}
