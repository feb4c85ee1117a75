//! An event comes in: first whose it is, then once, then what it says.

use crate::clock::Time;
use crate::db::seal;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::churn::timeline::{self, ProviderCustomer, Signal};
use crate::domain::churn::{CANCEL_FLOW, ChurnEvent};
use crate::domain::contacts::made_up;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{RowId, SourceId};
use crate::domain::text::excerpt;

use super::read::{Said, Told};
use super::signatures::{self, Headers, Refused};
use super::{IntakeEvent, Outcome, Provider, Source, place, queries};

/// How far ahead of this server a provider's clock may be, in days.
const AHEAD_DAYS: i64 = 1;

/// Whose word it is.
#[derive(Debug, Clone)]
pub struct Sender {
    /// The provider.
    pub provider: Provider,
    /// The source; none for the secret of the configuration.
    pub source: Option<SourceId>,
}

/// What became of an event.
#[derive(Debug, Clone)]
pub enum Received {
    /// It is on record, and this departure with it, new or not.
    Taken(Option<ChurnEvent>, bool),
    /// It came before.
    Known(Option<ChurnEvent>),
    /// It is not needed, and why.
    Ignored(&'static str),
}

/// A source whose reports are taken, with what they must be signed with.
pub struct Trusted {
    /// The source.
    pub source: Source,
    pub(super) secret: String,
}

impl Trusted {
    fn new(source: Source) -> Result<Trusted> {
        Ok(Trusted { secret: seal::open(&place(&source.id), &source.secret)?, source })
    }
}

/// The sources of a provider whose reports are taken.
pub fn sources(conn: &mut Conn, provider: Provider) -> Result<Vec<Trusted>> {
    queries::enabled(conn, provider)?.into_iter().map(Trusted::new).collect()
}

/// The source with this id, where its reports are taken.
pub fn source(conn: &mut Conn, provider: Provider, id: &SourceId) -> Result<Option<Trusted>> {
    queries::by_id(conn, id)?.filter(|source| source.provider == provider && source.enabled).map(Trusted::new).transpose()
}

/// Finds whose signature it is. `configured` is the secret of the configuration.
pub fn recognise(
    provider: Provider,
    sources: &[Trusted],
    configured: Option<&str>,
    headers: &Headers,
    body: &[u8],
    now: Time,
) -> std::result::Result<Sender, Refused> {
    let check = |secret: &str| match provider {
        Provider::Stripe => signatures::stripe(secret, &headers.signature, body, now),
        Provider::Paddle => signatures::paddle(secret, &headers.signature, body, now),
        Provider::Chargebee => signatures::chargebee(secret, &headers.authorization),
        Provider::Generic => signatures::standard(secret, headers, body, now),
        Provider::CancelFlow => Err(Refused::Signature),
    };
    let all = sources.iter().map(|one| (Some(one.source.id.clone()), one.secret.as_str())).chain(configured.map(|secret| (None, secret)));
    let mut worst = Refused::Signature;
    for (source, secret) in all {
        match check(secret) {
            Ok(()) => return Ok(Sender { provider, source }),
            Err(Refused::Stale(age)) => worst = Refused::Stale(age),
            Err(Refused::Signature) => {}
        }
    }
    Err(worst)
}

/// Takes an event. One that came before changes nothing; nothing is mailed by itself.
pub fn take(conn: &mut Conn, sender: &Sender, told: &Told, now: Time) -> Result<Received> {
    if told.occurred_at > now.plus_days(AHEAD_DAYS) {
        return Err(Error::invalid("field_invalid", "occurred_at", format!("occurred_at must not lie in the future; got {}.", told.occurred_at)));
    }
    transaction(conn, |conn| {
        let scope = scope(sender);
        let fresh = queries::note_event(conn, &scope, &told.event_id, now)?;
        let received = settle(conn, &scope, sender, told, fresh, now)?;
        if !fresh {
            return Ok(received);
        }
        let (outcome, note, event) = match &received {
            Received::Ignored(why) => (Outcome::Ignored, Some((*why).to_owned()), None),
            Received::Taken(event, _) | Received::Known(event) => (Outcome::Taken, None, event.as_ref().map(|event| event.id.clone())),
        };
        if let Some(source) = &sender.source {
            queries::set_last_event(conn, source, now)?;
        }
        let line = IntakeEvent {
            id: RowId::new(),
            source_id: sender.source.clone(),
            provider: sender.provider,
            event_id: Some(told.event_id.clone()),
            event_type: told.event_type.clone(),
            outcome,
            note,
            churn_event_id: event,
            occurred_at: Some(told.occurred_at),
            received_at: now,
        };
        queries::insert_event(conn, &line)?;
        Ok(received)
    })
}

/// Ids of events are unique with Stripe and Paddle; elsewhere only within one site or system.
fn scope(sender: &Sender) -> String {
    match (sender.provider, &sender.source) {
        (Provider::Chargebee | Provider::Generic | Provider::CancelFlow, Some(source)) => format!("{} {source}", sender.provider),
        (provider, _) => provider.as_str().to_owned(),
    }
}

/// The actor in the audit log, which is also the way by which a departure came in.
pub(super) fn way(provider: Provider) -> &'static str {
    match provider {
        Provider::Stripe => "stripe",
        Provider::Paddle => "paddle",
        Provider::Chargebee => "chargebee",
        Provider::Generic => "webhook",
        Provider::CancelFlow => CANCEL_FLOW,
    }
}

fn settle(conn: &mut Conn, scope: &str, sender: &Sender, told: &Told, fresh: bool, now: Time) -> Result<Received> {
    let source = way(sender.provider);
    let actor = Actor::System(source);
    if let Some(customer) = &told.customer
        && fresh
    {
        let seen = ProviderCustomer {
            scope: scope.to_owned(),
            customer_id: customer.id.clone(),
            email: customer.email.clone(),
            name: customer.name.clone(),
            observed_at: told.occurred_at,
        };
        timeline::meet(conn, &actor, &seen, now)?;
    }
    match &told.said {
        Said::Nothing(why) => Ok(Received::Ignored(why)),
        Said::Who if fresh => Ok(Received::Taken(None, false)),
        Said::Who => Ok(Received::Known(None)),
        Said::Signal { subject, kind, details } => {
            if let Some(email) = &details.email
                && made_up::is_address_of_one(conn, email)?
            {
                return Ok(Received::Ignored("It is about nobody who is a customer."));
            }
            let signal = Signal {
                scope: scope.to_owned(),
                event_id: told.event_id.clone(),
                subject: subject.clone(),
                kind: *kind,
                occurred_at: told.occurred_at,
                details: (**details).clone(),
                source,
            };
            let settled = timeline::take(conn, &actor, &signal, now)?;
            Ok(if fresh { Received::Taken(settled.event, settled.is_new) } else { Received::Known(settled.event) })
        }
    }
}

/// Notes that an event with a right signature could not be read or taken.
pub fn note_refused(conn: &mut Conn, sender: &Sender, event_type: &str, error: &str, now: Time) -> Result<()> {
    transaction(conn, |conn| {
        if let Some(source) = &sender.source {
            queries::set_last_error(conn, source, error, now)?;
        }
        let line = IntakeEvent {
            id: RowId::new(),
            source_id: sender.source.clone(),
            provider: sender.provider,
            event_id: None,
            event_type: excerpt(event_type),
            outcome: Outcome::Refused,
            note: Some(error.to_owned()),
            churn_event_id: None,
            occurred_at: None,
            received_at: now,
        };
        Ok(queries::insert_event(conn, &line)?)
    })
}
