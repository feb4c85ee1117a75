//! The call that is answered now, known to what is written for it without being handed from function to function.

use crate::domain::idempotency::Turn;

/// The call that is answered now.
#[derive(Debug, Clone)]
pub struct Current {
    /// Its id: the caller's, or one made here.
    pub request_id: String,
    /// Its turn, where it names an idempotency key.
    pub turn: Option<Turn>,
    /// From where it came.
    pub network: Option<String>,
}

impl Current {
    /// A call without an idempotency key.
    pub fn new(request_id: impl Into<String>) -> Self {
        Current { request_id: request_id.into(), turn: None, network: None }
    }

    /// The same call from this network address.
    pub fn from(self, network: Option<String>) -> Self {
        Current { network, ..self }
    }

    /// The same call with its turn.
    pub fn with_turn(self, turn: Turn) -> Self {
        Current { turn: Some(turn), ..self }
    }
}

tokio::task_local! {
    static CURRENT: Current;
}

/// Does work as part of this call.
pub async fn during<F: Future>(call: Current, work: F) -> F::Output {
    CURRENT.scope(call, work).await
}

/// Does work as part of this call on the thread at hand: what belongs to a task does not follow to other threads.
pub fn during_here<T>(call: Option<Current>, work: impl FnOnce() -> T) -> T {
    match call {
        Some(call) => CURRENT.sync_scope(call, work),
        None => work(),
    }
}

/// The call that is answered now, if one is.
pub fn current() -> Option<Current> {
    CURRENT.try_with(Clone::clone).ok()
}
