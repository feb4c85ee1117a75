//! Segments: a search for contacts that is kept under a name.

pub mod departures;
mod queries;

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::statement::hold;
use crate::db::types::Json;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::audit::{self, Entry};
use crate::domain::contacts::conditions::Conditions;
use crate::domain::contacts::{self, Contact, Search};
use crate::domain::controls::holding;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{ContactId, SegmentId};
use crate::domain::paging::Page;
use crate::domain::{messages, text};

/// How many contacts of a segment are counted at most.
pub const COUNTED: usize = 10_000;

/// A row of `segments`.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::segments)]
pub struct Segment {
    /// Its id.
    pub id: SegmentId,
    /// Its name.
    pub name: String,
    /// Tags separated by commas; a leading minus excludes.
    pub tags: String,
    /// Words that must all occur in name, address or tags: each finds all that begin with it.
    pub words: String,
    /// Only those with subscription facts.
    pub customers_only: bool,
    /// Who made it, by name.
    pub created_by: String,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// What else must hold of its contacts.
    pub conditions: Json<Conditions>,
}

impl Segment {
    /// The search it stands for at this moment.
    pub fn search(&self, limit: usize, before: Option<ContactId>, now: Time) -> Search {
        let conditions = Some((*self.conditions).clone()).filter(|asked| !asked.is_none()).map(|asked| (asked, now)).into_iter().collect();
        Search { conditions, ..search(&self.tags, &self.words, self.customers_only, limit, before) }
    }

    /// What it asks, in words; empty where it is everybody.
    pub fn in_words(&self) -> Vec<String> {
        let (with, without) = contacts::split_tags(&self.tags);
        let mut all: Vec<String> = with.iter().map(|tag| format!("tagged {tag}")).collect();
        all.extend(without.iter().map(|tag| format!("not tagged {tag}")));
        all.extend(Some(format!("\"{}\" in name, address or tags", self.words)).filter(|_| !self.words.is_empty()));
        all.extend(self.customers_only.then(|| "has a subscription on record".to_owned()));
        all.extend(self.conditions.in_words());
        all
    }
}

/// A search from what is kept of it.
pub(in crate::domain) fn search(tags: &str, words: &str, customers_only: bool, limit: usize, before: Option<ContactId>) -> Search {
    let (tags, without_tags) = contacts::split_tags(tags);
    let words = words.split_whitespace().take(10).map(str::to_owned).collect();
    Search { words, tags, without_tags, customers_only, limit, before, ..Search::default() }
}

/// How many contacts a segment has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// So many, or [`COUNTED`].
    pub count: usize,
    /// Whether there are more than were counted.
    pub more: bool,
}

/// What a caller says of a segment; what is absent stays as it is.
#[derive(Debug, Clone, Default)]
pub struct Input {
    /// Its name.
    pub name: Option<String>,
    /// Tags separated by commas; a leading minus excludes.
    pub tags: Option<String>,
    /// Words that must all occur.
    pub words: Option<String>,
    /// Only those with subscription facts.
    pub customers_only: Option<bool>,
    /// What else must hold of them, all of it.
    pub conditions: Option<Conditions>,
}

impl Input {
    /// The segment with what is said of it, checked.
    fn over(&self, old: Segment) -> Result<Segment> {
        Ok(Segment {
            name: self.name.as_ref().map_or(Ok(old.name), |name| text::required_line("name", name, 100))?,
            tags: self.tags.as_ref().map_or(Ok(old.tags), |tags| tag_list(tags))?,
            words: self.words.as_ref().map_or(Ok(old.words), |words| text::line("query", words, 200))?,
            customers_only: self.customers_only.unwrap_or(old.customers_only),
            conditions: self.conditions.clone().map_or(Ok(old.conditions), |asked| asked.check().map(Json::new))?,
            ..old
        })
    }
}

/// Adds a segment.
pub fn create(conn: &mut Conn, actor: &Actor, input: &Input, now: Time) -> Result<Segment> {
    may_change(actor)?;
    let row = input.over(empty(actor, now))?;
    text::required_line("name", &row.name, 100)?;
    transaction(conn, |conn| {
        refuse_taken(conn, &row)?;
        queries::insert(conn, &row)?;
        log(conn, actor, "segment.add", &row, now)?;
        Ok(row)
    })
}

/// Changes a segment.
pub fn change(conn: &mut Conn, actor: &Actor, id: &SegmentId, input: &Input, now: Time) -> Result<Segment> {
    may_change(actor)?;
    transaction(conn, |conn| {
        refuse_under_rule(conn, actor, id)?;
        hold(conn, "segments", id.as_str())?;
        let had = by_id(conn, id)?;
        let was = shown(&had);
        let mut row = input.over(had.clone())?;
        row.updated_at = now;
        refuse_taken(conn, &row)?;
        queries::update(conn, &row)?;
        if (&row.tags, &row.words, row.customers_only, &row.conditions) != (&had.tags, &had.words, had.customers_only, &had.conditions) {
            forget_approved(conn, id)?;
        }
        departures::forget(conn, id)?;
        audit::record(conn, actor, entry("segment.change", &row, audit::changed(&was, &shown(&row))), now)?;
        Ok(row)
    })
}

/// Whoever changes a segment gives the campaigns and sequences that use it other recipients, so that a person sees their first message again.
fn forget_approved(conn: &mut Conn, id: &SegmentId) -> Result<()> {
    for name in queries::campaigns_of(conn, id)? {
        messages::queries::forget_approved(conn, &name)?;
    }
    for sequence in queries::sequences_of(conn, id)? {
        messages::queries::forget_approved(conn, &messages::queries::sequence_name(&sequence, Some(id)))?;
    }
    Ok(())
}

/// Whoever changes whom a holding rule is about changes what it holds.
fn refuse_under_rule(conn: &mut Conn, actor: &Actor, id: &SegmentId) -> Result<()> {
    let is_admin = actor.is_admin() && !matches!(actor, Actor::Key { .. });
    if !is_admin && holding::rests_on(conn, id)? {
        return Err(Error::forbidden("person_required", "A rule that holds messages rests on this segment, so only an administrator can change it."));
    }
    Ok(())
}

/// Removes a segment that nothing rests on.
pub fn delete(conn: &mut Conn, actor: &Actor, id: &SegmentId, now: Time) -> Result<()> {
    may_change(actor)?;
    transaction(conn, |conn| {
        let row = by_id(conn, id)?;
        if queries::is_used(conn, id)? || holding::rests_on(conn, id)? {
            return Err(Error::conflict(
                "segment_in_use",
                "A campaign, a cohort, a win-back rule, a holding rule or an enrollment under way uses this segment. Give that another one first, or wait until it is done.",
            ));
        }
        queries::delete(conn, id)?;
        log(conn, actor, "segment.delete", &row, now)
    })
}

/// The segments, newest first.
pub fn list(conn: &mut Conn, actor: &Actor, limit: usize, before: Option<&SegmentId>) -> Result<Page<Segment>> {
    actor.must_have(Scope::Read)?;
    Ok(Page::cut(queries::list(conn, limit, before)?, limit))
}

/// One segment, and how many contacts it has.
pub fn get(conn: &mut Conn, actor: &Actor, id: &SegmentId, now: Time) -> Result<(Segment, Count)> {
    actor.must_have(Scope::Read)?;
    let row = by_id(conn, id)?;
    let count = counted(conn, &row, now)?;
    Ok((row, count))
}

/// Whom a segment would find that is not kept yet: how many, and the newest of them.
pub fn preview(conn: &mut Conn, actor: &Actor, input: &Input, limit: usize, now: Time) -> Result<(Count, Vec<Contact>)> {
    actor.must_have(Scope::Read)?;
    let row = input.over(empty(actor, now))?;
    let count = counted(conn, &row, now)?;
    Ok((count, contacts::search(conn, actor, &row.search(limit, None, now))?.0))
}

fn counted(conn: &mut Conn, row: &Segment, now: Time) -> Result<Count> {
    let (count, more) = contacts::count_up_to(conn, &row.search(0, None, now), COUNTED)?;
    Ok(Count { count, more })
}

/// A segment that finds everybody and has no name yet.
fn empty(actor: &Actor, now: Time) -> Segment {
    Segment {
        id: SegmentId::new(),
        name: String::new(),
        tags: String::new(),
        words: String::new(),
        customers_only: false,
        created_by: actor.name().to_owned(),
        created_at: now,
        updated_at: now,
        conditions: Json::new(Conditions::default()),
    }
}

/// All segments by name, each with when who of it left was counted last.
pub(in crate::domain) fn with_counts(conn: &mut Conn) -> Result<Vec<(Segment, Option<Time>)>> {
    Ok(departures::all(conn)?)
}

/// How many contacts are in both segments, counted up to `most`.
pub(in crate::domain) fn in_both(conn: &mut Conn, one: &Segment, other: &Segment, most: usize, now: Time) -> Result<Count> {
    let (mut both, second) = (one.search(0, None, now), other.search(0, None, now));
    both.words.extend(second.words);
    both.tags.extend(second.tags);
    both.without_tags.extend(second.without_tags);
    both.customers_only |= second.customers_only;
    both.conditions.extend(second.conditions);
    let (count, more) = contacts::count_up_to(conn, &both, most)?;
    Ok(Count { count, more })
}

/// Segments by id.
pub(in crate::domain) fn of_ids(conn: &mut Conn, ids: &[SegmentId]) -> Result<Vec<Segment>> {
    Ok(queries::by_ids(conn, ids)?)
}

/// The contacts of a segment, newest first, with the cursor of the next page.
pub fn members(
    conn: &mut Conn,
    actor: &Actor,
    id: &SegmentId,
    limit: usize,
    before: Option<ContactId>,
    now: Time,
) -> Result<(Vec<Contact>, Option<String>)> {
    actor.must_have(Scope::Read)?;
    let row = by_id(conn, id)?;
    contacts::search(conn, actor, &row.search(limit, before, now))
}

/// The segment that another row names.
pub(in crate::domain) fn by_id(conn: &mut Conn, id: &SegmentId) -> Result<Segment> {
    queries::by_id(conn, id)?.ok_or_else(|| Error::not_found("segment"))
}

/// The segment that a caller names for something of theirs.
pub(in crate::domain) fn named(conn: &mut Conn, id: &SegmentId) -> Result<SegmentId> {
    let missing = || Error::invalid("field_invalid", "segment_id", "segment_id must be that of a segment; there is none with this id.");
    Ok(queries::by_id(conn, id)?.ok_or_else(missing)?.id)
}

/// A list of tags in one form.
pub(in crate::domain) fn tag_list(list: &str) -> Result<String> {
    let list = text::line("tags", list, 1000)?;
    let mut parts = vec![];
    for part in list.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let tag = text::tag(part.trim_start_matches('-'))?;
        parts.push(if part.starts_with('-') { format!("-{tag}") } else { tag });
    }
    if parts.len() > 20 {
        return Err(Error::invalid("field_invalid", "tags", format!("tags must be at most 20; got {}.", parts.len())));
    }
    Ok(parts.join(","))
}

fn may_change(actor: &Actor) -> Result<()> {
    actor.must_manage_or_have(Scope::Draft)
}

fn refuse_taken(conn: &mut Conn, row: &Segment) -> Result<()> {
    match queries::by_name(conn, &row.name)? {
        Some(other) if other.id != row.id => {
            Err(Error::conflict("name_taken", format!("There is a segment named \"{}\" already. Take another name.", text::excerpt(&row.name))))
        }
        _ => Ok(()),
    }
}

fn log(conn: &mut Conn, actor: &Actor, action: &'static str, row: &Segment, now: Time) -> Result<()> {
    audit::record(conn, actor, entry(action, row, shown(row)), now)
}

/// As the audit log shows it.
fn shown(row: &Segment) -> serde_json::Value {
    json!({"name": row.name, "tags": row.tags, "query": row.words, "customers_only": row.customers_only, "conditions": *row.conditions})
}

fn entry<'r>(action: &'static str, row: &'r Segment, detail: serde_json::Value) -> Entry<'r> {
    Entry { action, target_kind: "segment", target_id: row.id.as_str(), mailbox_id: None, detail }
}
