//! Segments: a search for contacts that is kept under a name.

mod queries;

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::audit::{self, Entry};
use crate::domain::contacts::{self, Contact, Search};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{ContactId, SegmentId};
use crate::domain::paging::Page;
use crate::domain::text;

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
    /// Words that must all occur in name, address or tags.
    pub words: String,
    /// Only those with subscription facts.
    pub customers_only: bool,
    /// Who made it, by name.
    pub created_by: String,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

impl Segment {
    /// The search it stands for.
    pub fn search(&self, limit: usize, before: Option<ContactId>) -> Search {
        search(&self.tags, &self.words, self.customers_only, limit, before)
    }
}

/// A search from what is kept of it.
pub(in crate::domain) fn search(tags: &str, words: &str, customers_only: bool, limit: usize, before: Option<ContactId>) -> Search {
    let (tags, without_tags) = contacts::split_tags(tags);
    let words = words.split_whitespace().take(10).map(str::to_owned).collect();
    Search { email_key: None, words, tags, without_tags, customers_only, limit, before }
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
}

/// Adds a segment.
pub fn create(conn: &mut Conn, actor: &Actor, input: &Input, now: Time) -> Result<Segment> {
    may_change(actor)?;
    let row = Segment {
        id: SegmentId::new(),
        name: text::required_line("name", input.name.as_deref().unwrap_or_default(), 100)?,
        tags: tag_list(input.tags.as_deref().unwrap_or_default())?,
        words: text::line("query", input.words.as_deref().unwrap_or_default(), 200)?,
        customers_only: input.customers_only.unwrap_or_default(),
        created_by: actor.name().to_owned(),
        created_at: now,
        updated_at: now,
    };
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
        let mut row = by_id(conn, id)?;
        if let Some(name) = &input.name {
            row.name = text::required_line("name", name, 100)?;
        }
        if let Some(tags) = &input.tags {
            row.tags = tag_list(tags)?;
        }
        if let Some(words) = &input.words {
            row.words = text::line("query", words, 200)?;
        }
        row.customers_only = input.customers_only.unwrap_or(row.customers_only);
        row.updated_at = now;
        refuse_taken(conn, &row)?;
        queries::update(conn, &row)?;
        log(conn, actor, "segment.change", &row, now)?;
        Ok(row)
    })
}

/// Removes a segment that nothing rests on.
pub fn delete(conn: &mut Conn, actor: &Actor, id: &SegmentId, now: Time) -> Result<()> {
    may_change(actor)?;
    transaction(conn, |conn| {
        let row = by_id(conn, id)?;
        if queries::is_used(conn, id)? {
            return Err(Error::conflict("segment_in_use", "A campaign or a cohort uses this segment. Give that another one first."));
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
pub fn get(conn: &mut Conn, actor: &Actor, id: &SegmentId) -> Result<(Segment, Count)> {
    actor.must_have(Scope::Read)?;
    let row = by_id(conn, id)?;
    let (count, more) = contacts::count_up_to(conn, &row.search(0, None), COUNTED)?;
    Ok((row, Count { count, more }))
}

/// The contacts of a segment, newest first, with the cursor of the next page.
pub fn members(conn: &mut Conn, actor: &Actor, id: &SegmentId, limit: usize, before: Option<ContactId>) -> Result<(Vec<Contact>, Option<String>)> {
    actor.must_have(Scope::Read)?;
    let row = by_id(conn, id)?;
    contacts::search(conn, actor, &row.search(limit, before))
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
    let detail = json!({"name": row.name, "tags": row.tags, "query": row.words, "customers_only": row.customers_only});
    audit::record(conn, actor, Entry { action, target_kind: "segment", target_id: row.id.as_str(), mailbox_id: None, detail }, now)
}
