//! SQL of erasure: one place for every table that holds something about a person.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::functions::{containing, lower};
use crate::db::schema::{
    allow_list, audit_log, churn_events, churn_signals, churn_sources, churn_subjects, claim_waivers, claims, consents, contact_sources,
    contact_tags, contacts, customers, data_requests, decisions, delivery_attempts, delivery_reports, enrollments, erased_addresses, fact_versions,
    facts, idempotency_keys, import_files, import_refused, imports, inactivity_periods, inbound_emails, inbound_raw, intake_events, leads,
    message_comments, message_versions, messages, model_runs, notice_mails, notices, opt_ins, outbox, preferences, promises, provider_customers,
    referral_conversions, referral_rewards, referral_visitors, referrals, saved_views, sends, settlements, signals, suppressions, threads,
    topic_choices, usage_days, variants, webhook_deliveries, webhook_events,
};
use crate::domain::facts::BLANK_BODIES;
use crate::domain::ids::{ChurnEventId, ContactId, FactId, InboundEmailId, MailboxId, MessageId, ReferralId, RequestId, ThreadId};

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

pub(super) fn erased_among(conn: &mut Conn, hashes: Vec<String>) -> QueryResult<Vec<(String, Time)>> {
    erased_addresses::table
        .filter(erased_addresses::address_hash.eq_any(hashes))
        .select((erased_addresses::address_hash, erased_addresses::erased_at))
        .load(conn)
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
            contacts::absent_until.eq(None::<Time>),
            contacts::updated_at.eq(now),
            contacts::erased_at.eq(now),
        ))
        .execute(conn)?;
    diesel::insert_into(erased_addresses::table)
        .values((erased_addresses::address_hash.eq(hash), erased_addresses::contact_id.eq(id), erased_addresses::erased_at.eq(now)))
        .execute(conn)
        .map(drop)
}

pub(super) fn blank_contact(conn: &mut Conn, id: &ContactId, email_key: &str, now: Time) -> QueryResult<()> {
    diesel::delete(contact_tags::table.filter(contact_tags::contact_id.eq(id))).execute(conn)?;
    diesel::delete(consents::table.filter(consents::contact_id.eq(id))).execute(conn)?;
    diesel::delete(opt_ins::table.filter(opt_ins::contact_id.eq(id))).execute(conn)?;
    diesel::delete(contact_sources::table.filter(contact_sources::contact_id.eq(id))).execute(conn)?;
    // That somebody asked, and when it was done, is kept; what they wrote is not.
    diesel::update(data_requests::table.filter(data_requests::contact_id.eq(id)))
        .set((data_requests::note.eq(None::<String>), data_requests::extended_because.eq(None::<String>)))
        .execute(conn)?;
    diesel::update(allow_list::table.filter(allow_list::pattern.eq(email_key)))
        .set((
            allow_list::pattern.eq(ERASED),
            allow_list::reason.eq(""),
            allow_list::ended_by.eq(Some("erasure")),
            allow_list::ended_at.eq(Some(now)),
        ))
        .execute(conn)?;
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
        diesel::update(messages::table.filter(messages::id.eq_any(some.clone())))
            .set((messages::state_reason.eq(None::<String>), messages::held_because.eq(None::<String>)))
            .execute(conn)?;
        diesel::update(outbox::table.filter(outbox::message_id.eq_any(some.clone()))).set(outbox::last_reply.eq(None::<String>)).execute(conn)?;
        // Servers name the address in their replies, and logs do.
        diesel::update(delivery_attempts::table.filter(delivery_attempts::message_id.eq_any(texts(&some))))
            .set(delivery_attempts::reply.eq(None::<String>))
            .execute(conn)?;
        diesel::update(settlements::table.filter(settlements::message_id.eq_any(texts(&some))))
            .set(settlements::note.eq(None::<String>))
            .execute(conn)?;
        diesel::update(sends::table.filter(sends::message_id.eq_any(some.clone()))).set(sends::domain.eq("")).execute(conn)?;
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
    let written: Vec<MessageId> = messages::table.filter(messages::contact_id.eq(id)).select(messages::id).load(conn)?;
    for some in written.chunks(AT_ONCE) {
        diesel::update(delivery_reports::table.filter(delivery_reports::message_id.eq_any(some.to_vec())))
            .set(delivery_reports::reason.eq(""))
            .execute(conn)?;
    }
    let mails: Vec<InboundEmailId> = inbound_emails::table.filter(theirs.clone()).select(inbound_emails::id).load(conn)?;
    for some in mails.chunks(AT_ONCE) {
        diesel::update(inbound_raw::table.filter(inbound_raw::inbound_email_id.eq_any(some.to_vec()))).set(inbound_raw::raw.eq("")).execute(conn)?;
        diesel::update(leads::table.filter(leads::inbound_email_id.eq_any(some.to_vec()))).set(leads::signals.eq("[]")).execute(conn)?;
    }
    let count = diesel::update(inbound_emails::table.filter(theirs))
        .set((
            inbound_emails::from_address.eq(ERASED),
            inbound_emails::to_address.eq(ERASED),
            inbound_emails::subject.eq(ERASED),
            inbound_emails::text_body.eq(""),
            inbound_emails::message_id_header.eq(None::<String>),
            inbound_emails::from_name.eq(None::<String>),
            inbound_emails::html_body.eq(None::<String>),
            inbound_emails::attachments.eq("[]"),
            inbound_emails::note.eq(None::<String>),
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
        .execute(conn)?;
    diesel::delete(import_refused::table.filter(lower(import_refused::row_csv).like(containing(email)).escape('\\'))).execute(conn)?;
    let running: Vec<(String, String)> = import_files::table
        .filter(lower(import_files::content).like(containing(email)).escape('\\'))
        .select((import_files::import_id, import_files::content))
        .load(conn)?;
    for (id, content) in running {
        diesel::update(import_files::table.find(id)).set(import_files::content.eq(without(&content, email))).execute(conn)?;
    }
    Ok(())
}

/// A file in which each line that names an address has nothing but its commas, so that the lines after it keep their place.
fn without(content: &str, email: &str) -> String {
    let email = email.to_lowercase();
    let line =
        |line: &str| if line.to_lowercase().contains(&email) { line.chars().filter(|c| ",\r\n".contains(*c)).collect() } else { line.to_owned() };
    content.split_inclusive('\n').map(line).collect()
}

const BLANK_EVENT: &str = r#"{"erased":true}"#;
const BLANK_DETAIL: &str = r#"{"erased":true}"#;

pub(super) fn blank_webhooks(conn: &mut Conn, id: &ContactId, email_key: &str, messages: &[MessageId], events: &[ChurnEventId]) -> QueryResult<()> {
    let mut subjects = texts(messages);
    subjects.extend(texts(events));
    subjects.push(email_key.to_owned());
    subjects.push(id.as_str().to_owned());
    // What came in, and the leads in it: by now all of it is marked as theirs.
    let mails: Vec<(InboundEmailId, ThreadId)> = inbound_emails::table
        .filter(inbound_emails::contact_id.eq(id.as_str()))
        .select((inbound_emails::id, inbound_emails::thread_id))
        .load(conn)?;
    for (mail, thread) in &mails {
        subjects.extend([mail.to_string(), thread.to_string()]);
    }
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

/// What happened to them, what they chose, their links: rows of which nothing is left that says anything.
pub(super) fn delete_history(conn: &mut Conn, id: &ContactId) -> QueryResult<()> {
    diesel::delete(usage_days::table.filter(usage_days::contact_id.eq(id))).execute(conn)?;
    diesel::delete(inactivity_periods::table.filter(inactivity_periods::contact_id.eq(id))).execute(conn)?;
    diesel::delete(signals::table.filter(signals::contact_id.eq(id))).execute(conn)?;
    diesel::delete(topic_choices::table.filter(topic_choices::contact_id.eq(id))).execute(conn)?;
    diesel::delete(preferences::table.filter(preferences::contact_id.eq(id))).execute(conn)?;
    let links: Vec<ReferralId> = referrals::table.filter(referrals::contact_id.eq(id)).select(referrals::id).load(conn)?;
    diesel::delete(referral_visitors::table.filter(referral_visitors::referral_id.eq_any(links.clone()))).execute(conn)?;
    diesel::delete(referral_rewards::table.filter(referral_rewards::referral_id.eq_any(links.clone()))).execute(conn)?;
    diesel::delete(referral_conversions::table.filter(referral_conversions::referral_id.eq_any(links))).execute(conn)?;
    diesel::delete(referrals::table.filter(referrals::contact_id.eq(id))).execute(conn)?;
    // Whoever brought them keeps the conversion, without whom it was.
    diesel::update(referral_conversions::table.filter(referral_conversions::contact_id.eq(id.as_str())))
        .set((referral_conversions::contact_id.eq(None::<String>), referral_conversions::email_hash.eq(None::<String>)))
        .execute(conn)
        .map(drop)
}

/// No step of a sequence comes any more.
pub(super) fn end_enrollments(conn: &mut Conn, id: &ContactId, now: Time) -> QueryResult<()> {
    diesel::update(enrollments::table.filter(enrollments::contact_id.eq(id)).filter(sql::<Bool>("enrollments.state = 'active'")))
        .set((
            enrollments::state.eq("stopped"),
            enrollments::stopped_because.eq("the contact was erased"),
            enrollments::stopped_why.eq("erased"),
            enrollments::ready_at.eq(None::<Time>),
            enrollments::updated_at.eq(now),
        ))
        .execute(conn)
        .map(drop)
}

/// What providers said of their subscriptions. It runs before the ids of the provider are blanked.
pub(super) fn delete_signals(conn: &mut Conn, email: &str, events: &[ChurnEventId]) -> QueryResult<()> {
    let mut customers: Vec<(String, String)> = provider_customers::table
        .filter(lower(provider_customers::email.assume_not_null()).eq(email.to_lowercase()))
        .select((provider_customers::scope, provider_customers::customer_id))
        .load(conn)?;
    let mut subjects: Vec<(String, String)> = vec![];
    for some in texts(events).chunks(AT_ONCE) {
        let theirs = || churn_signals::table.filter(churn_signals::churn_event_id.assume_not_null().eq_any(some.to_vec()));
        let found: Vec<(String, String, Option<String>)> =
            theirs().select((churn_signals::scope, churn_signals::subject, churn_signals::customer_id)).load(conn)?;
        for (scope, subject, customer) in found {
            customers.extend(customer.map(|customer| (scope.clone(), customer)));
            subjects.push((scope, subject));
        }
        diesel::delete(theirs()).execute(conn)?;
        diesel::update(intake_events::table.filter(intake_events::churn_event_id.assume_not_null().eq_any(some.to_vec())))
            .set(intake_events::note.eq(None::<String>))
            .execute(conn)?;
    }
    for (scope, customer) in customers {
        // Under this name two reports of one customer take turns.
        subjects.push((scope.clone(), format!("customer {customer}")));
        let theirs = || churn_signals::table.filter(churn_signals::scope.eq(scope.clone())).filter(churn_signals::customer_id.eq(customer.clone()));
        subjects.extend(theirs().select((churn_signals::scope, churn_signals::subject)).load::<(String, String)>(conn)?);
        diesel::delete(theirs()).execute(conn)?;
        diesel::delete(provider_customers::table.find((&scope, &customer))).execute(conn)?;
    }
    for (scope, subject) in subjects {
        let left = churn_signals::table.filter(churn_signals::scope.eq(&scope)).filter(churn_signals::subject.eq(&subject));
        if left.count().get_result::<i64>(conn)? == 0 {
            diesel::delete(churn_subjects::table.find((&scope, &subject))).execute(conn)?;
        }
    }
    Ok(())
}

/// Answers that are kept for a retry: of the calls that changed something of theirs, and any other that names the address.
/// A retry is told what was done and not what was said, and where nothing was done it runs.
pub(super) fn forget_answers(conn: &mut Conn, email: &str, targets: &[String]) -> QueryResult<()> {
    let named = lower(idempotency_keys::body.assume_not_null()).like(containing(email)).escape('\\');
    let mut answered: Vec<RequestId> = idempotency_keys::table.filter(named).select(idempotency_keys::id).load(conn)?;
    for some in targets.chunks(AT_ONCE) {
        let calls: Vec<String> = audit_log::table
            .filter(audit_log::target_kind.eq_any(["contact", "message", "churn_event"]))
            .filter(audit_log::target_id.eq_any(some.to_vec()))
            .filter(audit_log::request_id.is_not_null())
            .select(audit_log::request_id.assume_not_null())
            .distinct()
            .load(conn)?;
        for calls in calls.chunks(AT_ONCE) {
            let of_calls = idempotency_keys::table.filter(idempotency_keys::request_id.eq_any(calls.to_vec()));
            answered.extend(of_calls.filter(idempotency_keys::body.is_not_null()).select(idempotency_keys::id).load::<RequestId>(conn)?);
        }
    }
    for some in answered.chunks(AT_ONCE) {
        let these = || idempotency_keys::table.filter(idempotency_keys::id.eq_any(some.to_vec()));
        diesel::delete(these().filter(idempotency_keys::effect_at.is_null())).execute(conn)?;
        diesel::update(these())
            .set((
                idempotency_keys::answered_at.eq(None::<Time>),
                idempotency_keys::status.eq(None::<i32>),
                idempotency_keys::content_type.eq(None::<String>),
                idempotency_keys::body.eq(None::<String>),
                // Nobody works on it any more.
                idempotency_keys::lease_until.eq(idempotency_keys::created_at),
            ))
            .execute(conn)?;
    }
    Ok(())
}

/// Searches that somebody kept go whole where they are for the address, and so do refusals of reports that name it.
pub(super) fn delete_mentions(conn: &mut Conn, email: &str) -> QueryResult<()> {
    let encoded: String = url::form_urlencoded::byte_serialize(email.to_lowercase().as_bytes()).collect();
    for words in [email.to_owned(), encoded] {
        diesel::delete(saved_views::table.filter(lower(saved_views::query).like(containing(&words)).escape('\\'))).execute(conn)?;
    }
    diesel::update(churn_sources::table.filter(lower(churn_sources::last_error.assume_not_null()).like(containing(email)).escape('\\')))
        .set(churn_sources::last_error.eq(None::<String>))
        .execute(conn)?;
    diesel::update(intake_events::table.filter(lower(intake_events::note.assume_not_null()).like(containing(email)).escape('\\')))
        .set(intake_events::note.eq(None::<String>))
        .execute(conn)
        .map(drop)
}
