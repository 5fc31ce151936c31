//! What time it is. The only place that asks the machine, so that everything else is tested with the clock in hand.

use consentry_core::Time;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

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
}

#[expect(clippy::disallowed_methods, reason = "this is the port through which all time comes")]
fn system_time() -> Time {
    // A clock that stands before 1970 is one that was never set.
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_ms(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
}
