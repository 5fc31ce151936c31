//! The corpus, run by the core natively.

use consentry_tests::corpus::{on_disk, run};
use std::collections::BTreeSet;

#[test]
fn every_case_is_decided_as_written() {
    let files: Vec<String> = on_disk::files().into_iter().map(|(_, text)| text).collect();
    let (count, failures) = run(&files, &on_disk::policies());
    assert!(failures.is_empty(), "{} of {count} cases:\n\n{}", failures.len(), failures.join("\n\n"));
    assert!(count >= 70, "only {count} cases: has a file been lost?");
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
fn every_promise_of_adforge_has_a_case() {
    let covered: BTreeSet<String> =
        on_disk::corpus().into_iter().flat_map(|f| f.cases).flat_map(|c| c.covers).collect();
    for promise in ["P14", "P15", "P16", "P17", "P18"] {
        assert!(covered.contains(promise), "{promise}");
    }
}
