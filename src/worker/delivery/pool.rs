//! What was claimed for one relay and waits for a connection.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};

use crate::clock;
use crate::domain::outbox::{AtDot, Claimed};
use crate::email::{EmailAddress, Envelope};

/// Longest rest of a relay that cannot be reached, in seconds.
const LONGEST_REST_SECONDS: u64 = 60;

/// What a message in here may do already.
pub(super) enum Held {
    /// It still has to ask before its final dot.
    Claimed(Box<Claimed>),
    /// It asked together with its batch.
    AtDot(Box<AtDot>),
}

impl Held {
    pub(super) fn claimed(&self) -> &Claimed {
        match self {
            Held::Claimed(claimed) => claimed,
            Held::AtDot(at_dot) => at_dot.claimed(),
        }
    }
}

/// A message as it will leave.
pub(super) struct Prepared {
    pub(super) held: Held,
    pub(super) from: EmailAddress,
    pub(super) to: EmailAddress,
    pub(super) smtputf8: bool,
    pub(super) envelope_id: String,
    pub(super) bytes: Vec<u8>,
}

impl Prepared {
    pub(super) fn envelope(&self) -> Envelope<'_> {
        Envelope { from: Some(&self.from), to: &self.to, smtputf8: self.smtputf8, size: self.bytes.len(), id: Some(&self.envelope_id) }
    }
}

/// The queue of one relay. A permit stands for each message in it.
pub(super) struct Pool {
    waiting: Mutex<VecDeque<Prepared>>,
    permits: Semaphore,
    coming: AtomicUsize,
    low_at: AtomicUsize,
    low: Notify,
    open: AtomicUsize,
    rest: Mutex<Rest>,
}

#[derive(Default)]
struct Rest {
    until: Duration,
    failures: u32,
}

impl Default for Pool {
    fn default() -> Self {
        Pool {
            waiting: Mutex::default(),
            permits: Semaphore::new(0),
            coming: AtomicUsize::new(0),
            low_at: AtomicUsize::new(0),
            low: Notify::new(),
            open: AtomicUsize::new(0),
            rest: Mutex::default(),
        }
    }
}

impl Pool {
    /// Announces so many; [`Pool::low`] answers when no more than these are left.
    pub(super) fn expect(&self, count: usize) {
        self.coming.fetch_add(count, Ordering::SeqCst);
        self.low_at.store(count, Ordering::SeqCst);
    }

    /// Adds what came of so many that were announced.
    pub(super) fn fill(&self, announced: usize, prepared: Vec<Prepared>) {
        let count = prepared.len();
        let mut waiting = locked(&self.waiting);
        waiting.extend(prepared);
        self.coming.fetch_sub(announced, Ordering::SeqCst);
        drop(waiting);
        self.permits.add_permits(count);
        self.low.notify_one();
    }

    /// Puts one back in front of the others.
    pub(super) fn give_back(&self, item: Prepared) {
        locked(&self.waiting).push_front(item);
        self.permits.add_permits(1);
    }

    /// The next message, as soon as there is one; `None` once the pool is closed.
    pub(super) async fn next(&self) -> Option<Prepared> {
        self.permits.acquire().await.ok()?.forget();
        self.pop()
    }

    /// The next message, if there is one now.
    pub(super) fn take_now(&self) -> Option<Prepared> {
        self.permits.try_acquire().ok()?.forget();
        self.pop()
    }

    fn pop(&self) -> Option<Prepared> {
        let mut waiting = locked(&self.waiting);
        let item = waiting.pop_front();
        if self.is_low(&waiting) {
            self.low.notify_one();
        }
        item
    }

    /// Waits until more should be claimed.
    pub(super) async fn low(&self) {
        while !self.is_low(&locked(&self.waiting)) {
            self.low.notified().await;
        }
    }

    fn is_low(&self, waiting: &VecDeque<Prepared>) -> bool {
        waiting.len() + self.coming.load(Ordering::SeqCst) <= self.low_at.load(Ordering::SeqCst)
    }

    /// Lets the lanes end; gives what nobody took.
    pub(super) fn close(&self) -> Vec<Prepared> {
        self.permits.close();
        locked(&self.waiting).drain(..).collect()
    }

    /// Notes that the relay can be reached, and that a connection more is open.
    pub(super) fn opened(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
        *locked(&self.rest) = Rest::default();
    }

    pub(super) fn closed(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether a connection is open.
    pub(super) fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed) > 0
    }

    /// Notes that the relay cannot be reached: nothing is tried for a second, then twice as long, up to a minute.
    pub(super) fn unreachable(&self) {
        let mut rest = locked(&self.rest);
        let now = clock::uptime();
        if rest.until <= now {
            rest.until = now + Duration::from_secs(1_u64.checked_shl(rest.failures).map_or(LONGEST_REST_SECONDS, |s| s.min(LONGEST_REST_SECONDS)));
            rest.failures = (rest.failures + 1).min(10);
        }
    }

    /// How long the relay is still left alone.
    pub(super) fn rest(&self) -> Option<Duration> {
        locked(&self.rest).until.checked_sub(clock::uptime()).filter(|left| !left.is_zero())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
