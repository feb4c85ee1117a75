//! SQL of churn events and their variants.

use diesel::prelude::*;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::functions::{containing, lower_nullable};
use crate::db::schema::{churn_events, imports, match_judgements, model_runs, update_rounds, variants};
use crate::db::types::Json;
use crate::domain::actor::Actor;
use crate::domain::ids::{ChurnEventId, ContactId, FactId, ImportId, MessageId, VariantId};
use crate::domain::reason::{Reason, ReasonQuote};

use super::answers::Judgement;
use super::import::Import;
use super::runs::ModelRun;
use super::shipping::Round;
use super::variants::Variant;
use super::{ChurnEvent, EventType, Status};

/// Which churn events.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// With this status.
    pub status: Option<Status>,
    /// With this reason.
    pub reason: Option<Reason>,
    /// With these words in name, address or plan.
    pub words: Option<String>,
    /// Who left at or after this time.
    pub since: Option<Time>,
    /// Who left before this time.
    pub end: Option<Time>,
    /// At most so many.
    pub limit: usize,
    /// Skip so many, for the offset pages of the recovery API.
    pub offset: i64,
    /// Continue after this departure and id.
    pub before: Option<(Time, ChurnEventId)>,
}

pub(super) fn by_id(conn: &mut Conn, id: &ChurnEventId) -> QueryResult<Option<ChurnEvent>> {
    churn_events::table.find(id).first(conn).optional()
}

pub(super) fn insert(conn: &mut Conn, row: &ChurnEvent) -> QueryResult<()> {
    diesel::insert_into(churn_events::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn of_contact(conn: &mut Conn, contact: &ContactId) -> QueryResult<Vec<ChurnEvent>> {
    churn_events::table
        .filter(churn_events::contact_id.eq(contact.as_str()))
        .order((churn_events::churned_at.desc(), churn_events::id.desc()))
        .limit(50)
        .load(conn)
}

pub(super) fn same_subscription(conn: &mut Conn, provider: &str, subscription: &str, since: Time) -> QueryResult<Option<ChurnEvent>> {
    churn_events::table
        .filter(churn_events::provider_subscription_id.eq(subscription))
        .filter(churn_events::provider.eq(provider))
        .filter(churn_events::created_at.gt(since))
        .order(churn_events::created_at)
        .first(conn)
        .optional()
}

/// The latest open departure since then of a contact, or of a provider's customer.
pub(super) fn open_of_customer(conn: &mut Conn, contact: Option<&ContactId>, customer: Option<&str>, since: Time) -> QueryResult<Option<ChurnEvent>> {
    let open = || {
        churn_events::table
            .filter(churn_events::created_at.gt(since))
            .filter(churn_events::status.ne_all([Status::Recovered, Status::Lost]))
            .filter(churn_events::event_type.ne(EventType::PaymentFailed))
            .order(churn_events::created_at.desc())
            .into_boxed()
    };
    let mut ways = vec![];
    if let Some(contact) = contact {
        ways.push(open().filter(churn_events::contact_id.eq(contact.as_str().to_owned())));
    }
    if let Some(customer) = customer {
        ways.push(open().filter(churn_events::provider_customer_id.eq(customer.to_owned())));
    }
    for way in ways {
        if let Some(found) = way.first(conn).optional()? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Departures for inactivity that are open and lie before that activity.
pub(super) fn inactive_before(conn: &mut Conn, contact: &ContactId, at: Time) -> QueryResult<Vec<ChurnEvent>> {
    churn_events::table
        .filter(churn_events::contact_id.eq(contact.as_str()))
        .filter(churn_events::event_type.eq(EventType::Inactive))
        .filter(churn_events::churned_at.lt(at))
        .filter(churn_events::status.ne_all([Status::Recovered, Status::Lost]))
        .load(conn)
}

pub(super) fn set_words(conn: &mut Conn, row: &ChurnEvent, now: Time) -> QueryResult<()> {
    diesel::update(churn_events::table.find(&row.id))
        .set((
            churn_events::cancel_reason.eq(row.cancel_reason.clone()),
            churn_events::cancel_reason_text.eq(row.cancel_reason_text.clone()),
            churn_events::reason.eq(row.reason),
            churn_events::reason_confidence.eq(row.reason_confidence),
            churn_events::reason_quotes.eq(row.reason_quotes.clone()),
            churn_events::updated_at.eq(now),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn list(conn: &mut Conn, filter: &Filter) -> QueryResult<Vec<ChurnEvent>> {
    let mut query = churn_events::table
        .order((churn_events::churned_at.desc(), churn_events::id.desc()))
        .limit(i64::try_from(filter.limit).unwrap_or(100) + 1)
        .offset(filter.offset)
        .into_boxed();
    if let Some(status) = filter.status {
        query = query.filter(churn_events::status.eq(status));
    }
    if let Some(reason) = filter.reason {
        query = query.filter(churn_events::reason.eq(reason));
    }
    if let Some(since) = filter.since {
        query = query.filter(churn_events::churned_at.ge(since));
    }
    if let Some(end) = filter.end {
        query = query.filter(churn_events::churned_at.lt(end));
    }
    if let Some((at, id)) = &filter.before {
        query = query.filter(churn_events::churned_at.lt(*at).or(churn_events::churned_at.eq(*at).and(churn_events::id.lt(id.clone()))));
    }
    if let Some(words) = &filter.words {
        let pattern = containing(words);
        query = query.filter(
            lower_nullable(churn_events::customer_email)
                .assume_not_null()
                .like(pattern.clone())
                .escape('\\')
                .or(lower_nullable(churn_events::customer_name).assume_not_null().like(pattern.clone()).escape('\\'))
                .or(lower_nullable(churn_events::plan_name).assume_not_null().like(pattern).escape('\\')),
        );
    }
    query.load(conn)
}

pub(super) fn set_status(conn: &mut Conn, id: &ChurnEventId, from: Status, to: Status, now: Time) -> QueryResult<bool> {
    let changed = diesel::update(churn_events::table.find(id).filter(churn_events::status.eq(from)))
        .set((churn_events::status.eq(to), churn_events::updated_at.eq(now)))
        .execute(conn)?;
    Ok(changed == 1)
}

pub(super) fn set_window(conn: &mut Conn, id: &ChurnEventId, end: Time) -> QueryResult<()> {
    diesel::update(churn_events::table.find(id)).set(churn_events::window_ends_at.eq(end)).execute(conn).map(drop)
}

/// Those who were written to and whose window is over, the oldest first.
pub(super) fn window_over(conn: &mut Conn, now: Time, limit: i64) -> QueryResult<Vec<ChurnEventId>> {
    churn_events::table
        .filter(churn_events::status.eq(Status::EmailSent))
        .filter(churn_events::window_ends_at.le(now))
        .order(churn_events::window_ends_at)
        .limit(limit)
        .select(churn_events::id)
        .load(conn)
}

pub(super) fn set_recovered_at(conn: &mut Conn, id: &ChurnEventId, now: Time) -> QueryResult<()> {
    diesel::update(churn_events::table.find(id)).set(churn_events::recovered_at.eq(now)).execute(conn).map(drop)
}

pub(super) fn set_reason(conn: &mut Conn, id: &ChurnEventId, reason: Reason, by: &str, now: Time) -> QueryResult<()> {
    diesel::update(churn_events::table.find(id))
        .set((
            churn_events::reason.eq(reason),
            churn_events::reason_confidence.eq(100),
            churn_events::reason_corrected_by.eq(by),
            churn_events::updated_at.eq(now),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn set_heard_reason(
    conn: &mut Conn,
    id: &ChurnEventId,
    reason: Reason,
    confidence: i32,
    quotes: &Json<Vec<ReasonQuote>>,
    now: Time,
) -> QueryResult<()> {
    diesel::update(churn_events::table.find(id))
        .set((
            churn_events::reason.eq(reason),
            churn_events::reason_confidence.eq(confidence),
            churn_events::reason_quotes.eq(quotes),
            churn_events::updated_at.eq(now),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn insert_variant(conn: &mut Conn, row: &Variant) -> QueryResult<()> {
    diesel::insert_into(variants::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn insert_model_run(conn: &mut Conn, row: &ModelRun) -> QueryResult<()> {
    diesel::insert_into(model_runs::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn model_runs(conn: &mut Conn, event: &ChurnEventId) -> QueryResult<Vec<ModelRun>> {
    model_runs::table.filter(model_runs::churn_event_id.eq(event)).order(model_runs::created_at).load(conn)
}

pub(super) fn variants(conn: &mut Conn, event: &ChurnEventId) -> QueryResult<Vec<Variant>> {
    variants::table.filter(variants::churn_event_id.eq(event)).order(variants::position).load(conn)
}

pub(super) fn variant(conn: &mut Conn, event: &ChurnEventId, id: &VariantId) -> QueryResult<Option<Variant>> {
    variants::table.find(id).filter(variants::churn_event_id.eq(event)).first(conn).optional()
}

pub(super) fn variant_of_message(conn: &mut Conn, message: &MessageId) -> QueryResult<Option<Variant>> {
    variants::table.filter(variants::message_id.eq(message.as_str())).first(conn).optional()
}

pub(super) fn set_variant_message(conn: &mut Conn, id: &VariantId, message: &MessageId) -> QueryResult<()> {
    diesel::update(variants::table.find(id)).set(variants::message_id.eq(message.as_str())).execute(conn).map(drop)
}

pub(super) fn set_variant_words(conn: &mut Conn, row: &Variant, actor: &Actor) -> QueryResult<bool> {
    let changed = diesel::update(variants::table.find(&row.id).filter(variants::sent_at.is_null()))
        .set((
            variants::subject.eq(&row.subject),
            variants::text_body.eq(&row.text_body),
            variants::html_body.eq(&row.html_body),
            variants::edited_kind.eq(actor.kind()),
            variants::edited_id.eq(actor.id()),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

pub(super) fn set_variant_sent(conn: &mut Conn, id: &VariantId, now: Time) -> QueryResult<()> {
    diesel::update(variants::table.find(id).filter(variants::sent_at.is_null())).set(variants::sent_at.eq(now)).execute(conn).map(drop)
}

pub(super) fn judged(conn: &mut Conn, limit: i64) -> QueryResult<Vec<(i32, bool)>> {
    match_judgements::table
        .order(match_judgements::judged_at.desc())
        .limit(limit)
        .select((match_judgements::score, match_judgements::accepted))
        .load(conn)
}

pub(super) fn judgements(conn: &mut Conn, event: &ChurnEventId) -> QueryResult<Vec<Judgement>> {
    match_judgements::table.filter(match_judgements::churn_event_id.eq(event)).load(conn)
}

pub(super) fn put_judgement(conn: &mut Conn, row: &Judgement) -> QueryResult<()> {
    let known = match_judgements::table.find((&row.churn_event_id, &row.fact_id));
    if diesel::update(known).set(row.clone()).execute(conn)? == 0 {
        diesel::insert_into(match_judgements::table).values(row.clone()).execute(conn)?;
    }
    Ok(())
}

pub(super) fn put_import(conn: &mut Conn, row: &Import) -> QueryResult<()> {
    let changed = diesel::update(imports::table.find(&row.id)).set(row.clone()).execute(conn)?;
    if changed == 0 {
        diesel::insert_into(imports::table).values(row.clone()).execute(conn)?;
    }
    Ok(())
}

pub(super) fn import(conn: &mut Conn, id: &ImportId) -> QueryResult<Option<Import>> {
    imports::table.find(id).first(conn).optional()
}

pub(super) fn round(conn: &mut Conn, fact: &FactId) -> QueryResult<Option<Round>> {
    update_rounds::table.find(fact).first(conn).optional()
}

pub(super) fn insert_round(conn: &mut Conn, row: &Round) -> QueryResult<()> {
    diesel::insert_into(update_rounds::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn due_round(conn: &mut Conn, today: &str) -> QueryResult<Option<Round>> {
    update_rounds::table
        .filter(update_rounds::finished_at.is_null())
        .filter(update_rounds::due_on.le(today))
        .order(update_rounds::created_at)
        .first(conn)
        .optional()
}

pub(super) fn update_round(conn: &mut Conn, row: &Round) -> QueryResult<()> {
    diesel::update(update_rounds::table.find(&row.fact_id))
        .set((
            update_rounds::last_event.eq(&row.last_event),
            update_rounds::asked.eq(row.asked),
            update_rounds::drafted.eq(row.drafted),
            update_rounds::finished_at.eq(row.finished_at),
        ))
        .execute(conn)
        .map(drop)
}

/// Departures of people who can be written to and have not come back, in the order of intake.
pub(super) fn departures_after(conn: &mut Conn, last: &str, limit: i64) -> QueryResult<Vec<ChurnEvent>> {
    churn_events::table
        .filter(churn_events::id.gt(last))
        .filter(churn_events::contact_id.is_not_null())
        .filter(churn_events::customer_email.is_not_null())
        .filter(churn_events::status.ne_all([Status::Recovered, Status::Lost]))
        .order(churn_events::id)
        .limit(limit)
        .load(conn)
}

pub(super) fn all_judgements(conn: &mut Conn) -> QueryResult<Vec<Judgement>> {
    match_judgements::table.order(match_judgements::judged_at.desc()).limit(5000).load(conn)
}
