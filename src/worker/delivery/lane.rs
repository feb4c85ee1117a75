//! One connection to a relay, one message after the other.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::pool::{Held, Pool, Prepared};
use super::writer::Written;
use super::{Relay, refused};
use crate::clock;
use crate::domain::mailboxes::OnUncertain;
use crate::domain::outbox::{AtDot, Reached, Step};
use crate::email::{self, Connection, Stage, Transport};
use crate::worker::meters;

/// How long a connection is kept that has nothing to say, in seconds.
const IDLE_SECONDS: u64 = 10;
/// How long a lane rests whose connection the relay refused while it kept others, in seconds.
const CROWDED_SECONDS: u64 = 30;

/// An open connection.
struct Seat<'p> {
    connection: Connection,
    counted: Counted<'p>,
}

struct Counted<'p>(&'p Pool);

impl<'p> Counted<'p> {
    fn new(pool: &'p Pool) -> Self {
        pool.opened();
        Counted(pool)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.closed();
    }
}

pub(super) async fn run(relay: Arc<Relay>, mut stop: watch::Receiver<bool>) {
    let mut seat: Option<Seat<'_>> = None;
    let mut next: Option<Prepared> = None;
    let mut unwritten: Option<Written> = None;
    loop {
        if let Some(rest) = relay.pool.rest() {
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                // What waits is given back untried: a relay that cannot be reached now cannot be reached faster.
                _ = stop.wait_for(|stopped| *stopped) => if next.is_none() { break },
            }
        }
        let item = match next.take() {
            Some(item) => item,
            None => match taken(&relay.pool, &mut seat).await {
                Some(item) => item,
                None => break,
            },
        };
        let mut open = match seat.take() {
            Some(open) => open,
            None => match relay.transport.connect().await {
                Ok(connection) => Seat { connection, counted: Counted::new(&relay.pool) },
                Err(failure) if relay.pool.is_open() && !*stop.borrow() => {
                    tracing::info!(%failure, "the relay takes no further connection; those that are open go on");
                    relay.pool.give_back(item);
                    tokio::select! {
                        () = tokio::time::sleep(Duration::from_secs(CROWDED_SECONDS)) => {}
                        _ = stop.wait_for(|stopped| *stopped) => {}
                    }
                    continue;
                }
                Err(failure) => {
                    relay.pool.unreachable();
                    relay.writer.record(refused(&relay.transport, item.held, &failure));
                    continue;
                }
            },
        };
        next = converse(&relay, &mut open.connection, item, &mut unwritten).await;
        seat = Some(open).filter(|open| open.connection.is_reusable());
    }
    quit(seat).await;
}

/// The next message. A connection that waits too long is closed.
async fn taken(pool: &Pool, seat: &mut Option<Seat<'_>>) -> Option<Prepared> {
    if seat.is_some() {
        match tokio::time::timeout(Duration::from_secs(IDLE_SECONDS), pool.next()).await {
            Ok(item) => return item,
            Err(_) => quit(seat.take()).await,
        }
    }
    pool.next().await
}

async fn quit(seat: Option<Seat<'_>>) {
    if let Some(Seat { connection, counted }) = seat {
        drop(counted);
        connection.quit().await;
    }
}

/// Sends this message and, announced together with its final dot, those that follow. Gives back one that was
/// taken and not announced.
async fn converse(relay: &Relay, connection: &mut Connection, first: Prepared, unwritten: &mut Option<Written>) -> Option<Prepared> {
    let mut offered = match connection.announce(&first.envelope()).await {
        Ok(offered) => offered,
        Err(failure) => {
            relay.writer.record(refused(&relay.transport, first.held, &failure));
            return None;
        }
    };
    let mut item = first;
    loop {
        let Prepared { held, bytes, .. } = item;
        let begun;
        let (at_dot, next, (answer, announced)) = match held {
            Held::Claimed(mut claimed) => {
                let ready = match offered.body(&bytes).await {
                    Ok(ready) => ready,
                    Err(failure) => {
                        relay.writer.record(refused(&relay.transport, Held::Claimed(claimed), &failure));
                        return None;
                    }
                };
                // Dropping what is ready closes the connection without the dot: nothing is sent. What speaks against
                // it is recorded; an error is in the log, and the claim runs out.
                claimed.reach(Reached { relay: Some(relay.transport.relay()), stage: Some(Stage::Data.name()), code: None });
                let at_dot = relay.writer.dot(claimed).await.ok().flatten()?;
                let next = relay.pool.take_now();
                begun = clock::uptime();
                let heard = ready.dot_then(&at_dot, next.as_ref().map(Prepared::envelope).as_ref()).await;
                (at_dot, next, heard)
            }
            Held::AtDot(at_dot) => {
                // So at most one message of a connection can come a second time. What could not be recorded is in the log.
                if let Some(written) = unwritten.take() {
                    let _ = written.await;
                }
                let next = relay.pool.take_now();
                begun = clock::uptime();
                let heard = offered.finish_then(&bytes, &at_dot, next.as_ref().map(Prepared::envelope).as_ref()).await;
                (at_dot, next, heard)
            }
        };
        if answer.is_ok() {
            meters::sent(clock::uptime().saturating_sub(begun));
        }
        let may_come_twice = at_dot.claimed().on_uncertain() == OnUncertain::Resend;
        let outcome = settled(&relay.transport, at_dot, answer);
        match may_come_twice {
            true => *unwritten = Some(relay.writer.written(outcome)),
            false => relay.writer.record(outcome),
        }
        match (next, announced) {
            (Some(next), Some(Ok(following))) => (item, offered) = (next, following),
            (Some(next), Some(Err(failure))) => {
                relay.writer.record(refused(&relay.transport, next.held, &failure));
                return None;
            }
            (next, _) => return next,
        }
    }
}

fn settled(transport: &Transport, mut at_dot: Box<AtDot>, answer: Result<email::Accepted, email::Failure>) -> Step {
    match answer {
        Ok(accepted) => {
            at_dot.reach(Reached { relay: Some(transport.relay()), stage: Some(Stage::Dot.name()), code: Some(250) });
            Step::Sent(at_dot, accepted.reply)
        }
        Err(failure) => refused(transport, Held::AtDot(at_dot), &failure),
    }
}
