//! The call that is answered now, known to what is written for it without being handed from function to function.

use std::sync::{Arc, Mutex, PoisonError};

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
    subject: Arc<Mutex<Subject>>,
}

/// What a call is about.
#[derive(Debug, Default)]
struct Subject {
    named: Option<String>,
    changed: Option<String>,
    is_about_a_contact: bool,
}

impl Current {
    /// A call without an idempotency key.
    pub fn new(request_id: impl Into<String>) -> Self {
        Current { request_id: request_id.into(), turn: None, network: None, subject: Arc::default() }
    }

    /// The same call from this network address.
    pub fn from(self, network: Option<String>) -> Self {
        Current { network, ..self }
    }

    /// The same call with its turn.
    pub fn with_turn(self, turn: Turn) -> Self {
        Current { turn: Some(turn), ..self }
    }

    fn tell(&self, tell: impl FnOnce(&mut Subject)) {
        tell(&mut self.subject.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The thing it names, or else the first one it changed, where what it changed was kept.
    pub fn target(&self, was_kept: bool) -> Option<String> {
        let mut target = None;
        self.tell(|subject| target = subject.named.clone().or_else(|| subject.changed.clone().filter(|_| was_kept)));
        target
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

/// Notes the thing that the call at hand names.
pub fn names(id: &str) {
    if let Some(call) = current() {
        call.tell(|subject| subject.named = Some(id.to_owned()));
    }
}

/// Notes a thing that the call at hand changed. The first counts; only a contact makes way, who may be new with the first message to them.
pub(in crate::domain) fn changed(kind: &str, id: &str) {
    if let Some(call) = current() {
        call.tell(|subject| {
            if subject.changed.is_none() || (subject.is_about_a_contact && kind != "contact") {
                subject.changed = Some(id.to_owned());
                subject.is_about_a_contact = kind == "contact";
            }
        });
    }
}

/// The call that is answered now, if one is.
pub fn current() -> Option<Current> {
    CURRENT.try_with(Clone::clone).ok()
}
