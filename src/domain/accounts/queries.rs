//! SQL of people and their sign-ins.

use diesel::prelude::*;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{invitations, mailbox_members, notification_settings, password_resets, sessions, sign_in_attempts, users, weekly_choices};
use crate::domain::actor::Role;
use crate::domain::ids::{MailboxId, UserId};
use crate::domain::mailboxes::Notify;
use crate::on_either;

use super::sessions::{Kept, Open};
use super::users::UserRow;

pub(super) fn by_id(conn: &mut Conn, id: &UserId) -> QueryResult<Option<UserRow>> {
    users::table.find(id).first(conn).optional()
}

pub(super) fn by_email(conn: &mut Conn, key: &str) -> QueryResult<Option<UserRow>> {
    users::table.filter(users::email_key.eq(key)).first(conn).optional()
}

pub(super) fn all(conn: &mut Conn) -> QueryResult<Vec<UserRow>> {
    users::table.order((users::name, users::id)).limit(500).load(conn)
}

pub(super) fn insert(conn: &mut Conn, row: &UserRow) -> QueryResult<()> {
    diesel::insert_into(users::table).values(row.clone()).execute(conn).map(drop)
}

/// Who is not disabled and has a way in: a password, or a provider that knows them.
#[diesel::dsl::auto_type(no_type_alias)]
pub(in crate::domain) fn can_sign_in() -> _ {
    users::disabled_at.is_null().and(users::password_hash.is_not_null().or(users::subject.is_not_null()))
}

pub(super) fn by_subject(conn: &mut Conn, issuer: &str, subject: &str) -> QueryResult<Option<UserRow>> {
    users::table.filter(users::issuer.eq(issuer)).filter(users::subject.eq(subject)).first(conn).optional()
}

pub(super) fn bind(conn: &mut Conn, id: &UserId, issuer: &str, subject: &str) -> QueryResult<()> {
    diesel::update(users::table.find(id)).set((users::issuer.eq(issuer), users::subject.eq(subject))).execute(conn).map(drop)
}

pub(super) fn unbind(conn: &mut Conn, id: &UserId) -> QueryResult<()> {
    let nobody = (users::issuer.eq(None::<String>), users::subject.eq(None::<String>));
    diesel::update(users::table.find(id)).set(nobody).execute(conn).map(drop)
}

pub(super) fn set_role_given(conn: &mut Conn, id: &UserId) -> QueryResult<()> {
    diesel::update(users::table.find(id)).set(users::role_given.eq(true)).execute(conn).map(drop)
}

/// Administrators who can sign in, with a password or with this provider. Their rows stay locked until the transaction ends, so that
/// two who each take one away come one after the other; on SQLite whoever writes is alone.
pub(super) fn lock_active_admins(conn: &mut Conn, issuer: Option<&str>) -> QueryResult<Vec<UserId>> {
    let by_provider = users::issuer.is_not_null().and(users::issuer.eq(issuer.unwrap_or_default()).assume_not_null());
    let active = users::table
        .filter(users::role.eq(Role::Admin))
        .filter(users::disabled_at.is_null())
        .filter(users::password_hash.is_not_null().or(by_provider))
        .order(users::id)
        .select(users::id);
    match conn {
        Conn::Sqlite(inner) => active.load(inner),
        Conn::Postgres(inner) => active.for_update().load(inner),
    }
}

pub(super) fn anybody(conn: &mut Conn) -> QueryResult<bool> {
    diesel::select(diesel::dsl::exists(users::table.filter(users::password_hash.is_not_null().or(users::subject.is_not_null())))).get_result(conn)
}

/// All sessions end, and links that would set another password are used up.
pub(super) fn set_password(conn: &mut Conn, id: &UserId, hash: &str, now: Time) -> QueryResult<()> {
    diesel::update(users::table.find(id)).set((users::password_hash.eq(hash), users::sign_in_epoch.eq(users::sign_in_epoch + 1))).execute(conn)?;
    diesel::update(password_resets::table.filter(password_resets::user_id.eq(id)).filter(password_resets::used_at.is_null()))
        .set(password_resets::used_at.eq(now))
        .execute(conn)?;
    delete_sessions_of(conn, id)
}

pub(super) fn count_resets(conn: &mut Conn, user: &UserId, since: Time) -> QueryResult<i64> {
    password_resets::table.filter(password_resets::user_id.eq(user)).filter(password_resets::created_at.gt(since)).count().get_result(conn)
}

pub(super) fn insert_reset(conn: &mut Conn, token_hash: &str, user: &UserId, now: Time, until: Time) -> QueryResult<()> {
    diesel::insert_into(password_resets::table)
        .values((
            password_resets::token_hash.eq(token_hash),
            password_resets::user_id.eq(user),
            password_resets::created_at.eq(now),
            password_resets::expires_at.eq(until),
        ))
        .execute(conn)
        .map(drop)
}

/// Whose password an unused link sets.
pub(super) fn reset(conn: &mut Conn, token_hash: &str, now: Time) -> QueryResult<Option<UserId>> {
    password_resets::table
        .find(token_hash)
        .filter(password_resets::used_at.is_null())
        .filter(password_resets::expires_at.gt(now))
        .select(password_resets::user_id)
        .first(conn)
        .optional()
}

/// Uses it up; `false` when somebody else was quicker.
pub(super) fn use_reset(conn: &mut Conn, token_hash: &str, now: Time) -> QueryResult<bool> {
    let used = diesel::update(password_resets::table.find(token_hash).filter(password_resets::used_at.is_null()))
        .set(password_resets::used_at.eq(now))
        .execute(conn)?;
    Ok(used == 1)
}

/// Ends every session that knows the epoch before; returns the new one.
pub(super) fn raise_epoch(conn: &mut Conn, id: &UserId) -> QueryResult<i64> {
    diesel::update(users::table.find(id)).set(users::sign_in_epoch.eq(users::sign_in_epoch + 1)).execute(conn)?;
    users::table.find(id).select(users::sign_in_epoch).first(conn)
}

pub(super) fn set_role(conn: &mut Conn, id: &UserId, role: Role) -> QueryResult<()> {
    diesel::update(users::table.find(id)).set(users::role.eq(role)).execute(conn).map(drop)
}

pub(super) fn set_disabled(conn: &mut Conn, id: &UserId, at: Option<Time>) -> QueryResult<()> {
    diesel::update(users::table.find(id)).set((users::disabled_at.eq(at), users::sign_in_epoch.eq(users::sign_in_epoch + 1))).execute(conn).map(drop)
}

pub(super) fn memberships(conn: &mut Conn, user: &UserId) -> QueryResult<Vec<MailboxId>> {
    mailbox_members::table.filter(mailbox_members::user_id.eq(user)).select(mailbox_members::mailbox_id).load(conn)
}

pub(super) fn set_memberships(conn: &mut Conn, user: &UserId, mailboxes: &[MailboxId]) -> QueryResult<()> {
    diesel::delete(mailbox_members::table.filter(mailbox_members::user_id.eq(user))).execute(conn)?;
    for mailbox in mailboxes {
        diesel::insert_into(mailbox_members::table)
            .values((mailbox_members::mailbox_id.eq(mailbox), mailbox_members::user_id.eq(user)))
            .execute(conn)?;
    }
    Ok(())
}

pub(super) fn insert_invitation(conn: &mut Conn, token_hash: &str, user: Option<&UserId>, now: Time, until: Time) -> QueryResult<()> {
    diesel::insert_into(invitations::table)
        .values((
            invitations::token_hash.eq(token_hash),
            invitations::user_id.eq(user),
            invitations::created_at.eq(now),
            invitations::expires_at.eq(until),
        ))
        .execute(conn)
        .map(drop)
}

/// The user an unused invitation is for; the inner `None` is the first administrator.
pub(super) fn invitation(conn: &mut Conn, token_hash: &str, now: Time) -> QueryResult<Option<Option<UserId>>> {
    invitations::table
        .filter(invitations::token_hash.eq(token_hash))
        .filter(invitations::used_at.is_null())
        .filter(invitations::expires_at.gt(now))
        .select(invitations::user_id)
        .first(conn)
        .optional()
}

/// Uses it up; `false` when somebody else was quicker.
pub(super) fn use_invitation(conn: &mut Conn, token_hash: &str, now: Time) -> QueryResult<bool> {
    let used = diesel::update(invitations::table.filter(invitations::token_hash.eq(token_hash)).filter(invitations::used_at.is_null()))
        .set(invitations::used_at.eq(now))
        .execute(conn)?;
    Ok(used == 1)
}

pub(super) fn drop_unused_invitations(conn: &mut Conn, user: Option<&UserId>, now: Time) -> QueryResult<()> {
    let unused = invitations::table.filter(invitations::used_at.is_null());
    match user {
        Some(user) => diesel::update(unused.filter(invitations::user_id.eq(user))).set(invitations::used_at.eq(now)).execute(conn).map(drop),
        None => diesel::update(unused.filter(invitations::user_id.is_null())).set(invitations::used_at.eq(now)).execute(conn).map(drop),
    }
}

pub(super) fn session(conn: &mut Conn, id: &str, now: Time) -> QueryResult<Option<String>> {
    sessions::table.find(id).filter(sessions::expires_at.gt(now)).select(sessions::state).first(conn).optional()
}

pub(super) fn insert_session(conn: &mut Conn, id: &str, kept: Kept, until: Time) -> QueryResult<()> {
    diesel::insert_into(sessions::table)
        .values((
            sessions::id.eq(id),
            sessions::user_id.eq(kept.user_id),
            sessions::state.eq(kept.state),
            sessions::expires_at.eq(until),
            sessions::handle.eq(kept.handle),
            sessions::started_at.eq(kept.started_at),
            sessions::seen_at.eq(kept.seen_at),
            sessions::network.eq(kept.network),
            sessions::device.eq(kept.device),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn change_session(conn: &mut Conn, id: &str, kept: Kept, until: Time) -> QueryResult<()> {
    diesel::update(sessions::table.find(id)).set((kept, sessions::expires_at.eq(until))).execute(conn).map(drop)
}

pub(super) fn sessions_of(conn: &mut Conn, user: &UserId, now: Time) -> QueryResult<Vec<Open>> {
    sessions::table
        .filter(sessions::user_id.eq(user.as_str()))
        .filter(sessions::expires_at.gt(now))
        .filter(sessions::handle.is_not_null())
        .order((sessions::started_at.desc(), sessions::handle))
        .select((
            sessions::handle.assume_not_null(),
            sessions::started_at.assume_not_null(),
            sessions::seen_at.assume_not_null(),
            sessions::network.assume_not_null(),
            sessions::device.assume_not_null(),
        ))
        .load(conn)
}

/// `false` when the person has no such session.
pub(super) fn end_session(conn: &mut Conn, user: &UserId, handle: &str) -> QueryResult<bool> {
    let ended = sessions::table.filter(sessions::user_id.eq(user.as_str())).filter(sessions::handle.eq(handle));
    Ok(diesel::delete(ended).execute(conn)? > 0)
}

pub(super) fn extend_session(conn: &mut Conn, id: &str, until: Time) -> QueryResult<()> {
    diesel::update(sessions::table.find(id)).set(sessions::expires_at.eq(until)).execute(conn).map(drop)
}

pub(super) fn delete_session(conn: &mut Conn, id: &str) -> QueryResult<()> {
    diesel::delete(sessions::table.find(id)).execute(conn).map(drop)
}

pub(super) fn delete_sessions_of(conn: &mut Conn, user: &UserId) -> QueryResult<()> {
    diesel::delete(sessions::table.filter(sessions::user_id.eq(user.as_str()))).execute(conn).map(drop)
}

pub(super) fn delete_expired_sessions(conn: &mut Conn, now: Time) -> QueryResult<()> {
    diesel::delete(sessions::table.filter(sessions::expires_at.le(now))).execute(conn).map(drop)
}

/// How many attempts there were with this one, in a window that began after `stale`.
pub(super) fn count_attempt(conn: &mut Conn, subject: &str, stale: Time, now: Time) -> QueryResult<i32> {
    on_either!(conn, inner => diesel::insert_into(sign_in_attempts::table)
        .values((sign_in_attempts::subject.eq(subject), sign_in_attempts::failures.eq(1), sign_in_attempts::window_started_at.eq(now)))
        .on_conflict(sign_in_attempts::subject)
        .do_update()
        .set(sign_in_attempts::failures.eq(sign_in_attempts::failures + 1))
        .execute(inner))?;
    diesel::update(sign_in_attempts::table.find(subject).filter(sign_in_attempts::window_started_at.le(stale)))
        .set((sign_in_attempts::failures.eq(1), sign_in_attempts::window_started_at.eq(now)))
        .execute(conn)?;
    sign_in_attempts::table.find(subject).select(sign_in_attempts::failures).first(conn)
}

pub(super) fn give_back_attempt(conn: &mut Conn, subject: &str) -> QueryResult<()> {
    diesel::update(sign_in_attempts::table.find(subject).filter(sign_in_attempts::failures.gt(0)))
        .set(sign_in_attempts::failures.eq(sign_in_attempts::failures - 1))
        .execute(conn)
        .map(drop)
}

pub(super) fn clear_attempts(conn: &mut Conn, subject: &str) -> QueryResult<()> {
    diesel::delete(sign_in_attempts::table.find(subject)).execute(conn).map(drop)
}

pub(super) fn set_profile(conn: &mut Conn, id: &UserId, time_zone: Option<&str>, shortcuts: bool) -> QueryResult<()> {
    diesel::update(users::table.find(id)).set((users::time_zone.eq(time_zone), users::shortcuts.eq(shortcuts))).execute(conn).map(drop)
}

pub(super) fn weekly_choice(conn: &mut Conn, id: &UserId) -> QueryResult<Option<bool>> {
    weekly_choices::table.find(id.as_str()).select(weekly_choices::wanted).first(conn).optional()
}

pub(super) fn set_weekly_choice(conn: &mut Conn, id: &UserId, wanted: bool) -> QueryResult<()> {
    let row = (weekly_choices::user_id.eq(id.as_str()), weekly_choices::wanted.eq(wanted));
    on_either!(conn, inner => diesel::insert_into(weekly_choices::table).values(row).on_conflict(weekly_choices::user_id).do_update()
        .set(weekly_choices::wanted.eq(wanted)).execute(inner))
    .map(drop)
}

pub(super) fn set_notices(conn: &mut Conn, id: &UserId, notices: bool, digest_hour: i32) -> QueryResult<()> {
    diesel::update(users::table.find(id)).set((users::notices.eq(notices), users::digest_hour.eq(digest_hour))).execute(conn).map(drop)
}

pub(super) fn notification_settings(conn: &mut Conn, id: &UserId) -> QueryResult<Vec<(MailboxId, Notify)>> {
    notification_settings::table
        .filter(notification_settings::user_id.eq(id))
        .select((notification_settings::mailbox_id, notification_settings::notify))
        .load(conn)
}

pub(super) fn set_notification(conn: &mut Conn, id: &UserId, mailbox: &MailboxId, notify: Option<Notify>) -> QueryResult<()> {
    diesel::delete(notification_settings::table.find((id, mailbox))).execute(conn)?;
    if let Some(notify) = notify {
        diesel::insert_into(notification_settings::table)
            .values((notification_settings::user_id.eq(id), notification_settings::mailbox_id.eq(mailbox), notification_settings::notify.eq(notify)))
            .execute(conn)?;
    }
    Ok(())
}
