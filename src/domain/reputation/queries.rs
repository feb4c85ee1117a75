//! SQL of the pace of mailboxes and of what they sent.

use std::collections::{BTreeMap, HashSet};

use diesel::dsl::{count_star, exists, not, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{mailbox_days, mailbox_pace, messages, outbox, sends};
use crate::db::statement::Statement;
use crate::domain::ids::{ContactId, MailboxId, MessageId};
use crate::on_either;

use super::plan::{Tally, WINDOW_SECONDS, WINDOW_SENDS};
use super::sends::{Outcome, Send, Turn};
use super::{Health, Pace};

/// For what, how many, and when the first of them has its turn.
type WaitingRow = (Option<String>, i64, Option<Time>);
/// Mailbox, day, sent, came back, complained about.
type DayRow = (String, String, i64, i64, i64);

pub(super) fn pace(conn: &mut Conn, id: &MailboxId) -> QueryResult<Option<Pace>> {
    mailbox_pace::table.find(id).first(conn).optional()
}

pub(in crate::domain) fn paces(conn: &mut Conn, ids: &[MailboxId]) -> QueryResult<Vec<Pace>> {
    mailbox_pace::table.filter(mailbox_pace::mailbox_id.eq_any(ids.to_vec())).load(conn)
}

/// The same, kept from others until this transaction ends, so that two workers do not count past a limit.
pub(in crate::domain) fn hold_paces(conn: &mut Conn, ids: &[MailboxId]) -> QueryResult<()> {
    match conn {
        // One writer at a time.
        Conn::Sqlite(_) => Ok(()),
        Conn::Postgres(inner) => mailbox_pace::table
            .filter(mailbox_pace::mailbox_id.eq_any(ids.to_vec()))
            .order(mailbox_pace::mailbox_id)
            .select(mailbox_pace::mailbox_id)
            .for_update()
            .load::<MailboxId>(inner)
            .map(drop),
    }
}

pub(super) fn put_pace(conn: &mut Conn, pace: &Pace) -> QueryResult<()> {
    let changed = diesel::update(mailbox_pace::table.find(&pace.mailbox_id)).set(pace.clone()).execute(conn)?;
    if changed == 0 {
        diesel::insert_into(mailbox_pace::table).values(pace.clone()).execute(conn)?;
    }
    Ok(())
}

/// Mailboxes that have used up a limit.
pub(in crate::domain) fn waiting(conn: &mut Conn, now: Time) -> QueryResult<Vec<MailboxId>> {
    mailbox_pace::table.filter(mailbox_pace::waits_until.gt(now)).select(mailbox_pace::mailbox_id).load(conn)
}

pub(in crate::domain) fn set_wait(conn: &mut Conn, id: &MailboxId, until: Time, what_for: &str) -> QueryResult<()> {
    diesel::update(mailbox_pace::table.find(id))
        .set((mailbox_pace::waits_until.eq(until), mailbox_pace::waits_for.eq(what_for)))
        .execute(conn)
        .map(drop)
}

pub(super) fn uneasy(conn: &mut Conn) -> QueryResult<Vec<Pace>> {
    mailbox_pace::table.filter(mailbox_pace::health.eq_any([Health::Warned, Health::Slowed])).load(conn)
}

pub(super) fn insert(conn: &mut Conn, rows: &[Send]) -> QueryResult<()> {
    let times: Vec<String> = rows.iter().map(|row| row.at.micros().to_string()).collect();
    let rows: Vec<Vec<&str>> = rows
        .iter()
        .zip(&times)
        .map(|(row, at)| {
            let commercial = if row.commercial { "1" } else { "0" };
            let whose = [row.message_id.as_str(), row.mailbox_id.as_str(), row.contact_id.as_str(), &row.domain, commercial];
            whose.into_iter().chain([&row.topic, &row.campaign, &row.step].map(|of| of.as_deref().unwrap_or_default())).chain([at.as_str()]).collect()
        })
        .collect();
    let mut statement = Statement::kept();
    statement.push(
        "INSERT INTO sends (message_id, mailbox_id, contact_id, domain, commercial, topic, campaign, step, at) \
         SELECT message, mailbox, contact, domain, commercial = '1', NULLIF(topic, ''), NULLIF(campaign, ''), NULLIF(step, ''), CAST(at AS BIGINT) FROM ",
    );
    statement.rows(&["message", "mailbox", "contact", "domain", "commercial", "topic", "campaign", "step", "at"], &rows).push(" AS r");
    statement.run(conn).map(drop)
}

/// Those of these messages that have a place already.
pub(super) fn known(conn: &mut Conn, ids: &[&MessageId]) -> QueryResult<HashSet<MessageId>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        message_id: MessageId,
    }
    let mut statement = Statement::kept();
    statement.push("SELECT message_id FROM sends WHERE message_id").among(ids.iter().map(|id| id.as_str()));
    Ok(statement.load::<Row>(conn)?.into_iter().map(|row| row.message_id).collect())
}

pub(super) fn send(conn: &mut Conn, id: &MessageId) -> QueryResult<Option<Send>> {
    sends::table.find(id).first(conn).optional()
}

pub(super) fn delete(conn: &mut Conn, id: &MessageId) -> QueryResult<bool> {
    Ok(diesel::delete(sends::table.find(id)).execute(conn)? == 1)
}

pub(super) fn set_outcome(conn: &mut Conn, id: &MessageId, outcome: Outcome) -> QueryResult<bool> {
    Ok(diesel::update(sends::table.find(id).filter(sends::outcome.is_null())).set(sends::outcome.eq(outcome)).execute(conn)? == 1)
}

/// Adds to the numbers of a day.
pub(super) fn add_day(conn: &mut Conn, mailbox: &MailboxId, day: &str, by: Tally) -> QueryResult<()> {
    let row = (
        mailbox_days::mailbox_id.eq(mailbox),
        mailbox_days::day.eq(day),
        mailbox_days::sent.eq(by.sent),
        mailbox_days::bounced.eq(by.bounced),
        mailbox_days::complained.eq(by.complained),
    );
    on_either!(conn, inner => diesel::insert_into(mailbox_days::table)
        .values(row)
        .on_conflict((mailbox_days::mailbox_id, mailbox_days::day))
        .do_update()
        .set((
            mailbox_days::sent.eq(mailbox_days::sent + by.sent),
            mailbox_days::bounced.eq(mailbox_days::bounced + by.bounced),
            mailbox_days::complained.eq(mailbox_days::complained + by.complained),
        ))
        .execute(inner))
    .map(drop)
}

/// The days of these mailboxes from this one on, the latest first.
pub(in crate::domain) fn days(conn: &mut Conn, ids: &[MailboxId], since: &str) -> QueryResult<Vec<(MailboxId, String, Tally)>> {
    let rows: Vec<(MailboxId, String, i64, i64, i64)> = mailbox_days::table
        .filter(mailbox_days::mailbox_id.eq_any(ids.to_vec()))
        .filter(mailbox_days::day.ge(since))
        .order((mailbox_days::mailbox_id, mailbox_days::day.desc()))
        .load(conn)?;
    Ok(rows.into_iter().map(|(id, day, sent, bounced, complained)| (id, day, Tally { sent, bounced, complained })).collect())
}

/// How many days of these mailboxes had mail, from the beginning of their warm-up to the day before this one.
pub(in crate::domain) fn sending_days(conn: &mut Conn, id: &MailboxId, since: &str, before: &str) -> QueryResult<i64> {
    mailbox_days::table
        .filter(mailbox_days::mailbox_id.eq(id))
        .filter(mailbox_days::day.ge(since).and(mailbox_days::day.lt(before)))
        .filter(mailbox_days::sent.gt(0))
        .count()
        .get_result(conn)
}

/// What left these mailboxes since then: mailbox, domain and when.
pub(in crate::domain) fn turns(conn: &mut Conn, ids: &[MailboxId], since: Time) -> QueryResult<Vec<Turn>> {
    sends::table
        .filter(sends::mailbox_id.eq_any(ids.to_vec()))
        .filter(sends::at.gt(since))
        .order((sends::mailbox_id, sends::at))
        .select((sends::mailbox_id, sends::domain, sends::at))
        .load(conn)
}

/// What one of these people got.
#[derive(Debug, QueryableByName)]
pub(in crate::domain) struct Got {
    #[diesel(sql_type = Text)]
    pub contact_id: ContactId,
    #[diesel(sql_type = BigInt)]
    pub at: Time,
    #[diesel(sql_type = Bool)]
    pub commercial: bool,
    #[diesel(sql_type = Nullable<Text>)]
    pub topic: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub campaign: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub step: Option<String>,
}

/// What these people got since then, or ever where it was a step.
pub(in crate::domain) fn to_people(conn: &mut Conn, contacts: &[ContactId], since: Time) -> QueryResult<Vec<Got>> {
    let mut statement = Statement::kept();
    statement.push("SELECT contact_id, at, commercial, topic, campaign, step FROM sends WHERE contact_id");
    statement.among(contacts.iter().map(ContactId::as_str)).push(" AND (at > ").number(since.micros());
    statement.push(" OR step IS NOT NULL) ORDER BY contact_id, at");
    statement.load(conn)
}

/// The turn of the next message to a domain, one after the other, so that each of many that wait has its own.
pub(in crate::domain) fn take_slot(conn: &mut Conn, mailbox: &MailboxId, domain: &str, from: Time, every_micros: i64) -> QueryResult<Time> {
    use crate::db::schema::domain_slots as slots;
    let found: Option<Time> = slots::table.find((mailbox, domain)).select(slots::next_at).first(conn).optional()?;
    let at = found.map_or(from, |next| next.max(from));
    let next = Time::from_micros(at.micros().saturating_add(every_micros));
    let row = (slots::mailbox_id.eq(mailbox), slots::domain.eq(domain), slots::next_at.eq(next));
    on_either!(conn, inner => diesel::insert_into(slots::table)
        .values(row)
        .on_conflict((slots::mailbox_id, slots::domain))
        .do_update()
        .set(slots::next_at.eq(next))
        .execute(inner))?;
    Ok(at)
}

/// What came of the last thousand messages, or of those of a day where they are more.
pub(super) fn window(conn: &mut Conn, id: &MailboxId, armed_at: Time, now: Time) -> QueryResult<Tally> {
    let day = now.plus_seconds(-WINDOW_SECONDS).max(armed_at);
    let of_day: i64 = sends::table.filter(sends::mailbox_id.eq(id)).filter(sends::at.ge(day)).count().get_result(conn)?;
    if of_day > WINDOW_SENDS {
        let rows: Vec<(Option<Outcome>, i64)> = sends::table
            .filter(sends::mailbox_id.eq(id))
            .filter(sends::at.ge(day))
            .group_by(sends::outcome)
            .select((sends::outcome, count_star()))
            .load(conn)?;
        return Ok(tally(rows));
    }
    let rows: Vec<Option<Outcome>> = sends::table
        .filter(sends::mailbox_id.eq(id))
        .filter(sends::at.ge(armed_at))
        .order(sends::at.desc())
        .limit(WINDOW_SENDS)
        .select(sends::outcome)
        .load(conn)?;
    Ok(tally(rows.into_iter().map(|outcome| (outcome, 1))))
}

fn tally(rows: impl IntoIterator<Item = (Option<Outcome>, i64)>) -> Tally {
    let mut tally = Tally::default();
    for (outcome, count) in rows {
        tally.sent += count;
        match outcome {
            Some(Outcome::Bounced) => tally.bounced += count,
            Some(Outcome::Complained) => tally.complained += count,
            None => {}
        }
    }
    tally
}

/// What waits in a mailbox, by what it waits for: how many, and when the first has its turn.
pub(super) fn waiting_rows(conn: &mut Conn, id: &MailboxId, now: Time) -> QueryResult<Vec<WaitingRow>> {
    outbox::table
        .filter(outbox::mailbox_id.eq(id))
        .filter(sql::<Bool>("outbox.state = 'queued'"))
        .filter(outbox::not_before.gt(now))
        .group_by(outbox::waits_for)
        .select((outbox::waits_for, count_star(), diesel::dsl::min(outbox::not_before)))
        .order(count_star().desc())
        .limit(20)
        .load(conn)
}

/// Those that are due, and wait for nothing but the mailbox.
pub(super) fn due_rows(conn: &mut Conn, id: &MailboxId, now: Time) -> QueryResult<i64> {
    outbox::table
        .filter(outbox::mailbox_id.eq(id))
        .filter(sql::<Bool>("outbox.state = 'queued'"))
        .filter(outbox::not_before.le(now))
        .count()
        .get_result(conn)
}

/// The numbers by mailbox and day as the rows give them.
pub(super) fn recount(conn: &mut Conn) -> QueryResult<BTreeMap<(String, String), Tally>> {
    let mut counted: BTreeMap<(String, String), Tally> = BTreeMap::new();
    let mut after: Option<MessageId> = None;
    loop {
        let mut query = sends::table.order(sends::message_id).limit(5000).into_boxed();
        if let Some(after) = &after {
            query = query.filter(sends::message_id.gt(after.clone()));
        }
        let page: Vec<Send> = query.load(conn)?;
        let Some(last) = page.last() else { return Ok(counted) };
        after = Some(last.message_id.clone());
        for row in page {
            let tally = counted.entry((row.mailbox_id.as_str().to_owned(), row.at.date().to_string())).or_default();
            tally.sent += 1;
            match row.outcome {
                Some(Outcome::Bounced) => tally.bounced += 1,
                Some(Outcome::Complained) => tally.complained += 1,
                None => {}
            }
        }
    }
}

pub(super) fn all_days(conn: &mut Conn) -> QueryResult<Vec<DayRow>> {
    mailbox_days::table.load(conn)
}

/// Sends whose message is in a state that does not fit.
pub(super) fn unfit(conn: &mut Conn) -> QueryResult<Vec<(MessageId, String)>> {
    let came_back = sends::outcome.eq("bounced").and(messages::state.ne_all(["bounced"]));
    let complained = sends::outcome.eq("complained").and(messages::state.ne_all(["complained"]));
    // What a worker has in its hands for a moment is not shown as being sent.
    let open = ["sending", "sent", "delivered", "bounced", "complained", "uncertain"];
    let held = outbox::state.eq_any(["sending", "dot"]).or(outbox::unfinished);
    let in_hands = exists(outbox::table.filter(outbox::message_id.eq(messages::id)).filter(held));
    sends::table
        .inner_join(messages::table.on(messages::id.eq(sends::message_id)))
        .filter(messages::state.ne_all(open).and(not(in_hands)).or(came_back.assume_not_null()).or(complained.assume_not_null()))
        .select((messages::id, messages::state))
        .limit(100)
        .load(conn)
}

/// Messages that left and have no row, although their mailbox counts.
pub(super) fn uncounted(conn: &mut Conn) -> QueryResult<Vec<(MessageId, String)>> {
    messages::table
        .filter(messages::state.eq_any(["sent", "delivered", "bounced", "complained"]))
        .filter(not(exists(sends::table.filter(sends::message_id.eq(messages::id)))))
        .select((messages::id, messages::state))
        .limit(100)
        .load(conn)
}
