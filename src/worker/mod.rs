//! What runs beside the pages: the delivery loop, and chores on a schedule.

mod delivery;
pub mod folders;
pub mod meters;
pub mod notices;
mod relay_log;
pub mod relays;
mod webhooks;

use std::time::Duration;

use tokio::sync::watch;

use crate::app::State;
use crate::clock::{self, Time};
use crate::db::Conn;
use crate::domain::accounts::sessions;
use crate::domain::audit::{chain, heads};
use crate::domain::calls;
use crate::domain::campaigns::{self, counts};
use crate::domain::churn::{rules, shipping, timeline, window};
use crate::domain::cohorts::{history, rounds};
use crate::domain::contacts::erase;
use crate::domain::desk::presence;
use crate::domain::error::Error;
use crate::domain::idempotency;
use crate::domain::imports;
use crate::domain::installation;
use crate::domain::messages::expiry;
use crate::domain::notices as told;
use crate::domain::outbox::{self, WorkerId};
use crate::domain::privacy::retention;
use crate::domain::provenance;
use crate::domain::reports::days;
use crate::domain::reputation;
use crate::domain::segments::departures;
use crate::domain::sequences;
use crate::domain::sources;
use crate::domain::templates;
use crate::domain::usage::{self, inactivity};
use crate::domain::webhooks::deliveries;
use crate::senders;

pub use relays::Relays;

/// Time between two chores, in seconds; a third of a claim's lease.
const CHORES_SECONDS: u64 = 15;
/// Time between two looks at whether there is something to draft for many, in seconds.
const DRAFTS_SECONDS: u64 = 2;
/// Time between two looks at whether a variant has won, in seconds: counting all that came back takes a while.
const COMPARE_SECONDS: i64 = 600;
/// Time between two notes of how far the database has come, in seconds.
const MARK_SECONDS: u64 = 1;

/// Runs until `stop` turns true.
pub async fn run(state: State, relays: impl Into<Relays>, stop: watch::Receiver<bool>) {
    let relays = relays.into();
    let worker = WorkerId::new();
    // Before anything leaves: each mail is signed with it.
    if let Err(error) = state.quiet_write(|conn| provenance::keys::ensure(conn, clock::now())).await {
        tracing::error!(%error, "there is no key yet that says where mail comes from; mail leaves without that header");
    }
    let mut running = vec![];
    let mut threads = vec![];
    if let Some(usual) = relays.usual() {
        running.push(actix_web::rt::spawn(notices::run(state.clone(), usual.clone(), worker.clone(), stop.clone())));
    }
    if !relays.is_empty() {
        match delivery::Writer::start(state.db.clone()) {
            Ok((writer, started)) => {
                threads.extend(started);
                running.extend(delivery::start(&state, &relays, &worker, &writer, &stop));
                running.push(actix_web::rt::spawn(show_slow(state.clone(), stop.clone())));
            }
            Err(error) => tracing::error!(%error, "no mail can leave: the writer of the outbox did not start"),
        }
        threads.extend(hear_others(&state, &stop));
    }
    if let Some(log) = relays.log() {
        running.push(actix_web::rt::spawn(relay_log::run(state.clone(), log.to_owned(), stop.clone())));
    }
    running.push(actix_web::rt::spawn(keep_claims(state.clone(), worker, stop.clone())));
    running.push(actix_web::rt::spawn(webhooks::run(state.clone(), stop.clone())));
    running.push(actix_web::rt::spawn(draft_rounds(state.clone(), stop.clone())));
    running.push(actix_web::rt::spawn(keep_mark(state.clone(), stop.clone())));
    work_off(&state, &stop, "what left and is not yet shown as sent", |conn, now| Ok(outbox::finish_all(conn, now)? > 0)).await;
    chores(state, stop).await;
    for one in running {
        if let Err(error) = one.await {
            tracing::error!(%error, "a part of the worker ended badly");
        }
    }
    // The writer ends when nobody can have anything written any more.
    let joined = actix_web::web::block(move || threads.into_iter().map(std::thread::JoinHandle::join).all(|joined| joined.is_ok())).await;
    if !matches!(joined, Ok(true)) {
        tracing::error!("a thread of the worker ended badly");
    }
}

/// On PostgreSQL, hears when another process put something into the outbox. Without it the worker finds out when it
/// looks the next time.
fn hear_others(state: &State, stop: &watch::Receiver<bool>) -> Option<std::thread::JoinHandle<()>> {
    let (db, wake, stop) = (state.db.clone(), state.wake.clone(), stop.clone());
    let hear = move || db.listen("countersign_outbox", || *stop.borrow(), || wake.notify_waiters());
    match std::thread::Builder::new().name("outbox listener".to_owned()).spawn(hear) {
        Ok(thread) => Some(thread),
        Err(error) => {
            tracing::warn!(%error, "other processes are not heard; the outbox is looked at twice a second");
            None
        }
    }
}

/// Shows on pages what takes longer than a moment to leave.
async fn show_slow(state: State, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
            _ = stop.wait_for(|stopped| *stopped) => return,
        }
        let shown = match state.read(|conn| outbox::slow(conn, clock::now())).await {
            Ok(slow) if slow.is_empty() => Ok(()),
            Ok(slow) => state.quiet_write(move |conn| outbox::show_slow(conn, &slow, clock::now())).await,
            Err(error) => Err(error),
        };
        if let Err(error) = shown {
            tracing::error!(%error, "what is slow could not be shown; it is tried again");
        }
    }
}

/// Drafts what was asked for many people. It has a loop of its own, so that ten thousand drafts keep no chore waiting.
async fn draft_rounds(state: State, mut stop: watch::Receiver<bool>) {
    loop {
        work_off(&state, &stop, "drafts of migrations", rounds::step).await;
        work_off(&state, &stop, "drafts of campaigns", campaigns::rounds::step).await;
        work_off(&state, &stop, "enrollments of segments", sequences::rounds::step).await;
        work_off(&state, &stop, "messages of withdrawn templates", templates::take_back_step).await;
        work_off(&state, &stop, "drafts of win-back rules", rules::step).await;
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(DRAFTS_SECONDS)) => {}
            _ = stop.wait_for(|stopped| *stopped) => return,
        }
    }
}

/// Says that this worker is alive, and keeps what it claimed. It has a loop of its own, so that no chore that fails or takes
/// long lets a claim run out.
async fn keep_claims(state: State, worker: WorkerId, mut stop: watch::Receiver<bool>) {
    loop {
        let me = worker.clone();
        let kept = state.quiet_write(move |conn| {
            let now = clock::now();
            installation::beat(conn, now)?;
            outbox::renew(conn, &me, now)?;
            told::mails::renew(conn, &me, now)
        });
        if let Err(error) = kept.await {
            tracing::error!(%error, "claims could not be renewed; it is tried again");
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(CHORES_SECONDS)) => {}
            _ = stop.wait_for(|stopped| *stopped) => return,
        }
    }
}

type Chore = fn(&mut Conn, Time) -> Result<(), Error>;

/// What is short, each in a transaction of its own: one that fails holds up no other.
const SHORT_CHORES: &[(&str, Chore)] = &[
    ("claims whose worker fell silent", |conn, now| outbox::recover(conn, now).map(meters::lost_leases)),
    ("what left and is not yet shown as sent", |conn, now| outbox::finish_left(conn, now).map(drop)),
    ("notices", told::tidy),
    ("deliveries of webhooks", deliveries::sweep),
    ("what expires", |conn, now| expiry::expire_due(conn, now).map(drop)),
    ("sessions", sessions::sweep),
    ("repeated requests", idempotency::sweep),
    ("the log of calls", calls::sweep),
    ("calls of sources", sources::sweep),
    ("timelines", timeline::sweep),
    ("usage", usage::sweep),
    ("rates of bounces and complaints", reputation::watch::sweep),
    ("who reads what", presence::sweep),
];

async fn chores(state: State, mut stop: watch::Receiver<bool>) {
    let mut last_compared = None;
    loop {
        for (chore, short) in SHORT_CHORES {
            if let Err(error) = state.write(move |conn| short(conn, clock::now())).await {
                tracing::error!(%error, chore, "a chore failed; it is tried again");
            }
        }
        work_off(&state, &stop, "numbers of campaigns", |conn, _| counts::fold(conn)).await;
        work_off(&state, &stop, "numbers of reports", |conn, _| days::fold(conn)).await;
        work_off(&state, &stop, "the chain of the audit log", |conn, _| chain::extend(conn)).await;
        work_off(&state, &stop, "the signed head of the audit log", heads::sign_daily).await;
        work_off(&state, &stop, "drafts for an update", shipping::step).await;
        work_off(&state, &stop, "rules of inactivity", inactivity::step).await;
        work_off(&state, &stop, "recovery windows", window::step).await;
        work_off(&state, &stop, "recovery windows of those held out", rules::picks::close_step).await;
        work_off(&state, &stop, "steps of sequences", sequences::step).await;
        if last_compared.is_none_or(|at: Time| at.plus_seconds(COMPARE_SECONDS) <= clock::now()) {
            work_off(&state, &stop, "shares of variants", sequences::shift_step).await;
            work_off(&state, &stop, "shares of variants", campaigns::variants::shift_step).await;
            last_compared = Some(clock::now());
        }
        if let Err(error) = senders::look_daily(&state).await {
            tracing::error!(%error, "sender domains were not looked at; it is tried again");
        }
        count_segments(&state, &stop).await;
        count_migrations(&state, &stop).await;
        keep_no_longer(&state, &stop).await;
        look_through_files(&state).await;
        take_over_imports(&state).await;
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(CHORES_SECONDS)) => {}
            _ = stop.wait_for(|stopped| *stopped) => return,
        }
    }
}

/// Notes beside the database how far its log of changes has come.
async fn keep_mark(state: State, mut stop: watch::Receiver<bool>) {
    let mut noted = None;
    loop {
        let stopping = *stop.borrow();
        if let Some(mark) = state.db.mark() {
            match state.read(installation::latest_change).await {
                Ok(seq) if noted == Some(seq) => {}
                Ok(seq) => match mark.write_seq(seq) {
                    Ok(()) => noted = Some(seq),
                    Err(error) => tracing::error!(%error, "the file beside the database cannot be written"),
                },
                Err(error) => tracing::error!(%error, "the log of changes cannot be read"),
            }
        }
        if stopping {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(MARK_SECONDS)) => {}
            _ = stop.wait_for(|stopped| *stopped) => {}
        }
    }
}

/// Takes step after step of a chore until nothing is left for it, each in its own transaction.
async fn work_off(state: &State, stop: &watch::Receiver<bool>, chore: &'static str, step: fn(&mut Conn, Time) -> Result<bool, Error>) {
    loop {
        match state.quiet_write(move |conn| step(conn, clock::now())).await {
            Ok(true) if !*stop.borrow() => {}
            Ok(_) => return,
            Err(error) => {
                tracing::error!(%error, chore, "a chore failed; it is tried again");
                return;
            }
        }
    }
}

/// Counts who of each segment left, without holding up those who write while it looks.
async fn count_segments(state: &State, stop: &watch::Receiver<bool>) {
    while !*stop.borrow() {
        let mut found = match state.read(|conn| departures::next(conn, clock::now())).await {
            Ok(Some(found)) => found,
            Ok(None) => return,
            Err(error) => return tracing::error!(%error, "who of a segment left was not counted; it is tried again"),
        };
        loop {
            let kept = state
                .quiet_write(move |conn| {
                    let more = departures::keep(conn, &mut found, clock::now())?;
                    Ok((more, found))
                })
                .await;
            match kept {
                Ok((true, rest)) => found = rest,
                Ok((false, _)) => break,
                Err(error) => return tracing::error!(%error, "who of a segment left was not written down; it is tried again"),
            }
        }
    }
}

/// Notes how far each migration is.
async fn count_migrations(state: &State, stop: &watch::Receiver<bool>) {
    while !*stop.borrow() {
        let counted = match state.read(|conn| history::next(conn, clock::now())).await {
            Ok(Some((id, counts))) => state.quiet_write(move |conn| history::keep(conn, &id, &counts, clock::now())).await,
            Ok(None) => return,
            Err(error) => Err(error),
        };
        if let Err(error) = counted {
            return tracing::error!(%error, "how far a migration is was not counted; it is tried again");
        }
    }
}

/// Takes away what is kept longer than somebody said, some at a time.
async fn keep_no_longer(state: &State, stop: &watch::Receiver<bool>) {
    loop {
        match state.write(|conn| retention::step(conn, clock::now())).await {
            Ok(done) => {
                if done.contacts + done.drafts > 0 {
                    tracing::info!(contacts = done.contacts, drafts = done.drafts, "kept no longer");
                }
                if !done.words.is_empty() {
                    state.sweep_files(done.words.clone()).await;
                }
                if !done.goes_on() || *stop.borrow() {
                    return;
                }
            }
            Err(error) => {
                tracing::error!(%error, "what is kept too long was not taken away; it is tried again");
                return;
            }
        }
    }
}

/// Goes on with imports that another process left, or this one before it was stopped.
async fn take_over_imports(state: &State) {
    loop {
        match state.write(|conn| imports::take_over(conn, clock::now())).await {
            Ok(Some((import, actor, parsed))) => state.go_on_importing(actor, import, parsed),
            Ok(None) => return,
            Err(error) => return tracing::error!(%error, "an import that was left cannot go on; it is tried again"),
        }
    }
}

/// Finishes what an erasure could not: a reader was in the way, or the process ended.
async fn look_through_files(state: &State) {
    match state.read(erase::unswept).await {
        Ok(Some(_)) => state.sweep_files(vec![]).await,
        Ok(None) => {}
        Err(error) => tracing::error!(%error, "it is not known whether files have to be looked through"),
    }
}

/// Sends mail that is due until none is left, then the webhooks that are due, for `worker --drain` and tests.
pub async fn drain(state: State, relays: impl Into<Relays>) -> Result<(), Error> {
    let (sender, receiver) = watch::channel(false);
    let running = actix_web::rt::spawn(run(state.clone(), relays.into(), receiver));
    while !state.read(|conn| outbox::is_drained(conn, clock::now())).await? {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    sender.send_replace(true);
    running.await.map_err(Error::internal)?;
    webhooks::drain(&state).await
}
