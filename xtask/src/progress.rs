//! Says what is being done, and how long it took. Goes to standard error; standard output is for results.

use std::time::{Duration, Instant};

use anyhow::Result;

/// Time since a start.
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[expect(clippy::disallowed_methods, reason = "the chores' clock: nothing is decided by it, only shown")]
    pub(crate) fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    /// Time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Does a piece of work, with a line before it and a line after it that tells its time.
pub(crate) fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let stopwatch = Stopwatch::start();
    eprintln!("  ... {name}");
    let outcome = work();
    let word = if outcome.is_ok() { " ok" } else { "failed" };
    eprintln!("{word:>5} {name}: {}", seconds(stopwatch.elapsed()));
    outcome
}

/// For people: `0.4 s`, `312 s`.
pub(crate) fn seconds(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 10.0 { format!("{seconds:.1} s") } else { format!("{seconds:.0} s") }
}
