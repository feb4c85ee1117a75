//! Claims for one relay: as many at once as it takes in some tenths of a second, looked at together and written out
//! before a connection needs them.

use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::task::JoinHandle;
use futures_util::future::join_all;
use tokio::sync::watch;

use super::pool::{Held, Prepared};
use super::{Relay, outbox_failure, record};
use crate::clock;
use crate::db::{OnDisk, Stamp};
use crate::domain::error::{Error, Result};
use crate::domain::ids::MessageId;
use crate::domain::mailboxes::OnUncertain;
use crate::domain::outbox::{self, Claimed, Examined, Failure, Step};
use crate::domain::senders;
use crate::email;
use crate::provenance;

/// How long it waits when nothing rings, in milliseconds.
const IDLE_MILLIS: u64 = 500;
/// How long it waits where all that was due is claimed, in milliseconds.
const SOON_MILLIS: u64 = 20;
/// Most messages claimed at once; two sets are in memory.
const MOST: usize = 256;
/// What lasts less is claimed too often, in milliseconds.
const SHORT_MILLIS: u64 = 100;
/// What lasts longer is claimed too early: nobody can stop it any more, in milliseconds.
const LONG_MILLIS: u64 = 1000;

pub(super) async fn run(relay: Arc<Relay>, mut stop: watch::Receiver<bool>) {
    let mut size = relay.connections;
    let mut busy = false;
    let mut preparing: Option<JoinHandle<()>> = None;
    while !*stop.borrow() {
        tokio::select! {
            () = relay.pool.low() => {}
            _ = stop.wait_for(|stopped| *stopped) => break,
        }
        let rung = relay.state.wake.notified();
        tokio::pin!(rung);
        // From here on no ring is missed.
        rung.as_mut().enable();
        let began = clock::uptime();
        let wait = match claim(&relay, size, busy).await {
            Ok(lot) if lot.size() == 0 => {
                busy = false;
                IDLE_MILLIS
            }
            Ok(lot) => {
                let all = lot.size() < size;
                busy = !all;
                relay.pool.expect(lot.size());
                // One set is written out while the next is claimed, and no more.
                settle(preparing.take()).await;
                match lot {
                    Lot::Few(count, prepared) => relay.pool.fill(count, prepared),
                    Lot::Many(leased, stamp) => preparing = Some(actix_web::rt::spawn(prepare_all(relay.clone(), leased, stamp))),
                }
                size = sized(&relay, size, began, &mut stop).await;
                if !all {
                    continue;
                }
                SOON_MILLIS
            }
            Err(error) => {
                tracing::error!(%error, "claiming failed; it is tried again");
                2 * IDLE_MILLIS
            }
        };
        tokio::select! {
            () = &mut rung => {}
            () = tokio::time::sleep(Duration::from_millis(wait)) => {}
            _ = stop.wait_for(|stopped| *stopped) => {}
        }
    }
    settle(preparing).await;
    give_back(&relay).await;
}

async fn settle(preparing: Option<JoinHandle<()>>) {
    if let Some(preparing) = preparing
        && let Err(error) = preparing.await
    {
        tracing::error!(%error, "claimed messages could not be prepared; their claims run out");
    }
}

/// How many to claim next, by how long these lasted.
async fn sized(relay: &Relay, size: usize, began: Duration, stop: &mut watch::Receiver<bool>) -> usize {
    tokio::select! {
        () = relay.pool.low() => {}
        _ = stop.wait_for(|stopped| *stopped) => {}
    }
    let lasted = clock::uptime().saturating_sub(began);
    if lasted < Duration::from_millis(SHORT_MILLIS) {
        (size * 2).min(MOST)
    } else if lasted > Duration::from_millis(LONG_MILLIS) {
        (size / 2).max(relay.connections)
    } else {
        size
    }
}

/// What was claimed together.
enum Lot {
    /// So few that to hand them to other threads takes longer than to write them: how many, and what came of them.
    Few(usize, Vec<Prepared>),
    /// Many, to be looked at and written out on all cores.
    Many(Vec<MessageId>, Option<Stamp>),
}

impl Lot {
    fn size(&self) -> usize {
        match self {
            Lot::Few(count, _) => *count,
            Lot::Many(leased, _) => leased.len(),
        }
    }
}

/// Claims. Where there is much to do, what may leave is found beforehand, while others write, and it says when. Where there is
/// little, all is done on one thread and with the connection that claims, whose pages are in memory, and the message is out
/// sooner.
///
/// A claim need not be on the disk by itself: in a power cut it and its worker end together, and the dot, which is waited for,
/// takes it along.
async fn claim(relay: &Arc<Relay>, size: usize, busy: bool) -> Result<Lot> {
    let relay = relay.clone();
    let limit = i64::try_from(size).unwrap_or(i64::MAX);
    let claim = move || {
        let (db, served) = (&relay.state.db, &relay.served);
        let planned = match if busy { db.stamp()? } else { None } {
            Some(stamp) => db.read(|conn| outbox::plan(conn, served, limit, clock::now()))?.map(|plan| (stamp, plan)),
            None => None,
        };
        let ((leased, examined), stamp) = db.write_stamped(OnDisk::WithTheNext, |conn, stamp| {
            let now = clock::now();
            let (leased, touched) = outbox::lease_planned(conn, &relay.worker, (served, limit), planned, stamp, now)?;
            let few = !busy && leased.len() <= cores();
            let examined = if few { Some(outbox::examine(conn, &relay.worker, &leased, None, now)?) } else { None };
            Ok::<_, Error>(((leased, examined), touched))
        })?;
        Ok(match examined {
            Some(examined) => Lot::Few(leased.len(), prepare(&relay, admitted(&relay, examined)?)),
            None => Lot::Many(leased, stamp.filter(|_| busy)),
        })
    };
    actix_web::web::block(claim).await.map_err(Error::internal)?
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// Looks at what was leased, has it written out on all cores, and lets the lanes have each part as soon as it is ready.
async fn prepare_all(relay: Arc<Relay>, leased: Vec<MessageId>, stamp: Option<Stamp>) {
    let (count, work) = (leased.len(), relay.clone());
    let looked_at = move || {
        let examined = work.state.db.read(|conn| outbox::examine(conn, &work.worker, &leased, stamp, clock::now()))?;
        admitted(&work, examined)
    };
    let held = in_background(looked_at).await;
    relay.pool.fill(count - held.len(), vec![]);
    let each = held.len().div_ceil(cores());
    let mut held = held.into_iter();
    let parts = std::iter::from_fn(|| Some(held.by_ref().take(each).collect::<Vec<Held>>()).filter(|part| !part.is_empty()));
    join_all(parts.map(|part| prepare_part(&relay, part))).await;
}

/// Those that may leave; the others are turned away.
fn admitted(relay: &Relay, examined: Examined) -> Result<Vec<Held>> {
    let Examined { claimed, refused } = examined;
    if !refused.is_empty() {
        relay.state.db.write(|conn| outbox::turn_away(conn, refused, clock::now()))?;
    }
    permitted(relay, claimed)
}

async fn prepare_part(relay: &Arc<Relay>, part: Vec<Held>) {
    let (count, work) = (part.len(), relay.clone());
    let prepared = in_background(move || Ok(prepare(&work, part))).await;
    relay.pool.fill(count, prepared);
}

/// What comes of this work on another thread; nothing if it fails.
async fn in_background<T: Send + 'static>(work: impl FnOnce() -> Result<Vec<T>> + Send + 'static) -> Vec<T> {
    actix_web::web::block(work).await.map_err(Error::internal).and_then(|done| done).unwrap_or_else(|error| {
        tracing::error!(%error, "claimed messages could not be prepared; their claims run out");
        vec![]
    })
}

/// Where a mailbox would rather have a message twice than not at all, the whole batch asks for its dots at once.
fn permitted(relay: &Relay, claimed: Vec<Claimed>) -> Result<Vec<Held>> {
    let (asking, at_once): (Vec<Claimed>, Vec<Claimed>) = claimed.into_iter().partition(|one| one.on_uncertain() == OnUncertain::Ask);
    let mut held: Vec<Held> = asking.into_iter().map(|one| Held::Claimed(Box::new(one))).collect();
    if !at_once.is_empty() {
        let steps: Vec<Step> = at_once.into_iter().map(|one| Step::Dot(Box::new(one))).collect();
        let all: Vec<&Step> = steps.iter().collect();
        let marked = record(&relay.state.db, &all)?;
        held.extend(steps.into_iter().filter_map(|step| marked.permit(step)).map(Held::AtDot));
    }
    Ok(held)
}

/// Writes the bytes. What cannot be written will never leave.
fn prepare(relay: &Relay, held: Vec<Held>) -> Vec<Prepared> {
    let mut prepared = vec![];
    for one in held {
        match written(relay, one.claimed()) {
            Ok((mail, envelope_id, bytes)) => {
                let smtputf8 = mail.needs_smtputf8();
                let from = one.claimed().bounces_to().and_then(|address| email::EmailAddress::parse(address).ok()).unwrap_or(mail.from_address);
                prepared.push(Prepared { held: one, from, to: mail.to_address, smtputf8, envelope_id, bytes });
            }
            Err(text) => relay.writer.record(outbox_failure(one, Failure::Permanent(text))),
        }
    }
    prepared
}

fn written(relay: &Relay, claimed: &Claimed) -> std::result::Result<(email::Mail, String, Vec<u8>), String> {
    let id = claimed.message_id_header();
    let mut mail = email::mail_of(claimed.content(), &id, claimed.made_at()).map_err(|error| error.to_string())?;
    if claimed.on_uncertain() == OnUncertain::RelayKey {
        mail.relay_key = Some((relay.key_header.clone(), id.clone()));
    }
    let mut bytes = email::render(&mail).map_err(|error| error.to_string())?;
    if let Some(known) = claimed.provenance() {
        let digest = provenance::digest(&bytes).map_err(|error| error.to_string())?;
        let mut signed = known.header(&digest, &relay.state.base_url).into_bytes();
        signed.append(&mut bytes);
        bytes = signed;
    }
    let bytes = relay.state.senders.keys.sign(senders::domain_of(&claimed.content().from_address), bytes, mail.date);
    Ok((mail, id, bytes))
}

/// Gives back what no connection took.
async fn give_back(relay: &Arc<Relay>) {
    let mut claimed = vec![];
    for item in relay.pool.close() {
        match item.held {
            Held::Claimed(one) => claimed.push(*one),
            Held::AtDot(_) => relay.writer.record(outbox_failure(item.held, Failure::Transient("Its worker stopped.".to_owned()))),
        }
    }
    let released = relay.state.quiet_write(move |conn| outbox::release(conn, &claimed, clock::now())).await;
    if let Err(error) = released {
        tracing::error!(%error, "claims could not be given back; they run out");
    }
}
