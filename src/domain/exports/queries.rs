//! SQL of exports: each page is found along the primary key.

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{churn_events, suppressions};
use crate::db::statement::Statement;
use crate::domain::churn::ChurnEvent;
use crate::domain::ids::{ChurnEventId, MailboxId};

fn limit_of(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

pub(super) fn churn_events(conn: &mut Conn, after: Option<&str>, limit: usize) -> QueryResult<Vec<Vec<String>>> {
    let mut query = churn_events::table.order(churn_events::id).limit(limit_of(limit)).into_boxed();
    if let Some(after) = after {
        query = query.filter(churn_events::id.gt(ChurnEventId::from(after)));
    }
    let rows: Vec<ChurnEvent> = query.load(conn)?;
    let text = |text: Option<String>| text.unwrap_or_default();
    let shown = |row: ChurnEvent| {
        vec![
            row.id.to_string(),
            text(row.customer_email),
            text(row.customer_name),
            row.provider,
            text(row.provider_subscription_id),
            text(row.plan_name),
            row.mrr_minor.map(|minor| minor.to_string()).unwrap_or_default(),
            row.currency,
            row.tenure_days.map(|days| days.to_string()).unwrap_or_default(),
            row.event_type.to_string(),
            row.reason.to_string(),
            text(row.cancel_reason_text),
            row.status.to_string(),
            row.churned_at.to_string(),
            row.recovered_at.map(|at| at.to_string()).unwrap_or_default(),
        ]
    };
    Ok(rows.into_iter().map(shown).collect())
}

#[derive(Debug, QueryableByName)]
struct MessageLine {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    mailbox_id: String,
    #[diesel(sql_type = Text)]
    from_address: String,
    #[diesel(sql_type = Text)]
    to_address: String,
    #[diesel(sql_type = Text)]
    subject: String,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    campaign: Option<String>,
    #[diesel(sql_type = Text)]
    origin: String,
    #[diesel(sql_type = diesel::sql_types::Integer)]
    version: i32,
    #[diesel(sql_type = Text)]
    content_hash: String,
    #[diesel(sql_type = Nullable<Text>)]
    kind: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    actor_name: Option<String>,
    #[diesel(sql_type = Nullable<diesel::sql_types::BigInt>)]
    decided_at: Option<i64>,
    #[diesel(sql_type = Nullable<diesel::sql_types::BigInt>)]
    submitted_at: Option<i64>,
    #[diesel(sql_type = Nullable<diesel::sql_types::BigInt>)]
    sent_at: Option<i64>,
}

/// Messages with their current words and the last decision on them.
pub(super) fn messages(conn: &mut Conn, reach: Option<&[MailboxId]>, after: Option<&str>, limit: usize) -> QueryResult<Vec<Vec<String>>> {
    if reach.is_some_and(<[MailboxId]>::is_empty) {
        return Ok(vec![]);
    }
    let mut sql = Statement::default();
    sql.push("SELECT m.id, m.mailbox_id, v.from_address, v.to_address, v.subject, m.state, COALESCE(m.state_reason, m.held_because) AS reason, ");
    sql.push("m.campaign, m.origin, m.version, m.content_hash, d.kind, d.actor_name, d.created_at AS decided_at, m.submitted_at, m.sent_at ");
    sql.push("FROM messages m JOIN message_versions v ON v.message_id = m.id AND v.version = m.version ");
    sql.push(
        "LEFT JOIN decisions d ON d.id = (SELECT l.id FROM decisions l WHERE l.message_id = m.id ORDER BY l.created_at DESC, l.id DESC LIMIT 1) ",
    );
    sql.push("WHERE m.id > ").text(after.unwrap_or_default());
    if let Some(reach) = reach {
        sql.push(" AND m.mailbox_id IN ").texts(reach.iter().map(MailboxId::as_str));
    }
    sql.push(" ORDER BY m.id LIMIT ").number(limit_of(limit));
    let rows: Vec<MessageLine> = sql.load(conn)?;
    let time = |micros: Option<i64>| micros.map(|micros| Time::from_micros(micros).to_string()).unwrap_or_default();
    let shown = |row: MessageLine| {
        vec![
            row.id,
            row.mailbox_id,
            row.from_address,
            row.to_address,
            row.subject,
            row.state,
            row.reason.unwrap_or_default(),
            row.campaign.unwrap_or_default(),
            row.origin,
            row.version.to_string(),
            row.content_hash,
            row.kind.unwrap_or_default(),
            row.actor_name.unwrap_or_default(),
            time(row.decided_at),
            time(row.submitted_at),
            time(row.sent_at),
        ]
    };
    Ok(rows.into_iter().map(shown).collect())
}

pub(super) fn suppressions(conn: &mut Conn, after: Option<&str>, limit: usize) -> QueryResult<Vec<Vec<String>>> {
    let rows: Vec<(String, String, String, Time)> = suppressions::table
        .filter(suppressions::email_key.gt(after.unwrap_or_default().to_owned()))
        .order(suppressions::email_key)
        .limit(limit_of(limit))
        .select((suppressions::email_key, suppressions::reason, suppressions::source, suppressions::created_at))
        .load(conn)?;
    Ok(rows.into_iter().map(|(email, reason, source, at)| vec![email, reason, source, at.to_string()]).collect())
}
