//! SQL of the overview.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{api_keys, campaigns, data_requests, mailbox_pace, mode_requests, sender_domains, webhook_endpoints};
use crate::db::statement::Statement;
use crate::domain::ids::MailboxId;

/// How many messages of a mailbox leave before then, counted up to a limit.
pub(super) fn leaving(conn: &mut Conn, id: &MailboxId, before: Time, limit: i64) -> QueryResult<i64> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        number: i64,
    }
    let mut sql = Statement::kept();
    sql.push("SELECT COUNT(*) AS number FROM (SELECT 1 AS one FROM outbox WHERE state = 'queued' AND mailbox_id = ").text(id.as_str());
    sql.push(" AND not_before < ").number(before.micros()).push(" LIMIT ").number(limit).push(") AS counted");
    Ok(sql.load::<Row>(conn)?.first().map_or(0, |row| row.number))
}

/// Campaigns that somebody stopped: name and who.
pub(super) fn stopped_campaigns(conn: &mut Conn, limit: i64) -> QueryResult<Vec<(String, String)>> {
    campaigns::table
        .filter(campaigns::stopped_at.is_not_null())
        .filter(campaigns::archived_at.is_null())
        .order(campaigns::name)
        .limit(limit)
        .select((campaigns::name, campaigns::stopped_by.assume_not_null()))
        .load(conn)
}

/// Mailboxes that are not received well: which, how, and why.
pub(super) fn uneasy(conn: &mut Conn) -> QueryResult<Vec<(MailboxId, String, Option<String>)>> {
    mailbox_pace::table
        .filter(mailbox_pace::health.ne("good"))
        .order(mailbox_pace::mailbox_id)
        .select((mailbox_pace::mailbox_id, mailbox_pace::health, mailbox_pace::health_because))
        .load(conn)
}

pub(super) fn unaligned_domains(conn: &mut Conn) -> QueryResult<Vec<String>> {
    sender_domains::table.filter(sender_domains::aligned.eq(false)).select(sender_domains::domain).load(conn)
}

pub(super) fn requests_due(conn: &mut Conn, before: Time) -> QueryResult<i64> {
    data_requests::table.filter(data_requests::done_at.is_null()).filter(data_requests::due_at.lt(before)).count().get_result(conn)
}

/// Steps up that wait for an administrator: mailbox, mode and who asked.
pub(super) fn open_mode_requests(conn: &mut Conn, now: Time) -> QueryResult<Vec<(MailboxId, String, String)>> {
    mode_requests::table
        .filter(mode_requests::ended_at.is_null())
        .filter(mode_requests::expires_at.gt(now))
        .order(mode_requests::created_at)
        .select((mode_requests::mailbox_id, mode_requests::target_mode, mode_requests::asker_name))
        .load(conn)
}

/// Keys that end between two times: id, name and when.
pub(super) fn keys_ending(conn: &mut Conn, from: Time, until: Time) -> QueryResult<Vec<(String, String, Time)>> {
    api_keys::table
        .filter(api_keys::revoked_at.is_null())
        .filter(api_keys::expires_at.gt(from))
        .filter(api_keys::expires_at.lt(until))
        .order(api_keys::expires_at)
        .select((api_keys::id, api_keys::name, api_keys::expires_at.assume_not_null()))
        .load(conn)
}

/// Webhooks that are switched off: id, address and why.
pub(super) fn switched_off_webhooks(conn: &mut Conn) -> QueryResult<Vec<(String, String, Option<String>)>> {
    webhook_endpoints::table
        .filter(webhook_endpoints::disabled_at.is_not_null())
        .order(webhook_endpoints::id)
        .select((webhook_endpoints::id, webhook_endpoints::url, webhook_endpoints::disabled_because))
        .load(conn)
}
