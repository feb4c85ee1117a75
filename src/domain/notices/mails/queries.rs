//! SQL of mails to the people of the desk.

use diesel::dsl::exists;
use diesel::prelude::*;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{mailboxes, notice_mails, users};
use crate::db::types::Json;
use crate::domain::accounts::can_sign_in;
use crate::domain::ids::{MailboxId, RowId, UserId};

use super::{ClaimedNotice, NoticeMail};

/// A mail to be written.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = notice_mails)]
pub(in crate::domain::notices) struct NewMail {
    pub(in crate::domain::notices) id: RowId,
    pub(in crate::domain::notices) user_id: UserId,
    pub(in crate::domain::notices) kind: &'static str,
    pub(in crate::domain::notices) mailbox_id: MailboxId,
    pub(in crate::domain::notices) mailboxes: Json<Vec<MailboxId>>,
    pub(in crate::domain::notices) subject: String,
    pub(in crate::domain::notices) text_body: String,
    pub(in crate::domain::notices) state: &'static str,
    pub(in crate::domain::notices) not_before: Time,
    pub(in crate::domain::notices) expires_at: Time,
    pub(in crate::domain::notices) attempts: i32,
    pub(in crate::domain::notices) created_at: Time,
    pub(in crate::domain::notices) updated_at: Time,
    pub(in crate::domain::notices) account: bool,
}

pub(in crate::domain::notices) fn insert(conn: &mut Conn, mail: &NewMail) -> QueryResult<()> {
    diesel::insert_into(notice_mails::table).values(mail.clone()).execute(conn).map(drop)
}

const OPEN: [&str; 3] = ["queued", "sending", "dot"];

/// While one mail about news waits for the mail server, what else is new waits for the next one.
pub(in crate::domain::notices) fn with_news_under_way(conn: &mut Conn) -> QueryResult<Vec<UserId>> {
    notice_mails::table
        .filter(notice_mails::state.eq_any(OPEN))
        .filter(notice_mails::kind.eq("now"))
        .select(notice_mails::user_id)
        .distinct()
        .load(conn)
}

pub(in crate::domain::notices) fn has_news_under_way(conn: &mut Conn, user: &UserId) -> QueryResult<bool> {
    let open =
        notice_mails::table.filter(notice_mails::user_id.eq(user)).filter(notice_mails::state.eq_any(OPEN)).filter(notice_mails::kind.eq("now"));
    diesel::select(exists(open)).get_result(conn)
}

/// The mail that is due next; where `account_since` is given, only of those about an account that were written since.
pub(super) fn next_mail(conn: &mut Conn, account_since: Option<Time>, now: Time) -> QueryResult<Option<RowId>> {
    let mut due = notice_mails::table
        .filter(notice_mails::state.eq("queued"))
        .filter(notice_mails::not_before.le(now))
        .filter(notice_mails::expires_at.gt(now))
        .order((notice_mails::not_before, notice_mails::id))
        .select(notice_mails::id)
        .into_boxed();
    if let Some(since) = account_since {
        due = due.filter(notice_mails::account.eq(true)).filter(notice_mails::created_at.ge(since));
    }
    due.first(conn).optional()
}

/// `false` when another worker was quicker.
pub(super) fn set_claim(conn: &mut Conn, id: &RowId, worker: &str, until: Time, now: Time) -> QueryResult<bool> {
    let changed = diesel::update(notice_mails::table.find(id).filter(notice_mails::state.eq("queued")))
        .set((
            notice_mails::state.eq("sending"),
            notice_mails::claim_token.eq(worker),
            notice_mails::claimed_until.eq(until),
            notice_mails::updated_at.eq(now),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

/// What a claim needs of a mail.
#[derive(Debug, Queryable)]
pub(super) struct MailRow {
    pub(super) user_id: UserId,
    pub(super) mailbox_id: MailboxId,
    pub(super) mailboxes: Json<Vec<MailboxId>>,
    pub(super) subject: String,
    pub(super) text_body: String,
    pub(super) expires_at: Time,
    pub(super) attempts: i32,
    pub(super) created_at: Time,
    pub(super) account: bool,
}

pub(super) fn mail(conn: &mut Conn, id: &RowId) -> QueryResult<MailRow> {
    notice_mails::table
        .find(id)
        .select((
            notice_mails::user_id,
            notice_mails::mailbox_id,
            notice_mails::mailboxes,
            notice_mails::subject,
            notice_mails::text_body,
            notice_mails::expires_at,
            notice_mails::attempts,
            notice_mails::created_at,
            notice_mails::account,
        ))
        .first(conn)
}

pub(super) fn renew(conn: &mut Conn, worker: &str, until: Time) -> QueryResult<()> {
    diesel::update(notice_mails::table.filter(notice_mails::state.eq_any(["sending", "dot"])).filter(notice_mails::claim_token.eq(worker)))
        .set(notice_mails::claimed_until.eq(until))
        .execute(conn)
        .map(drop)
}

pub(super) fn holds_claim(conn: &mut Conn, claimed: &ClaimedNotice) -> QueryResult<bool> {
    let held = notice_mails::table
        .find(&claimed.id)
        .filter(notice_mails::claim_token.eq(claimed.worker.as_str()))
        .filter(notice_mails::state.eq_any(["sending", "dot"]));
    diesel::select(exists(held)).get_result(conn)
}

/// The statement before the final dot.
pub(super) fn set_dot(conn: &mut Conn, claimed: &ClaimedNotice, now: Time) -> QueryResult<bool> {
    let reader = exists(
        users::table
            .find(&claimed.user_id)
            .filter(users::email.eq(&claimed.to_address))
            .filter(can_sign_in())
            .filter(users::notices.eq(true).or(notice_mails::account.eq(true))),
    );
    let changed = diesel::update(notice_mails::table.find(&claimed.id))
        .set((notice_mails::state.eq("dot"), notice_mails::updated_at.eq(now)))
        .filter(notice_mails::state.eq("sending"))
        .filter(notice_mails::claim_token.eq(claimed.worker.as_str()))
        .filter(notice_mails::user_id.eq(&claimed.user_id))
        .filter(notice_mails::expires_at.gt(now))
        .filter(reader)
        .execute(conn)?;
    Ok(changed == 1)
}

pub(super) fn set_state(conn: &mut Conn, id: &RowId, from: &str, to: &str, reply: &str, now: Time) -> QueryResult<bool> {
    let changed = diesel::update(notice_mails::table.find(id).filter(notice_mails::state.eq(from)))
        .set((notice_mails::state.eq(to), notice_mails::last_reply.eq(reply), notice_mails::updated_at.eq(now)))
        .execute(conn)?;
    // A link that sets a password stays no longer than its mail is on the way.
    diesel::update(notice_mails::table.find(id).filter(notice_mails::account.eq(true)).filter(notice_mails::state.ne_all(OPEN)))
        .set(notice_mails::text_body.eq(""))
        .execute(conn)?;
    Ok(changed == 1)
}

pub(super) fn put_back(conn: &mut Conn, id: &RowId, from: &str, at: Time, attempts: i32, reason: &str, now: Time) -> QueryResult<bool> {
    let changed = diesel::update(notice_mails::table.find(id).filter(notice_mails::state.eq(from)))
        .set((
            notice_mails::state.eq("queued"),
            notice_mails::not_before.eq(at),
            notice_mails::attempts.eq(attempts),
            notice_mails::claim_token.eq(None::<String>),
            notice_mails::claimed_until.eq(None::<Time>),
            notice_mails::last_reply.eq(reason),
            notice_mails::updated_at.eq(now),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

pub(super) fn lapsed(conn: &mut Conn, now: Time) -> QueryResult<Vec<(RowId, String, i32)>> {
    notice_mails::table
        .filter(notice_mails::state.eq_any(["sending", "dot"]))
        .filter(notice_mails::claimed_until.lt(now))
        .limit(500)
        .select((notice_mails::id, notice_mails::state, notice_mails::attempts))
        .load(conn)
}

pub(super) fn expire(conn: &mut Conn, now: Time) -> QueryResult<()> {
    diesel::update(notice_mails::table.filter(notice_mails::state.eq("queued")).filter(notice_mails::expires_at.le(now)))
        .set((notice_mails::state.eq("failed"), notice_mails::last_reply.eq("It could not be sent for a day."), notice_mails::updated_at.eq(now)))
        .execute(conn)
        .map(drop)
}

pub(super) fn forget(conn: &mut Conn, before: Time) -> QueryResult<()> {
    let ended = notice_mails::state.eq_any(["sent", "failed", "uncertain"]);
    diesel::delete(notice_mails::table.filter(ended).filter(notice_mails::not_before.lt(before))).execute(conn).map(drop)
}

pub(super) fn latest(conn: &mut Conn, user: &UserId) -> QueryResult<Option<NoticeMail>> {
    notice_mails::table
        .filter(notice_mails::user_id.eq(user))
        .order((notice_mails::created_at.desc(), notice_mails::id.desc()))
        .select((notice_mails::subject, notice_mails::state, notice_mails::last_reply, notice_mails::created_at))
        .first(conn)
        .optional()
}

pub(super) fn address(conn: &mut Conn, mailbox: &MailboxId) -> QueryResult<String> {
    mailboxes::table.find(mailbox).select(mailboxes::address).first(conn)
}
