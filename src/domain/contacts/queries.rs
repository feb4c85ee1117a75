//! SQL of contacts.

use std::collections::HashMap;

use diesel::dsl::{exists, min, not};
use diesel::prelude::*;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{contact_tags, contacts, customers, journaled_addresses, planted_tests, suppressions};
use crate::db::statement::Statement;
use crate::domain::ids::ContactId;
use crate::domain::paging::one_more;
use crate::domain::reason::Reason as DepartureReason;
use crate::on_either;

use super::conditions::{self, Asked};
use super::suppressions::{Reason, Suppression};
use super::{ContactRow, Customer};

/// What to find.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Exactly this address, in its compared form.
    pub email_key: Option<String>,
    /// Words of name, address or tags must begin with each of these. Everything but letters and digits parts them; at most fifty count.
    pub words: Vec<String>,
    /// Tags that must be there.
    pub tags: Vec<String>,
    /// Tags that must not be there.
    pub without_tags: Vec<String>,
    /// Only those with subscription facts.
    pub customers_only: bool,
    /// At most so many.
    pub limit: usize,
    /// Those older than this id.
    pub before: Option<ContactId>,
    /// What else must hold of them.
    pub conditions: Vec<Asked>,
}

pub(super) fn by_id(conn: &mut Conn, id: &ContactId) -> QueryResult<Option<ContactRow>> {
    contacts::table.find(id).first(conn).optional()
}

pub(super) fn by_ids(conn: &mut Conn, ids: &[ContactId]) -> QueryResult<Vec<ContactRow>> {
    contacts::table.filter(contacts::id.eq_any(ids.to_vec())).load(conn)
}

/// Whether tests of the desk are addressed to them: they do not exist.
pub(super) fn is_made_up(conn: &mut Conn, id: &ContactId) -> QueryResult<bool> {
    diesel::select(exists(planted_tests::table.filter(planted_tests::contact_id.eq(id)))).get_result(conn)
}

/// Changes nothing, but keeps others from changing it until this transaction ends.
pub(super) fn hold(conn: &mut Conn, id: &ContactId) -> QueryResult<()> {
    diesel::update(contacts::table.find(id)).set(contacts::updated_at.eq(contacts::updated_at)).execute(conn).map(drop)
}

pub(super) fn by_email(conn: &mut Conn, key: &str) -> QueryResult<Option<ContactRow>> {
    contacts::table.filter(contacts::email_key.eq(key)).first(conn).optional()
}

pub(super) fn find_many(conn: &mut Conn, ids: &[ContactId], keys: &[String]) -> QueryResult<Vec<ContactRow>> {
    contacts::table
        .filter(contacts::id.eq_any(ids.to_vec()).or(contacts::email_key.eq_any(keys.to_vec())))
        .filter(contacts::erased_at.is_null())
        .filter(not(exists(planted_tests::table.filter(planted_tests::contact_id.eq(contacts::id)))))
        .order(contacts::id)
        .load(conn)
}

pub(super) fn has_tag(conn: &mut Conn, id: &ContactId, tag: &str) -> QueryResult<bool> {
    diesel::select(exists(contact_tags::table.find((id, tag)))).get_result(conn)
}

pub(super) fn insert(conn: &mut Conn, row: &ContactRow) -> QueryResult<()> {
    diesel::insert_into(contacts::table).values(row.clone()).execute(conn).map(drop)
}

/// The addresses of contacts, some at a time in the order of their ids.
pub(super) fn addresses_after(conn: &mut Conn, after: Option<&ContactId>, limit: i64) -> QueryResult<Vec<(ContactId, String)>> {
    let mut query = contacts::table.filter(contacts::erased_at.is_null()).order(contacts::id).limit(limit).into_boxed();
    if let Some(after) = after {
        query = query.filter(contacts::id.gt(after.clone()));
    }
    query.select((contacts::id, contacts::email_key)).load(conn)
}

pub(super) fn all_suppressions(conn: &mut Conn) -> QueryResult<Vec<(String, Reason, Time)>> {
    suppressions::table
        .filter(suppressions::is_group.eq(false))
        .select((suppressions::email_key, suppressions::reason, suppressions::created_at))
        .load(conn)
}

pub(super) fn suppressions_since(conn: &mut Conn, since: Time) -> QueryResult<Vec<(String, Reason, Time)>> {
    suppressions::table
        .filter(suppressions::created_at.ge(since))
        .filter(suppressions::is_group.eq(false))
        .select((suppressions::email_key, suppressions::reason, suppressions::created_at))
        .load(conn)
}

/// Takes back that somebody left: the row and the tag.
pub(super) fn lift(conn: &mut Conn, email_key: &str, contact: Option<&ContactId>) -> QueryResult<()> {
    diesel::delete(suppressions::table.find(email_key)).execute(conn)?;
    match contact {
        Some(id) => diesel::delete(contact_tags::table.find((id, super::UNSUBSCRIBED))).execute(conn).map(drop),
        None => Ok(()),
    }
}

#[derive(QueryableByName)]
struct GroupRow {
    #[diesel(sql_type = diesel::sql_types::Text)]
    email_key: String,
    #[diesel(sql_type = diesel::sql_types::Text)]
    reason: Reason,
    #[diesel(sql_type = diesel::sql_types::Text)]
    source: String,
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    created_at: Time,
}

/// The domains and tags that are suppressed. It runs for each look at what may leave, so its text never changes and its index holds
/// nothing else.
pub(super) fn groups(conn: &mut Conn) -> QueryResult<Vec<Suppression>> {
    let mut statement = Statement::kept();
    statement.push("SELECT email_key, reason, source, created_at FROM suppressions WHERE is_group ORDER BY email_key");
    let row = |row: GroupRow| {
        let GroupRow { email_key, reason, source, created_at } = row;
        Suppression { email_key, reason, source, message_id: None, created_at, is_group: true }
    };
    Ok(statement.load::<GroupRow>(conn)?.into_iter().map(row).collect())
}

pub(super) fn insert_group(conn: &mut Conn, row: &Suppression) -> QueryResult<()> {
    diesel::insert_into(suppressions::table)
        .values((
            suppressions::email_key.eq(row.email_key.clone()),
            suppressions::reason.eq(row.reason),
            suppressions::source.eq(row.source.clone()),
            suppressions::created_at.eq(row.created_at),
            suppressions::is_group.eq(true),
        ))
        .execute(conn)
        .map(drop)
}

/// False where there was none.
pub(super) fn delete_group(conn: &mut Conn, key: &str) -> QueryResult<bool> {
    diesel::delete(suppressions::table.find(key).filter(suppressions::is_group)).execute(conn).map(|rows| rows > 0)
}

pub(super) fn tags_among(conn: &mut Conn, ids: &[ContactId], tags: Vec<String>) -> QueryResult<Vec<(ContactId, String)>> {
    contact_tags::table.filter(contact_tags::contact_id.eq_any(ids.to_vec())).filter(contact_tags::tag.eq_any(tags)).load(conn)
}

pub(super) fn journaled(conn: &mut Conn, hash: &str) -> QueryResult<Option<(Reason, Time)>> {
    journaled_addresses::table.find(hash).select((journaled_addresses::reason, journaled_addresses::at)).first(conn).optional()
}

pub(super) fn keep_journaled(conn: &mut Conn, hash: &str, reason: Reason, at: Time) -> QueryResult<()> {
    let row = (journaled_addresses::address_hash.eq(hash), journaled_addresses::reason.eq(reason), journaled_addresses::at.eq(at));
    on_either!(conn, inner => diesel::insert_into(journaled_addresses::table).values(row).on_conflict_do_nothing().execute(inner)).map(drop)
}

pub(super) fn forget_journaled(conn: &mut Conn, hash: &str) -> QueryResult<()> {
    diesel::delete(journaled_addresses::table.find(hash)).execute(conn).map(drop)
}

pub(super) fn update(conn: &mut Conn, row: &ContactRow) -> QueryResult<()> {
    diesel::update(contacts::table.find(&row.id))
        .set((
            contacts::name.eq(row.name.clone()),
            contacts::metadata.eq(row.metadata.clone()),
            contacts::time_zone.eq(row.time_zone.clone()),
            contacts::updated_at.eq(row.updated_at),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn set_absent(conn: &mut Conn, id: &ContactId, until: Option<Time>, now: Time) -> QueryResult<()> {
    diesel::update(contacts::table.find(id)).set((contacts::absent_until.eq(until), contacts::updated_at.eq(now))).execute(conn).map(drop)
}

pub(super) fn add_tag(conn: &mut Conn, id: &ContactId, tag: &str) -> QueryResult<bool> {
    let there: bool = diesel::select(exists(contact_tags::table.find((id, tag)))).get_result(conn)?;
    if there {
        return Ok(false);
    }
    diesel::insert_into(contact_tags::table).values((contact_tags::contact_id.eq(id), contact_tags::tag.eq(tag))).execute(conn)?;
    Ok(true)
}

pub(super) fn remove_tag(conn: &mut Conn, id: &ContactId, tag: &str) -> QueryResult<bool> {
    Ok(diesel::delete(contact_tags::table.find((id, tag))).execute(conn)? == 1)
}

pub(super) fn tags_of(conn: &mut Conn, ids: &[ContactId]) -> QueryResult<Vec<(ContactId, String)>> {
    contact_tags::table.filter(contact_tags::contact_id.eq_any(ids.to_vec())).order((contact_tags::contact_id, contact_tags::tag)).load(conn)
}

/// One step along the index of tags for each that is found, however many contacts have it.
pub(super) fn tags_with(conn: &mut Conn, prefix: &str, limit: usize) -> QueryResult<Vec<String>> {
    let mut found: Vec<String> = vec![];
    while found.len() < limit {
        let after = found.last().map_or(prefix, String::as_str);
        let of_prefix = contact_tags::table.filter(contact_tags::tag.like(format!("{prefix}%")));
        let next: Option<String> = of_prefix.filter(contact_tags::tag.gt(after)).select(min(contact_tags::tag)).first(conn)?;
        match next {
            Some(tag) => found.push(tag),
            None => break,
        }
    }
    Ok(found)
}

pub(super) fn customer(conn: &mut Conn, id: &ContactId) -> QueryResult<Option<Customer>> {
    customers::table.find(id).first(conn).optional()
}

pub(super) fn put_customer(conn: &mut Conn, customer: &Customer) -> QueryResult<()> {
    let changed = diesel::update(customers::table.find(&customer.contact_id)).set(customer.clone()).execute(conn)?;
    if changed == 0 {
        diesel::insert_into(customers::table).values(customer.clone()).execute(conn)?;
    }
    Ok(())
}

#[derive(QueryableByName)]
struct Picked {
    #[diesel(sql_type = diesel::sql_types::Text)]
    id: ContactId,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    n: i64,
}

/// What is asked of those that are found.
enum Wanted {
    /// Ids, newest first.
    Page,
    /// The same where so few are in the range that is asked for that they can be sorted.
    PageOfFew,
    /// The same among the newest [`NEAR`] alone.
    PageOfNear,
    /// The same down to this id, from all that are found, sorted when they are.
    PageDownTo(Option<ContactId>),
    /// How many, looking at no more than so many where there is a limit.
    Count(Option<usize>),
    /// The ids of all, in no order.
    All,
}

/// The contacts that a search finds, newest first, and one more than its limit: by one walk along the search index or the
/// index of what is named. Where most may have to be passed over it looks at no more than about `most` and says after whom it stopped.
pub(super) fn search(conn: &mut Conn, search: &Search, most: Option<usize>) -> QueryResult<(Vec<ContactRow>, Option<ContactId>)> {
    let (ids, stopped) = page(conn, search, most)?;
    if ids.is_empty() {
        return Ok((vec![], stopped));
    }
    let mut rows: Vec<ContactRow> = contacts::table.filter(contacts::id.eq_any(ids.clone())).load(conn)?;
    let place: HashMap<&ContactId, usize> = ids.iter().enumerate().map(|(place, id)| (id, place)).collect();
    rows.sort_by_key(|row| place.get(&row.id).copied());
    Ok((rows, stopped))
}

fn page(conn: &mut Conn, search: &Search, most: Option<usize>) -> QueryResult<(Vec<ContactId>, Option<ContactId>)> {
    let load = |conn: &mut Conn, wanted| -> QueryResult<Vec<ContactId>> {
        Ok(ask(conn, search, &wanted).load::<Picked>(conn)?.into_iter().map(|row| row.id).collect())
    };
    let is_full = |ids: &[ContactId]| ids.len() as i64 == one_more(search.limit);
    if !sifts(conn, search) {
        let wanted = if few_in_range(conn, search)? { Wanted::PageOfFew } else { Wanted::Page };
        return Ok((load(conn, wanted)?, None));
    }
    let near = load(conn, Wanted::PageOfNear)?;
    if is_full(&near) {
        return Ok((near, None));
    }
    let stop = most.filter(|_| search.words.is_empty()).map(|most| nth_with_tag(conn, search, most)).transpose()?.flatten();
    let found = load(conn, Wanted::PageDownTo(stop.clone()))?;
    Ok(if is_full(&found) { (found, None) } else { (found, stop) })
}

/// The last of the next so many with the first tag, if there are that many.
fn nth_with_tag(conn: &mut Conn, search: &Search, nth: usize) -> QueryResult<Option<ContactId>> {
    let Some(tag) = search.tags.first() else { return Ok(None) };
    let mut of_tag = contact_tags::table.filter(contact_tags::tag.eq(tag)).select(contact_tags::contact_id).into_boxed();
    if let Some(before) = &search.before {
        of_tag = of_tag.filter(contact_tags::contact_id.lt(before));
    }
    let nth = i64::try_from(nth).unwrap_or(i64::MAX);
    of_tag.order(contact_tags::contact_id.desc()).offset(nth.saturating_sub(1)).first(conn).optional()
}

/// Whether PostgreSQL would pass over most of what it walks along, because it expects to find a page soon: those with a tag who have
/// another too, which takes eight times as long as a merge of the two lists, or a million people of whom nobody has the words, which
/// takes a second where their index takes a millisecond. So it is asked for near ones and then for all.
fn sifts(conn: &Conn, search: &Search) -> bool {
    let left_out = !search.tags.is_empty() && !search.without_tags.is_empty();
    (left_out || !search.words.is_empty()) && search.email_key.is_none() && matches!(conn, Conn::Postgres(_))
}

/// So many of those with a tag are near.
const NEAR: usize = 1_000;
/// So many of all are near where words are looked for; more than a page is found among them where one in a hundred has these.
const NEAR_WITH_WORDS: usize = 2_000;

/// How many a search finds, whatever its limit.
pub(super) fn count(conn: &mut Conn, search: &Search) -> QueryResult<i64> {
    Ok(ask(conn, search, &Wanted::Count(None)).load::<Number>(conn)?.first().map_or(0, |row| row.n))
}

/// How many a search finds, looking at no more than `most`.
pub(super) fn count_up_to(conn: &mut Conn, search: &Search, most: usize) -> QueryResult<usize> {
    let found = ask(conn, search, &Wanted::Count(Some(most))).load::<Number>(conn)?;
    Ok(found.first().and_then(|row| usize::try_from(row.n).ok()).unwrap_or_default())
}

/// The statement that finds the ids of all, whatever its limit.
pub(super) fn all_ids(conn: &Conn, search: &Search) -> Statement {
    ask(conn, search, &Wanted::All)
}

fn ask(conn: &Conn, search: &Search, wanted: &Wanted) -> Statement {
    if matches!(conn, Conn::Sqlite(_)) { on_sqlite(search, wanted) } else { on_postgres(search, wanted) }
}

/// Words and tags are in one index, so that leaving out is a merge of two lists and not a look at each contact.
fn on_sqlite(search: &Search, wanted: &Wanted) -> Statement {
    let indexed = !(search.words.is_empty() && search.tags.is_empty() && search.without_tags.is_empty());
    let (from, id) = match (&search.email_key, indexed) {
        (Some(_), true) => ("contacts c CROSS JOIN contact_numbers n CROSS JOIN contact_index", "c.id"),
        (Some(_), false) => ("contacts c", "c.id"),
        (None, true) => ("contact_index CROSS JOIN contact_numbers n", "n.contact_id"),
        (None, false) => match range(search).filter(|_| !matches!(wanted, Wanted::Page)) {
            Some(range) => range.walk(),
            None => walk(search, true),
        },
    };
    let mut ask = start(from, id, search, wanted);
    narrow(&mut ask, from, search);
    conditions::queries::push(&mut ask, id, true, &left_to_ask(from, search));
    if indexed {
        ask.push(" AND contact_index.rowid = n.number AND contact_index MATCH ").text(&expression(search));
    }
    if indexed && search.email_key.is_some() {
        ask.push(" AND n.contact_id = c.id");
    }
    let by_number = indexed && search.email_key.is_none();
    match &search.before {
        Some(before) if by_number => {
            ask.push(" AND contact_index.rowid < coalesce((SELECT b.number FROM contact_numbers b WHERE b.contact_id = ").text(before.as_str());
            ask.push("), (SELECT b.number + 1 FROM contact_numbers b WHERE b.contact_id < ").text(before.as_str());
            ask.push(" ORDER BY b.contact_id DESC LIMIT 1), 0)");
        }
        Some(before) => drop(ask.push(format!(" AND {id} < ")).text(before.as_str())),
        None => {}
    }
    finish(&mut ask, from, if by_number { "contact_index.rowid" } else { id }, search, wanted);
    ask
}

/// Words are in one index and tags in another; the cursor stands in each, since it is not carried over from one to the other.
fn on_postgres(search: &Search, wanted: &Wanted) -> Statement {
    let (from, id) = match (&search.email_key, search.words.is_empty(), search.tags.is_empty()) {
        (None, false, _) if matches!(wanted, Wanted::PageOfNear) => ("near w", "w.contact_id"),
        (Some(_), false, _) => ("contacts c JOIN contact_words w ON w.contact_id = c.id", "c.id"),
        (None, false, _) => ("contact_words w", "w.contact_id"),
        (None, true, false) => ("contact_tags g", "g.contact_id"),
        (None, true, true) => walk(search, false),
        (Some(_), true, _) => ("contacts c", "c.id"),
    };
    let mut ask = Statement::default();
    if from == "near w" {
        push_near_words(&mut ask, search);
    }
    ask.append(start(from, id, search, wanted));
    narrow(&mut ask, from, search);
    conditions::queries::push(&mut ask, id, false, &left_to_ask(from, search));
    if !search.words.is_empty() {
        let all: Vec<String> = search.words.iter().map(|word| format!("'{}{word}':*", mark(word))).collect();
        ask.push(" AND w.words @@ CAST(").text(&all.join(" & ")).push(" AS tsquery)");
    }
    for (place, tag) in search.tags.iter().enumerate() {
        if place == 0 && from == "contact_tags g" {
            ask.push(" AND g.tag = ").text(tag);
            if matches!(wanted, Wanted::PageOfNear) {
                push_near(&mut ask, tag, search);
            }
        } else {
            ask.push(format!(" AND EXISTS (SELECT 1 FROM contact_tags t WHERE t.contact_id = {id} AND t.tag = ")).text(tag).push(")");
        }
    }
    for tag in &search.without_tags {
        ask.push(format!(" AND NOT EXISTS (SELECT 1 FROM contact_tags t WHERE t.contact_id = {id} AND t.tag = ")).text(tag);
        push_bounds(&mut ask, "t.contact_id", search, wanted);
        ask.push(")");
    }
    push_bounds(&mut ask, id, search, wanted);
    finish(&mut ask, from, id, search, wanted);
    ask
}

/// Between where a page begins and where it stops looking.
fn push_bounds(ask: &mut Statement, id: &str, search: &Search, wanted: &Wanted) {
    if let Some(before) = &search.before {
        ask.push(format!(" AND {id} < ")).text(before.as_str());
    }
    if let Wanted::PageDownTo(Some(stop)) = wanted {
        ask.push(format!(" AND {id} >= ")).text(stop.as_str());
    }
}

/// Leaves out who is not among the newest with this tag.
fn push_near(ask: &mut Statement, tag: &str, search: &Search) {
    ask.push(" AND g.contact_id >= coalesce((SELECT n.contact_id FROM contact_tags n WHERE n.tag = ").text(tag);
    if let Some(before) = &search.before {
        ask.push(" AND n.contact_id < ").text(before.as_str());
    }
    ask.push(format!(" ORDER BY n.contact_id DESC OFFSET {NEAR} LIMIT 1), '')"));
}

/// The words of the newest, as a table before the statement.
fn push_near_words(ask: &mut Statement, search: &Search) {
    ask.push("WITH near AS (SELECT contact_id, words FROM contact_words");
    if let Some(before) = &search.before {
        ask.push(" WHERE contact_id < ").text(before.as_str());
    }
    ask.push(format!(" ORDER BY contact_id DESC LIMIT {NEAR_WITH_WORDS}) "));
}

/// What stands before a word in the index of PostgreSQL: one that begins with letters and holds a digit is there as its letters, and
/// whole behind a mark, so that the thousands of addresses that begin with a name are one word to whoever looks for the name.
fn mark(word: &str) -> &'static str {
    let digit = word.find(|c: char| c.is_ascii_digit());
    if digit.is_some_and(|place| place > 0) { "#" } else { "" }
}

/// Departures with a reason, in the order of contacts: each contact may be there several times.
const DEPARTURES: &str = "churn_events e CROSS JOIN contacts c";
/// The same for SQLite, which is told the index by name.
const DEPARTURES_ON_SQLITE: &str = "churn_events e INDEXED BY churn_events_of_reason CROSS JOIN contacts c";

/// What is walked along where neither words nor tags are asked for. A reason or a plan has an index of its own, so that few among
/// a million are found without looking at each.
fn walk(search: &Search, sqlite: bool) -> (&'static str, &'static str) {
    if reason(search).is_some() {
        (if sqlite { DEPARTURES_ON_SQLITE } else { DEPARTURES }, "e.contact_id")
    } else if plan(search).is_some() || (sqlite && search.customers_only) {
        ("customers c", "c.contact_id")
    } else {
        ("contacts c", "c.id")
    }
}

fn reason(search: &Search) -> Option<DepartureReason> {
    search.conditions.iter().find_map(|(asked, _)| asked.reason)
}

fn plan(search: &Search) -> Option<&String> {
    search.conditions.iter().find_map(|(asked, _)| asked.plan.as_ref())
}

/// A part of an index whose order is not that of contacts. SQLite is told to walk along it where everybody in it is counted, or where
/// they are few and can be sorted; PostgreSQL knows how many there are and decides by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Range {
    Revenue,
    Activity,
    Days,
}

/// A part of an index with more than so many is not sorted: a walk in the order of contacts finds a page sooner.
const FEW: i64 = 10_000;
const BY_REVENUE: &str = "customers c INDEXED BY customers_by_mrr";
const BY_ACTIVITY: &str = "customers c INDEXED BY customers_by_activity";
const BY_DAY: &str = "churn_events e INDEXED BY churn_events_by_day CROSS JOIN contacts c";

impl Range {
    fn walk(self) -> (&'static str, &'static str) {
        match self {
            Range::Revenue => (BY_REVENUE, "c.contact_id"),
            Range::Activity => (BY_ACTIVITY, "c.contact_id"),
            Range::Days => (BY_DAY, "e.contact_id"),
        }
    }

    /// What of a condition is within the range, as a column and its bounds.
    fn bounds(self, (asked, now): &Asked) -> (&'static str, Option<i64>, Option<i64>) {
        let ago = |days: Option<i64>| days.map(|days| now.plus_days(-days).micros());
        match self {
            Range::Revenue => ("c.mrr_minor", asked.mrr_from, asked.mrr_to),
            Range::Activity => ("c.last_active_at", None, ago(asked.inactive_days)),
            Range::Days => ("e.churned_at", ago(asked.left_to_days), ago(asked.left_from_days)),
        }
    }

    fn is_in(self, asked: &Asked) -> bool {
        let (_, from, to) = self.bounds(asked);
        from.is_some() || to.is_some()
    }

    fn push(self, ask: &mut Statement, asked: &Asked) {
        let (column, from, to) = self.bounds(asked);
        for (bound, sign) in [(from, ">="), (to, "<=")] {
            if let Some(bound) = bound {
                ask.push(format!(" AND {column} {sign} ")).number(bound);
            }
        }
    }
}

/// The range that a search can be looked up by, where nothing it asks has an index in the order of contacts.
fn range(search: &Search) -> Option<Range> {
    let is_ordered = reason(search).is_some() || plan(search).is_some() || search.email_key.is_some();
    let is_indexed = !(search.words.is_empty() && search.tags.is_empty() && search.without_tags.is_empty());
    if is_ordered || is_indexed {
        return None;
    }
    [Range::Revenue, Range::Activity, Range::Days].into_iter().find(|range| search.conditions.iter().any(|asked| range.is_in(asked)))
}

fn asked_of(range: Range, search: &Search) -> Option<&Asked> {
    search.conditions.iter().find(|asked| range.is_in(asked))
}

/// Whether SQLite finds no more than [`FEW`] rows in the range of a search.
fn few_in_range(conn: &mut Conn, search: &Search) -> QueryResult<bool> {
    let Some((range, asked)) = range(search).and_then(|range| Some((range, asked_of(range, search)?))) else { return Ok(false) };
    if !matches!(conn, Conn::Sqlite(_)) {
        return Ok(false);
    }
    let from = range.walk().0.split(" CROSS JOIN").next().unwrap_or_default();
    let mut ask = Statement::default();
    ask.push(format!("SELECT count(*) AS n FROM (SELECT 1 FROM {from} WHERE TRUE"));
    range.push(&mut ask, asked);
    ask.push(format!(" LIMIT {}) AS found", FEW + 1));
    Ok(ask.load::<Number>(conn)?.first().is_some_and(|row| row.n <= FEW))
}

/// Keeps a walk within its part of the index.
fn narrow(ask: &mut Statement, from: &str, search: &Search) {
    match (from, reason(search), plan(search)) {
        (DEPARTURES | DEPARTURES_ON_SQLITE, Some(reason), _) => {
            ask.push(" AND c.id = e.contact_id AND e.reason = ").text(reason.as_str());
        }
        ("customers c", _, Some(plan)) => drop(ask.push(" AND lower(c.plan_name) = ").text(&plan.to_lowercase())),
        _ => {}
    }
    if let Some(range) = range(search).filter(|range| range.walk().0 == from) {
        if range == Range::Days {
            ask.push(" AND c.id = e.contact_id");
        }
        if let Some(asked) = asked_of(range, search) {
            range.push(ask, asked);
        }
    }
}

/// What the walk does not answer by itself. A reason is asked once more only where the same departure must fit more: PostgreSQL reads
/// all departures for it.
fn left_to_ask(from: &str, search: &Search) -> Vec<Asked> {
    let mut all = search.conditions.clone();
    if from == DEPARTURES || from == DEPARTURES_ON_SQLITE {
        let first = all.iter_mut().find(|(asked, _)| asked.reason.is_some());
        if let Some((asked, _)) = first.filter(|(asked, _)| (asked.churn, asked.left_from_days, asked.left_to_days) == (None, None, None)) {
            asked.reason = None;
        }
    }
    all
}

/// What every search begins with: tests of the desk are left out, and so is who was erased, of whom no other table has a row.
fn start(from: &str, id: &str, search: &Search, wanted: &Wanted) -> Statement {
    let mut ask = Statement::default();
    ask.push(match wanted {
        Wanted::Page | Wanted::PageOfFew | Wanted::All if from == BY_DAY => format!("SELECT DISTINCT {id} AS id FROM {from}"),
        Wanted::Count(_) if from == BY_DAY => format!("SELECT count(*) AS n FROM (SELECT DISTINCT {id} FROM {from}"),
        Wanted::Page | Wanted::PageOfFew | Wanted::PageOfNear | Wanted::All => format!("SELECT {id} AS id FROM {from}"),
        Wanted::PageDownTo(_) => format!("SELECT found.id FROM (SELECT {id} AS id FROM {from}"),
        Wanted::Count(_) => format!("SELECT count(*) AS n FROM (SELECT 1 FROM {from}"),
    });
    ask.push(format!(" WHERE NOT EXISTS (SELECT 1 FROM planted_tests p WHERE p.contact_id = {id})"));
    if from.contains("contacts c") {
        ask.push(" AND c.erased_at IS NULL");
    }
    if let Some(key) = &search.email_key {
        ask.push(" AND c.email_key = ").text(key);
    }
    if search.customers_only && !from.starts_with("customers c") {
        ask.push(format!(" AND EXISTS (SELECT 1 FROM customers k WHERE k.contact_id = {id})"));
    }
    ask
}

fn finish(ask: &mut Statement, from: &str, order: &str, search: &Search, wanted: &Wanted) {
    if from == DEPARTURES || from == DEPARTURES_ON_SQLITE {
        ask.push(" GROUP BY e.contact_id");
    }
    match wanted {
        Wanted::Page | Wanted::PageOfFew | Wanted::PageOfNear => ask.push(format!(" ORDER BY {order} DESC LIMIT {}", one_more(search.limit))),
        // An offset is planned by itself, as if all were wanted.
        Wanted::PageDownTo(_) => ask.push(format!(" OFFSET 0) AS found ORDER BY found.id DESC LIMIT {}", one_more(search.limit))),
        Wanted::Count(Some(most)) => ask.push(format!(" LIMIT {most}) AS found")),
        Wanted::Count(None) => ask.push(") AS found"),
        Wanted::All => ask,
    };
}

/// For the search index of SQLite: words stand for all that begin with them, a tag is one word of its own.
fn expression(search: &Search) -> String {
    let tag = |tag: &String| format!("\"={}\"", tag.bytes().map(|byte| format!("{byte:02x}")).collect::<String>());
    let mut wanted: Vec<String> = search.words.iter().map(|word| format!("\"{word}\"*")).chain(search.tags.iter().map(tag)).collect();
    if wanted.is_empty() {
        wanted.push("\"=\"".to_owned());
    }
    let left_out: Vec<String> = search.without_tags.iter().map(tag).collect();
    let not = if left_out.is_empty() { String::new() } else { format!(" NOT ({})", left_out.join(" OR ")) };
    format!("({}){not}", wanted.join(" AND "))
}
