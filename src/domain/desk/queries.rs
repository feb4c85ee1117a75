//! SQL of presence, assignment, comments and snoozes.

use diesel::prelude::*;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{mailbox_members, message_comments, message_mentions, message_readers, message_snoozes, messages, users};
use crate::domain::accounts::can_sign_in;
use crate::domain::ids::{CommentId, MailboxId, MessageId, UserId};
use crate::on_either;

use super::Colleague;
use super::comments::CommentRow;
use super::presence::Reader;

/// Holds a message until the transaction ends, so that of two who take it one sees the other.
/// A writing transaction of SQLite is alone already.
pub(super) fn lock(conn: &mut Conn, id: &MessageId) -> QueryResult<()> {
    match conn {
        Conn::Sqlite(_) => Ok(()),
        Conn::Postgres(inner) => messages::table.find(id).select(messages::id).for_no_key_update().first::<MessageId>(inner).optional().map(drop),
    }
}

pub(super) fn put_seen(conn: &mut Conn, id: &MessageId, user: &UserId, name: &str, now: Time) -> QueryResult<()> {
    let values = (message_readers::user_name.eq(name), message_readers::seen_at.eq(now));
    let insert = diesel::insert_into(message_readers::table).values((message_readers::message_id.eq(id), message_readers::user_id.eq(user), values));
    let upsert = insert.on_conflict((message_readers::message_id, message_readers::user_id)).do_update().set(values);
    on_either!(conn, inner => upsert.execute(inner).map(drop))
}

pub(super) fn put_left(conn: &mut Conn, id: &MessageId, user: &UserId) -> QueryResult<()> {
    diesel::update(message_readers::table.find((id, user))).set(message_readers::seen_at.eq(Time::from_micros(0))).execute(conn).map(drop)
}

/// Taking alone is not reading: the row of somebody who is not there says so.
pub(super) fn put_taken(conn: &mut Conn, id: &MessageId, user: &UserId, name: &str, until: Time, from: Option<&UserId>) -> QueryResult<()> {
    let values =
        (message_readers::user_name.eq(name), message_readers::taken_until.eq(until), message_readers::taken_from.eq(from.map(|from| from.as_str())));
    let insert = diesel::insert_into(message_readers::table).values((
        message_readers::message_id.eq(id),
        message_readers::user_id.eq(user),
        message_readers::seen_at.eq(Time::from_micros(0)),
        values,
    ));
    let upsert = insert.on_conflict((message_readers::message_id, message_readers::user_id)).do_update().set(values);
    on_either!(conn, inner => upsert.execute(inner).map(drop))
}

pub(super) fn renew(conn: &mut Conn, id: &MessageId, user: &UserId, now: Time, until: Time) -> QueryResult<()> {
    diesel::update(message_readers::table.find((id, user)).filter(message_readers::taken_until.gt(now)))
        .set(message_readers::taken_until.eq(until))
        .execute(conn)
        .map(drop)
}

pub(super) fn drop_lapsed(conn: &mut Conn, id: &MessageId, now: Time) -> QueryResult<()> {
    diesel::update(message_readers::table.filter(message_readers::message_id.eq(id)).filter(message_readers::taken_until.le(now)))
        .set((message_readers::taken_until.eq(None::<Time>), message_readers::taken_from.eq(None::<&str>)))
        .execute(conn)
        .map(drop)
}

/// Takes a message from who has it; `false` where they do not.
pub(super) fn free(conn: &mut Conn, id: &MessageId, user: &UserId) -> QueryResult<bool> {
    let changed = diesel::update(message_readers::table.find((id, user)).filter(message_readers::taken_until.is_not_null()))
        .set((message_readers::taken_until.eq(None::<Time>), message_readers::taken_from.eq(None::<&str>)))
        .execute(conn)?;
    Ok(changed == 1)
}

pub(super) fn holder(conn: &mut Conn, id: &MessageId) -> QueryResult<Option<Reader>> {
    message_readers::table.filter(message_readers::message_id.eq(id)).filter(message_readers::taken_until.is_not_null()).first(conn).optional()
}

pub(super) fn readers(conn: &mut Conn, ids: &[MessageId], now: Time, seen_after: Time) -> QueryResult<Vec<Reader>> {
    message_readers::table
        .filter(message_readers::message_id.eq_any(ids.to_vec()))
        .filter(message_readers::seen_at.gt(seen_after).or(message_readers::taken_until.gt(now).assume_not_null()))
        .order((message_readers::message_id, message_readers::user_name, message_readers::user_id))
        .load(conn)
}

pub(super) fn all_readers(conn: &mut Conn, now: Time, seen_after: Time) -> QueryResult<Vec<(MailboxId, Reader)>> {
    message_readers::table
        .inner_join(messages::table.on(messages::id.eq(message_readers::message_id)))
        .filter(message_readers::seen_at.gt(seen_after).or(message_readers::taken_until.gt(now).assume_not_null()))
        .order((message_readers::message_id, message_readers::user_name, message_readers::user_id))
        .select((messages::mailbox_id, message_readers::all_columns))
        .limit(5_000)
        .load(conn)
}

pub(super) fn delete_gone(conn: &mut Conn, now: Time, seen_before: Time) -> QueryResult<()> {
    let free = message_readers::taken_until.is_null().or(message_readers::taken_until.le(now).assume_not_null());
    diesel::delete(message_readers::table.filter(message_readers::seen_at.le(seen_before)).filter(free)).execute(conn).map(drop)
}

/// The people who can sign in and reach a mailbox, by name.
pub(super) fn colleagues(conn: &mut Conn, mailbox: &MailboxId) -> QueryResult<Vec<Colleague>> {
    let members = mailbox_members::table.filter(mailbox_members::mailbox_id.eq(mailbox)).select(mailbox_members::user_id);
    users::table
        .filter(can_sign_in())
        .filter(users::role.eq("admin").or(users::id.eq_any(members)))
        .order((users::name, users::id))
        .select((users::id, users::name, users::email))
        .limit(500)
        .load(conn)
}

pub(super) fn colleague(conn: &mut Conn, id: &UserId) -> QueryResult<Option<Colleague>> {
    users::table.find(id).select((users::id, users::name, users::email)).first(conn).optional()
}

pub(super) fn set_assignee(conn: &mut Conn, id: &MessageId, to: Option<&UserId>) -> QueryResult<()> {
    diesel::update(messages::table.find(id)).set(messages::assignee_id.eq(to.map(|to| to.as_str()))).execute(conn).map(drop)
}

pub(super) fn count_comments(conn: &mut Conn, id: &MessageId) -> QueryResult<i64> {
    message_comments::table.filter(message_comments::message_id.eq(id)).count().get_result(conn)
}

pub(super) fn comments(conn: &mut Conn, id: &MessageId) -> QueryResult<Vec<CommentRow>> {
    message_comments::table.filter(message_comments::message_id.eq(id)).order((message_comments::created_at, message_comments::id)).load(conn)
}

pub(super) fn insert_comment(conn: &mut Conn, row: &CommentRow) -> QueryResult<()> {
    diesel::insert_into(message_comments::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn mentions(conn: &mut Conn, id: &MessageId) -> QueryResult<Vec<(CommentId, String)>> {
    message_mentions::table
        .inner_join(users::table.on(users::id.eq(message_mentions::user_id)))
        .filter(message_mentions::message_id.eq(id))
        .order((message_mentions::comment_id, users::name))
        .select((message_mentions::comment_id, users::name))
        .load(conn)
}

pub(super) fn insert_mention(conn: &mut Conn, comment: &CommentId, user: &UserId, message: &MessageId) -> QueryResult<()> {
    diesel::insert_into(message_mentions::table)
        .values((message_mentions::comment_id.eq(comment), message_mentions::user_id.eq(user), message_mentions::message_id.eq(message)))
        .execute(conn)
        .map(drop)
}

pub(super) fn put_snooze(conn: &mut Conn, id: &MessageId, user: &UserId, until: Time) -> QueryResult<()> {
    let insert = diesel::insert_into(message_snoozes::table).values((
        message_snoozes::user_id.eq(user),
        message_snoozes::message_id.eq(id),
        message_snoozes::until.eq(until),
    ));
    let upsert = insert.on_conflict((message_snoozes::user_id, message_snoozes::message_id)).do_update().set(message_snoozes::until.eq(until));
    on_either!(conn, inner => upsert.execute(inner).map(drop))
}

pub(super) fn snoozed_until(conn: &mut Conn, id: &MessageId, user: &UserId) -> QueryResult<Option<Time>> {
    message_snoozes::table.find((user, id)).select(message_snoozes::until).first(conn).optional()
}

pub(super) fn delete_snooze(conn: &mut Conn, id: &MessageId, user: &UserId) -> QueryResult<bool> {
    Ok(diesel::delete(message_snoozes::table.find((user, id))).execute(conn)? == 1)
}

pub(super) fn delete_past_snoozes(conn: &mut Conn, now: Time) -> QueryResult<()> {
    diesel::delete(message_snoozes::table.filter(message_snoozes::until.le(now))).execute(conn).map(drop)
}
