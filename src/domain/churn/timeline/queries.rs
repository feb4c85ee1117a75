//! SQL of signals.

use diesel::dsl::{exists, not};
use diesel::prelude::*;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{churn_events, churn_signals, churn_subjects, provider_customers, provider_events};
use crate::domain::ids::ChurnEventId;
use crate::on_either;

use super::super::{ChurnEvent, Status};
use super::{ProviderCustomer, SignalKind, SignalRow};

pub(super) fn by_id(conn: &mut Conn, scope: &str, event: &str) -> QueryResult<Option<SignalRow>> {
    churn_signals::table.find((scope, event)).first(conn).optional()
}

pub(super) fn insert(conn: &mut Conn, row: &SignalRow) -> QueryResult<()> {
    diesel::insert_into(churn_signals::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn of_subject(conn: &mut Conn, scope: &str, subject: &str) -> QueryResult<Vec<SignalRow>> {
    churn_signals::table
        .filter(churn_signals::scope.eq(scope))
        .filter(churn_signals::subject.eq(subject))
        .order((churn_signals::occurred_at, churn_signals::event_id))
        .load(conn)
}

pub(super) fn set_event(conn: &mut Conn, signal: &SignalRow, event: &ChurnEventId) -> QueryResult<()> {
    diesel::update(churn_signals::table.find((&signal.scope, &signal.event_id)))
        .set(churn_signals::churn_event_id.eq(event.as_str()))
        .execute(conn)
        .map(drop)
}

/// Keeps others from this subject until the transaction ends.
pub(super) fn hold(conn: &mut Conn, scope: &str, subject: &str) -> QueryResult<()> {
    let row = (churn_subjects::scope.eq(scope), churn_subjects::subject.eq(subject), churn_subjects::revision.eq(1_i64));
    on_either!(conn, inner => diesel::insert_into(churn_subjects::table)
        .values(row)
        .on_conflict((churn_subjects::scope, churn_subjects::subject))
        .do_update()
        .set(churn_subjects::revision.eq(churn_subjects::revision + 1))
        .execute(inner))
    .map(drop)
}

pub(super) fn customer(conn: &mut Conn, scope: &str, id: &str) -> QueryResult<Option<ProviderCustomer>> {
    provider_customers::table.find((scope, id)).first(conn).optional()
}

pub(super) fn put_customer(conn: &mut Conn, row: &ProviderCustomer) -> QueryResult<()> {
    let known = provider_customers::table.find((&row.scope, &row.customer_id));
    diesel::delete(known).execute(conn)?;
    diesel::insert_into(provider_customers::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn subjects_of(conn: &mut Conn, scope: &str, customer: &str) -> QueryResult<Vec<String>> {
    churn_signals::table
        .filter(churn_signals::scope.eq(scope))
        .filter(churn_signals::customer_id.eq(customer))
        .select(churn_signals::subject)
        .distinct()
        .order(churn_signals::subject)
        .load(conn)
}

pub(super) fn unclaimed_of_subscription(conn: &mut Conn, provider: &str, subscription: &str, since: Time) -> QueryResult<Option<ChurnEvent>> {
    churn_events::table
        .filter(churn_events::provider_subscription_id.eq(subscription))
        .filter(churn_events::provider.eq(provider))
        .filter(churn_events::created_at.gt(since))
        .filter(churn_events::status.ne_all([Status::Recovered, Status::Lost]))
        .filter(not(exists(churn_signals::table.filter(churn_signals::churn_event_id.eq(churn_events::id.nullable())))))
        .order(churn_events::created_at)
        .first(conn)
        .optional()
}

pub(super) fn update_event(conn: &mut Conn, row: &ChurnEvent) -> QueryResult<()> {
    diesel::update(churn_events::table.find(&row.id))
        .set((
            churn_events::contact_id.eq(row.contact_id.as_ref().map(|id| id.as_str().to_owned())),
            churn_events::customer_email.eq(row.customer_email.clone()),
            churn_events::customer_name.eq(row.customer_name.clone()),
            churn_events::provider.eq(row.provider.clone()),
            churn_events::provider_customer_id.eq(row.provider_customer_id.clone()),
            churn_events::provider_subscription_id.eq(row.provider_subscription_id.clone()),
            churn_events::plan_name.eq(row.plan_name.clone()),
            churn_events::mrr_minor.eq(row.mrr_minor),
            churn_events::currency.eq(row.currency.clone()),
            churn_events::tenure_days.eq(row.tenure_days),
            churn_events::cancel_reason.eq(row.cancel_reason.clone()),
            churn_events::cancel_reason_text.eq(row.cancel_reason_text.clone()),
            churn_events::event_type.eq(row.event_type),
            churn_events::reason.eq(row.reason),
            churn_events::reason_confidence.eq(row.reason_confidence),
            churn_events::reason_quotes.eq(row.reason_quotes.clone()),
            churn_events::churned_at.eq(row.churned_at),
            churn_events::updated_at.eq(row.updated_at),
        ))
        .execute(conn)
        .map(drop)
}

/// Signals that opened nothing, and the ids of events that were heard of before.
pub(super) fn sweep(conn: &mut Conn, before: Time) -> QueryResult<()> {
    diesel::delete(
        churn_signals::table
            .filter(churn_signals::received_at.lt(before))
            .filter(churn_signals::churn_event_id.is_null())
            .filter(churn_signals::kind.eq_any([SignalKind::Stays, SignalKind::Paid, SignalKind::Returned])),
    )
    .execute(conn)?;
    diesel::delete(provider_events::table.filter(provider_events::received_at.lt(before))).execute(conn).map(drop)
}
