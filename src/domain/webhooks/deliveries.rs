//! Deliveries: claimed by one worker at a time, tried again for about three days, kept as a log.

use std::fmt;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::statement::hold;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{DeliveryId, EndpointId, RowId, random};
use crate::domain::mailboxes::stops;
use crate::text_enum;

use super::{Endpoint, endpoints, events, queries, signature};

/// How long a claim lives, in seconds: longer than one attempt can take.
pub const LEASE_SECONDS: i64 = 60;
/// Attempts that may be under way to one endpoint, so that a slow one leaves room for the others.
const MOST_AT_ONCE: usize = 2;
/// How long what is done stays in the log, in days.
pub const LOG_DAYS: i64 = 30;
/// The longest answer kept, in characters.
const LONGEST_ANSWER: usize = 2048;

text_enum!(
    /// Where a delivery stands.
    pub enum State {
        /// Waits for its next attempt.
        Waiting => "waiting",
        /// A worker is at it.
        Sending => "sending",
        /// The receiver took it.
        Delivered => "delivered",
        /// Given up.
        Failed => "failed",
    }
);

impl State {
    /// A name for people.
    pub fn label(self) -> &'static str {
        match self {
            State::Waiting => "Waiting",
            State::Sending => "Sending",
            State::Delivered => "Delivered",
            State::Failed => "Given up",
        }
    }
}

/// A line of the log.
#[derive(Debug, Clone, Queryable)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// The event; the header `webhook-id`.
    pub event_id: RowId,
    /// The endpoint.
    pub endpoint_id: EndpointId,
    /// The type of the event.
    pub event_type: String,
    /// What is sent.
    pub body: String,
    /// Where it stands.
    pub state: State,
    /// Attempts so far.
    pub attempts: i32,
    /// When it is tried next.
    pub next_attempt_at: Time,
    /// The HTTP status of the last attempt.
    pub last_status: Option<i32>,
    /// What the receiver said, or why there is no answer.
    pub last_answer: Option<String>,
    /// When it was tried last.
    pub last_attempt_at: Option<Time>,
    /// When it was taken or given up.
    pub finished_at: Option<Time>,
    /// When it happened.
    pub created_at: Time,
}

/// One attempt, claimed.
pub struct Attempt {
    id: DeliveryId,
    endpoint_id: EndpointId,
    token: RowId,
    number: i32,
    event_id: RowId,
    secrets: Vec<String>,
    /// Where to.
    pub url: String,
    /// What is sent.
    pub body: String,
}

/// Without the secrets, which must not reach a log.
impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt").field("id", &self.id).field("number", &self.number).field("url", &self.url).finish_non_exhaustive()
    }
}

impl Attempt {
    /// The headers of Standard Webhooks. The id stays the same on every attempt.
    pub fn headers(&self, now: Time) -> [(&'static str, String); 3] {
        let id = self.event_id.as_str();
        [
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", now.seconds().to_string()),
            ("webhook-signature", signature::sign(&self.secrets, id, now.seconds(), &self.body)),
        ]
    }
}

/// What came of an attempt.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The receiver answered.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The beginning of the body.
        body: String,
    },
    /// It did not, for this reason.
    Failed(String),
}

/// Whether a worker could do something now. In a database that was put back or copied nothing is told before somebody
/// confirms it.
pub fn is_due(conn: &mut Conn, now: Time) -> Result<bool> {
    if stops::is_unconfirmed(conn)? {
        return Ok(false);
    }
    let busy = busy(conn, now)?;
    Ok(!queries::due(conn, &busy, now, 1)?.is_empty())
}

/// Claims deliveries that are due. One about a subject waits until the earlier ones about it are done or given up.
pub fn claim(conn: &mut Conn, limit: i64, now: Time) -> Result<Vec<Attempt>> {
    transaction(conn, |conn| {
        if stops::is_unconfirmed(conn)? {
            return Ok(vec![]);
        }
        let mut busy = busy(conn, now)?;
        let mut claimed = vec![];
        // One at a time, because each claim may use up the room of its endpoint.
        for _ in 0..limit {
            let Some(id) = queries::due(conn, &busy, now, 1)?.pop() else { break };
            let token = RowId::new();
            if !queries::set_claim(conn, &id, &token, now.plus_seconds(LEASE_SECONDS), now)? {
                break;
            }
            let delivery = queries::delivery(conn, &id)?.ok_or_else(|| Error::internal("a claimed delivery is gone"))?;
            let endpoint = queries::by_id(conn, &delivery.endpoint_id)?.ok_or_else(|| Error::internal("a delivery without an endpoint"))?;
            if let Some(why) = &endpoint.disabled_because {
                queries::set_outcome(conn, &id, State::Failed, now, None, why, now)?;
                continue;
            }
            let secrets = match endpoints::secrets(&endpoint, now) {
                Ok(secrets) => secrets,
                Err(error) => {
                    tracing::error!(%error, endpoint = %endpoint.id, "a webhook is not sent, because it cannot be signed");
                    put_off(conn, &id, delivery.attempts, now)?;
                    continue;
                }
            };
            busy.push(endpoint.id.clone());
            claimed.push(Attempt {
                id,
                endpoint_id: endpoint.id,
                token,
                number: delivery.attempts,
                event_id: delivery.event_id,
                secrets,
                url: endpoint.url,
                body: delivery.body,
            });
        }
        Ok(claimed)
    })
}

/// Notes that an attempt could not be signed. Nothing leaves unsigned; it is tried again as after any failure.
fn put_off(conn: &mut Conn, id: &DeliveryId, attempts: i32, now: Time) -> Result<()> {
    let why = "Nothing was sent: the secret of this webhook is sealed with a key that is not here. Put the key back (docs/OPERATIONS.md, Sealed \
               secrets), or make a new secret.";
    let (state, next) = after(attempts, now);
    Ok(queries::set_outcome(conn, id, state, next, None, why, now)?)
}

/// What follows a failure: the next attempt, or the end.
fn after(attempts: i32, now: Time) -> (State, Time) {
    match backoff(attempts, u64::from_le_bytes(random())) {
        Some(wait) => (State::Waiting, now.plus_seconds(i64::try_from(wait.as_secs()).unwrap_or(i64::MAX))),
        None => (State::Failed, now),
    }
}

/// The endpoint of every attempt under way, as often as there are attempts.
fn busy(conn: &mut Conn, now: Time) -> Result<Vec<EndpointId>> {
    Ok(queries::under_way(conn, now)?)
}

/// The endpoints in the list that have no room for another attempt.
pub(super) fn full(busy: &[EndpointId]) -> Vec<EndpointId> {
    busy.iter().filter(|id| busy.iter().filter(|other| other == id).count() >= MOST_AT_ONCE).cloned().collect()
}

/// Records what came of an attempt, unless its claim ran out meanwhile.
pub fn record(conn: &mut Conn, attempt: &Attempt, outcome: &Outcome, now: Time) -> Result<()> {
    transaction(conn, |conn| {
        if !queries::holds_claim(conn, &attempt.id, &attempt.token)? {
            return Ok(());
        }
        let (status, answer) = match outcome {
            Outcome::Answered { status, body } => (Some(*status), body),
            Outcome::Failed(text) => (None, text),
        };
        let answer: String = answer.chars().take(LONGEST_ANSWER).collect();
        if status == Some(410) {
            hold(conn, endpoints::TABLE, attempt.endpoint_id.as_str())?;
        }
        let endpoint = queries::by_id(conn, &attempt.endpoint_id)?.ok_or_else(|| Error::internal("a delivery without an endpoint"))?;
        let (state, next) = match status {
            Some(200..=299) => (State::Delivered, now),
            Some(410) => (State::Failed, now),
            _ if endpoint.disabled_at.is_some() => (State::Failed, now),
            _ => after(attempt.number, now),
        };
        queries::set_outcome(conn, &attempt.id, state, next, status.map(i32::from), &answer, now)?;
        if status == Some(410) {
            endpoints::switch_off(conn, &Actor::System("webhooks"), endpoint, "The receiver answered 410 Gone.", now)?;
        }
        Ok(())
    })
}

/// The wait after so many attempts: five seconds, four times as long each time up to six hours,
/// and up to as much again by chance, so that receivers are not hit by all at once. About three days in all.
pub fn backoff(attempts: i32, chance: u64) -> Option<Duration> {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_secs(5))
        .with_factor(4.0)
        .with_max_delay(Duration::from_secs(6 * 3600))
        .with_max_times(14)
        .with_jitter()
        .with_jitter_seed(chance)
        .build()
        .nth(usize::try_from(attempts - 1).unwrap_or(0))
}

/// Sends an event of no consequence, to see whether the receiver takes it.
pub fn test(conn: &mut Conn, actor: &Actor, id: &EndpointId, now: Time) -> Result<Delivery> {
    transaction(conn, |conn| {
        let endpoint = enabled(conn, actor, id)?;
        let subject = RowId::new();
        let data = json!({"text": "A test from Countersign. Nothing happened.", "webhook_id": endpoint.id});
        events::write(conn, std::slice::from_ref(&endpoint), "webhook.test", subject.as_str(), &data, now)?;
        endpoints::log(conn, actor, "webhook.test", &endpoint, now)?;
        let latest = queries::log(conn, id, None, 1)?.pop();
        latest.ok_or_else(|| Error::internal("a test event was not written"))
    })
}

/// Sends an event again, with the same `webhook-id`.
pub fn replay(conn: &mut Conn, actor: &Actor, endpoint: &EndpointId, id: &DeliveryId, now: Time) -> Result<Delivery> {
    transaction(conn, |conn| {
        let row = enabled(conn, actor, endpoint)?;
        let delivery = get(conn, actor, endpoint, id)?;
        if !queries::start_again(conn, &delivery.id, now)? {
            return Err(Error::conflict("delivery_open", "This event is on its way already. Wait for its outcome."));
        }
        endpoints::log(conn, actor, "webhook.replay", &row, now)?;
        get(conn, actor, endpoint, id)
    })
}

fn enabled(conn: &mut Conn, actor: &Actor, id: &EndpointId) -> Result<Endpoint> {
    let endpoint = endpoints::get(conn, actor, id)?;
    if endpoint.disabled_at.is_some() {
        return Err(Error::conflict("webhook_disabled", "This webhook is switched off. Switch it on first."));
    }
    Ok(endpoint)
}

/// One line of the log of an endpoint.
pub fn get(conn: &mut Conn, actor: &Actor, endpoint: &EndpointId, id: &DeliveryId) -> Result<Delivery> {
    endpoints::get(conn, actor, endpoint)?;
    queries::delivery(conn, id)?.filter(|delivery| delivery.endpoint_id == *endpoint).ok_or_else(|| Error::not_found("delivery"))
}

/// The log of an endpoint, newest first, and whether there is more.
pub fn log(conn: &mut Conn, actor: &Actor, endpoint: &EndpointId, before: Option<&DeliveryId>, limit: usize) -> Result<(Vec<Delivery>, bool)> {
    endpoints::get(conn, actor, endpoint)?;
    let mut rows = queries::log(conn, endpoint, before, i64::try_from(limit).unwrap_or(100) + 1)?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    Ok((rows, more))
}

/// Forgets what was done with long ago.
pub fn sweep(conn: &mut Conn, now: Time) -> Result<()> {
    Ok(queries::sweep(conn, now.plus_days(-LOG_DAYS))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_with_chance_over_about_three_days_and_end() {
        let total = |chance| (1..40).map_while(|attempts| backoff(attempts, chance)).map(|wait| wait.as_secs()).sum::<u64>() / 3600;
        for chance in 0..50 {
            assert!((48..=100).contains(&total(chance)), "{} hours", total(chance));
            let first = backoff(1, chance).unwrap().as_secs();
            assert!((5..=10).contains(&first), "{first}");
        }
        let average = (0..50).map(total).sum::<u64>() / 50;
        assert!((66..=82).contains(&average), "{average} hours on average");
        assert_ne!(backoff(9, 1), backoff(9, 2), "two receivers are not called at the same moment");
        assert!(backoff(14, 1).is_some() && backoff(15, 1).is_none());
    }
}
