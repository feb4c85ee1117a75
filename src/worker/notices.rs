//! Mail to the people of the desk: written when it is due, and handed over one by one.
//!
//! Claim (committed) → MAIL, RCPT, DATA, content → dot (committed) → final dot → reply → sent
//! (committed), as with messages; but the permission is another one, which no message gets.

use std::time::Duration;

use tokio::sync::watch;

use super::delivery::meaning;
use crate::app::State;
use crate::clock::{self, Time};
use crate::domain::error::Result;
use crate::domain::notices::{self, ClaimedNotice, mails};
use crate::domain::outbox::WorkerId;
use crate::email::{Connection, Transport, offer_notice};

/// Time between two looks, in seconds.
const LOOK_SECONDS: u64 = 15;

pub(super) async fn run(state: State, transport: Transport, worker: WorkerId, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        if let Err(error) = step(&state, &transport, &worker, &stop, clock::now).await {
            tracing::error!(%error, "notices failed; they are tried again");
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(LOOK_SECONDS)) => {}
            _ = stop.wait_for(|stopped| *stopped) => return,
        }
    }
}

/// Writes what is due by this clock and sends what is written, until nothing is left or `stop` turns true.
pub async fn step<C>(state: &State, transport: &Transport, worker: &WorkerId, stop: &watch::Receiver<bool>, clock: C) -> Result<()>
where
    C: Fn() -> Time + Clone + Send + 'static,
{
    let now = clock();
    for due in state.read(move |conn| notices::due(conn, now)).await? {
        state.quiet_write(move |conn| notices::write(conn, &due, now)).await?;
    }
    let mut connection = None;
    while !*stop.borrow() {
        let (me, now) = (worker.clone(), clock());
        let Some(claimed) = state.quiet_write(move |conn| mails::claim(conn, &me, now)).await? else { break };
        let id = claimed.id().clone();
        let (kept, recorded) = deliver(state, transport, connection, claimed, &clock).await;
        if let Err(error) = recorded {
            // What could not be recorded is settled by the lease, as with messages.
            tracing::error!(%error, notice = %id, "an outcome could not be recorded");
        }
        connection = kept.filter(Connection::is_reusable);
    }
    if let Some(idle) = connection {
        idle.quit().await;
    }
    Ok(())
}

async fn deliver<C>(
    state: &State,
    transport: &Transport,
    connection: Option<Connection>,
    claimed: ClaimedNotice,
    clock: &C,
) -> (Option<Connection>, Result<()>)
where
    C: Fn() -> Time + Clone + Send + 'static,
{
    let before = |claimed, failure| {
        let now = clock();
        state.quiet_write(move |conn| mails::record_failure(conn, claimed, &failure, now))
    };
    let mut connection = match connection {
        Some(connection) => connection,
        None => match transport.connect().await {
            Ok(connection) => connection,
            Err(failure) => return (None, before(claimed, meaning(&failure)).await),
        },
    };
    let ready = match offer_notice(&mut connection, &claimed).await {
        Ok(ready) => ready,
        Err(failure) => {
            let recorded = before(claimed, meaning(&failure)).await;
            return (Some(connection), recorded);
        }
    };
    let now = clock();
    let dot = match state.quiet_write(move |conn| mails::permit_dot(conn, claimed, now)).await {
        Ok(Some(dot)) => dot,
        // Dropping what is ready closes the connection without the dot: nothing is sent.
        Ok(None) => {
            drop(ready);
            return (None, Ok(()));
        }
        Err(error) => {
            drop(ready);
            return (None, Err(error));
        }
    };
    let answer = ready.dot(&dot).await;
    let now = clock();
    let recorded = match answer {
        Ok(accepted) => state.quiet_write(move |conn| mails::record_sent(conn, dot, &accepted.reply, now)).await,
        Err(failure) => state.quiet_write(move |conn| mails::record_failure_at_dot(conn, dot, &meaning(&failure), now)).await,
    };
    (Some(connection), recorded)
}
