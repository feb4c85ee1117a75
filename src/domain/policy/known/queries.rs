//! SQL of what the checks look at: each statement for a whole set of messages or people.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use serde_json::{Map, Value};

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{contacts, message_classes, opt_ins, outbox};
use crate::db::statement::Statement;
use crate::db::types::Json;
use crate::domain::contacts::ConsentBasis;
use crate::domain::ids::{ContactId, MailboxId, MessageId, TopicId};
use crate::domain::threads::EmailKind;
use crate::on_either;

use crate::domain::policy::consent::Class;

/// A message with what the checks need of it.
#[derive(Debug, Clone, QueryableByName)]
pub(super) struct Candidate {
    #[diesel(sql_type = Text)]
    pub(super) id: MessageId,
    #[diesel(sql_type = Text)]
    pub(super) mailbox_id: MailboxId,
    #[diesel(sql_type = Text)]
    pub(super) contact_id: ContactId,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) campaign: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) topic: Option<TopicId>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) consent_basis: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(super) submitted_at: Option<Time>,
    #[diesel(sql_type = Text)]
    pub(super) email_key: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) class: Option<Class>,
    /// A person decided or wrote it, or a key that may decide, by its warrant.
    #[diesel(sql_type = Bool)]
    pub(super) reviewed: bool,
}

pub(super) fn candidates(conn: &mut Conn, ids: &[MessageId]) -> QueryResult<Vec<Candidate>> {
    let mut statement = Statement::kept();
    statement.push(
        "SELECT m.id, m.mailbox_id, m.contact_id, m.campaign, m.topic_id AS topic, m.consent_basis, m.submitted_at, c.email_key, k.class, \
         coalesce(w.cleared_by, '') IN ('decision', 'composed_by_person') AS reviewed \
         FROM messages m JOIN contacts c ON c.id = m.contact_id LEFT JOIN message_classes k ON k.message_id = m.id \
         LEFT JOIN outbox o ON o.message_id = m.id LEFT JOIN warrants w ON w.id = o.warrant_id WHERE m.id",
    );
    statement.among(ids.iter().map(MessageId::as_str));
    statement.load(conn)
}

pub(in crate::domain::policy) fn classes(conn: &mut Conn, ids: &[MessageId]) -> QueryResult<Vec<(MessageId, Class)>> {
    message_classes::table.filter(message_classes::message_id.eq_any(ids.to_vec())).load(conn)
}

pub(in crate::domain::policy) fn set_class(conn: &mut Conn, id: &MessageId, class: Class) -> QueryResult<()> {
    diesel::insert_into(message_classes::table).values((message_classes::message_id.eq(id), message_classes::class.eq(class))).execute(conn).map(drop)
}

#[derive(QueryableByName)]
struct OfMessage {
    #[diesel(sql_type = Text)]
    id: MessageId,
    #[diesel(sql_type = Text)]
    value: String,
}

/// Tags that say which step of which campaign a message is.
pub(super) fn program_tags(conn: &mut Conn, ids: &[MessageId]) -> QueryResult<Vec<(MessageId, String)>> {
    let mut statement = Statement::kept();
    statement.push("SELECT message_id AS id, tag AS value FROM message_tags WHERE message_id").among(ids.iter().map(MessageId::as_str));
    statement.push(
        " AND (tag LIKE 'drip\\_step\\_%' ESCAPE '\\' OR tag LIKE 'campaign\\_%' ESCAPE '\\' OR tag LIKE '%migration-%') \
         ORDER BY message_id, tag",
    );
    Ok(statement.load::<OfMessage>(conn)?.into_iter().map(|row| (row.id, row.value)).collect())
}

/// Those that win back a customer who came back.
pub(super) fn recovered(conn: &mut Conn, ids: &[MessageId]) -> QueryResult<Vec<MessageId>> {
    let mut statement = Statement::kept();
    statement.push("SELECT v.message_id AS id, e.status AS value FROM variants v JOIN churn_events e ON e.id = v.churn_event_id WHERE v.message_id");
    statement.among(ids.iter().map(MessageId::as_str)).push(" AND e.status = 'recovered'");
    Ok(statement.load::<OfMessage>(conn)?.into_iter().map(|row| row.id).collect())
}

/// Keeps these people from other workers until the transaction ends, so that two do not both take the last room under a cap.
pub(in crate::domain::policy) fn hold_people(conn: &mut Conn, ids: &[ContactId]) -> QueryResult<()> {
    match conn {
        // One writer at a time.
        Conn::Sqlite(_) => Ok(()),
        Conn::Postgres(inner) => contacts::table
            .filter(contacts::id.eq_any(ids.to_vec()))
            .order(contacts::id)
            .select(contacts::id)
            .for_no_key_update()
            .load::<ContactId>(inner)
            .map(drop),
    }
}

/// A person with zone, absence and what the caller keeps with them.
#[derive(QueryableByName)]
pub(super) struct Recipient {
    #[diesel(sql_type = Text)]
    pub(super) id: ContactId,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) time_zone: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(super) absent_until: Option<Time>,
    #[diesel(sql_type = Text)]
    pub(super) metadata: Json<Map<String, Value>>,
}

pub(super) fn people(conn: &mut Conn, ids: &[ContactId]) -> QueryResult<Vec<Recipient>> {
    let mut statement = Statement::kept();
    statement.push("SELECT id, time_zone, absent_until, metadata FROM contacts WHERE id").among(ids.iter().map(ContactId::as_str));
    statement.load(conn)
}

pub(super) fn grounds(conn: &mut Conn, ids: &[ContactId]) -> QueryResult<Vec<(ContactId, ConsentBasis, Time)>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        contact_id: ContactId,
        #[diesel(sql_type = Text)]
        basis: ConsentBasis,
        #[diesel(sql_type = BigInt)]
        at: Time,
    }
    let mut statement = Statement::kept();
    statement
        .push("SELECT contact_id, basis, coalesce(given_at, recorded_at) AS at FROM consents WHERE contact_id")
        .among(ids.iter().map(ContactId::as_str));
    statement.push(" AND withdrawn_at IS NULL");
    Ok(statement.load::<Row>(conn)?.into_iter().map(|row| (row.contact_id, row.basis, row.at)).collect())
}

/// Those of them who were asked to confirm that they want mail, and did not.
pub(super) fn asked(conn: &mut Conn, ids: &[ContactId]) -> QueryResult<Vec<ContactId>> {
    if ids.is_empty() {
        return Ok(vec![]);
    }
    let unanswered = opt_ins::table.filter(opt_ins::contact_id.eq_any(ids.to_vec())).filter(opt_ins::confirmed_at.is_null());
    unanswered.select(opt_ins::contact_id).distinct().load(conn)
}

/// When each of them last wrote; what a machine answers for them does not count.
pub(super) fn wrote_at(conn: &mut Conn, ids: &[ContactId]) -> QueryResult<Vec<(ContactId, Option<Time>)>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        contact_id: ContactId,
        #[diesel(sql_type = Nullable<BigInt>)]
        at: Option<Time>,
    }
    let mut statement = Statement::kept();
    statement
        .push("SELECT contact_id, max(received_at) AS at FROM inbound_emails WHERE contact_id")
        .among(ids.iter().map(ContactId::as_str))
        .push(" AND kind IN ")
        .texts([EmailKind::Reply.as_str(), EmailKind::Unsubscribe.as_str()].into_iter())
        .push(" GROUP BY contact_id");
    Ok(statement.load::<Row>(conn)?.into_iter().map(|row| (row.contact_id, row.at)).collect())
}

/// Their tags that say that a migration was started or is complete.
pub(super) fn migrated(conn: &mut Conn, ids: &[ContactId]) -> QueryResult<Vec<(ContactId, String)>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        contact_id: ContactId,
        #[diesel(sql_type = Text)]
        tag: String,
    }
    let mut statement = Statement::kept();
    statement
        .push("SELECT contact_id, tag FROM contact_tags WHERE contact_id")
        .among(ids.iter().map(ContactId::as_str))
        .push(" AND (tag LIKE '%migration-complete' OR tag LIKE '%migration-started')");
    Ok(statement.load::<Row>(conn)?.into_iter().map(|row| (row.contact_id, row.tag)).collect())
}

/// Puts off messages that have their turn later.
pub(in crate::domain::policy) fn put_off(conn: &mut Conn, ids: Vec<MessageId>, until: Time, what_for: &str, now: Time) -> QueryResult<()> {
    on_either!(conn, inner => diesel::update(outbox::table.filter(outbox::message_id.eq_any(ids)).filter(outbox::state.eq("queued")))
        .set((outbox::not_before.eq(until), outbox::waits_for.eq(what_for), outbox::updated_at.eq(now)))
        .execute(inner))
    .map(drop)
}
