//! SQL of what came back of campaigns.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::db::Conn;
use crate::db::statement::Statement;
use crate::domain::actor::Mailboxes;

#[derive(Debug, QueryableByName)]
pub(super) struct Replied {
    #[diesel(sql_type = Text)]
    pub(super) campaign: String,
    #[diesel(sql_type = BigInt)]
    pub(super) n: i64,
}

#[derive(Debug, QueryableByName)]
pub(super) struct Recovered {
    #[diesel(sql_type = Text)]
    pub(super) campaign: String,
    #[diesel(sql_type = Text)]
    pub(super) currency: String,
    #[diesel(sql_type = BigInt)]
    pub(super) n: i64,
    #[diesel(sql_type = BigInt)]
    pub(super) minor: i64,
}

/// Conversations with an answer by whoever a message of these labels went to.
pub(super) fn replied(conn: &mut Conn, labels: &[&str], reach: &Mailboxes) -> QueryResult<Vec<Replied>> {
    let mut ask = Statement::default();
    ask.push("SELECT m.campaign AS campaign, CAST(count(DISTINCT m.thread_id) AS BIGINT) AS n FROM inbound_emails i ");
    ask.push("JOIN messages m ON m.thread_id = i.thread_id AND m.contact_id = i.contact_id AND m.sent_at <= i.received_at ");
    ask.push("WHERE i.kind = 'reply'");
    within(ask, labels, reach, " GROUP BY m.campaign", conn)
}

/// Departures that a message of these labels was about and that ended well after it left.
pub(super) fn recovered(conn: &mut Conn, labels: &[&str], reach: &Mailboxes) -> QueryResult<Vec<Recovered>> {
    let mut ask = Statement::default();
    ask.push("SELECT m.campaign AS campaign, e.currency AS currency, CAST(count(DISTINCT e.id) AS BIGINT) AS n, ");
    ask.push("CAST(coalesce(sum(e.mrr_minor), 0) AS BIGINT) AS minor FROM churn_events e JOIN variants v ON v.churn_event_id = e.id ");
    ask.push("JOIN messages m ON m.id = v.message_id AND m.sent_at <= e.recovered_at WHERE e.status = 'recovered'");
    within(ask, labels, reach, " GROUP BY m.campaign, e.currency ORDER BY e.currency", conn)
}

fn within<T>(mut ask: Statement, labels: &[&str], reach: &Mailboxes, end: &str, conn: &mut Conn) -> QueryResult<Vec<T>>
where
    T: diesel::deserialize::QueryableByName<diesel::sqlite::Sqlite> + diesel::deserialize::QueryableByName<diesel::pg::Pg> + 'static,
{
    if labels.is_empty() || matches!(reach, Mailboxes::These(ids) if ids.is_empty()) {
        return Ok(vec![]);
    }
    ask.push(" AND m.planted = FALSE AND m.campaign IN ").texts(labels.iter().copied());
    if let Mailboxes::These(ids) = reach {
        ask.push(" AND m.mailbox_id IN ").texts(ids.iter().map(|id| id.as_str()));
    }
    ask.push(end);
    ask.load(conn)
}
