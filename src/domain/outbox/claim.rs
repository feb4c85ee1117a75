//! Claims: some hundred rows at once, leased to one worker, with every check looked at for all of them together.

use std::collections::{HashMap, HashSet};

use crate::clock::Time;
use crate::db::{Conn, Stamp, Touched, transaction};
use crate::domain::campaigns;
use crate::domain::error::Result;
use crate::domain::ids::{MailboxId, MessageId};
use crate::domain::mailboxes::{OnUncertain, bounces};
use crate::domain::messages::{self, Content, State};
use crate::domain::policy::transmit::{self, Looked};
use crate::domain::policy::{self, Case, Outcome, Standing};
use crate::domain::provenance;
use crate::domain::reputation::{queries as reputation, sends};

use super::moves::{put_aside, put_back, skip, take_back, unshow};
use super::{Claimed, LEASE_SECONDS, Reached, WorkerId, dot, queries};

/// Messages of stopped campaigns that are put aside in one transaction.
const MOST_ASIDE: usize = 200;
/// How often one lease looks further where all that it found was put off.
const MOST_ROUNDS: usize = 20;

/// Of which mailboxes, by their addresses in the compared form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Served {
    /// Of these.
    Only(Vec<String>),
    /// Of all but these.
    AllBut(Vec<String>),
}

impl Served {
    /// Of every mailbox.
    pub fn all() -> Self {
        Served::AllBut(vec![])
    }

    fn takes(&self, address_key: &String) -> bool {
        match self {
            Served::Only(these) => these.contains(address_key),
            Served::AllBut(these) => !these.contains(address_key),
        }
    }
}

/// What a look at leased rows found.
#[derive(Debug, Default)]
pub struct Examined {
    /// What may be offered to the relay.
    pub claimed: Vec<Claimed>,
    /// What may not, for [`turn_away`].
    pub refused: Vec<Refused>,
}

/// A leased message that a check spoke against.
#[derive(Debug)]
pub struct Refused {
    message_id: MessageId,
    attempts: i32,
    why: Why,
}

#[derive(Debug)]
enum Why {
    /// It is not sent.
    Skip(String),
    /// Back to the reviewers.
    TakeBack(String),
    /// Its campaign is stopped.
    Campaign,
    /// It waits until then.
    Wait(Time, String),
}

/// Claims messages that are due, up to `limit`. Those that a check speaks against
/// are skipped here with the reason.
pub fn claim(conn: &mut Conn, worker: &WorkerId, limit: i64, now: Time) -> Result<Vec<Claimed>> {
    transaction(conn, |conn| {
        let mut aside = 0;
        loop {
            let leased = lease(conn, worker, &Served::all(), limit, now)?;
            let Examined { claimed, refused } = examine(conn, worker, &leased, None, now)?;
            let more = refused.iter().filter(|refused| matches!(refused.why, Why::Campaign)).count();
            turn_away(conn, refused, now)?;
            aside += more;
            // What a stopped campaign left in front must not hold up the rest.
            if !claimed.is_empty() || more == 0 || aside >= MOST_ASIDE {
                return Ok(claimed);
            }
        }
    })
}

/// What has its turn next, as it was found without holding up anybody who writes.
#[derive(Debug)]
pub struct Plan {
    looked: Looked,
    at: Time,
}

/// Looks at what is due; a plan where all of it may simply leave. What waits for something, or could stop its mailbox, is
/// looked at by [`lease`] alone.
pub fn plan(conn: &mut Conn, served: &Served, limit: i64, now: Time) -> Result<Option<Plan>> {
    if queries::all_stopped(conn)? {
        return Ok(None);
    }
    let chosen = next(conn, served, limit, now)?;
    let looked = transmit::look(conn, &chosen, false, now)?;
    Ok((!chosen.is_empty() && looked.is_plain()).then_some(Plan { looked, at: now }))
}

/// Leases what was planned at `planned`, if nobody wrote since; otherwise as [`lease`] does. With what that touched.
pub fn lease_planned(
    conn: &mut Conn,
    worker: &WorkerId,
    (served, limit): (&Served, i64),
    planned: Option<(Stamp, Plan)>,
    stamp: Option<Stamp>,
    now: Time,
) -> Result<(Vec<MessageId>, Touched)> {
    match planned {
        Some((at, plan)) if stamp == Some(at) => transaction(conn, |conn| {
            let found = transmit::settle(conn, plan.looked, plan.at)?;
            let going: Vec<MessageId> = found.into_iter().map(|(id, _)| id).collect();
            let leased = queries::set_claims(conn, &going, worker.as_str(), now.plus_seconds(LEASE_SECONDS), now)?;
            Ok((leased, Touched::Turns))
        }),
        _ => Ok((lease(conn, worker, served, limit, now)?, Touched::Anything)),
    }
}

/// What is due, some of every mailbox that may send.
fn next(conn: &mut Conn, served: &Served, limit: i64, now: Time) -> Result<Vec<MessageId>> {
    // Those that have used up a limit wait as a whole.
    let waiting = reputation::waiting(conn, now)?;
    let served = queries::open_mailboxes(conn)?.into_iter().filter(|(_, key)| served.takes(key)).map(|(id, _)| id);
    let open: Vec<MailboxId> = served.filter(|id| !waiting.contains(id)).collect();
    Ok(in_turn(queries::due(conn, &open, now, limit)?, usize::try_from(limit).unwrap_or(0)))
}

/// Leases rows that are due and have their turn, some of every mailbox, so that a full one does not hold up the others.
/// What a cap, quiet hours or a limit delays is put off, and each that is leased has its place counted. The rest is
/// looked at by [`examine`].
pub fn lease(conn: &mut Conn, worker: &WorkerId, served: &Served, limit: i64, now: Time) -> Result<Vec<MessageId>> {
    transaction(conn, |conn| {
        if queries::all_stopped(conn)? {
            return Ok(vec![]);
        }
        let mut leased = vec![];
        for _ in 0..MOST_ROUNDS {
            let chosen = next(conn, served, limit, now)?;
            if chosen.is_empty() {
                break;
            }
            let found = transmit::take_turns(conn, &chosen, now)?;
            let stay: HashSet<&MessageId> = found.iter().filter(|(_, said)| matches!(said, Outcome::Defer { .. })).map(|(id, _)| id).collect();
            let going: Vec<MessageId> = chosen.iter().filter(|id| !stay.contains(id)).cloned().collect();
            leased = queries::set_claims(conn, &going, worker.as_str(), now.plus_seconds(LEASE_SECONDS), now)?;
            let against = against(conn, found)?;
            leased.retain(|id| against.iter().all(|refused| refused.message_id != *id));
            turn_away(conn, against, now)?;
            // What was put off must not hold up what is behind it.
            if !leased.is_empty() {
                break;
            }
        }
        Ok(leased)
    })
}

/// What the checks will not let go.
fn against(conn: &mut Conn, found: Vec<(MessageId, Outcome)>) -> Result<Vec<Refused>> {
    let mut refused = vec![];
    for (message_id, said) in found {
        let why = match said {
            Outcome::Send | Outcome::Defer { .. } => continue,
            Outcome::Skip(because) => Why::Skip(because.detail),
            Outcome::Hold(because) => Why::TakeBack(because.detail),
        };
        refused.push(Refused { attempts: queries::attempts(conn, &message_id)?, message_id, why });
    }
    Ok(refused)
}

/// The first of each list, then the second of each, until there are enough.
fn in_turn(lists: Vec<Vec<MessageId>>, limit: usize) -> Vec<MessageId> {
    if let [only] = lists.as_slice() {
        return only.iter().take(limit).cloned().collect();
    }
    let mut lists: Vec<_> = lists.into_iter().map(Vec::into_iter).collect();
    let mut chosen = vec![];
    while chosen.len() < limit {
        let before = chosen.len();
        chosen.extend(lists.iter_mut().filter_map(Iterator::next));
        if chosen.len() == before {
            break;
        }
    }
    chosen.truncate(limit);
    chosen
}

/// Looks at leased rows: warrant, content, person, switches, facts. Reads only, in a number of statements that does
/// not depend on how many there are. With the stamp of a moment before it: what the last look before a dot would find is
/// looked for as well, so that it need not be looked for again until somebody writes.
pub fn examine(conn: &mut Conn, worker: &WorkerId, ids: &[MessageId], stamp: Option<Stamp>, now: Time) -> Result<Examined> {
    let mut found = Examined::default();
    if ids.is_empty() {
        return Ok(found);
    }
    let rows = queries::leased(conn, ids, worker.as_str())?;
    let cases: Vec<Case> = rows.iter().map(queries::Leased::case).collect();
    let standings = Standing::of_many(conn, &cases.iter().collect::<Vec<_>>())?;
    let labels: HashSet<&str> = rows.iter().filter_map(|row| row.campaign.as_deref()).collect();
    let stopped = campaigns::stopped_among(conn, &labels)?;
    let traits = queries::traits(conn, ids)?;
    let resting: Vec<(MessageId, i32)> = rows.iter().filter(|row| traits.rests_on_claims(&row.id)).map(|row| (row.id.clone(), row.version)).collect();
    let mut known = provenance::known(conn, ids)?;
    let mut lost = messages::ledger::lost_grounds(conn, &resting, now.date())?;
    let choices: HashMap<MailboxId, (OnUncertain, Option<String>)> =
        queries::choices(conn)?.into_iter().map(|(id, what, to)| (id, (what, to))).collect();
    let key = if choices.values().any(|(_, to)| to.is_some()) { bounces::key(conn)? } else { None };
    let bounces_to = |case: &Case| bounces::address(key.as_deref()?, choices.get(&case.mailbox_id)?.1.as_deref()?, &case.message_id);
    let mut planted = HashSet::new();
    for (row, case) in rows.into_iter().zip(cases) {
        if row.planted {
            planted.insert(row.id.clone());
        }
        let content = Content::from(&row.words);
        let why = why_not(&row, &content, standings.get(&row.id), lost.remove(&row.id), &stopped, now);
        match (why, row.warrant) {
            (None, Some(warrant)) => found.claimed.push(Claimed {
                on_uncertain: choices.get(&case.mailbox_id).map_or(OnUncertain::Ask, |(choice, _)| *choice),
                bounces_to: bounces_to(&case),
                provenance: known.remove(&row.id),
                rests_on_claims: traits.rests_on_claims(&row.id),
                is_followed: traits.is_followed(&row.id),
                case,
                campaign: row.campaign,
                warrant_id: warrant.id,
                warrant_ends: warrant.expires_at,
                looked_at: None,
                version: row.version,
                content_hash: warrant.content_hash,
                attempts: row.attempts,
                worker: worker.clone(),
                made_at: row.words.created_at,
                claimed_at: now,
                reached: Reached::default(),
                content,
            }),
            (why, _) => {
                let why = why.unwrap_or_else(|| Why::Skip(super::NO_WARRANT.to_owned()));
                found.refused.push(Refused { message_id: row.id, attempts: row.attempts, why });
            }
        }
    }
    if stamp.is_some() {
        let claimed: Vec<&Claimed> = found.claimed.iter().collect();
        let against = dot::against(conn, &claimed, now)?;
        for one in found.claimed.iter_mut().filter(|one| !planted.contains(one.message_id()) && !against.contains_key(one.message_id())) {
            one.looked_at = stamp;
        }
    }
    Ok(found)
}

fn why_not(
    row: &queries::Leased,
    content: &Content,
    standing: Option<&Standing>,
    lost: Option<String>,
    stopped: &HashSet<String>,
    now: Time,
) -> Option<Why> {
    if !matches!(row.state, State::Approved | State::Queued | State::Sending) {
        return Some(Why::Wait(now.plus_days(1), format!("It is {} and cannot be sent.", row.state)));
    }
    let Some(standing) = standing else { return Some(Why::Skip("Its recipient is not on record.".to_owned())) };
    if row.campaign.as_ref().is_some_and(|label| stopped.contains(label)) {
        return Some(Why::Campaign);
    }
    if let Some(why) = policy::refusal(standing) {
        return Some(Why::Skip(why));
    }
    let Some(warrant) = &row.warrant else { return Some(Why::Skip(super::NO_WARRANT.to_owned())) };
    // The hash is computed anew from the words that would leave; a row changed behind
    // the product's back does not get past this.
    let hash = content.hash();
    let intact = warrant.content_hash == hash && warrant.content_hash == row.content_hash && warrant.version == row.version;
    if !intact || warrant.expires_at <= now {
        return Some(Why::Skip(super::UNFIT_WARRANT.to_owned()));
    }
    // The offer may have ended while it waited, or a fact changed behind its back.
    if let Some(why) = lost {
        return Some(Why::TakeBack(why));
    }
    policy::hold(standing).map(|why| Why::Wait(now.plus_seconds(super::STOPPED_SECONDS), why))
}

/// Records what came of the refused ones.
pub fn turn_away(conn: &mut Conn, refused: Vec<Refused>, now: Time) -> Result<()> {
    if refused.is_empty() {
        return Ok(());
    }
    transaction(conn, |conn| {
        for Refused { message_id: id, attempts, why } in refused {
            match why {
                Why::Skip(why) => skip(conn, &id, &why, now)?,
                Why::TakeBack(why) => take_back(conn, &id, &why, now)?,
                Why::Campaign => put_aside(conn, &id, attempts, now)?,
                Why::Wait(at, why) => put_back(conn, &id, "sending", at, &why, attempts, now)?,
            }
        }
        Ok(())
    })
}

/// Gives back what was claimed and not offered, for whoever claims next.
pub fn release(conn: &mut Conn, claimed: &[Claimed], now: Time) -> Result<()> {
    let Some(first) = claimed.first() else { return Ok(()) };
    transaction(conn, |conn| {
        let ids: Vec<&str> = claimed.iter().map(|one| one.case.message_id.as_str()).collect();
        for id in queries::unlease(conn, &ids, first.worker.as_str(), now)? {
            sends::give_back(conn, &id)?;
            unshow(conn, &id, now)?;
        }
        Ok(())
    })
}
