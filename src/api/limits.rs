//! How many calls a key may make: a bucket for each key that refills evenly (GCRA).
//!
//! Each process counts for itself.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use governor::clock::Clock;
use governor::middleware::StateInformationMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::clock;

/// Calls a minute without a key that is known, from one address.
pub const STRANGERS_PER_MINUTE: u32 = 60;
/// Calls at once that every key may make, whatever its limit.
const LEAST_BURST: u32 = 10;
/// Calls after which full buckets are forgotten.
const TIDY_EVERY: u32 = 1024;
/// How much more than what is set the demo lets through.
const GENEROUS: u32 = 1000;

/// What tells the time since some fixed moment.
#[derive(Clone)]
struct Ticks(Arc<dyn Fn() -> Duration + Send + Sync>);

impl Clock for Ticks {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        (self.0)().into()
    }
}

type Buckets<K> = RateLimiter<K, HashMapStateStore<K>, Ticks, StateInformationMiddleware>;

/// The buckets of one process.
pub struct Limits {
    ticks: Ticks,
    times: u32,
    /// By calls a minute: a bucket's size is the same for all keys of a kind.
    keys: Mutex<HashMap<NonZeroU32, Arc<Buckets<String>>>>,
    strangers: Buckets<Option<IpAddr>>,
    counted: AtomicU32,
}

/// Where a key stands after a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Calls a minute.
    pub limit: u32,
    /// Calls it may make at once now.
    pub remaining: u32,
    /// Seconds until it may make as many at once as ever.
    pub reset: u64,
    /// Seconds to wait, where this call is one too many.
    pub wait: Option<u64>,
}

impl Standing {
    /// Writes the headers.
    pub fn write(&self, headers: &mut HeaderMap) {
        for (name, prefixed, value) in [
            ("ratelimit-limit", "x-ratelimit-limit", u64::from(self.limit)),
            ("ratelimit-remaining", "x-ratelimit-remaining", u64::from(self.remaining)),
            ("ratelimit-reset", "x-ratelimit-reset", self.reset),
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
            headers.insert(HeaderName::from_static(prefixed), HeaderValue::from(value));
        }
    }
}

fn burst(limit: NonZeroU32) -> NonZeroU32 {
    NonZeroU32::new((limit.get() / 6).max(LEAST_BURST)).unwrap_or(limit)
}

fn buckets<K: Hash + Eq + Clone>(limit: NonZeroU32, burst: NonZeroU32, ticks: &Ticks) -> Buckets<K> {
    RateLimiter::hashmap_with_clock(Quota::per_minute(limit).allow_burst(burst), ticks.clone()).with_middleware()
}

fn at_least_one(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

fn check<K: Hash + Eq + Clone>(buckets: &Buckets<K>, key: &K, limit: NonZeroU32, burst: NonZeroU32, ticks: &Ticks) -> Standing {
    let (remaining, wait) = match buckets.check_key(key) {
        Ok(state) => (state.remaining_burst_capacity(), None),
        Err(not_until) => (0, Some(whole_seconds(not_until.wait_time_from(ticks.now())).max(1))),
    };
    let spent = u64::from(burst.get() - remaining.min(burst.get()));
    let reset = (spent * 60).div_ceil(u64::from(limit.get()));
    Standing { limit: limit.get(), remaining: remaining.min(limit.get()), reset, wait }
}

impl Limits {
    /// What is set for each key, by this process's own clock.
    pub fn new() -> Self {
        Self::with(Arc::new(clock::uptime), 1)
    }

    /// A thousand times of what is set: for the demo, and for tests of something else.
    pub fn generous() -> Self {
        Self::with(Arc::new(clock::uptime), GENEROUS)
    }

    /// What is set for each key, by this clock.
    pub fn by_clock(clock: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self::with(Arc::new(clock), 1)
    }

    fn with(clock: Arc<dyn Fn() -> Duration + Send + Sync>, times: u32) -> Self {
        let ticks = Ticks(clock);
        let strangers = at_least_one(STRANGERS_PER_MINUTE.saturating_mul(times));
        Limits { strangers: buckets(strangers, strangers, &ticks), ticks, times, keys: Mutex::default(), counted: AtomicU32::new(0) }
    }

    /// Counts a call of a key that may make so many a minute.
    pub fn count(&self, key: &str, per_minute: u32) -> Standing {
        self.tidy();
        let limit = at_least_one(per_minute.saturating_mul(self.times));
        let burst = burst(limit);
        let of_kind = {
            let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
            keys.entry(limit).or_insert_with(|| Arc::new(buckets(limit, burst, &self.ticks))).clone()
        };
        check(&of_kind, &key.to_owned(), limit, burst, &self.ticks)
    }

    /// Counts a call without a key that is known; seconds to wait, where it is one too many.
    pub fn count_stranger(&self, peer: Option<IpAddr>) -> Option<u64> {
        self.tidy();
        let limit = at_least_one(STRANGERS_PER_MINUTE.saturating_mul(self.times));
        check(&self.strangers, &peer.map(neighbourhood), limit, limit, &self.ticks).wait
    }

    /// Buckets that are kept now.
    pub fn kept(&self) -> usize {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.values().map(|of_kind| of_kind.len()).sum::<usize>() + self.strangers.len()
    }

    /// Forgets buckets that are full again, now and then, so that callers long gone take no memory.
    fn tidy(&self) {
        if self.counted.fetch_add(1, Ordering::Relaxed) % TIDY_EVERY != TIDY_EVERY - 1 {
            return;
        }
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        for of_kind in keys.values() {
            of_kind.retain_recent();
        }
        keys.retain(|_, of_kind| !of_kind.is_empty());
        drop(keys);
        self.strangers.retain_recent();
        self.strangers.shrink_to_fit();
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Limits")
    }
}

/// Whoever has one IPv6 address has the 2^64 beside it.
fn neighbourhood(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V6(address) if address.to_ipv4_mapped().is_none() => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
        other => other,
    }
}
