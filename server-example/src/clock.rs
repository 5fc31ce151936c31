//! What time it is. The only place that asks the machine, so that everything else is tested with the clock in hand.

use consentry_core::Time;
use governor::nanos::Nanos;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where the time comes from.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// Milliseconds since the Unix epoch that somebody holds in hand. It moves when they move it.
    Held(Arc<AtomicU64>),
}

impl Clock {
    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Time {
        match self {
            Self::System => system_time(),
            Self::Held(ms) => Time::from_ms(ms.load(Ordering::SeqCst)),
        }
    }

    /// How long it has been since some moment that stays the same. Unlike [`Clock::now`] it never goes back when somebody sets
    /// the machine's clock, so that it measures how long something took, and how often something may happen.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        match self {
            Self::System => since_start(),
            Self::Held(ms) => Duration::from_millis(ms.load(Ordering::SeqCst)),
        }
    }
}

impl governor::clock::Clock for Clock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.elapsed().into()
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the port through which all time comes")]
fn system_time() -> Time {
    // A clock that stands before 1970 is one that was never set.
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_ms(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
}

#[expect(clippy::disallowed_methods, reason = "this is the port through which all time comes")]
fn since_start() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}
