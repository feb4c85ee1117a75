//! SQL of comparisons: what left of each variant, and what came back.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Text};

use crate::db::Conn;
use crate::db::statement::Statement;
use crate::domain::actor::Mailboxes;
use crate::domain::ids::SequenceId;

/// One variant.
#[derive(Debug, QueryableByName)]
pub(in crate::domain) struct Counted {
    #[diesel(sql_type = Integer)]
    pub(in crate::domain) step: i32,
    #[diesel(sql_type = Text)]
    pub(in crate::domain) variant: String,
    #[diesel(sql_type = BigInt)]
    pub(in crate::domain) sent: i64,
    #[diesel(sql_type = BigInt)]
    pub(in crate::domain) replied: i64,
    #[diesel(sql_type = BigInt)]
    pub(in crate::domain) recovered: i64,
}

/// What came back of messages `m` that left. A customer who came back counts within thirty days, as a recovery window has them.
const OUTCOMES: &str = "count(*) AS sent, \
     CAST(coalesce(sum(CASE WHEN EXISTS (SELECT 1 FROM inbound_emails i WHERE i.thread_id = m.thread_id AND i.contact_id = m.contact_id \
     AND i.kind = 'reply' AND i.received_at >= m.sent_at) THEN 1 ELSE 0 END), 0) AS BIGINT) AS replied, \
     CAST(coalesce(sum(CASE WHEN EXISTS (SELECT 1 FROM churn_events c WHERE c.contact_id = m.contact_id AND c.status = 'recovered' \
     AND c.recovered_at >= m.sent_at AND c.recovered_at < m.sent_at + 2592000000000) THEN 1 ELSE 0 END), 0) AS BIGINT) AS recovered ";

/// The variants of all steps of a sequence, each named by its words.
pub(in crate::domain) fn of_sequence(conn: &mut Conn, id: &SequenceId) -> QueryResult<Vec<Counted>> {
    let mut ask = Statement::default();
    ask.push("SELECT s.step AS step, s.variant AS variant, ").push(OUTCOMES);
    ask.push("FROM sequence_sends s JOIN enrollments e ON e.id = s.enrollment_id JOIN messages m ON m.id = s.message_id ");
    ask.push("WHERE m.sent_at IS NOT NULL AND m.planted = FALSE AND e.sequence_id = ").text(id.as_str()).push(" GROUP BY s.step, s.variant");
    ask.load(conn)
}

/// The variants of a campaign, each named by the tag of its messages, of the mailboxes within reach.
pub(in crate::domain) fn of_campaign(conn: &mut Conn, label: &str, reach: &Mailboxes) -> QueryResult<Vec<Counted>> {
    let mut ask = Statement::default();
    ask.push("SELECT 0 AS step, t.tag AS variant, ").push(OUTCOMES);
    ask.push("FROM messages m JOIN message_tags t ON t.message_id = m.id WHERE m.sent_at IS NOT NULL AND m.planted = FALSE AND m.campaign = ");
    ask.text(label).push(" AND t.tag LIKE 'variant\\_%' ESCAPE '\\'");
    if let Mailboxes::These(ids) = reach {
        if ids.is_empty() {
            return Ok(vec![]);
        }
        ask.push(" AND m.mailbox_id IN ").texts(ids.iter().map(|id| id.as_str()));
    }
    ask.push(" GROUP BY t.tag ORDER BY t.tag");
    ask.load(conn)
}
