//! SQL of the overview.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{
    allow_list, api_keys, campaigns, data_requests, decisions, mailbox_pace, mailboxes, messages, mode_requests, sender_domains, sends,
    webhook_endpoints,
};
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

/// Recipients that somebody else asked for and nobody agreed to: of which mailbox, and who asked.
pub(super) fn recipients_to_confirm(conn: &mut Conn, asker: &str) -> QueryResult<Vec<(MailboxId, String)>> {
    allow_list::table
        .filter(allow_list::confirmed_at.is_null().and(allow_list::ended_at.is_null()).and(allow_list::asked_by_id.ne(asker)))
        .order(allow_list::created_at)
        .select((allow_list::mailbox_id, allow_list::asked_by))
        .load(conn)
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

/// Whether any mail ever left. Hardly a row of `sends` has not left, so the first ones tell, however many messages there are.
pub(super) fn has_sent(conn: &mut Conn) -> QueryResult<bool> {
    let left = sends::table.inner_join(messages::table.on(messages::id.eq(sends::message_id))).filter(messages::sent_at.is_not_null());
    Ok(left.select(sends::message_id).first::<String>(conn).optional()?.is_some())
}

/// Whether there is any message.
pub(super) fn has_messages(conn: &mut Conn) -> QueryResult<bool> {
    Ok(messages::table.select(messages::id).first::<String>(conn).optional()?.is_some())
}

/// Whether anything was ever approved.
pub(super) fn has_approved(conn: &mut Conn) -> QueryResult<bool> {
    Ok(decisions::table.filter(decisions::kind.eq("approve")).select(decisions::id).first::<String>(conn).optional()?.is_some())
}

/// The address of the mailbox that was added first, of those that may send.
pub(super) fn first_mailbox(conn: &mut Conn) -> QueryResult<Option<String>> {
    mailboxes::table.filter(mailboxes::mode.ne("read_only")).order(mailboxes::id).select(mailboxes::address).first(conn).optional()
}

/// Whether a key that may draft is in use.
pub(super) fn has_drafting_key(conn: &mut Conn) -> QueryResult<bool> {
    let scopes: Vec<String> = api_keys::table.filter(api_keys::revoked_at.is_null()).select(api_keys::scopes).load(conn)?;
    Ok(scopes.iter().any(|scopes| scopes.contains("draft")))
}

/// How often somebody decided since then, counted up to a limit.
pub(super) fn decided(conn: &mut Conn, actor_id: &str, since: Time, limit: usize) -> QueryResult<usize> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mine = decisions::table.filter(decisions::actor_id.eq(actor_id)).filter(decisions::created_at.ge(since));
    Ok(mine.limit(limit).select(decisions::id).load::<String>(conn)?.len())
}
