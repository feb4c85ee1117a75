//! From what is new, or waits, to the rows of mails.
//!
//! Whoever raises the revision of a person's row in `notice_times` writes their mail, so that
//! two workers never write the same one.

use std::collections::{HashMap, HashSet};

use crate::clock::Time;
use crate::db::types::Json;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Mailboxes};
use crate::domain::error::Result;
use crate::domain::ids::{MailboxId, RowId, UserId};
use crate::domain::mailboxes::ladder::ModeRequest;
use crate::domain::mailboxes::{Mailbox, Notify};
use crate::domain::messages::State;
use crate::domain::{reports, settings};

use super::mails::queries::{self as mails, NewMail};
use super::people::{self, Person};
use super::queries::{self, Look, Times};
use super::words::{self, Item, News, Reader, Told, Waits};
use super::{BUNDLE_SECONDS, DIGEST_LATEST_HOURS, Kind, LIFETIME_HOURS, OVERLAP_SECONDS, WEEK_LEAST_SECONDS, WEEKLY_LATEST_HOURS, slots};

/// A mail to one person that is due.
#[derive(Debug)]
pub struct Due {
    person: Person,
    what: What,
}

#[derive(Debug)]
enum What {
    /// What is new.
    News,
    /// The daily mail of this moment.
    Digest(Time),
    /// The report on the week that ended before this moment.
    Week(Time),
}

pub(super) fn due(conn: &mut Conn, now: Time) -> Result<Vec<Due>> {
    let people = people::load(conn, None)?;
    if people.is_empty() {
        return Ok(vec![]);
    }
    let times: HashMap<UserId, Times> = queries::times(conn)?.into_iter().map(|row| (row.user_id.clone(), row)).collect();
    let under_way: HashSet<UserId> = mails::with_news_under_way(conn)?.into_iter().collect();
    let told: HashSet<UserId> = queries::with_notices(conn, oldest(now))?.into_iter().collect();
    let mut found = vec![];
    for person in people {
        let row = times.get(&person.id);
        let slot = slots::latest(&person.zone, person.digest_hour, now);
        if row.is_none_or(|row| row.digest_at < slot) {
            found.push(Due { person: person.clone(), what: What::Digest(slot) });
        }
        let week = slots::latest_monday(&person.zone, person.digest_hour, now);
        if row.is_some_and(|row| is_new_week(row, week)) {
            found.push(Due { person: person.clone(), what: What::Week(week) });
        }
        let told_at = row.and_then(|row| row.told_at);
        if may_tell(told_at, now) && !under_way.contains(&person.id) && (told.contains(&person.id) || is_new(conn, &person, told_at, now)?) {
            found.push(Due { person, what: What::News });
        }
    }
    Ok(found)
}

pub(super) fn write(conn: &mut Conn, due: &Due, now: Time) -> Result<bool> {
    transaction(conn, |conn| match due.what {
        What::News => write_news(conn, &due.person, now),
        What::Digest(slot) => write_digest(conn, &due.person, slot, now),
        What::Week(slot) => write_week(conn, &due.person, slot, now),
    })
}

fn oldest(now: Time) -> Time {
    now.plus_seconds(-LIFETIME_HOURS * 3600)
}

fn may_tell(told_at: Option<Time>, now: Time) -> bool {
    told_at.is_none_or(|at| now.seconds_since(at) >= BUNDLE_SECONDS)
}

/// Where to look for what this person was not told yet.
fn look(conn: &mut Conn, person: &Person, mailboxes: Vec<MailboxId>, told_at: Option<Time>, now: Time) -> Result<Look> {
    let since = told_at.map_or(oldest(now), |at| at.plus_seconds(-OVERLAP_SECONDS).max(oldest(now)));
    // Whoever wrote a message cannot decide it, so it does not wait for them.
    let not_by = if settings::four_eyes(conn)? { person.id.as_str().to_owned() } else { String::new() };
    Ok(Look { user: person.id.clone(), mailboxes, since, now, not_by })
}

fn is_new(conn: &mut Conn, person: &Person, told_at: Option<Time>, now: Time) -> Result<bool> {
    let mailboxes = person.with(Notify::Immediate);
    if mailboxes.is_empty() {
        return Ok(false);
    }
    let look = look(conn, person, mailboxes, told_at, now)?;
    Ok(queries::any_pending(conn, &look)? || queries::any_leaving(conn, &look)?)
}

fn write_news(conn: &mut Conn, person: &Person, now: Time) -> Result<bool> {
    let Some(times) = queries::times_of(conn, &person.id)? else { return Ok(false) };
    if !may_tell(times.told_at, now) || mails::has_news_under_way(conn, &person.id)? || !queries::set_told(conn, &times, now)? {
        return Ok(false);
    }
    let look = look(conn, person, person.with(Notify::Immediate), times.told_at, now)?;
    queries::note_pending(conn, &look)?;
    queries::note_leaving(conn, &look)?;
    let mut from = vec![];
    let mut item = |row: queries::ItemRow| {
        let reach = person.reach(&row.mailbox_id)?;
        from.push(reach.id.clone());
        Some(Item { message: row.message_id, subject: row.subject, mailbox: reach.address.clone(), until: row.until })
    };
    let mut news = News::default();
    for notice in queries::open_notices(conn, &person.id, oldest(now))? {
        // What was handed over and is decided by now, or what they answered by a decision, is no news.
        let settled = match notice.kind {
            Kind::Assigned => notice.state != State::Pending,
            Kind::Mentioned => queries::decided_since(conn, &person.id, &notice.item.message_id, notice.created_at)?,
        };
        if let Some(item) = item(notice.item).filter(|_| !settled) {
            news.told.push(Told { kind: notice.kind, by: notice.by_name, words: notice.words, item });
        }
    }
    queries::close_notices(conn, &person.id, now)?;
    news.waiting_count = queries::count_noted_pending(conn, &look)?;
    news.waiting = queries::noted_pending(conn, &look)?.into_iter().filter_map(&mut item).collect();
    news.left_count = queries::count_noted_leaving(conn, &look)?;
    news.left = queries::noted_leaving(conn, &look)?.into_iter().filter_map(&mut item).collect();
    let base_url = settings::base_url(conn)?;
    let Some((subject, text)) = words::news(&news, &Reader { name: &person.name, zone: &person.zone, base_url: &base_url }) else {
        return Ok(false);
    };
    insert(conn, person, "now", from, subject, text, now)
}

fn write_digest(conn: &mut Conn, person: &Person, slot: Time, now: Time) -> Result<bool> {
    let Some(times) = queries::times_of(conn, &person.id)? else {
        // Whoever is new here starts with the next day, and the next Monday.
        queries::insert_times(conn, &person.id, slot, slots::latest_monday(&person.zone, person.digest_hour, now))?;
        return Ok(false);
    };
    if times.digest_at >= slot || !queries::set_digested(conn, &times, slot)? || now.seconds_since(slot) > DIGEST_LATEST_HOURS * 3600 {
        return Ok(false);
    }
    let mailboxes = person.with(Notify::Digest);
    if mailboxes.is_empty() {
        return Ok(false);
    }
    let look = look(conn, person, mailboxes, None, now)?;
    let expiring: HashMap<MailboxId, i64> = queries::count_expiring(conn, &look, now.plus_seconds(24 * 3600))?.into_iter().collect();
    let mut waits = vec![];
    let mut from = vec![];
    let counted: HashMap<MailboxId, (i64, Option<Time>)> =
        queries::count_waiting(conn, &look)?.into_iter().map(|(mailbox, count, oldest)| (mailbox, (count, oldest))).collect();
    for reach in &person.mailboxes {
        if let Some((count, oldest)) = counted.get(&reach.id) {
            let expiring = expiring.get(&reach.id).copied().unwrap_or(0);
            waits.push(Waits { mailbox: reach.address.clone(), count: *count, oldest: *oldest, expiring });
            from.push(reach.id.clone());
        }
    }
    if waits.is_empty() {
        return Ok(false);
    }
    let item = |row: queries::ItemRow| {
        let mailbox = person.reach(&row.mailbox_id)?.address.clone();
        Some(Item { message: row.message_id, subject: row.subject, mailbox, until: row.until })
    };
    let first: Vec<Item> = queries::first_waiting(conn, &look)?.into_iter().filter_map(item).collect();
    let base_url = settings::base_url(conn)?;
    let (subject, text) = words::digest(&waits, &first, &Reader { name: &person.name, zone: &person.zone, base_url: &base_url });
    insert(conn, person, "digest", from, subject, text, now)
}

/// Whether nothing was written for this Monday: one that is near the last is the same, in another zone or at another hour.
fn is_new_week(times: &Times, monday: Time) -> bool {
    times.weekly_at.is_none_or(|last| monday.seconds_since(last) > WEEK_LEAST_SECONDS)
}

/// The report on the last week, once: whoever moves `weekly_at` on writes it. A week that nobody was told of in time is not made up for.
fn write_week(conn: &mut Conn, person: &Person, slot: Time, now: Time) -> Result<bool> {
    let Some(times) = queries::times_of(conn, &person.id)? else { return Ok(false) };
    let first = times.weekly_at.is_none();
    if !is_new_week(&times, slot) || !queries::set_reported(conn, &times, slot)? {
        return Ok(false);
    }
    let late = now.seconds_since(slot) > WEEKLY_LATEST_HOURS * 3600;
    if first || late || !person.weekly || person.mailboxes.is_empty() {
        return Ok(false);
    }
    let reach = person.mailboxes.iter().map(|reach| reach.id.clone()).collect::<Vec<_>>();
    let mailboxes = if person.is_admin { Mailboxes::All } else { Mailboxes::These(reach.clone()) };
    let actor = Actor::User { id: person.id.clone(), name: person.name.clone(), role: person.role, mailboxes };
    let week = reports::weekly::week(conn, &actor, slot)?;
    let base_url = settings::base_url(conn)?;
    let (subject, text) = words::week(&week, &Reader { name: &person.name, zone: &person.zone, base_url: &base_url });
    insert(conn, person, "digest", reach, subject, text, now)
}

pub(super) fn write_code(conn: &mut Conn, asker: &Actor, mailbox: &Mailbox, request: &ModeRequest, code: &str, now: Time) -> Result<usize> {
    let readers = people::admins_but(conn, asker)?;
    let base_url = settings::base_url(conn)?;
    for person in &readers {
        let (subject, text) = words::code(mailbox, request, code, &Reader { name: &person.name, zone: &person.zone, base_url: &base_url });
        insert(conn, person, "now", vec![mailbox.id.clone()], subject, text, now)?;
    }
    Ok(readers.len())
}

pub(super) fn write_paused(conn: &mut Conn, mailbox: &Mailbox, why: &str, now: Time) -> Result<usize> {
    write_to_all(conn, mailbox, now, |reader| words::paused(mailbox, why, reader))
}

pub(super) fn write_stepped_down(conn: &mut Conn, mailbox: &Mailbox, why: &str, now: Time) -> Result<usize> {
    write_to_all(conn, mailbox, now, |reader| words::stepped_down(mailbox, why, reader))
}

/// A mail to everybody who reaches a mailbox.
fn write_to_all(conn: &mut Conn, mailbox: &Mailbox, now: Time, words: impl Fn(&Reader<'_>) -> (String, String)) -> Result<usize> {
    let base_url = settings::base_url(conn)?;
    let mut told = 0;
    for person in people::load(conn, None)?.iter().filter(|person| person.reach(&mailbox.id).is_some()) {
        let (subject, text) = words(&Reader { name: &person.name, zone: &person.zone, base_url: &base_url });
        told += usize::from(insert(conn, person, "now", vec![mailbox.id.clone()], subject, text, now)?);
    }
    Ok(told)
}

pub(super) fn write_reset(conn: &mut Conn, user: &UserId, token: &str, until: Time, now: Time) -> Result<()> {
    let (Some(person), Some((mailbox_id, _, _))) = (people::account(conn, user)?, queries::mailboxes(conn)?.into_iter().next()) else {
        return Ok(());
    };
    let base_url = settings::base_url(conn)?;
    let (subject, text) = words::reset(token, until, &Reader { name: &person.name, zone: &person.zone, base_url: &base_url });
    let mail = NewMail { account: true, expires_at: until, ..mail(user, "now", mailbox_id, vec![], subject, text, now) };
    Ok(mails::insert(conn, &mail)?)
}

/// The first mailbox spoken of is the one it comes from; it goes out only while all are within reach.
fn insert(conn: &mut Conn, person: &Person, kind: &'static str, mut about: Vec<MailboxId>, subject: String, text: String, now: Time) -> Result<bool> {
    let Some(mailbox_id) = about.first().cloned() else { return Ok(false) };
    about.sort();
    about.dedup();
    mails::insert(conn, &mail(&person.id, kind, mailbox_id, about, subject, text, now))?;
    Ok(true)
}

fn mail(user: &UserId, kind: &'static str, mailbox_id: MailboxId, about: Vec<MailboxId>, subject: String, text: String, now: Time) -> NewMail {
    NewMail {
        id: RowId::new(),
        user_id: user.clone(),
        kind,
        mailbox_id,
        mailboxes: Json::new(about),
        subject,
        text_body: text,
        state: "queued",
        not_before: now,
        expires_at: now.plus_seconds(LIFETIME_HOURS * 3600),
        attempts: 0,
        created_at: now,
        updated_at: now,
        account: false,
    }
}
