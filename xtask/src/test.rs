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

/// Whether all is well.
pub(crate) fn run(workspace: &Workspace, skipping: Skipping) -> Result<bool> {
    let stopwatch = Stopwatch::start();
    let reports: Vec<Report> = STEPS.iter().map(|step| Report::of(step, workspace)).collect();
    println!();
    for report in &reports {
        println!("{report}");
    }
    let tally: Tally = reports.iter().map(|report| report.tally).sum();
    println!("test: {tally} in {}", progress::seconds(stopwatch.elapsed()));
    Ok(is_well(tally, skipping))
}

fn is_well(tally: Tally, skipping: Skipping) -> bool {
    tally.failed == 0 && (skipping == Skipping::Allowed || tally.skipped == 0)
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
                Err(error) => (Tally::FAILED, format!(": {error:#}")),
                Ok(tally) => (tally, String::new()),
            },
        };
        let report = Report { name: step.name, tally, seconds: progress::seconds(stopwatch.elapsed()), remark };
        eprintln!("{report}");
        report
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let word = match self.tally {
            Tally { failed: 1.., .. } => "failed",
            Tally { skipped: 1.., .. } => "skipped",
            Tally { .. } => "ok",
        };
        let Report { name, tally, seconds, remark } = self;
        write!(f, "{word:>7}  {name:<16} {tally} in {seconds}{remark}")
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
}
