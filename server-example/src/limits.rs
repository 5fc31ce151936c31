//! How much may be asked of this server: by one client, by one back end, of one site, and of all of it at once.
//!
//! Each limit is a generic cell rate: so many requests a second in the long run, and ten seconds' worth of them at once. What is
//! counted by stands in a table of a fixed size, in a cell that is picked by a hash under a key which is drawn when the process starts:
//! no flood makes the table grow, nobody can aim at somebody else's cell, and no address can be read out of it. Two
//! that share a cell share an allowance, which is why the allowances are generous.

use crate::address;
use crate::auth::KeyHash;
use crate::clock::Clock;
use crate::metrics::{Counted, Metrics};
use crate::problem::ApiError;
use axum::http::{Extensions, HeaderMap, HeaderName};
use consentry_core::SiteId;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed, StateStore};
use governor::{Quota, RateLimiter};
use prometheus_client::metrics::gauge::Gauge;
use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::num::NonZeroU32;
use std::sync::{PoisonError, RwLock};

/// How many cells a table has. As each has 8 bytes, a table has half a mebibyte.
const CELLS: usize = 65_536;
/// For how many seconds the allowance may be used at once.
const BURST_SECONDS: u32 = 10;
/// Most keys that are remembered as somebody's. Beyond that all are forgotten, and remembered again when they are next shown.
const KNOWN_KEYS_MAX: usize = 1_024;

/// How much may be asked, each in requests a second; ten times as many may come at once. None is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// By one address, or one /64 of IPv6, of whatever needs no API key. Generous: a school or a mobile network may have one.
    pub address_per_second: Option<NonZeroU32>,
    /// With one API key.
    pub key_per_second: Option<NonZeroU32>,
    /// Of one site, under `/v1/`.
    pub site_per_second: Option<NonZeroU32>,
    /// Most requests that are being answered at once.
    pub in_flight_max: NonZeroU32,
    /// Connections at once. Further ones wait to be accepted.
    pub connections_max: NonZeroU32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            address_per_second: NonZeroU32::new(200),
            key_per_second: NonZeroU32::new(2_000),
            site_per_second: NonZeroU32::new(5_000),
            in_flight_max: NonZeroU32::new(2_048).unwrap_or(NonZeroU32::MAX),
            connections_max: NonZeroU32::new(16_384).unwrap_or(NonZeroU32::MAX),
        }
    }
}

/// Whoever asks is let in, or told when to come again.
#[derive(Debug)]
pub(crate) struct Admission {
    addresses: Option<Table>,
    keys: Option<Table>,
    sites: Option<Table>,
    /// The keys that were somebody's when they were last shown. What they may ask is looked up each time; here it is only about which
    /// limit counts.
    known_keys: RwLock<HashSet<[u8; 32]>>,
    address_header: Option<HeaderName>,
    in_flight: Gauge,
    in_flight_max: i64,
}

impl Admission {
    /// `address_header` is the one in which the operator's proxy says where a request comes from.
    pub(crate) fn new(limits: Limits, clock: &Clock, metrics: &Metrics, address_header: Option<HeaderName>) -> Self {
        let table = |per_second: Option<NonZeroU32>| per_second.map(|rate| Table::new(rate, clock));
        Self {
            addresses: table(limits.address_per_second),
            keys: table(limits.key_per_second),
            sites: table(limits.site_per_second),
            known_keys: RwLock::default(),
            address_header,
            in_flight: metrics.in_flight.clone(),
            in_flight_max: limits.in_flight_max.get().into(),
        }
    }

    /// One request more, if there are not too many. It counts for as long as the caller keeps what comes back.
    pub(crate) fn enter(&self) -> Result<Counted, ApiError> {
        let counted = Counted::new(&self.in_flight);
        if self.in_flight.get() <= self.in_flight_max { Ok(counted) } else { Err(ApiError::Overloaded) }
    }

    /// Counts a request of whoever sent these headers. Whose address is not known is not limited by it.
    pub(crate) fn by_address(&self, extensions: &Extensions, headers: &HeaderMap) -> Result<(), ApiError> {
        let Some(table) = &self.addresses else { return Ok(()) };
        let client = address::client(extensions.get().copied(), headers, self.address_header.as_ref());
        client.map_or(Ok(()), |client| table.count(&address::network(client)))
    }

    /// Counts a request with that key. One that nobody has been seen to own counts by its sender's address too, since
    /// anybody can make up another for each request.
    pub(crate) fn by_key(&self, key: KeyHash, extensions: &Extensions, headers: &HeaderMap) -> Result<(), ApiError> {
        if let Some(table) = &self.keys {
            table.count(key.as_bytes())?;
        }
        if self.has_known(key) { Ok(()) } else { self.by_address(extensions, headers) }
    }

    /// Whether a key was somebody's when it was last shown.
    pub(crate) fn has_known(&self, key: KeyHash) -> bool {
        self.known_keys.read().unwrap_or_else(PoisonError::into_inner).contains(key.as_bytes())
    }

    /// Remembers that a key is somebody's.
    pub(crate) fn knows_key(&self, key: KeyHash) {
        if self.has_known(key) {
            return;
        }
        let mut known = self.known_keys.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_KEYS_MAX {
            known.clear();
        }
        known.insert(*key.as_bytes());
    }

    /// Counts a request about that site.
    pub(crate) fn by_site(&self, site: &SiteId) -> Result<(), ApiError> {
        self.sites.as_ref().map_or(Ok(()), |table| table.count(site.as_str()))
    }

    /// The header in which the operator's proxy says where a request comes from.
    pub(crate) const fn address_header(&self) -> Option<&HeaderName> {
        self.address_header.as_ref()
    }
}

/// What each of many has left of the same allowance.
struct Table {
    limiter: RateLimiter<usize, Cells, Clock, NoOpMiddleware<Nanos>>,
    /// Keyed at random: SipHash, which nobody can predict without the key.
    hasher: RandomState,
}

struct Cells(Box<[InMemoryState]>);

impl Table {
    fn new(per_second: NonZeroU32, clock: &Clock) -> Self {
        let cells = Cells((0..CELLS).map(|_| InMemoryState::default()).collect());
        let burst = per_second.saturating_mul(NonZeroU32::MIN.saturating_add(BURST_SECONDS - 1));
        let quota = Quota::per_second(per_second).allow_burst(burst);
        Self { limiter: RateLimiter::new(quota, cells, clock.clone()), hasher: RandomState::new() }
    }

    fn count(&self, by: &(impl Hash + ?Sized)) -> Result<(), ApiError> {
        let cell = usize::try_from(self.hasher.hash_one(by) % CELLS as u64).unwrap_or_default();
        self.limiter.check_key(&cell).map_err(|until| {
            let wait = until.wait_time_from(governor::clock::Clock::now(self.limiter.clock()));
            // Whole seconds, and none too few.
            ApiError::TooManyRequests {
                wait_seconds: wait.as_millis().div_ceil(1_000).max(1).try_into().unwrap_or(u64::MAX),
            }
        })
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Table(…)")
    }
}

impl StateStore for Cells {
    type Key = usize;

    fn measure_and_replace<T, F, E>(&self, cell: &usize, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        match self.0.get(*cell) {
            Some(state) => state.measure_and_replace(&NotKeyed::NonKey, measure),
            // There is no such cell: whoever counts takes the remainder.
            None => measure(None).map(|(outcome, _)| outcome),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn an_allowance_is_ten_seconds_at_once_and_then_comes_back_by_the_second() {
        let ms = Arc::new(AtomicU64::new(1_000_000));
        let table = Table::new(NonZeroU32::new(2).unwrap(), &Clock::Held(Arc::clone(&ms)));
        let count = || (0..100).take_while(|_| table.count("a").is_ok()).count();
        assert_eq!(count(), 20);
        ms.fetch_add(499, Ordering::SeqCst);
        assert_eq!(count(), 0);
        ms.fetch_add(1, Ordering::SeqCst);
        assert_eq!(count(), 1);
        let refused = table.count("a").unwrap_err();
        assert!(matches!(refused, ApiError::TooManyRequests { wait_seconds: 1 }), "{refused:?}");
        // Somebody else is not held up, unless in the same cell, which of a thousand hardly all are.
        assert!((0..1_000).any(|name: u32| table.count(&name).is_ok()));
        ms.fetch_add(3_600_000, Ordering::SeqCst);
        assert_eq!(count(), 20);
    }

    #[test]
    fn no_flood_of_addresses_makes_a_table_grow() {
        let table = Table::new(NonZeroU32::MIN, &Clock::Held(Arc::default()));
        for name in 0..100_000_u32 {
            drop(table.count(&name));
        }
        assert_eq!(table.limiter.into_state_store().0.len(), CELLS);
    }

    #[test]
    fn no_more_keys_are_remembered_than_there_is_room_for() {
        let admission = Admission::new(Limits::default(), &Clock::Held(Arc::default()), &Metrics::default(), None);
        for number in 0..3_000_u32 {
            let mut secret = [0; 32];
            secret[..4].copy_from_slice(&number.to_le_bytes());
            admission.knows_key(KeyHash::of(&secret));
        }
        let known = admission.known_keys.read().unwrap().len();
        assert!((1..=KNOWN_KEYS_MAX).contains(&known), "{known}");
    }
}
