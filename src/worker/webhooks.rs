//! The one place from which webhooks leave.
//!
//! Claim (committed) → post → record (committed). A stop between the last two sends the event
//! again when the claim has run out, with the same id.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;

use crate::app::State;
use crate::clock;
use crate::dialer::Failure;
use crate::domain::error::Result;
use crate::domain::webhooks::deliveries::{self, Attempt, Outcome};

/// Calls made at once.
const LANES: usize = 8;
/// How long it sleeps when nothing rings, in milliseconds.
const IDLE_MILLIS: u64 = 1000;

/// Runs until `stop` turns true; what is under way then is finished.
pub(super) async fn run(state: State, mut stop: watch::Receiver<bool>) {
    let mut under_way = FuturesUnordered::new();
    while !*stop.borrow() {
        match claim(&state, LANES - under_way.len()).await {
            Ok(claimed) => under_way.extend(claimed.into_iter().map(|attempt| deliver(&state, attempt))),
            Err(error) => tracing::error!(%error, "claiming webhooks failed; it is tried again"),
        }
        tokio::select! {
            Some(()) = under_way.next() => {}
            () = state.wake.notified() => {}
            () = tokio::time::sleep(Duration::from_millis(IDLE_MILLIS)) => {}
            _ = stop.wait_for(|stopped| *stopped) => {}
        }
    }
    while under_way.next().await.is_some() {}
}

/// Makes every attempt that is due now.
pub(super) async fn drain(state: &State) -> Result<()> {
    loop {
        let claimed = claim(state, LANES).await?;
        if claimed.is_empty() {
            return Ok(());
        }
        let mut under_way: FuturesUnordered<_> = claimed.into_iter().map(|attempt| deliver(state, attempt)).collect();
        while under_way.next().await.is_some() {}
    }
}

/// Looks before it claims: looking holds up no writer.
async fn claim(state: &State, room: usize) -> Result<Vec<Attempt>> {
    if room == 0 || !state.read(|conn| deliveries::is_due(conn, clock::now())).await? {
        return Ok(vec![]);
    }
    let limit = i64::try_from(room).unwrap_or(1);
    state.quiet_write(move |conn| deliveries::claim(conn, limit, clock::now())).await
}

async fn deliver(state: &State, attempt: Attempt) {
    let headers = attempt.headers(clock::now());
    let outcome = match state.dialer.post(&attempt.url, &headers, attempt.body.clone()).await {
        Ok(answer) => Outcome::Answered { status: answer.status, body: answer.body },
        Err(Failure::Refused(error)) => Outcome::Failed(error.detail),
        Err(failure) => Outcome::Failed(failure.to_string()),
    };
    if let Err(error) = state.quiet_write(move |conn| deliveries::record(conn, &attempt, &outcome, clock::now())).await {
        // It is sent again when its claim has run out.
        tracing::error!(%error, "the outcome of a webhook could not be recorded");
    }
}
