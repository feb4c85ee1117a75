//! SQL of the checks, for many messages at once.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};

use crate::clock::Time;
use crate::db::Conn;
use crate::db::statement::Statement;
use crate::domain::contacts::UNSUBSCRIBED;
use crate::domain::contacts::suppressions::{Reason, Suppression};
use crate::domain::ids::{ContactId, MailboxId, MessageId};

use super::standing::Case;

/// What is on record about a recipient.
pub(super) struct Person {
    pub(super) email_key: String,
    pub(super) suppressed: Option<Suppression>,
    pub(super) unsubscribed: bool,
    pub(super) erased_at: Option<Time>,
}

#[derive(QueryableByName)]
struct PersonRow {
    #[diesel(sql_type = Text)]
    id: ContactId,
    #[diesel(sql_type = Text)]
    email_key: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    erased_at: Option<Time>,
    #[diesel(sql_type = Bool)]
    unsubscribed: bool,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<Reason>,
    #[diesel(sql_type = Nullable<Text>)]
    source: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    message_id: Option<MessageId>,
    #[diesel(sql_type = Nullable<BigInt>)]
    since: Option<Time>,
}

pub(super) fn people(conn: &mut Conn, cases: &[&Case]) -> QueryResult<HashMap<ContactId, Person>> {
    let mut statement = Statement::kept();
    statement
        .push("SELECT c.id, c.email_key, c.erased_at, EXISTS (SELECT 1 FROM contact_tags t WHERE t.contact_id = c.id AND t.tag = ")
        .text(UNSUBSCRIBED)
        .push(
            ") AS unsubscribed, s.reason, s.source, s.message_id, s.created_at AS since \
             FROM contacts c LEFT JOIN suppressions s ON s.email_key = c.email_key WHERE c.id",
        )
        .among(cases.iter().map(|case| case.contact_id.as_str()));
    let person = |row: PersonRow| {
        let suppressed = match (row.reason, row.source, row.since) {
            (Some(reason), Some(source), Some(created_at)) => {
                Some(Suppression { email_key: row.email_key.clone(), reason, source, message_id: row.message_id, created_at, is_group: false })
            }
            _ => None,
        };
        (row.id, Person { email_key: row.email_key, suppressed, unsubscribed: row.unsubscribed, erased_at: row.erased_at })
    };
    Ok(statement.load::<PersonRow>(conn)?.into_iter().map(person).collect())
}

#[derive(QueryableByName)]
struct StoppedRow {
    #[diesel(sql_type = Text)]
    id: MailboxId,
    #[diesel(sql_type = BigInt)]
    stopped_at: Time,
}

/// The mailboxes that are stopped, and since when.
pub(super) fn stopped_mailboxes(conn: &mut Conn, cases: &[&Case]) -> QueryResult<HashMap<MailboxId, Time>> {
    let mut ids: Vec<&str> = cases.iter().map(|case| case.mailbox_id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut statement = Statement::kept();
    statement.push("SELECT id, stopped_at FROM mailboxes WHERE stopped_at IS NOT NULL AND id").among(ids.into_iter());
    Ok(statement.load::<StoppedRow>(conn)?.into_iter().map(|row| (row.id, row.stopped_at)).collect())
}
