//! The one place from which messages leave; what the desk tells its own people leaves from
//! [`super::notices`].
//!
//! Claim (committed) → MAIL, RCPT, DATA, content → dot (committed, every check again)
//! → final dot → reply → sent (committed). A stop between the last two leaves the
//! message uncertain: it is not sent again by itself.

use std::time::Duration;

use tokio::sync::watch;

use crate::app::State;
use crate::clock;
use crate::domain::error::Result;
use crate::domain::outbox::{self, AtDot, Claimed, Dot, Failure, WorkerId};
use crate::email::{self, Connection, FailureKind, Mail, Transport};

/// How long a lane sleeps when nothing rings, in milliseconds.
const IDLE_MILLIS: u64 = 500;

pub(super) async fn lane(state: State, transport: Transport, worker: WorkerId, mut stop: watch::Receiver<bool>) {
    let mut connection: Option<Connection> = None;
    while !*stop.borrow() {
        let me = worker.clone();
        let claimed = state.quiet_write(move |conn| outbox::claim(conn, &me, 1, clock::now())).await;
        match claimed {
            Ok(claimed) if claimed.is_empty() => {
                if let Some(idle) = connection.take() {
                    idle.quit().await;
                }
                tokio::select! {
                    () = state.wake.notified() => {}
                    () = tokio::time::sleep(Duration::from_millis(IDLE_MILLIS)) => {}
                    _ = stop.wait_for(|stopped| *stopped) => {}
                }
            }
            Ok(claimed) => {
                for one in claimed {
                    connection = deliver(&state, &transport, connection, one).await;
                }
            }
            Err(error) => {
                tracing::error!(%error, "claiming failed; it is tried again");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// Sends one message and records what came of it. Gives the connection back if it can be used again.
async fn deliver(state: &State, transport: &Transport, connection: Option<Connection>, claimed: Claimed) -> Option<Connection> {
    let id = claimed.message_id().clone();
    let (connection, recorded) = attempt(state, transport, connection, claimed).await;
    if let Err(error) = recorded {
        // What could not be recorded is settled by the lease: before the dot it goes back
        // into the queue, at the dot it becomes uncertain.
        tracing::error!(%error, message = %id, "an outcome could not be recorded");
    }
    connection.filter(Connection::is_reusable)
}

async fn attempt(state: &State, transport: &Transport, connection: Option<Connection>, claimed: Claimed) -> (Option<Connection>, Result<()>) {
    let (mail, bytes) = match written(&claimed) {
        Ok(written) => written,
        Err(text) => return (connection, before(state, claimed, Failure::Permanent(text)).await),
    };
    let mut connection = match connection {
        Some(connection) => connection,
        None => match transport.connect().await {
            Ok(connection) => connection,
            Err(failure) => return (None, before(state, claimed, meaning(&failure)).await),
        },
    };
    let offered = connection.offer(Some(&mail.from_address), &mail.to_address, mail.needs_smtputf8(), bytes.len()).await;
    let ready = match offered {
        Ok(offered) => offered.body(&bytes).await,
        Err(failure) => Err(failure),
    };
    let ready = match ready {
        Ok(ready) => ready,
        Err(failure) => {
            let recorded = before(state, claimed, meaning(&failure)).await;
            return (Some(connection), recorded);
        }
    };
    let at_dot = match state.quiet_write(move |conn| outbox::reach_dot(conn, claimed, clock::now())).await {
        Ok(Dot::Go(at_dot)) => at_dot,
        // Dropping what is ready closes the connection without the dot: nothing is sent.
        Ok(Dot::Stop) => {
            drop(ready);
            return (None, Ok(()));
        }
        Err(error) => {
            drop(ready);
            return (None, Err(error));
        }
    };
    let answer = ready.dot(&at_dot).await;
    let recorded = settle(state, *at_dot, answer).await;
    (Some(connection), recorded)
}

async fn settle(state: &State, at_dot: AtDot, answer: std::result::Result<email::Accepted, email::Failure>) -> Result<()> {
    match answer {
        Ok(accepted) => state.quiet_write(move |conn| outbox::record_sent(conn, at_dot, &accepted.reply, clock::now())).await,
        Err(failure) => {
            let failure = meaning(&failure);
            state.quiet_write(move |conn| outbox::record_failure_at_dot(conn, at_dot, &failure, clock::now())).await
        }
    }
}

fn written(claimed: &Claimed) -> std::result::Result<(Mail, Vec<u8>), String> {
    let mail = email::mail_of(claimed.content(), &claimed.message_id_header(), claimed.made_at()).map_err(|error| error.to_string())?;
    let bytes = email::render(&mail).map_err(|error| error.to_string())?;
    Ok((mail, bytes))
}

async fn before(state: &State, claimed: Claimed, failure: Failure) -> Result<()> {
    state.quiet_write(move |conn| outbox::record_failure(conn, claimed, &failure, clock::now())).await
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
