//! What time it is. The only place that asks the machine, so that everything else is tested with the clock in hand.

use consentry_core::Time;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where the time comes from.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The machine's clock. It has to be right to within the policy's `recheck` (NTP will do): by how much it is slow, by so much longer is
    /// an answer relied on than its server meant.
    #[default]
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

    /// How long it has been since some moment that stays the same. It never goes back when somebody sets the machine's clock, and stands
    /// still on some machines while they sleep.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        match self {
            Self::System => since_start(),
            Self::Held(ms) => Duration::from_millis(ms.load(Ordering::SeqCst)),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the port through which all time comes")]
fn system_time() -> Time {
    // A clock that stands before 1970 is one that was never set. Every answer is of the past to the end of time, rather than good for ever.
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::MAX);
    Time::from_ms(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
}

#[expect(clippy::disallowed_methods, reason = "this is the port through which all time comes")]
fn since_start() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}
