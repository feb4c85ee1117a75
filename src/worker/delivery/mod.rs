//! The one place from which messages leave; what the desk tells its own people leaves from
//! [`super::notices`].
//!
//! ```text
//! claims: lease (committed) → look → write the bytes ─ pool ─ lane: MAIL, RCPT, DATA, content
//!   → dot (committed, every check again) → final dot → reply → sent (committed)
//! ```
//!
//! One task for each relay claims, one lane for each connection speaks, and one thread writes down what all lanes
//! have to write down, together. A stop between dot and reply leaves the message uncertain: it is not sent again by
//! itself, unless its mailbox would rather have it twice than not at all.

mod claims;
mod lane;
mod pool;
mod writer;

use std::sync::Arc;

use actix_web::rt::task::JoinHandle;
use tokio::sync::watch;

use crate::app::State;
use crate::domain::outbox::{Failure, Reached, Served, Step, WorkerId};
use crate::email::{self, FailureKind, Transport};

use super::meters;
use super::relays::Relays;
use pool::{Held, Pool};
pub(super) use writer::Writer;
use writer::record;

/// One relay with what waits for it here.
struct Relay {
    state: State,
    transport: Transport,
    served: Served,
    connections: usize,
    key_header: String,
    worker: WorkerId,
    pool: Pool,
    writer: Writer,
}

/// Starts claims and lanes of every relay; they end when `stop` turns true.
pub(super) fn start(state: &State, relays: &Relays, worker: &WorkerId, writer: &Writer, stop: &watch::Receiver<bool>) -> Vec<JoinHandle<()>> {
    let mut running = vec![];
    for (transport, served) in relays.each() {
        let relay = Arc::new(Relay {
            state: state.clone(),
            transport,
            served,
            connections: relays.connections(),
            key_header: relays.key_header().to_owned(),
            worker: worker.clone(),
            pool: Pool::default(),
            writer: writer.clone(),
        });
        running.push(actix_web::rt::spawn(claims::run(relay.clone(), stop.clone())));
        running.extend((0..relay.connections).map(|_| actix_web::rt::spawn(lane::run(relay.clone(), stop.clone()))));
    }
    running
}

/// The step that records what a relay refused or where it fell silent, with how far it came.
fn refused(transport: &Transport, held: Held, failure: &email::Failure) -> Step {
    let kind = match failure.kind {
        FailureKind::Transient => "transient",
        FailureKind::Permanent => "permanent",
        FailureKind::Unknown => "unknown",
        FailureKind::Config => "config",
    };
    meters::failed(failure.stage.name(), kind);
    let reached = Reached { relay: Some(transport.relay()), stage: Some(failure.stage.name()), code: failure.code };
    match held {
        Held::Claimed(mut claimed) => {
            claimed.reach(reached);
            Step::Failed(claimed, meaning(failure))
        }
        Held::AtDot(mut at_dot) => {
            at_dot.reach(reached);
            Step::FailedAtDot(at_dot, meaning(failure))
        }
    }
}

/// The step that records a failure before the final dot was written.
fn outbox_failure(held: Held, failure: Failure) -> Step {
    match held {
        Held::Claimed(claimed) => Step::Failed(claimed, failure),
        Held::AtDot(at_dot) => Step::FailedAtDot(at_dot, failure),
    }
}

/// What a failure of the relay means for a row.
pub(super) fn meaning(failure: &email::Failure) -> Failure {
    let text = failure.to_string();
    match failure.kind {
        FailureKind::Transient | FailureKind::Config => Failure::Transient(text),
        FailureKind::Permanent => Failure::Permanent(text),
        FailureKind::Unknown => Failure::Unknown(text),
    }
}
