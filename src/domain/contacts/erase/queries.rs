//! SQL of erasure: one place for every table that holds something about a person.

use diesel::prelude::*;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::functions::{containing, lower};
use crate::db::schema::{
    audit_log, churn_events, claim_waivers, claims, consents, contact_tags, contacts, customers, decisions, erased_addresses, fact_versions, facts,
    imports, inbound_emails, message_comments, message_versions, messages, model_runs, notice_mails, notices, outbox, promises, suppressions,
    threads, variants, webhook_deliveries, webhook_events,
};
use crate::domain::facts::BLANK_BODIES;
use crate::domain::ids::{ChurnEventId, ContactId, FactId, MailboxId, MessageId, ThreadId};

/// What stands where words were.
const ERASED: &str = "(erased)";
/// Rows that one statement names, below the limits of both databases.
const AT_ONCE: usize = 500;

pub(super) fn mailboxes_of(conn: &mut Conn, id: &ContactId) -> QueryResult<Vec<MailboxId>> {
    let mut all: Vec<MailboxId> = messages::table.filter(messages::contact_id.eq(id)).select(messages::mailbox_id).distinct().load(conn)?;
    all.extend(threads::table.filter(threads::contact_id.eq(id.as_str())).select(threads::mailbox_id).distinct().load::<MailboxId>(conn)?);
    Ok(all)
}

pub(super) fn messages_of(conn: &mut Conn, id: &ContactId) -> QueryResult<Vec<MessageId>> {
    messages::table.filter(messages::contact_id.eq(id)).order(messages::id).select(messages::id).load(conn)
}

pub(super) fn churn_events_of(conn: &mut Conn, id: &ContactId) -> QueryResult<Vec<ChurnEventId>> {
    churn_events::table.filter(churn_events::contact_id.eq(id.as_str())).select(churn_events::id).load(conn)
}

pub(super) fn erased_at(conn: &mut Conn, hash: &str) -> QueryResult<Option<Time>> {
    erased_addresses::table.find(hash).select(erased_addresses::erased_at).first(conn).optional()
}

/// Marks the contact, which opens the way for what follows.
pub(super) fn mark(conn: &mut Conn, id: &ContactId, hash: &str, now: Time) -> QueryResult<()> {
    let nobody = format!("erased-{id}@erased.invalid");
    diesel::update(contacts::table.find(id))
        .set((
            contacts::email.eq(&nobody),
            contacts::email_key.eq(&nobody),
            contacts::name.eq(None::<String>),
            contacts::metadata.eq("{}"),
            contacts::time_zone.eq(None::<String>),
            contacts::updated_at.eq(now),
            contacts::erased_at.eq(now),
        ))
        .execute(conn)?;
    diesel::insert_into(erased_addresses::table)
        .values((erased_addresses::address_hash.eq(hash), erased_addresses::contact_id.eq(id), erased_addresses::erased_at.eq(now)))
        .execute(conn)
        .map(drop)
}

pub(super) fn blank_contact(conn: &mut Conn, id: &ContactId, email_key: &str) -> QueryResult<()> {
    diesel::delete(contact_tags::table.filter(contact_tags::contact_id.eq(id))).execute(conn)?;
    diesel::delete(consents::table.filter(consents::contact_id.eq(id))).execute(conn)?;
    diesel::delete(customers::table.find(id)).execute(conn)?;
    diesel::delete(suppressions::table.find(email_key)).execute(conn).map(drop)
}

pub(super) fn blank_messages(conn: &mut Conn, ids: &[MessageId]) -> QueryResult<()> {
    for some in ids.chunks(AT_ONCE).map(<[MessageId]>::to_vec) {
        diesel::update(message_versions::table.filter(message_versions::message_id.eq_any(some.clone())))
            .set((
                message_versions::to_address.eq(ERASED),
                message_versions::to_name.eq(None::<String>),
                message_versions::subject.eq(ERASED),
                message_versions::text_body.eq(""),
                message_versions::html_body.eq(None::<String>),
                message_versions::headers.eq("[]"),
            ))
            .execute(conn)?;
        diesel::update(decisions::table.filter(decisions::message_id.eq_any(some.clone())))
            .set(decisions::reason.eq(None::<String>))
            .execute(conn)?;
        diesel::update(messages::table.filter(messages::id.eq_any(some.clone()))).set(messages::state_reason.eq(None::<String>)).execute(conn)?;
        diesel::update(outbox::table.filter(outbox::message_id.eq_any(some.clone()))).set(outbox::last_reply.eq(None::<String>)).execute(conn)?;
        diesel::update(claims::table.filter(claims::message_id.eq_any(some.clone())))
            .set((claims::words.eq(""), claims::sentence.eq(""), claims::reason.eq("")))
            .execute(conn)?;
        diesel::update(claim_waivers::table.filter(claim_waivers::message_id.eq_any(some.clone())))
            .set((claim_waivers::words.eq(""), claim_waivers::reason.eq("")))
            .execute(conn)?;
        diesel::update(promises::table.filter(promises::message_id.eq_any(some.clone())))
            .set((promises::words.eq(""), promises::sentence.eq("")))
            .execute(conn)?;
        diesel::update(message_comments::table.filter(message_comments::message_id.eq_any(some.clone())))
            .set(message_comments::body.eq(""))
            .execute(conn)?;
        diesel::update(notices::table.filter(notices::message_id.eq_any(some.clone()))).set(notices::words.eq(None::<String>)).execute(conn)?;
        diesel::update(variants::table.filter(variants::message_id.eq_any(some.iter().map(|id| id.as_str().to_owned()).collect::<Vec<_>>())))
            .set((variants::subject.eq(ERASED), variants::text_body.eq(""), variants::html_body.eq("")))
            .execute(conn)?;
        for id in &some {
            // Notices are forgotten after a month; the few of this message are found by its link.
            diesel::delete(notice_mails::table.filter(notice_mails::text_body.like(format!("%/messages/{id}%")))).execute(conn)?;
        }
    }
    Ok(())
}

pub(super) fn blank_facts(conn: &mut Conn, id: &ContactId) -> QueryResult<()> {
    let ids: Vec<FactId> = facts::table.filter(facts::contact_id.eq(id.as_str())).select(facts::id).load(conn)?;
    for (kind, blank) in BLANK_BODIES {
        let of_kind: Vec<FactId> =
            facts::table.filter(facts::contact_id.eq(id.as_str())).filter(facts::kind.eq(kind.as_str())).select(facts::id).load(conn)?;
        diesel::update(fact_versions::table.filter(fact_versions::fact_id.eq_any(of_kind.clone())))
            .set((fact_versions::label.eq(""), fact_versions::source.eq(""), fact_versions::body.eq(*blank)))
            .execute(conn)?;
        diesel::update(facts::table.filter(facts::id.eq_any(of_kind)))
            .set((facts::label.eq(""), facts::source.eq(""), facts::body.eq(*blank), facts::state.eq("revoked")))
            .execute(conn)?;
    }
    diesel::update(audit_log::table.filter(audit_log::target_kind.eq("fact")).filter(audit_log::target_id.eq_any(texts(&ids))))
        .set(audit_log::detail.eq(BLANK_DETAIL))
        .execute(conn)
        .map(drop)
}

/// What came in, and recorded history in both directions; how many there were.
pub(super) fn blank_threads(conn: &mut Conn, id: &ContactId, email_key: &str) -> QueryResult<usize> {
    let ids: Vec<ThreadId> = threads::table.filter(threads::contact_id.eq(id.as_str())).select(threads::id).load(conn)?;
    diesel::update(threads::table.filter(threads::id.eq_any(ids.clone()))).set(threads::subject.eq(ERASED)).execute(conn)?;
    let theirs = inbound_emails::thread_id
        .eq_any(ids)
        .or(inbound_emails::from_key.eq(email_key))
        .or(inbound_emails::contact_id.eq(id.as_str()).assume_not_null());
    let count = diesel::update(inbound_emails::table.filter(theirs))
        .set((
            inbound_emails::from_address.eq(ERASED),
            inbound_emails::to_address.eq(ERASED),
            inbound_emails::subject.eq(ERASED),
            inbound_emails::text_body.eq(""),
            inbound_emails::message_id_header.eq(None::<String>),
            inbound_emails::contact_id.eq(id.as_str()),
        ))
        .execute(conn)?;
    diesel::update(inbound_emails::table.filter(inbound_emails::from_key.eq(email_key))).set(inbound_emails::from_key.eq(ERASED)).execute(conn)?;
    Ok(count)
}

pub(super) fn blank_churn(conn: &mut Conn, ids: &[ChurnEventId]) -> QueryResult<()> {
    let none = None::<String>;
    diesel::update(churn_events::table.filter(churn_events::id.eq_any(ids.to_vec())))
        .set((
            churn_events::customer_email.eq(none.clone()),
            churn_events::customer_name.eq(none.clone()),
            churn_events::provider_customer_id.eq(none.clone()),
            churn_events::provider_subscription_id.eq(none.clone()),
            churn_events::cancel_reason_text.eq(none.clone()),
            churn_events::notes.eq(none),
            churn_events::features.eq("[]"),
            churn_events::reason_quotes.eq("[]"),
            churn_events::last_active_at.eq(None::<Time>),
        ))
        .execute(conn)?;
    diesel::update(variants::table.filter(variants::churn_event_id.eq_any(ids.to_vec())))
        .set((variants::subject.eq(ERASED), variants::text_body.eq(""), variants::html_body.eq(""), variants::facts.eq("[]")))
        .execute(conn)?;
    diesel::update(model_runs::table.filter(model_runs::churn_event_id.eq_any(ids.to_vec())))
        .set((model_runs::sheet.eq("null"), model_runs::prompt.eq("[]"), model_runs::answers.eq("[]")))
        .execute(conn)
        .map(drop)
}

/// Refused rows of imports that name the address go whole: a row of CSV cannot be cut safely.
pub(super) fn blank_imports(conn: &mut Conn, email: &str) -> QueryResult<()> {
    diesel::update(imports::table.filter(lower(imports::refused_csv).like(containing(email)).escape('\\')))
        .set(imports::refused_csv.eq(""))
        .execute(conn)
        .map(drop)
}

const BLANK_EVENT: &str = r#"{"erased":true}"#;
const BLANK_DETAIL: &str = r#"{"erased":true}"#;

pub(super) fn blank_webhooks(conn: &mut Conn, id: &ContactId, email_key: &str, messages: &[MessageId], events: &[ChurnEventId]) -> QueryResult<()> {
    let mut subjects = texts(messages);
    subjects.extend(texts(events));
    subjects.push(email_key.to_owned());
    subjects.push(id.as_str().to_owned());
    for some in subjects.chunks(AT_ONCE) {
        let about = webhook_deliveries::table.filter(webhook_deliveries::subject.eq_any(some.to_vec()));
        diesel::update(webhook_events::table.filter(webhook_events::id.eq_any(about.clone().select(webhook_deliveries::event_id))))
            .set(webhook_events::body.eq(BLANK_EVENT))
            .execute(conn)?;
        diesel::update(about).set(webhook_deliveries::last_answer.eq(None::<String>)).execute(conn)?;
    }
    diesel::update(webhook_deliveries::table.filter(webhook_deliveries::subject.eq(email_key)))
        .set(webhook_deliveries::subject.eq(id.as_str()))
        .execute(conn)
        .map(drop)
}

/// Who did what and when stays in the log; what was said goes.
pub(super) fn blank_log(conn: &mut Conn, id: &ContactId, messages: &[MessageId], events: &[ChurnEventId]) -> QueryResult<()> {
    for (kind, ids) in [("contact", vec![id.as_str().to_owned()]), ("message", texts(messages)), ("churn_event", texts(events))] {
        for some in ids.chunks(AT_ONCE) {
            let rows = audit_log::table.filter(audit_log::target_kind.eq(kind)).filter(audit_log::target_id.eq_any(some.to_vec()));
            diesel::update(rows).set(audit_log::detail.eq(BLANK_DETAIL)).execute(conn)?;
        }
    }
    Ok(())
}

fn texts<T: std::fmt::Display>(ids: &[T]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}
