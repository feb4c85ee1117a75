//! SQL of lists. A page is found in two steps: which messages, by a statement whose path through the
//! indexes is chosen here, and then what is shown of these few.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Text};

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{mailbox_campaigns, mailboxes, message_comments, message_snoozes, message_versions, messages, users};
use crate::db::statement::Statement;
use crate::domain::actor::Actor;
use crate::domain::error::Result;
use crate::domain::ids::{MailboxId, MessageId, UserId};
use crate::on_either;

use super::plan::{FEW, Leg, Order, Search, Start, View, is_sqlite, legs};
use super::{Assignee, Claims, Decided, Filter, ListRow, Snoozes, Sort, Way};
use crate::domain::messages::State;
use crate::domain::referrals::fatigue::{self, Prompt};

/// Two processes that write at once may number so many messages in another order than that of their ids.
const OUT_OF_ORDER: i64 = 1000;

/// Legs of one statement; SQLite takes 500.
const LEGS: usize = 100;

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// Whether the statement that was begun counts few rows.
fn few(conn: &mut Conn, mut ask: Statement) -> QueryResult<bool> {
    ask.push(format!(" LIMIT {}) AS few", FEW + 1));
    Ok(ask.load::<Number>(conn)?.first().is_none_or(|count| count.n <= FEW))
}

/// Where messages with a tag are found. Asks for a recommendation are known by their link and their campaign as well.
fn tagged(tag: &str) -> (&'static str, &'static str, &str) {
    if tag == fatigue::ASK { ("message_prompts", "prompt", Prompt::Ask.as_str()) } else { ("message_tags", "tag", tag) }
}

pub(super) fn is_rare(conn: &mut Conn, view: &View<'_>, tag: &str) -> QueryResult<bool> {
    let mut ask = Statement::default();
    let (table, column, value) = tagged(tag);
    ask.push(format!("SELECT count(*) AS n FROM (SELECT 1 FROM {table} x WHERE {column} = ")).text(value);
    from_the_oldest(&mut ask, view);
    few(conn, ask)
}

/// What a table beside names of a view that waits: nearly all that ever had a tag has left.
fn from_the_oldest(to: &mut Statement, view: &View<'_>) {
    if let Some(oldest) = &view.oldest {
        to.push(" AND x.message_id >= ").text(oldest.as_str());
    }
}

/// The one with the lowest id of all that wait.
pub(super) fn oldest_waiting(conn: &mut Conn) -> QueryResult<Option<MessageId>> {
    #[derive(QueryableByName)]
    struct Oldest {
        #[diesel(sql_type = Text)]
        id: MessageId,
    }
    let mut ask = Statement::default();
    ask.push("SELECT id FROM messages").push(if is_sqlite(conn) { " INDEXED BY messages_waiting" } else { "" });
    ask.push(" WHERE state IN ('pending', 'changes_requested') ORDER BY id LIMIT 1");
    Ok(ask.load::<Oldest>(conn)?.into_iter().next().map(|oldest| oldest.id))
}

pub(super) fn are_rare(conn: &mut Conn, view: &View<'_>) -> QueryResult<bool> {
    let mut ask = Statement::default();
    ask.push("SELECT count(*) AS n FROM (SELECT 1 FROM message_index WHERE ");
    matching(&mut ask, view);
    few(conn, ask)
}

/// What is looked for in the search index of SQLite, and from where on.
fn matching(to: &mut Statement, view: &View<'_>) {
    to.push("message_index MATCH ").text(&beginnings(&view.words));
    if let Some(since) = view.since {
        to.push(" AND message_index.rowid >= ").number(since);
    }
}

#[derive(QueryableByName)]
struct Extent {
    #[diesel(sql_type = BigInt)]
    n: i64,
    #[diesel(sql_type = Nullable<Text>)]
    first: Option<MessageId>,
}

/// How many messages there are in the mailboxes and states of a view, tests of the desk among them, counted up to a
/// limit. Where there are fewer, or all of them wait, the view learns from where on in the search index of SQLite they stand.
pub(super) fn extent(conn: &mut Conn, view: &mut View<'_>, limit: i64) -> QueryResult<i64> {
    let mut ask = Statement::default();
    ask.push("SELECT count(*) AS n, min(id) AS first FROM (SELECT m.id FROM messages m INDEXED BY ").push(index_of(view)).push(" WHERE TRUE");
    among(&mut ask, view, &Leg { index: None, state: None, mailbox: None });
    ask.push(format!(" LIMIT {limit}) AS few"));
    let Some(Extent { n, first }) = ask.load::<Extent>(conn)?.into_iter().next() else { return Ok(0) };
    if let Some(first) = if n < limit { first } else { view.oldest.clone() } {
        view.since = number(conn, &first)?.map(|number| number - OUT_OF_ORDER);
    }
    Ok(n)
}

/// For SQLite: each word is quoted and stands for all that begin with it; side by side, all must be there.
fn beginnings(words: &[String]) -> String {
    words.iter().map(|word| format!("\"{word}\"*")).collect::<Vec<_>>().join(" ")
}

/// Where a row stands in its list.
#[derive(Debug, Clone, QueryableByName)]
pub(super) struct Position {
    #[diesel(sql_type = Text)]
    pub id: MessageId,
    /// What is sorted by before the id.
    #[diesel(sql_type = BigInt)]
    key: i64,
    /// The walk that gave it.
    #[diesel(sql_type = Integer)]
    leg: i32,
}

/// What to leave out where the next one to decide is looked for.
pub(super) struct Skip<'a> {
    pub actor: &'a Actor,
    pub now: Time,
    /// Whether to leave out the actor's own work.
    pub own: bool,
}

/// Which part of a view.
pub(super) struct Ask<'a> {
    pub from: Option<&'a Position>,
    pub backwards: bool,
    pub limit: usize,
    pub skip: Option<&'a Skip<'a>>,
}

/// The rows of a view in its order (or against it), from a position on.
pub(super) fn pick(conn: &mut Conn, view: &View<'_>, ask: &Ask<'_>) -> QueryResult<Vec<Position>> {
    if view.nothing || ask.limit == 0 {
        return Ok(vec![]);
    }
    let legs = legs(view);
    // Of many walks each gives a share at first. Where one gave all it was asked for, its next rows may belong
    // before the last ones of others: then all are asked for a whole page.
    let share = if legs.len() > 1 { (3 * ask.limit / legs.len() + 4).min(ask.limit) } else { ask.limit };
    let mut found = walk_all(conn, view, &legs, ask, share)?;
    if share < ask.limit {
        let mut given = vec![0; legs.len()];
        let last_sure = found.iter().position(|at| {
            let given = &mut given[usize::try_from(at.leg).unwrap_or_default()];
            *given += 1;
            *given == share
        });
        if last_sure.is_some_and(|place| place + 1 < ask.limit) {
            found = walk_all(conn, view, &legs, ask, ask.limit)?;
        }
    }
    found.truncate(ask.limit);
    Ok(found)
}

/// What the walks give, in the order of the view; at most so many rows of each.
fn walk_all(conn: &mut Conn, view: &View<'_>, legs: &[Leg<'_>], ask: &Ask<'_>, share: usize) -> QueryResult<Vec<Position>> {
    let sqlite = is_sqlite(conn);
    let mut found: Vec<Position> = vec![];
    for (chunk, some) in legs.chunks(LEGS).enumerate() {
        let mut statement = Statement::default();
        for (position, leg) in some.iter().enumerate() {
            let place = chunk * LEGS + position;
            statement.push(if position > 0 { " UNION ALL " } else { "" });
            statement.push(format!("SELECT id, key, {place} AS leg FROM ("));
            walk(&mut statement, view, leg, &Ask { limit: share, ..*ask }, sqlite);
            statement.push(format!(") AS leg{position}"));
        }
        found.append(&mut statement.load(conn)?);
    }
    if legs.len() > 1 {
        let descending = is_descending(view, ask);
        found.sort_by(|a, b| if descending { (b.key, &b.id).cmp(&(a.key, &a.id)) } else { (a.key, &a.id).cmp(&(b.key, &b.id)) });
    }
    Ok(found)
}

fn is_descending(view: &View<'_>, ask: &Ask<'_>) -> bool {
    (view.filter.sort == Sort::Newest) != ask.backwards
}

fn walk(to: &mut Statement, view: &View<'_>, leg: &Leg<'_>, ask: &Ask<'_>, sqlite: bool) {
    // A message may be named more than once in a table beside; a group of one costs nothing.
    let beside = matches!(view.start, Start::Snoozes | Start::Mentions | Start::Tag);
    let (column, id) = match view.order {
        Order::Submitted => ("m.submitted_at", "m.id"),
        Order::Expires => ("m.expires_at", "m.id"),
        Order::Number => ("message_index.rowid", "m.id"),
    };
    let key = if beside { format!("max({column})") } else { column.to_owned() };
    let id = if beside { "x.message_id" } else { id };
    to.push(format!("SELECT {id} AS id, coalesce({key}, 0) AS key FROM "));
    source(to, view, leg, sqlite);
    conditions(to, view, leg);
    if view.order == Order::Expires {
        to.push(" AND m.expires_at IS NOT NULL");
    }
    if let Some(skip) = ask.skip {
        leave_out(to, skip);
    }
    let descending = is_descending(view, ask);
    let numbered = view.order == Order::Number;
    if let Some(from) = ask.from {
        let beyond = if descending { "<" } else { ">" };
        if numbered {
            to.push(format!(" AND {column} {beyond} "));
            to.number(from.key);
        } else {
            to.push(format!(" AND ({column}, m.id) {beyond} ("));
            to.number(from.key).push(", ").text(from.id.as_str()).push(")");
        }
    }
    if beside {
        to.push(" GROUP BY x.message_id");
    }
    let direction = if descending { "DESC" } else { "ASC" };
    to.push(format!(" ORDER BY {key} {direction}"));
    if !numbered {
        to.push(format!(", {id} {direction}"));
    }
    to.push(format!(" LIMIT {}", ask.limit));
}

/// The tables in the order in which SQLite shall read them, and what ties them together.
fn source(to: &mut Statement, view: &View<'_>, leg: &Leg<'_>, sqlite: bool) {
    let filter = view.filter;
    let mut beside = |table: &str| {
        to.push(table).push(" x CROSS JOIN messages m WHERE m.id = x.message_id AND x.");
    };
    match (view.start, filter.snoozes) {
        (Start::Mentions, _) => {
            beside("message_mentions");
            to.push("user_id = ").text(filter.mentions.as_ref().map(UserId::as_str).unwrap_or_default());
        }
        (Start::Snoozes, Snoozes::Only(now)) => {
            beside("message_snoozes");
            to.push("user_id = ").text(view.actor.id()).push(" AND x.until > ").number(now.micros());
        }
        (Start::Tag, _) => {
            let (table, column, value) = tagged(filter.tag.as_deref().unwrap_or_default());
            beside(table);
            to.push(format!("{column} = ")).text(value);
            from_the_oldest(to, view);
        }
        (Start::Words, _) if sqlite => {
            let by_id = filter.ids.is_some();
            to.push(if by_id {
                "messages m INDEXED BY sqlite_autoindex_messages_1 CROSS JOIN message_numbers n CROSS JOIN message_index"
            } else {
                "message_index CROSS JOIN message_numbers n CROSS JOIN messages m"
            });
            to.push(" WHERE n.message_id = m.id AND message_index.rowid = n.number AND ");
            matching(to, view);
        }
        (Start::Words, _) => {
            let all: Vec<String> = view.words.iter().map(|word| format!("'{word}':*")).collect();
            to.push(if view.waits() {
                "waiting_words w JOIN messages m ON m.id = w.message_id WHERE w.words"
            } else {
                "messages m JOIN message_versions v ON v.message_id = m.id AND v.version = m.version \
                 WHERE words_of_message(v.to_name, v.to_address, v.subject, v.text_body)"
            });
            to.push(" @@ CAST(").text(&all.join(" & ")).push(" AS tsquery)");
        }
        _ => {
            to.push("messages m");
            if let Some(index) = leg.index.filter(|_| sqlite) {
                to.push(" INDEXED BY ").push(index);
            }
            to.push(" WHERE TRUE");
        }
    }
}

fn places(to: &mut Statement, view: &View<'_>, leg: &Leg<'_>) {
    among(to, view, leg);
    // Tests of the desk are among the messages that wait, for those who may meet them; once they are over they are in no list.
    to.push(if view.actor.meets_tests() { " AND (NOT m.planted OR m.state = 'pending')" } else { " AND NOT m.planted" });
}

fn among(to: &mut Statement, view: &View<'_>, leg: &Leg<'_>) {
    match (leg.state, view.states.as_slice()) {
        (Some(state), _) => to.push(" AND m.state = ").text(state.as_str()),
        (None, []) => to,
        (None, states) => to.push(" AND m.state IN ").texts(states.iter().map(|state| state.as_str())),
    };
    match (leg.mailbox, &view.mailboxes) {
        (Some(mailbox), _) => to.push(" AND m.mailbox_id = ").text(mailbox.as_str()),
        (None, None) => to,
        (None, Some(ids)) => to.push(" AND m.mailbox_id IN ").texts(ids.iter().map(MailboxId::as_str)),
    };
}

/// What reports count by.
fn ways(to: &mut Statement, filter: &Filter) {
    if filter.way.is_some_and(Way::is_held) {
        to.push(" AND m.expires_at IS NOT NULL");
    }
    if filter.way == Some(Way::Edited) {
        to.push(" AND (m.editor_kind <> m.author_kind OR m.editor_id <> m.author_id)");
    }
    if let Some(what) = filter.way.and_then(Way::outcome) {
        to.push(" AND EXISTS (SELECT 1 FROM message_outcomes o WHERE o.message_id = m.id AND o.what = ").text(what).push(")");
    }
    if filter.way.is_some() || filter.counted.is_some() {
        to.push(" AND m.state <> 'draft'");
    }
    if filter.labelled {
        to.push(" AND coalesce(m.campaign, '') <> ''");
    }
    if let Some((from, end)) = filter.counted {
        to.push(" AND coalesce(m.sent_at, m.submitted_at, m.created_at) >= ").number(from.micros());
        to.push(" AND coalesce(m.sent_at, m.submitted_at, m.created_at) < ").number(end.micros());
        // Nothing leaves before it was handed in: a walk begins there.
        to.push(" AND m.submitted_at < ").number(end.micros());
    }
}

/// What the report on the review desk counts.
fn decided(to: &mut Statement, (how, from, end): (Decided, Time, Time)) {
    to.push(" AND EXISTS (SELECT 1 FROM desk_decisions d WHERE d.message_id = m.id AND d.created_at >= ").number(from.micros());
    to.push(" AND d.created_at < ").number(end.micros());
    match how {
        Decided::Any => &mut *to,
        Decided::Edited => to.push(" AND d.edited"),
        Decided::Approve | Decided::Reject | Decided::RequestChanges => to.push(" AND d.kind = ").text(how.as_str()),
    };
    // Nothing is decided before it was handed in: a walk begins there.
    to.push(") AND m.submitted_at < ").number(end.micros());
}

fn conditions(to: &mut Statement, view: &View<'_>, leg: &Leg<'_>) {
    let filter = view.filter;
    places(to, view, leg);
    if let Some(how) = filter.decided {
        decided(to, how);
    }
    if let Some(ids) = &filter.ids {
        // An empty list is not understood by PostgreSQL; no id is empty.
        to.push(" AND m.id IN ").texts(ids.iter().map(MessageId::as_str).chain([""]));
    }
    if let Some(campaign) = &filter.campaign {
        to.push(" AND m.campaign = ").text(campaign);
    }
    if filter.own {
        let (kind, id) = (view.actor.kind(), view.actor.id());
        to.push(" AND ((m.author_kind = ").text(kind).push(" AND m.author_id = ").text(id);
        to.push(") OR (m.editor_kind = ").text(kind).push(" AND m.editor_id = ").text(id).push("))");
    }
    if let Some(contact) = &filter.contact {
        to.push(" AND m.contact_id = ").text(contact.as_str());
    }
    if let Some(older) = filter.older_than {
        to.push(" AND m.submitted_at < ").number(older.micros());
    }
    if let Some(newer) = filter.newer_than {
        to.push(" AND m.submitted_at >= ").number(newer.micros());
    }
    if let Some(soon) = filter.expires_before {
        to.push(" AND m.expires_at < ").number(soon.micros());
    }
    match &filter.assignee {
        Some(Assignee::User(user)) => to.push(" AND m.assignee_id = ").text(user.as_str()),
        Some(Assignee::Nobody) => to.push(" AND m.assignee_id IS NULL"),
        None => to,
    };
    match filter.claims {
        Some(Claims::Open) => to.push(" AND m.claims_open > 0"),
        Some(Claims::Clean) => to.push(" AND m.claims_open = 0"),
        None => to,
    };
    if let Some(origin) = filter.origin {
        to.push(" AND m.origin = ").text(origin.as_str());
    }
    ways(to, filter);
    if let Some(tag) = filter.tag.as_ref().filter(|_| view.start != Start::Tag) {
        let (table, column, value) = tagged(tag);
        to.push(format!(" AND EXISTS (SELECT 1 FROM {table} t WHERE t.message_id = m.id AND t.{column} = ")).text(value).push(")");
    }
    if let Some(user) = filter.mentions.as_ref().filter(|_| view.start != Start::Mentions) {
        to.push(" AND EXISTS (SELECT 1 FROM message_mentions t WHERE t.message_id = m.id AND t.user_id = ").text(user.as_str()).push(")");
    }
    match view.search {
        Search::Index => {}
        Search::Each => {
            to.push(" AND EXISTS (SELECT 1 FROM message_numbers n CROSS JOIN message_index WHERE n.message_id = m.id");
            to.push(" AND message_index.rowid = n.number AND message_index MATCH ").text(&beginnings(&view.words)).push(")");
        }
        Search::Sorted | Search::Walked => {
            to.push(" AND (SELECT n.number FROM message_numbers n WHERE n.message_id = m.id) IN");
            to.push(" (SELECT rowid FROM message_index WHERE ");
            matching(to, view);
            to.push(")");
        }
    }
    let mut put_off = |not: &str, now: Time| {
        to.push(not).push("EXISTS (SELECT 1 FROM message_snoozes s WHERE s.message_id = m.id AND s.user_id = ");
        to.text(view.actor.id()).push(" AND s.until > ").number(now.micros()).push(")");
    };
    match filter.snoozes {
        Snoozes::Hidden(now) => put_off(" AND NOT ", now),
        Snoozes::Only(now) if view.start != Start::Snoozes => put_off(" AND ", now),
        Snoozes::Only(_) | Snoozes::Shown => {}
    }
}

fn leave_out(to: &mut Statement, skip: &Skip<'_>) {
    let (kind, id) = (skip.actor.kind(), skip.actor.id());
    to.push(" AND NOT EXISTS (SELECT 1 FROM message_readers r WHERE r.message_id = m.id AND r.taken_until > ").number(skip.now.micros());
    to.push(" AND r.user_id <> ").text(id).push(")");
    if skip.own {
        to.push(" AND NOT (m.author_kind = ").text(kind).push(" AND m.author_id = ").text(id).push(")");
        to.push(" AND NOT (m.editor_kind = ").text(kind).push(" AND m.editor_id = ").text(id).push(")");
    }
}

#[derive(QueryableByName)]
struct Times {
    #[diesel(sql_type = Text)]
    mailbox_id: MailboxId,
    #[diesel(sql_type = Nullable<BigInt>)]
    submitted_at: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    expires_at: Option<i64>,
}

/// Where a message stands in the order of a view; none where it is gone, out of reach or has no place in it.
pub(super) fn position(conn: &mut Conn, view: &View<'_>, id: &MessageId) -> QueryResult<Option<Position>> {
    let mut ask = Statement::default();
    ask.push("SELECT mailbox_id, submitted_at, expires_at FROM messages WHERE id = ").text(id.as_str());
    let found = ask.load::<Times>(conn)?.into_iter().next().filter(|times| view.actor.reaches(&times.mailbox_id));
    let Some(Times { submitted_at: submitted, expires_at: expires, .. }) = found else { return Ok(None) };
    let key = match view.order {
        Order::Submitted => submitted,
        Order::Expires => expires,
        Order::Number => number(conn, id)?,
    };
    Ok(key.map(|key| Position { id: id.clone(), key, leg: 0 }))
}

/// The number of a message in the search index of SQLite.
fn number(conn: &mut Conn, id: &MessageId) -> QueryResult<Option<i64>> {
    let mut ask = Statement::default();
    ask.push("SELECT number AS n FROM message_numbers WHERE message_id = ").text(id.as_str());
    Ok(ask.load::<Number>(conn)?.first().map(|row| row.n))
}

/// Whether a message is one of a list.
pub(super) fn belongs(conn: &mut Conn, actor: &Actor, filter: &Filter, id: &MessageId) -> Result<bool> {
    if filter.ids.as_ref().is_some_and(|ids| !ids.contains(id)) {
        return Ok(false);
    }
    let alone = Filter { ids: Some(vec![id.clone()]), ..filter.clone() };
    let ask = Ask { from: None, backwards: false, limit: 1, skip: None };
    let view = View::of(conn, actor, &alone)?;
    Ok(!pick(conn, &view, &ask)?.is_empty())
}

/// The index that has all mailboxes and states of a view.
fn index_of(view: &View<'_>) -> &'static str {
    match (&view.mailboxes, view.states.is_empty()) {
        (Some(_), false) => "messages_by_mailbox",
        (Some(_), true) => "messages_of_mailbox",
        (None, false) => "messages_by_state",
        (None, true) => "messages_by_time",
    }
}

/// How many messages there are in the mailboxes and states of a view, counted up to a limit.
pub(super) fn count(conn: &mut Conn, view: &View<'_>, limit: i64) -> QueryResult<i64> {
    if view.nothing {
        return Ok(0);
    }
    let mut ask = Statement::default();
    ask.push("SELECT count(*) AS n FROM (SELECT 1 FROM messages m");
    if is_sqlite(conn) {
        ask.push(" INDEXED BY ").push(index_of(view));
    }
    ask.push(" WHERE TRUE");
    places(&mut ask, view, &Leg { index: None, state: None, mailbox: None });
    ask.push(format!(" LIMIT {limit}) AS few"));
    Ok(ask.load::<Number>(conn)?.first().map_or(0, |row| row.n))
}

/// What is shown of some messages, in their order.
pub(super) fn rows(conn: &mut Conn, actor: &Actor, of: &[Position]) -> QueryResult<Vec<ListRow>> {
    if of.is_empty() {
        return Ok(vec![]);
    }
    let viewer = match actor {
        Actor::User { id, .. } => id.as_str().to_owned(),
        _ => String::new(),
    };
    let mut rows: Vec<ListRow> = messages::table
        .inner_join(mailboxes::table)
        .inner_join(message_versions::table.on(message_versions::message_id.eq(messages::id).and(message_versions::version.eq(messages::version))))
        .left_join(users::table.on(messages::assignee_id.eq(users::id.nullable())))
        .left_join(message_snoozes::table.on(message_snoozes::message_id.eq(messages::id).and(message_snoozes::user_id.eq(viewer))))
        .filter(messages::id.eq_any(of.iter().map(|at| at.id.clone()).collect::<Vec<_>>()))
        .select((
            messages::id,
            messages::mailbox_id,
            mailboxes::address,
            messages::campaign,
            messages::state,
            messages::state_reason,
            messages::held_because,
            messages::origin,
            messages::author_kind,
            message_versions::to_address,
            message_versions::to_name,
            message_versions::subject,
            messages::version,
            messages::submitted_at,
            messages::expires_at,
            messages::sent_at,
            messages::updated_at,
            messages::claims_supported,
            messages::claims_open,
            messages::claims_waived,
            users::name.nullable(),
            message_snoozes::until.nullable(),
            message_comments::table.filter(message_comments::message_id.eq(messages::id)).count().single_value(),
        ))
        .load(conn)?;
    let place: std::collections::HashMap<&MessageId, usize> = of.iter().enumerate().map(|(place, at)| (&at.id, place)).collect();
    rows.sort_by_key(|row| place.get(&row.id).copied());
    Ok(rows)
}

/// Keeps the name of a campaign, for the filter of lists.
pub(in crate::domain) fn note_campaign(conn: &mut Conn, mailbox: &MailboxId, name: &str) -> QueryResult<()> {
    on_either!(conn, inner => diesel::insert_into(mailbox_campaigns::table)
        .values((mailbox_campaigns::name.eq(name), mailbox_campaigns::mailbox_id.eq(mailbox)))
        .on_conflict_do_nothing()
        .execute(inner)
        .map(drop))
}

pub(super) fn campaigns(conn: &mut Conn, reach: Option<&[MailboxId]>) -> QueryResult<Vec<String>> {
    let mut query = mailbox_campaigns::table.select(mailbox_campaigns::name).distinct().order(mailbox_campaigns::name).limit(200).into_boxed();
    if let Some(ids) = reach {
        query = query.filter(mailbox_campaigns::mailbox_id.eq_any(ids.to_vec()));
    }
    query.load(conn)
}

pub(super) fn pending_by_mailbox(conn: &mut Conn) -> QueryResult<Vec<(MailboxId, i64)>> {
    messages::table
        .filter(messages::state.eq(State::Pending))
        .group_by(messages::mailbox_id)
        .select((messages::mailbox_id, diesel::dsl::count_star()))
        .load(conn)
}

pub(super) fn standing(conn: &mut Conn, ids: &[MessageId]) -> QueryResult<Vec<(MessageId, MailboxId, State, i32)>> {
    messages::table
        .filter(messages::id.eq_any(ids.to_vec()))
        .select((messages::id, messages::mailbox_id, messages::state, messages::version))
        .load(conn)
}
