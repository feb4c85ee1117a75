//! Lists of messages: the queue, and everything else by state.

mod plan;
pub(in crate::domain) mod queries;
mod way;

use std::collections::BTreeMap;

use diesel::prelude::*;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::{Actor, Mailboxes};
use crate::domain::error::Result;
use crate::domain::ids::{ContactId, MailboxId, MessageId, UserId};
use crate::domain::settings;
use crate::text_enum;

use super::{Origin, State};
use plan::View;
use queries::{Ask, Position};

pub use way::{Decided, Way};

/// The largest number that the count of waiting messages names.
pub const MOST_COUNTED: i64 = 1000;

text_enum!(
    /// In which order.
    pub enum Sort {
        /// The one that was submitted first, first.
        Oldest => "oldest",
        /// The one that was submitted last, first.
        Newest => "newest",
        /// The one that lapses first, first; only of what can still lapse.
        Expiring => "expiring",
    }
);

text_enum!(
    /// How its claims stand.
    pub enum Claims {
        /// At least one keeps it from leaving.
        Open => "open",
        /// None keeps it from leaving.
        Clean => "clean",
    }
);

/// Who should decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assignee {
    /// Nobody was asked.
    Nobody,
    /// This person.
    User(UserId),
}

/// What to do with messages that whoever looks has put off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Snoozes {
    /// Show them among the others.
    #[default]
    Shown,
    /// Leave out those put off beyond this time.
    Hidden(Time),
    /// Only those put off beyond this time.
    Only(Time),
}

/// Which messages.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Only these.
    pub ids: Option<Vec<MessageId>>,
    /// In one of these states; all when empty.
    pub states: Vec<State>,
    /// Of this mailbox.
    pub mailbox: Option<MailboxId>,
    /// Of this campaign.
    pub campaign: Option<String>,
    /// Written or edited last by whoever asks.
    pub own: bool,
    /// With this tag.
    pub tag: Option<String>,
    /// To this contact.
    pub contact: Option<ContactId>,
    /// With words that begin like these in recipient, subject or body. At most 200 characters and 10 words.
    pub words: Option<String>,
    /// Submitted before.
    pub older_than: Option<Time>,
    /// Submitted at this time or later.
    pub newer_than: Option<Time>,
    /// That lapse before; only of what can still lapse.
    pub expires_before: Option<Time>,
    /// To be decided by.
    pub assignee: Option<Assignee>,
    /// With a comment that names this person.
    pub mentions: Option<UserId>,
    /// Put off by whoever looks.
    pub snoozes: Snoozes,
    /// With open claims, or without.
    pub claims: Option<Claims>,
    /// Put together by.
    pub origin: Option<Origin>,
    /// That went this way.
    pub way: Option<Way>,
    /// Decided so, from this time on and before that.
    pub decided: Option<(Decided, Time, Time)>,
    /// That left from this time on and before that, or were handed in then where they did not leave.
    pub counted: Option<(Time, Time)>,
    /// Only those of a campaign.
    pub labelled: bool,
    /// In which order.
    pub sort: Sort,
    /// Continue after this one.
    pub after: Option<MessageId>,
    /// The page that ends before this one; looked at where `after` is none.
    pub before: Option<MessageId>,
    /// At most so many.
    pub limit: usize,
}

impl Default for Filter {
    fn default() -> Self {
        Filter {
            own: false,
            ids: None,
            states: vec![],
            mailbox: None,
            campaign: None,
            tag: None,
            contact: None,
            words: None,
            older_than: None,
            newer_than: None,
            expires_before: None,
            assignee: None,
            mentions: None,
            snoozes: Snoozes::default(),
            claims: None,
            way: None,
            decided: None,
            counted: None,
            labelled: false,
            origin: None,
            sort: Sort::Newest,
            after: None,
            before: None,
            limit: 50,
        }
    }
}

/// A row of a list.
#[derive(Debug, Clone, Queryable)]
pub struct ListRow {
    /// The message.
    pub id: MessageId,
    /// Its mailbox.
    pub mailbox_id: MailboxId,
    /// Its mailbox's address.
    pub mailbox_address: String,
    /// Its campaign.
    pub campaign: Option<String>,
    /// Its state.
    pub state: State,
    /// Why it is in that state.
    pub state_reason: Option<String>,
    /// Why a person must look.
    pub held_because: Option<String>,
    /// Who put the words together.
    pub origin: Origin,
    /// Who submitted it: user, key or system.
    pub author_kind: String,
    /// The recipient's address.
    pub to_address: String,
    /// The recipient's name.
    pub to_name: Option<String>,
    /// The subject.
    pub subject: String,
    /// The version.
    pub version: i32,
    /// When it was submitted.
    pub submitted_at: Option<Time>,
    /// When an undecided one lapses.
    pub expires_at: Option<Time>,
    /// When it left.
    pub sent_at: Option<Time>,
    /// When it last changed.
    pub updated_at: Time,
    /// Claims that a fact supports.
    pub claims_supported: i32,
    /// Claims that keep it from leaving.
    pub claims_open: i32,
    /// Claims that a person let stand.
    pub claims_waived: i32,
    /// The name of who should decide.
    pub assignee: Option<String>,
    /// Until when whoever looks has put it off; the time may have passed.
    pub snoozed_until: Option<Time>,
    /// How many comments there are; none is none.
    pub comments: Option<i64>,
}

/// A page of a list.
#[derive(Debug, Clone)]
pub struct Page {
    /// The rows, in order.
    pub rows: Vec<ListRow>,
    /// Whether there are rows before these.
    pub earlier: bool,
    /// Whether there are rows after these.
    pub later: bool,
}

/// How many wait, counted up to [`MOST_COUNTED`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PendingCount(i64);

impl PendingCount {
    /// Whether none waits.
    pub fn is_none(self) -> bool {
        self.0 == 0
    }

    /// The number, at most [`MOST_COUNTED`].
    pub fn number(self) -> i64 {
        self.0.min(MOST_COUNTED)
    }

    /// Whether there are more than were counted.
    pub fn is_more(self) -> bool {
        self.0 > MOST_COUNTED
    }
}

/// "7", "1,000", "1,000+".
impl std::fmt::Display for PendingCount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            0..MOST_COUNTED => self.0.fmt(f),
            MOST_COUNTED => f.write_str("1,000"),
            _ => f.write_str("1,000+"),
        }
    }
}

/// A page of messages and whether there are more.
pub fn list(conn: &mut Conn, actor: &Actor, filter: &Filter) -> Result<(Vec<ListRow>, bool)> {
    let page = page(conn, actor, filter)?;
    let more = if filter.after.is_none() && filter.before.is_some() { page.earlier } else { page.later };
    Ok((page.rows, more))
}

/// A page of messages. A cursor that is gone or out of reach gives the first page.
pub fn page(conn: &mut Conn, actor: &Actor, filter: &Filter) -> Result<Page> {
    let view = View::of(conn, actor, filter)?;
    let backwards = filter.after.is_none() && filter.before.is_some();
    let cursor = filter.after.as_ref().or(filter.before.as_ref());
    let from = match cursor {
        Some(id) => queries::position(conn, &view, id)?,
        None => None,
    };
    let backwards = backwards && from.is_some();
    let mut found = queries::pick(conn, &view, &Ask { from: from.as_ref(), backwards, limit: filter.limit + 1, skip: None })?;
    let more = found.len() > filter.limit;
    found.truncate(filter.limit);
    if backwards {
        found.reverse();
    }
    // A cursor was a row of this list, unless it was decided meanwhile; a link too many leads to an empty page and back.
    let (earlier, later) = if backwards { (more, true) } else { (from.is_some(), more) };
    Ok(Page { rows: queries::rows(conn, actor, &found)?, earlier, later })
}

/// How many wait for a decision.
pub fn count_pending(conn: &mut Conn, actor: &Actor) -> Result<PendingCount> {
    let filter = Filter { states: vec![State::Pending], ..Filter::default() };
    let view = View::of(conn, actor, &filter)?;
    Ok(PendingCount(queries::count(conn, &view, MOST_COUNTED + 1)?))
}

/// The rows of this list right before and right after a message, whether or not it still belongs to it.
pub fn neighbours(conn: &mut Conn, actor: &Actor, filter: &Filter, id: &MessageId) -> Result<(Option<MessageId>, Option<MessageId>)> {
    let view = View::of(conn, actor, filter)?;
    let Some(from) = queries::position(conn, &view, id)? else { return Ok((None, None)) };
    let mut one = |backwards| {
        let found = queries::pick(conn, &view, &Ask { from: Some(&from), backwards, limit: 1, skip: None })?;
        Ok::<_, crate::domain::error::Error>(found.into_iter().next().map(|at| at.id))
    };
    Ok((one(true)?, one(false)?))
}

/// At most `n` rows of this list around a message: as many before as after it where there are enough.
/// The message itself is among them where it belongs to the list.
pub fn around(conn: &mut Conn, actor: &Actor, filter: &Filter, id: &MessageId, n: usize) -> Result<Vec<ListRow>> {
    let view = View::of(conn, actor, filter)?;
    let Some(from) = queries::position(conn, &view, id)? else {
        return Ok(page(conn, actor, &Filter { after: None, before: None, limit: n, ..filter.clone() })?.rows);
    };
    let mut side = |backwards| queries::pick(conn, &view, &Ask { from: Some(&from), backwards, limit: n, skip: None });
    let (mut before, mut after) = (side(true)?, side(false)?);
    let itself = queries::belongs(conn, actor, filter, id)?;
    let room = n.saturating_sub(usize::from(itself));
    let upper = (room / 2).max(room.saturating_sub(after.len())).min(before.len());
    before.truncate(upper);
    after.truncate(room - upper);
    before.reverse();
    if itself {
        before.push(from);
    }
    before.append(&mut after);
    before.truncate(n);
    Ok(queries::rows(conn, actor, &before)?)
}

/// The one to decide next: the next of this list after a message, or else its first one, without what somebody
/// else has taken and what the actor may not decide because it is their own. When nothing else is left, one of these.
pub fn next_pending(conn: &mut Conn, actor: &Actor, filter: &Filter, after: &MessageId, now: Time) -> Result<Option<MessageId>> {
    let filter = Filter { states: vec![State::Pending], ..filter.clone() };
    let view = View::of(conn, actor, &filter)?;
    let from = queries::position(conn, &view, after)?;
    let skip = queries::Skip { actor, now, own: settings::four_eyes(conn)? };
    for skip in [Some(&skip), None] {
        for from in [from.as_ref(), None] {
            let found = queries::pick(conn, &view, &Ask { from, backwards: false, limit: 2, skip })?;
            if let Some(next) = found.into_iter().map(|at: Position| at.id).find(|id| id != after) {
                return Ok(Some(next));
            }
        }
    }
    Ok(None)
}

/// The campaigns of messages within reach, by name; at most 200.
pub fn campaigns(conn: &mut Conn, actor: &Actor) -> Result<Vec<String>> {
    let reach = match actor.mailboxes() {
        Mailboxes::All => None,
        Mailboxes::These(ids) => Some(ids.as_slice()),
    };
    Ok(queries::campaigns(conn, reach)?)
}

/// How many wait for a decision in each mailbox where any do.
pub fn pending_by_mailbox(conn: &mut Conn) -> Result<BTreeMap<MailboxId, i64>> {
    Ok(queries::pending_by_mailbox(conn)?.into_iter().collect())
}

/// Mailbox, state and version of messages.
pub fn standing(conn: &mut Conn, ids: &[MessageId]) -> Result<BTreeMap<MessageId, (MailboxId, State, i32)>> {
    Ok(queries::standing(conn, ids)?.into_iter().map(|(id, mailbox, state, version)| (id, (mailbox, state, version))).collect())
}
