//! One row for every change of state, never changed afterwards; `chain` says where one was.

pub mod chain;
pub mod heads;
mod marks;
mod queries;

use diesel::dsl::exists;
use diesel::prelude::*;
use serde_json::Value;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::functions::{containing, lower};
use crate::db::schema::audit_log;
use crate::db::statement::Statement;
use crate::domain::actor::{Actor, Mailboxes, Scope};
use crate::domain::calls;
use crate::domain::error::Result;
use crate::domain::ids::MailboxId;

use marks::Written;

/// What happened to what.
#[derive(Debug)]
pub struct Entry<'a> {
    /// A verb such as `message.approve`.
    pub action: &'static str,
    /// The noun.
    pub target_kind: &'static str,
    /// Its id.
    pub target_id: &'a str,
    /// The mailbox it belongs to, where it belongs to one.
    pub mailbox_id: Option<&'a MailboxId>,
    /// What else is worth keeping; never secrets.
    pub detail: Value,
}

/// Writes the row; call it in the transaction of the change.
pub fn record(conn: &mut Conn, actor: &Actor, entry: Entry<'_>, now: Time) -> Result<()> {
    let detail = entry.detail.to_string();
    let call = Call::at_hand(actor);
    let written = call.written(actor, &entry, now);
    diesel::insert_into(audit_log::table)
        .values((
            audit_log::at.eq(now),
            audit_log::actor_kind.eq(actor.kind()),
            audit_log::actor_id.eq(actor.id()),
            audit_log::actor_name.eq(actor.name()),
            audit_log::action.eq(entry.action),
            audit_log::target_kind.eq(entry.target_kind),
            audit_log::target_id.eq(entry.target_id),
            audit_log::mailbox_id.eq(entry.mailbox_id.map(MailboxId::as_str)),
            audit_log::mark.eq(written.mark(&detail)),
            audit_log::detail.eq(detail),
            audit_log::request_id.eq(&call.request),
            audit_log::network.eq(&call.network),
        ))
        .execute(conn)?;
    calls::changed(entry.target_kind, entry.target_id);
    Ok(())
}

/// The call that an entry is made by.
struct Call {
    request: Option<String>,
    network: Option<String>,
}

impl Call {
    /// From where is kept of people and keys; whoever follows a link in a mail is neither.
    fn at_hand(actor: &Actor) -> Call {
        let current = calls::current();
        let known = matches!(actor, Actor::User { .. } | Actor::Key { .. });
        let network = current.as_ref().and_then(|call| call.network.clone()).filter(|_| known);
        Call { request: current.map(|call| call.request_id), network }
    }

    fn written<'w>(&'w self, actor: &'w Actor, entry: &'w Entry<'_>, now: Time) -> Written<'w> {
        Written {
            at: now.micros(),
            actor: [actor.kind(), actor.id(), actor.name()],
            what: [entry.action, entry.target_kind, entry.target_id],
            mailbox: entry.mailbox_id.map(MailboxId::as_str),
            request: self.request.as_deref(),
            network: self.network.as_deref(),
        }
    }
}

/// What was and what is, of a change.
pub(in crate::domain) fn changed(before: &Value, after: &Value) -> Value {
    serde_json::json!({"before": before, "after": after})
}

/// Writes many rows by one actor at once.
pub(in crate::domain) fn record_all(conn: &mut Conn, actor: &Actor, entries: Vec<Entry<'_>>, now: Time) -> Result<()> {
    let call = Call::at_hand(actor);
    let kept = |entry: &Entry<'_>| {
        let detail = entry.detail.to_string();
        let mark = call.written(actor, entry, now).mark(&detail).unwrap_or_default();
        (detail, mark)
    };
    let details: Vec<(String, String)> = entries.iter().map(kept).collect();
    let rows: Vec<Vec<&str>> = entries
        .iter()
        .zip(&details)
        .map(|(entry, (detail, mark))| {
            vec![entry.action, entry.target_kind, entry.target_id, entry.mailbox_id.map_or("", MailboxId::as_str), detail.as_str(), mark.as_str()]
        })
        .collect();
    let mut statement = Statement::kept();
    statement.push(
        "INSERT INTO audit_log (at, actor_kind, actor_id, actor_name, request_id, network, action, target_kind, target_id, mailbox_id, detail, mark) \
         SELECT CAST(",
    );
    statement.number(now.micros()).push(" AS BIGINT), CAST(").text(actor.kind()).push(" AS TEXT), CAST(").text(actor.id());
    statement.push(" AS TEXT), CAST(").text(actor.name()).push(" AS TEXT), NULLIF(CAST(");
    statement.text(call.request.as_deref().unwrap_or_default()).push(" AS TEXT), ''), NULLIF(CAST(");
    statement.text(call.network.as_deref().unwrap_or_default());
    statement.push(" AS TEXT), ''), r.action, r.kind, r.target, NULLIF(r.mailbox, ''), r.detail, NULLIF(r.mark, '') FROM ");
    statement.rows(&["action", "kind", "target", "mailbox", "detail", "mark"], &rows).push(" AS r");
    statement.run(conn)?;
    entries.iter().for_each(|entry| calls::changed(entry.target_kind, entry.target_id));
    Ok(())
}

/// A row of the log as shown.
#[derive(Debug, Clone, Queryable, serde::Serialize)]
pub struct Line {
    /// Position in the log.
    pub seq: i64,
    /// When.
    pub at: Time,
    /// Who: user, key or system.
    pub actor_kind: String,
    /// Who, by id.
    pub actor_id: String,
    /// Who, by name.
    pub actor_name: String,
    /// What.
    pub action: String,
    /// To what kind of thing.
    pub target_kind: String,
    /// To which.
    pub target_id: String,
    /// In which mailbox.
    pub mailbox_id: Option<String>,
    /// The rest, as JSON.
    pub detail: String,
    /// The call that did it, where one did.
    pub request_id: Option<String>,
    /// From which network address, where a person or a key did it.
    pub network: Option<String>,
    /// The mark of this desk on it.
    #[serde(skip)]
    pub mark: Option<String>,
}

/// Which lines of the log.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// About this id, or of this request.
    pub target: Option<String>,
    /// Of this kind of thing, such as `message`.
    pub target_kind: Option<String>,
    /// This action, such as `message.approve`.
    pub action: Option<String>,
    /// By whoever has this id or exactly this name.
    pub actor: Option<String>,
    /// Of an action that has this in it, unless it is one.
    pub action_part: Option<String>,
    /// By whoever has this in the name, unless it is an id.
    pub actor_part: Option<String>,
    /// At this time or later.
    pub since: Option<Time>,
    /// Before this time.
    pub end: Option<Time>,
    /// In this mailbox, by id.
    pub mailbox: Option<String>,
    /// Before this position.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: i64,
}

/// The newest lines within reach, for whoever watches over decisions.
pub fn search(conn: &mut Conn, actor: &Actor, filter: &Filter) -> Result<Vec<Line>> {
    if !actor.is_admin() {
        actor.must_have(Scope::OversightRead)?;
    }
    filtered(conn, actor, filter)
}

/// The newest lines of what the actor may see.
pub fn filtered(conn: &mut Conn, actor: &Actor, filter: &Filter) -> Result<Vec<Line>> {
    let mut query = within_reach(actor).order(audit_log::seq.desc()).limit(filter.limit);
    if let Some(before) = filter.before {
        query = query.filter(audit_log::seq.lt(before));
    }
    if let Some(target) = &filter.target {
        query = query.filter(
            audit_log::target_id
                .eq(target.clone())
                .or(audit_log::request_id.is_not_null().and(audit_log::request_id.assume_not_null().eq(target.clone()))),
        );
    }
    if let Some(kind) = &filter.target_kind {
        query = query.filter(audit_log::target_kind.eq(kind.clone()));
    }
    if let Some(action) = &filter.action {
        query = query.filter(audit_log::action.eq(action.clone()));
    }
    if let Some(mailbox) = &filter.mailbox {
        query = query.filter(audit_log::mailbox_id.eq(mailbox.clone()));
    }
    if let Some(who) = &filter.actor {
        query = query.filter(audit_log::actor_id.eq(who.clone()).or(audit_log::actor_name.eq(who.clone())));
    }
    if let Some(part) = &filter.action_part {
        let is_one: bool = diesel::select(exists(audit_log::table.filter(audit_log::action.eq(part)))).get_result(conn)?;
        query = if is_one {
            query.filter(audit_log::action.eq(part.clone()))
        } else {
            query.filter(lower(audit_log::action).like(containing(part)).escape('\\'))
        };
    }
    if let Some(part) = &filter.actor_part {
        let is_id: bool = diesel::select(exists(audit_log::table.filter(audit_log::actor_id.eq(part)))).get_result(conn)?;
        query = if is_id {
            query.filter(audit_log::actor_id.eq(part.clone()))
        } else {
            query.filter(lower(audit_log::actor_name).like(containing(part)).escape('\\'))
        };
    }
    if let Some(since) = filter.since {
        query = query.filter(audit_log::at.ge(since));
    }
    if let Some(end) = filter.end {
        query = query.filter(audit_log::at.lt(end));
    }
    Ok(query.load(conn)?)
}

fn within_reach(actor: &Actor) -> audit_log::BoxedQuery<'static, <Conn as diesel::Connection>::Backend> {
    let query = audit_log::table.into_boxed();
    match actor.mailboxes() {
        Mailboxes::All => query,
        Mailboxes::These(ids) => {
            let ids: Vec<String> = ids.iter().map(|id| id.as_str().to_owned()).collect();
            query.filter(audit_log::mailbox_id.eq_any(ids))
        }
    }
}

/// What one request of this actor changed since then, at most twenty lines.
pub fn of_request(conn: &mut Conn, actor: &Actor, request_id: &str, since: Time) -> Result<Vec<Line>> {
    let of_request = audit_log::table.filter(audit_log::request_id.eq(request_id)).filter(audit_log::at.ge(since));
    Ok(of_request
        .filter(audit_log::actor_kind.eq(actor.kind()))
        .filter(audit_log::actor_id.eq(actor.id()))
        .order(audit_log::seq)
        .limit(20)
        .load(conn)?)
}

/// Whether somebody who was an administrator was disabled or lost the role since then.
pub(in crate::domain) fn lost_admin(conn: &mut Conn, since: Time) -> Result<bool> {
    let details: Vec<String> = audit_log::table
        .filter(audit_log::action.eq_any(["user.disable", "user.change"]))
        .filter(audit_log::at.ge(since))
        .select(audit_log::detail)
        .load(conn)?;
    let lost = |detail: &String| {
        let detail: Value = serde_json::from_str(detail).unwrap_or_default();
        let (before, after) = (&detail["before"], &detail["after"]);
        before["role"] == "admin" && before["disabled"] != true && (after["role"] != "admin" || after["disabled"] == true)
    };
    Ok(details.iter().any(lost))
}

/// The most lines that [`since`] gives at once.
pub const MOST_NEW: i64 = 1000;
/// How long a missing number is looked for, in seconds.
const HOLE_SECONDS: i64 = 60;

/// How far somebody has read the log.
#[derive(Debug, Clone, Default)]
pub struct Position {
    last: i64,
    /// Numbers that were missing, and since when. On PostgreSQL a number is drawn before its
    /// transaction ends, so a lower one can appear after a higher one.
    holes: Vec<(i64, Time)>,
}

/// The end of the log.
pub fn end(conn: &mut Conn, now: Time) -> Result<Position> {
    let mut recent: Vec<i64> = audit_log::table.order(audit_log::seq.desc()).select(audit_log::seq).limit(256).load(conn)?;
    recent.reverse();
    let mut position = Position { last: recent.first().map_or(0, |first| first - 1), holes: vec![] };
    position.pass(&recent, now);
    Ok(position)
}

/// What was logged since, by anybody, oldest first; the position moves on.
pub fn since(conn: &mut Conn, position: &mut Position, now: Time) -> Result<Vec<Line>> {
    let mut lines: Vec<Line> = audit_log::table.filter(audit_log::seq.gt(position.last)).order(audit_log::seq).limit(MOST_NEW).load(conn)?;
    position.holes.retain(|(_, since)| now.seconds_since(*since) < HOLE_SECONDS);
    if !position.holes.is_empty() {
        let missing: Vec<i64> = position.holes.iter().map(|(seq, _)| *seq).collect();
        let late: Vec<Line> = audit_log::table.filter(audit_log::seq.eq_any(missing)).order(audit_log::seq).load(conn)?;
        position.holes.retain(|(seq, _)| late.iter().all(|line| line.seq != *seq));
        lines.splice(0..0, late);
    }
    let seqs: Vec<i64> = lines.iter().map(|line| line.seq).filter(|seq| *seq > position.last).collect();
    position.pass(&seqs, now);
    Ok(lines)
}

impl Position {
    /// Goes past these ascending numbers and remembers what is missing between them, the newest first to be kept.
    fn pass(&mut self, seqs: &[i64], now: Time) {
        for seq in seqs {
            let from = (self.last + 1).max(seq - MOST_NEW);
            self.holes.extend((from..*seq).map(|missing| (missing, now)));
            self.last = *seq;
        }
        let most = usize::try_from(MOST_NEW).unwrap_or(0);
        if self.holes.len() > most {
            self.holes.drain(..self.holes.len() - most);
        }
    }
}
