//! Runs every step of [`steps`](crate::steps), whatever became of the one before, and counts.

use anyhow::Result;

use crate::progress::{self, Stopwatch};
use crate::steps::{STEPS, Step};
use crate::tally::Tally;
use crate::workspace::Workspace;

/// What it means that a test did not run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Skipping {
    /// On somebody's machine, where something may be missing.
    Allowed,
    /// In CI, where nothing may be.
    Fails,
}

/// What a step could not look at where that is nobody's fault, and why. It fails nothing, in CI neither, and is said wherever the
/// step is.
#[derive(Debug)]
pub(crate) struct LeftOut(pub(crate) &'static str);

impl std::fmt::Display for LeftOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for LeftOut {}

/// Whether all is well.
pub(crate) fn run(workspace: &Workspace, skipping: Skipping) -> Result<bool> {
    let stopwatch = Stopwatch::start();
    let reports: Vec<Report> = STEPS.iter().map(|step| Report::of(step, workspace)).collect();
    println!();
    for report in &reports {
        println!("{report}");
    }
    let tally: Tally = reports.iter().map(|report| report.tally).sum();
    print!("{}", left_out(&reports));
    println!("test: {tally} in {}", progress::seconds(stopwatch.elapsed()));
    Ok(is_well(tally, skipping))
}

fn is_well(tally: Tally, skipping: Skipping) -> bool {
    tally.failed == 0 && (skipping == Skipping::Allowed || tally.skipped == 0)
}

/// Next to the last line, since many read no further up.
fn left_out(reports: &[Report]) -> String {
    let names: Vec<&str> = reports.iter().filter(|report| report.is_left_out()).map(|report| report.name).collect();
    if names.is_empty() { String::new() } else { format!("LEFT OUT, as said above: {}\n", names.join(", ")) }
}

struct Report {
    name: &'static str,
    tally: Tally,
    seconds: String,
    /// Why it failed or did not run, where that is not a test's own affair.
    remark: String,
}

impl Report {
    fn of(step: &Step, workspace: &Workspace) -> Report {
        eprintln!("\n=== {}", step.name);
        let stopwatch = Stopwatch::start();
        let (tally, remark) = match (step.prepare)(workspace) {
            Err(error) => (Tally::SKIPPED, format!(": not run: {error:#}")),
            Ok(()) => match (step.run)(workspace) {
                Err(error) if error.is::<LeftOut>() => (Tally::default(), format!(": {error:#}")),
                Err(error) => (Tally::FAILED, format!(": {error:#}")),
                Ok(tally) => (tally, String::new()),
            },
        };
        let report = Report { name: step.name, tally, seconds: progress::seconds(stopwatch.elapsed()), remark };
        eprintln!("{report}");
        report
    }

    /// Nothing of it failed or was skipped, and yet there is something to say.
    fn is_left_out(&self) -> bool {
        self.tally.failed == 0 && self.tally.skipped == 0 && !self.remark.is_empty()
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let word = match self.tally {
            Tally { failed: 1.., .. } => "failed",
            Tally { skipped: 1.., .. } => "skipped",
            Tally { .. } if self.is_left_out() => "left out",
            Tally { .. } => "ok",
        };
        let Report { name, tally, seconds, remark } = self;
        write!(f, "{word:>8}  {name:<16} {tally} in {seconds}{remark}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_ci_skipping_is_failing() {
        let skipped: Tally = [Tally::PASSED, Tally::SKIPPED].into_iter().sum();
        assert!(is_well(skipped, Skipping::Allowed) && !is_well(skipped, Skipping::Fails));
        assert!(is_well(Tally::PASSED, Skipping::Fails) && !is_well(Tally::FAILED, Skipping::Allowed));
    }

    #[test]
    fn what_is_left_out_is_said_twice_and_fails_nothing() {
        let workspace = Workspace::read().unwrap();
        let cannot: Step = Step { name: "far away", prepare: |_| Ok(()), run: |_| Err(LeftOut("out of reach").into()) };
        let fails: Step = Step { name: "near", prepare: |_| Ok(()), run: |_| anyhow::bail!("out of order") };
        let reports = [cannot, fails].map(|step| Report::of(&step, &workspace));
        assert_eq!(
            reports[0].to_string().split(" in ").next(),
            Some("left out  far away         0 passed, 0 failed, 0 skipped")
        );
        assert!(reports[0].to_string().ends_with(": out of reach"));
        assert!(is_well(reports[0].tally, Skipping::Fails) && !is_well(reports[1].tally, Skipping::Allowed));
        assert_eq!(left_out(&reports), "LEFT OUT, as said above: far away\n");
        assert_eq!(left_out(&reports[1..]), "");
    }
}
