//! What runs beside the pages: the delivery loop, and chores on a schedule.

mod delivery;
pub mod notices;
mod webhooks;

use std::time::Duration;

use tokio::sync::watch;

use crate::app::State;
use crate::clock;
use crate::domain::accounts::sessions;
use crate::domain::calls;
use crate::domain::campaigns::counts;
use crate::domain::churn::{shipping, timeline};
use crate::domain::desk::presence;
use crate::domain::error::Error;
use crate::domain::idempotency;
use crate::domain::messages::expiry;
use crate::domain::notices as told;
use crate::domain::outbox::{self, WorkerId};
use crate::domain::sources;
use crate::domain::usage::{self, inactivity};
use crate::domain::webhooks::deliveries;
use crate::email::Transport;

/// Connections to the mail server kept at once.
pub const LANES: usize = 4;
/// Time between two chores, in seconds; a third of a claim's lease.
const CHORES_SECONDS: u64 = 15;

/// Runs until `stop` turns true.
pub async fn run(state: State, transport: Option<Transport>, stop: watch::Receiver<bool>) {
    let worker = WorkerId::new();
    let mut lanes = vec![];
    if let Some(transport) = transport {
        lanes.push(actix_web::rt::spawn(notices::run(state.clone(), transport.clone(), worker.clone(), stop.clone())));
        for _ in 0..LANES {
            lanes.push(actix_web::rt::spawn(delivery::lane(state.clone(), transport.clone(), worker.clone(), stop.clone())));
        }
    }
    lanes.push(actix_web::rt::spawn(webhooks::run(state.clone(), stop.clone())));
    chores(state, worker, stop).await;
    for lane in lanes {
        if let Err(error) = lane.await {
            tracing::error!(%error, "a delivery lane ended badly");
        }
    }
}

async fn chores(state: State, worker: WorkerId, mut stop: watch::Receiver<bool>) {
    loop {
        let me = worker.clone();
        let done = state
            .write(move |conn| {
                let now = clock::now();
                outbox::renew(conn, &me, now)?;
                outbox::recover(conn, now)?;
                told::mails::renew(conn, &me, now)?;
                told::tidy(conn, now)?;
                deliveries::sweep(conn, now)?;
                expiry::expire_due(conn, now)?;
                sessions::sweep(conn, now)?;
                idempotency::sweep(conn, now)?;
                calls::sweep(conn, now)?;
                sources::sweep(conn, now)?;
                timeline::sweep(conn, now)?;
                usage::sweep(conn, now)?;
                presence::sweep(conn, now)
            })
            .await;
        if let Err(error) = done {
            tracing::error!(%error, "a chore failed; it is tried again");
        }
        fold_counts(&state, &stop).await;
        tell_of_updates(&state, &stop).await;
        look_for_inactive(&state, &stop).await;
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(CHORES_SECONDS)) => {}
            _ = stop.wait_for(|stopped| *stopped) => return,
        }
    }
}

/// Folds what moved in campaigns into their totals, some at a time.
async fn fold_counts(state: &State, stop: &watch::Receiver<bool>) {
    loop {
        match state.quiet_write(counts::fold).await {
            Ok(true) if !*stop.borrow() => {}
            Ok(_) => return,
            Err(error) => {
                tracing::error!(%error, "the numbers of campaigns were not folded; it is tried again");
                return;
            }
        }
    }
}

/// Queues drafts for customers who asked for what shipped, some at a time.
async fn tell_of_updates(state: &State, stop: &watch::Receiver<bool>) {
    loop {
        match state.quiet_write(|conn| shipping::step(conn, clock::now())).await {
            Ok(true) if !*stop.borrow() => {}
            Ok(_) => return,
            Err(error) => {
                tracing::error!(%error, "drafts for an update failed; they are tried again");
                return;
            }
        }
    }
}

/// Writes down who stopped using the product, some at a time.
async fn look_for_inactive(state: &State, stop: &watch::Receiver<bool>) {
    loop {
        match state.quiet_write(|conn| inactivity::step(conn, clock::now())).await {
            Ok(true) if !*stop.borrow() => {}
            Ok(_) => return,
            Err(error) => {
                tracing::error!(%error, "a rule of inactivity failed; it is tried again");
                return;
            }
        }
    }
}

/// Sends mail that is due until none is left, then the webhooks that are due, for `worker --drain` and tests.
pub async fn drain(state: State, transport: Transport) -> Result<(), Error> {
    let (sender, receiver) = watch::channel(false);
    let running = actix_web::rt::spawn(run(state.clone(), Some(transport), receiver));
    while !state.read(outbox::is_drained).await? {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    sender.send_replace(true);
    running.await.map_err(Error::internal)?;
    webhooks::drain(&state).await
}
