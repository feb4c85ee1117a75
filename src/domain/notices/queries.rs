//! SQL of notices.

use diesel::dsl::{count_star, exists, min, not, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{
    decisions, mailbox_members, mailboxes, message_snoozes, message_versions, messages, notice_times, notice_told, notices, notification_settings,
    outbox, users, warrants, weekly_choices,
};
use crate::domain::accounts::can_sign_in;
use crate::domain::actor::Role;
use crate::domain::ids::{MailboxId, MessageId, RowId, UserId};
use crate::domain::mailboxes::Notify;
use crate::domain::messages::State;
use crate::on_either;

use super::Kind;

/// Most messages named in one list.
const ITEMS: i64 = 10;
/// The states of a message that goes out or went out.
const LEAVING: [State; 7] = [State::Queued, State::Sending, State::Sent, State::Delivered, State::Bounced, State::Complained, State::Uncertain];

pub(super) type PersonRow = (UserId, String, String, Role, Option<String>, i32, Option<bool>);

pub(super) fn people(conn: &mut Conn, only: Option<&UserId>) -> QueryResult<Vec<PersonRow>> {
    let mut query = users::table
        .filter(can_sign_in())
        .filter(users::notices.eq(true))
        .order(users::id)
        .left_join(weekly_choices::table.on(weekly_choices::user_id.eq(users::id)))
        .select((users::id, users::name, users::email, users::role, users::time_zone, users::digest_hour, weekly_choices::wanted.nullable()))
        .into_boxed();
    if let Some(id) = only {
        query = query.filter(users::id.eq(id.clone()));
    }
    query.load(conn)
}

/// Name, address and zone of somebody who can sign in.
pub(super) fn account(conn: &mut Conn, id: &UserId) -> QueryResult<Option<(String, String, Option<String>)>> {
    users::table.find(id).filter(can_sign_in()).select((users::name, users::email, users::time_zone)).first(conn).optional()
}

pub(super) fn mailboxes(conn: &mut Conn) -> QueryResult<Vec<(MailboxId, String, Notify)>> {
    mailboxes::table.order(mailboxes::address).select((mailboxes::id, mailboxes::address, mailboxes::notify)).load(conn)
}

pub(super) fn memberships(conn: &mut Conn, only: Option<&UserId>) -> QueryResult<Vec<(UserId, MailboxId)>> {
    let mut query = mailbox_members::table.select((mailbox_members::user_id, mailbox_members::mailbox_id)).into_boxed();
    if let Some(id) = only {
        query = query.filter(mailbox_members::user_id.eq(id.clone()));
    }
    query.load(conn)
}

pub(super) fn settings(conn: &mut Conn, only: Option<&UserId>) -> QueryResult<Vec<(UserId, MailboxId, Notify)>> {
    let mut query = notification_settings::table.into_boxed();
    if let Some(id) = only {
        query = query.filter(notification_settings::user_id.eq(id.clone()));
    }
    query.load(conn)
}

/// A row of `notice_times`.
#[derive(Debug, Clone, Queryable)]
pub(super) struct Times {
    pub(super) user_id: UserId,
    pub(super) told_at: Option<Time>,
    pub(super) digest_at: Time,
    pub(super) revision: i64,
    pub(super) weekly_at: Option<Time>,
}

pub(super) fn times(conn: &mut Conn) -> QueryResult<Vec<Times>> {
    notice_times::table.load(conn)
}

pub(super) fn times_of(conn: &mut Conn, user: &UserId) -> QueryResult<Option<Times>> {
    notice_times::table.find(user).first(conn).optional()
}

/// Does nothing where another worker was quicker.
pub(super) fn insert_times(conn: &mut Conn, user: &UserId, digest_at: Time, weekly_at: Time) -> QueryResult<()> {
    let row =
        (notice_times::user_id.eq(user), notice_times::digest_at.eq(digest_at), notice_times::revision.eq(0), notice_times::weekly_at.eq(weekly_at));
    on_either!(conn, inner => diesel::insert_into(notice_times::table).values(row).on_conflict_do_nothing().execute(inner)).map(drop)
}

/// `false` when another worker was quicker.
pub(super) fn set_told(conn: &mut Conn, seen: &Times, now: Time) -> QueryResult<bool> {
    let changed = diesel::update(notice_times::table.find(&seen.user_id).filter(notice_times::revision.eq(seen.revision)))
        .set((notice_times::told_at.eq(now), notice_times::revision.eq(seen.revision + 1)))
        .execute(conn)?;
    Ok(changed == 1)
}

/// `false` when another worker was quicker.
pub(super) fn set_reported(conn: &mut Conn, seen: &Times, slot: Time) -> QueryResult<bool> {
    let changed = diesel::update(notice_times::table.find(&seen.user_id).filter(notice_times::revision.eq(seen.revision)))
        .set((notice_times::weekly_at.eq(slot), notice_times::revision.eq(seen.revision + 1)))
        .execute(conn)?;
    Ok(changed == 1)
}

/// `false` when another worker was quicker.
pub(super) fn set_digested(conn: &mut Conn, seen: &Times, slot: Time) -> QueryResult<bool> {
    let changed = diesel::update(notice_times::table.find(&seen.user_id).filter(notice_times::revision.eq(seen.revision)))
        .set((notice_times::digest_at.eq(slot), notice_times::revision.eq(seen.revision + 1)))
        .execute(conn)?;
    Ok(changed == 1)
}

pub(super) fn set_digest_at(conn: &mut Conn, user: &UserId, now: Time) -> QueryResult<()> {
    diesel::update(notice_times::table.find(user))
        .set((notice_times::digest_at.eq(now), notice_times::revision.eq(notice_times::revision + 1)))
        .execute(conn)
        .map(drop)
}

#[expect(clippy::too_many_arguments, reason = "one per column")]
pub(super) fn insert_notice(
    conn: &mut Conn,
    id: &RowId,
    user: &UserId,
    kind: Kind,
    message: &MessageId,
    by: &str,
    words: Option<&str>,
    now: Time,
) -> QueryResult<()> {
    diesel::insert_into(notices::table)
        .values((
            notices::id.eq(id),
            notices::user_id.eq(user),
            notices::kind.eq(kind),
            notices::message_id.eq(message),
            notices::by_name.eq(by),
            notices::words.eq(words),
            notices::created_at.eq(now),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn with_notices(conn: &mut Conn, since: Time) -> QueryResult<Vec<UserId>> {
    notices::table.filter(notices::created_at.gt(since)).filter(notices::done_at.is_null()).select(notices::user_id).distinct().load(conn)
}

/// A message in a list.
#[derive(Debug, Queryable)]
pub(super) struct ItemRow {
    pub(super) message_id: MessageId,
    pub(super) mailbox_id: MailboxId,
    pub(super) subject: String,
    /// Until when it can be decided or stopped.
    pub(super) until: Option<Time>,
}

#[derive(Debug, Queryable)]
pub(super) struct NoticeRow {
    pub(super) kind: Kind,
    pub(super) by_name: String,
    pub(super) words: Option<String>,
    pub(super) created_at: Time,
    pub(super) state: State,
    pub(super) item: ItemRow,
}

pub(super) fn open_notices(conn: &mut Conn, user: &UserId, since: Time) -> QueryResult<Vec<NoticeRow>> {
    notices::table
        .inner_join(messages::table.on(messages::id.eq(notices::message_id)))
        .inner_join(message_versions::table.on(message_versions::message_id.eq(messages::id).and(message_versions::version.eq(messages::version))))
        .filter(notices::user_id.eq(user))
        .filter(notices::created_at.gt(since))
        .filter(notices::done_at.is_null())
        .order(notices::id)
        .limit(100)
        .select((
            notices::kind,
            notices::by_name,
            notices::words,
            notices::created_at,
            messages::state,
            (messages::id, messages::mailbox_id, message_versions::subject, messages::expires_at),
        ))
        .load(conn)
}

pub(super) fn close_notices(conn: &mut Conn, user: &UserId, now: Time) -> QueryResult<()> {
    diesel::update(notices::table.filter(notices::user_id.eq(user)).filter(notices::done_at.is_null()))
        .set(notices::done_at.eq(now))
        .execute(conn)
        .map(drop)
}

pub(super) fn decided_since(conn: &mut Conn, user: &UserId, message: &MessageId, since: Time) -> QueryResult<bool> {
    let decided = decisions::table
        .filter(decisions::message_id.eq(message))
        .filter(decisions::actor_id.eq(user.as_str()))
        .filter(decisions::created_at.gt(since));
    diesel::select(exists(decided)).get_result(conn)
}

/// For whom, where and since when to look.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) user: UserId,
    pub(super) mailboxes: Vec<MailboxId>,
    /// What changed before is known.
    pub(super) since: Time,
    /// The moment of this look; what is noted carries it.
    pub(super) now: Time,
    /// Whose own work does not count; empty for nobody's.
    pub(super) not_by: String,
}

/// Pending messages that this person could decide now. The word stands in the text of the
/// statement because SQLite uses a partial index for literals only.
macro_rules! decidable {
    ($look:expr) => {
        messages::table
            .filter(sql::<Bool>("messages.state = 'pending'"))
            .filter(messages::mailbox_id.eq_any($look.mailboxes.clone()))
            .filter(messages::author_id.ne($look.not_by.clone()))
            .filter(messages::editor_id.ne($look.not_by.clone()))
            .filter(not(exists(
                message_snoozes::table
                    .filter(message_snoozes::user_id.eq($look.user.clone()))
                    .filter(message_snoozes::message_id.eq(messages::id))
                    .filter(message_snoozes::until.gt($look.now)),
            )))
    };
}

/// Those of them that are new since the last look.
macro_rules! newly_pending {
    ($look:expr) => {
        decidable!($look).filter(messages::updated_at.gt($look.since)).filter(not(exists(
            notice_told::table
                .filter(notice_told::user_id.eq($look.user.clone()))
                .filter(notice_told::message_id.eq(messages::id))
                .filter(notice_told::version.eq(messages::version)),
        )))
    };
}

/// What was cleared since the last look by nobody but the mode `monitored`. The mailbox is asked
/// for inside, because SQLite would otherwise walk all messages of the mailbox.
macro_rules! newly_leaving {
    ($look:expr) => {
        warrants::table
            .filter(sql::<Bool>("warrants.cleared_by = 'monitored'"))
            .filter(warrants::issued_at.gt($look.since))
            .filter(exists(
                messages::table
                    .filter(messages::id.eq(warrants::message_id))
                    .filter(messages::mailbox_id.eq_any($look.mailboxes.clone()))
                    .filter(messages::is_test.eq(false)),
            ))
            .filter(not(exists(
                notice_told::table
                    .filter(notice_told::user_id.eq($look.user.clone()))
                    .filter(notice_told::message_id.eq(warrants::message_id))
                    .filter(notice_told::version.eq(warrants::version)),
            )))
    };
}

pub(super) fn any_pending(conn: &mut Conn, look: &Look) -> QueryResult<bool> {
    diesel::select(exists(newly_pending!(look))).get_result(conn)
}

pub(super) fn any_leaving(conn: &mut Conn, look: &Look) -> QueryResult<bool> {
    diesel::select(exists(newly_leaving!(look))).get_result(conn)
}

/// Notes as told what is newly pending, in the statement that finds it.
pub(super) fn note_pending(conn: &mut Conn, look: &Look) -> QueryResult<()> {
    let user = look.user.as_str().into_sql::<Text>();
    let found = newly_pending!(look).select((user, messages::id, messages::version, look.now.into_sql::<BigInt>()));
    let columns = (notice_told::user_id, notice_told::message_id, notice_told::version, notice_told::at);
    on_either!(conn, inner => found.insert_into(notice_told::table).into_columns(columns).execute(inner)).map(drop)
}

pub(super) fn note_leaving(conn: &mut Conn, look: &Look) -> QueryResult<()> {
    let user = look.user.as_str().into_sql::<Text>();
    let found = newly_leaving!(look).select((user, warrants::message_id, warrants::version, look.now.into_sql::<BigInt>()));
    let columns = (notice_told::user_id, notice_told::message_id, notice_told::version, notice_told::at);
    on_either!(conn, inner => found.insert_into(notice_told::table).into_columns(columns).execute(inner)).map(drop)
}

/// What this look noted, in one of these states.
macro_rules! noted {
    ($look:expr, $states:expr) => {
        notice_told::table
            .inner_join(messages::table.on(messages::id.eq(notice_told::message_id)))
            .filter(notice_told::user_id.eq(&$look.user))
            .filter(notice_told::at.eq($look.now))
            .filter(messages::version.eq(notice_told::version))
            .filter(messages::state.eq_any($states))
    };
}

pub(super) fn count_noted_pending(conn: &mut Conn, look: &Look) -> QueryResult<i64> {
    noted!(look, [State::Pending]).count().get_result(conn)
}

pub(super) fn count_noted_leaving(conn: &mut Conn, look: &Look) -> QueryResult<i64> {
    noted!(look, LEAVING).count().get_result(conn)
}

pub(super) fn noted_pending(conn: &mut Conn, look: &Look) -> QueryResult<Vec<ItemRow>> {
    noted!(look, [State::Pending])
        .inner_join(message_versions::table.on(message_versions::message_id.eq(messages::id).and(message_versions::version.eq(messages::version))))
        .order((messages::expires_at, messages::id))
        .limit(ITEMS)
        .select((messages::id, messages::mailbox_id, message_versions::subject, messages::expires_at))
        .load(conn)
}

/// `until` is the end of the undo window of those that can still be stopped.
pub(super) fn noted_leaving(conn: &mut Conn, look: &Look) -> QueryResult<Vec<ItemRow>> {
    let rows: Vec<(MessageId, MailboxId, String, State, Option<Time>)> = noted!(look, LEAVING)
        .inner_join(message_versions::table.on(message_versions::message_id.eq(messages::id).and(message_versions::version.eq(messages::version))))
        .left_join(outbox::table.on(outbox::message_id.eq(messages::id)))
        .order(messages::id)
        .limit(ITEMS)
        .select((messages::id, messages::mailbox_id, message_versions::subject, messages::state, outbox::not_before.nullable()))
        .load(conn)?;
    let stoppable = |state: State, until: Option<Time>| until.filter(|until| state == State::Queued && *until > look.now);
    let item = |(message_id, mailbox_id, subject, state, until)| ItemRow { message_id, mailbox_id, subject, until: stoppable(state, until) };
    Ok(rows.into_iter().map(item).collect())
}

/// How many wait in each mailbox, and since when the oldest.
pub(super) fn count_waiting(conn: &mut Conn, look: &Look) -> QueryResult<Vec<(MailboxId, i64, Option<Time>)>> {
    decidable!(look).group_by(messages::mailbox_id).select((messages::mailbox_id, count_star(), min(messages::submitted_at))).load(conn)
}

/// How many of them lapse before this moment.
pub(super) fn count_expiring(conn: &mut Conn, look: &Look, before: Time) -> QueryResult<Vec<(MailboxId, i64)>> {
    decidable!(look).filter(messages::expires_at.le(before)).group_by(messages::mailbox_id).select((messages::mailbox_id, count_star())).load(conn)
}

/// Those that lapse first.
pub(super) fn first_waiting(conn: &mut Conn, look: &Look) -> QueryResult<Vec<ItemRow>> {
    decidable!(look)
        .inner_join(message_versions::table.on(message_versions::message_id.eq(messages::id).and(message_versions::version.eq(messages::version))))
        .order((messages::expires_at, messages::id))
        .limit(ITEMS)
        .select((messages::id, messages::mailbox_id, message_versions::subject, messages::expires_at))
        .load(conn)
}

pub(super) fn forget(conn: &mut Conn, before: Time) -> QueryResult<()> {
    diesel::delete(notice_told::table.filter(notice_told::at.lt(before))).execute(conn)?;
    diesel::delete(notices::table.filter(notices::created_at.lt(before))).execute(conn).map(drop)
}
