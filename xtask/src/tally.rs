//! Counts tests by what the programs that ran them print.

use std::fmt;
use std::iter::Sum;

/// How many tests did what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Ran and held.
    pub(crate) passed: u32,
    /// Ran and did not hold, or could not run to the end.
    pub(crate) failed: u32,
    /// Did not run.
    pub(crate) skipped: u32,
}

impl Tally {
    /// One that held.
    pub(crate) const PASSED: Tally = Tally { passed: 1, failed: 0, skipped: 0 };
    /// One that did not.
    pub(crate) const FAILED: Tally = Tally { passed: 0, failed: 1, skipped: 0 };
    /// One that did not run.
    pub(crate) const SKIPPED: Tally = Tally { passed: 0, failed: 0, skipped: 1 };

    /// From the lines `test result: ok. 3 passed; 0 failed; 1 ignored; …` of `cargo test`, one for each of its programs.
    pub(crate) fn of_cargo_test(printed: &str) -> Tally {
        let results = printed.lines().filter_map(|line| line.strip_prefix("test result: "));
        results
            .map(|result| Tally {
                passed: before(result, "passed"),
                failed: before(result, "failed"),
                skipped: before(result, "ignored"),
            })
            .sum()
    }

    /// From the closing lines `# pass 3` of `node --test --test-reporter=tap`.
    pub(crate) fn of_tap(printed: &str) -> Tally {
        // The last of each: a test may print such a line itself.
        let last = |name: &str| {
            let numbers =
                printed.lines().filter_map(|line| line.strip_prefix("# ")?.strip_prefix(name)?.strip_prefix(' '));
            numbers.filter_map(|number| number.parse::<u32>().ok()).next_back().unwrap_or_default()
        };
        // A test that is still to be written did not run.
        Tally {
            passed: last("pass"),
            failed: last("fail") + last("cancelled"),
            skipped: last("skipped") + last("todo"),
        }
    }

    /// From the closing lines `Ran 13 tests in 2.1s` and `FAILED (failures=1, errors=2)` of Python's unittest.
    pub(crate) fn of_unittest(printed: &str) -> Tally {
        let ran = printed.lines().filter_map(|line| line.strip_prefix("Ran ")).next_back();
        let ran: u32 = ran.and_then(|line| line.split(' ').next()?.parse().ok()).unwrap_or_default();
        let outcome = printed.lines().rfind(|line| line.starts_with("OK") || line.starts_with("FAILED"));
        let of = |name: &str| {
            let numbers = outcome.into_iter().flat_map(|line| line.split(['(', ',', ')']));
            let number = numbers.filter_map(|word| word.trim().strip_prefix(name)?.strip_prefix('=')).next();
            number.and_then(|number| number.parse::<u32>().ok()).unwrap_or_default()
        };
        let (failed, skipped) = (of("failures") + of("errors"), of("skipped"));
        Tally { passed: ran.saturating_sub(failed + skipped), failed, skipped }
    }

    /// From the closing line `2 failed, 13 passed, 1 skipped in 2.1s` of pytest.
    pub(crate) fn of_pytest(printed: &str) -> Tally {
        let line = printed
            .lines()
            .rfind(|line| line.contains(" passed") || line.contains(" failed") || line.contains(" error"));
        let of = |word| line.map_or(0, |line| before(&line.replace(',', ";"), word));
        let (failed, skipped) =
            (of("failed") + of("error") + of("errors"), of("skipped") + of("xfailed") + of("deselected"));
        Tally { passed: of("passed"), failed, skipped }
    }

    /// Whether nothing was counted at all.
    pub(crate) fn is_empty(self) -> bool {
        self == Tally::default()
    }
}

/// The number before a word: 3 of `3 passed`.
fn before(result: &str, word: &str) -> u32 {
    let mut words = result.split([' ', ';', '.']).filter(|word| !word.is_empty());
    let mut number = 0;
    for next in &mut words {
        if next == word {
            return number;
        }
        number = next.parse().unwrap_or_default();
    }
    0
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Tally>>(tallies: I) -> Tally {
        tallies.fold(Tally::default(), |sum, next| Tally {
            passed: sum.passed + next.passed,
            failed: sum.failed + next.failed,
            skipped: sum.skipped + next.skipped,
        })
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_of_cargo_test_counts() {
        let printed = "running 3 tests\ntest a ... ok\n\
            test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\n\
            test result: FAILED. 10 passed; 2 failed; 1 ignored; 0 measured; 7 filtered out; finished in 12.06s\n";
        assert_eq!(Tally::of_cargo_test(printed), Tally { passed: 13, failed: 2, skipped: 1 });
        assert!(Tally::of_cargo_test("error: could not compile").is_empty());
    }

    #[test]
    fn nodes_closing_lines_count() {
        let printed = "TAP version 13\n# pass 99\nok 1 - refuses\n1..7\n# tests 7\n# suites 1\n# pass 3\n# fail 1\n\
            # cancelled 1\n# skipped 1\n# todo 1\n# duration_ms 12.3\n";
        assert_eq!(Tally::of_tap(printed), Tally { passed: 3, failed: 2, skipped: 2 });
        assert!(Tally::of_tap("node: bad option").is_empty());
    }

    #[test]
    fn pytest_is_counted_by_its_closing_line() {
        let ok = "......s [100%]\n158 passed, 1 skipped in 66.70s (0:01:06)\n";
        assert_eq!(Tally::of_pytest(ok), Tally { passed: 158, failed: 0, skipped: 1 });
        let failed =
            "FAILED tests/test_a.py::test_b - it has passed\n1 failed, 7 passed, 2 errors, 1 xfailed in 3.41s\n";
        assert_eq!(Tally::of_pytest(failed), Tally { passed: 7, failed: 3, skipped: 1 });
        assert!(Tally::of_pytest("no tests ran in 0.01s").is_empty());
    }

    #[test]
    fn tallies_add_up_to_a_line() {
        let sum: Tally = [Tally::PASSED, Tally::PASSED, Tally::FAILED, Tally::SKIPPED].into_iter().sum();
        assert_eq!(sum.to_string(), "2 passed, 1 failed, 1 skipped");
    }

    #[test]
    fn unittest_is_counted_by_its_closing_lines() {
        let ok = "test_a ... ok\n\nRan 13 tests in 20.1s\n\nOK\n";
        assert_eq!(Tally::of_unittest(ok), Tally { passed: 13, failed: 0, skipped: 0 });
        let failed = "Ran 13 tests in 20.1s\n\nFAILED (failures=1, errors=2, skipped=3)\n";
        assert_eq!(Tally::of_unittest(failed), Tally { passed: 7, failed: 3, skipped: 3 });
        assert!(Tally::of_unittest("Traceback").is_empty());
    }
}
